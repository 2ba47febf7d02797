"""Cost against N and against K, 2⁶ to 2¹⁸, kept as numbers and drawn: `scaling.json`, `scaling.svg`.

Standard normal logits, the other side 64; float64; temperature 1 for the summary, 0.1 for the exact teacher.
Medians of three turns on one thread. A contender is left out above the size at which a turn took a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

import theory
from benchmarks import results
from benchmarks.exact_teacher import POT, exact
from benchmarks.kernels import of_scipy
from benchmarks.turns import Contender, take_turns

NUMBERS, PICTURE = (Path(__file__).parent / f"scaling.{end}" for end in ("json", "svg"))
OTHER, LONG = 64, 1.0
SIZES = tuple(2**e for e in range(6, 19))
STYLES = {
    "one np.exp(x) pass": ("0.6", "-"),
    "theory.summarize": ("C0", "-"),
    "the same by SciPy": ("C0", ":"),
    "theory.project": ("C3", "-"),
    "POT sinkhorn": ("C3", ":"),
}


def contenders(samples: int, clusters: int) -> Iterator[tuple[str, Callable[[], object]]]:
    logits = np.random.default_rng(0).standard_normal((samples, clusters))
    log_p = theory.log_softmax(logits, temperature=0.1)
    yield "one np.exp(x) pass", partial(np.exp, logits)
    yield "theory.summarize", partial(theory.summarize, logits)
    yield "the same by SciPy", partial(of_scipy, logits)
    yield "theory.project", partial(exact, log_p, 1e-9, 0)
    yield "POT sinkhorn", partial(POT["POT sinkhorn"], log_p, 1e-10, 1000)


def measure(*, quick: bool) -> dict[str, dict[str, dict[str, float]]]:
    """Seconds by axis, contender and size."""
    sizes = SIZES[:3] if quick else SIZES
    found: dict[str, dict[str, dict[str, float]]] = {"N": {}, "K": {}}
    for axis, seconds in found.items():
        slow: set[str] = set()
        for size in sizes:
            shape = (size, OTHER) if axis == "N" else (OTHER, size)
            here = [Contender(name=name, run=run) for name, run in contenders(*shape) if name not in slow]
            for one in take_turns(here, against=here[0].name, repeat=3):
                seconds.setdefault(one.name, {})[str(size)] = one.seconds
                slow |= {one.name} if one.seconds > LONG else set()
    return found


def keep(found: dict[str, dict[str, dict[str, float]]]) -> None:
    NUMBERS.write_text(json.dumps({"machine": results.machine(), "seconds": found}, indent=1) + "\n")


def draw() -> None:
    """The picture of the numbers that are kept."""
    seconds = json.loads(NUMBERS.read_text())["seconds"]
    with mpl.rc_context({"svg.hashsalt": "scaling", "font.size": 9}):
        figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
        for ax, (axis, lines) in zip(axes, seconds.items(), strict=True):
            other = "K" if axis == "N" else "N"
            for name, points in lines.items():
                color, style = STYLES[name]
                sizes, values = [int(size) for size in points], list(points.values())
                ax.loglog(sizes, values, style, color=color, base=2, label=name)
            ax.set_yscale("log", base=10)
            ax.set(xlabel=f"{axis}  ({other} = {OTHER})", title=f"cost against {axis}")
            ax.grid(visible=True, which="major", alpha=0.3)
        axes[0].set_ylabel("seconds")
        axes[0].legend(frameon=False)
        figure.savefig(PICTURE, metadata={"Date": None})
        plt.close(figure)
