"""How slow a centre may be: one line against the teacher's momentum, and published runs on both its sides."""

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from experiments.engine.store import settings_of
from figures.draw.shared import note
from theory.dynamics import critical_center_momentum

SOURCE = "center_momentum"
CAPTION = """
The slowest centre that keeps up with the teacher, whatever the student's gain: the line 1 − m_c = (1 −
m_t)(τ_s/τ_t − 1)/m_t for DINO's temperatures τ_s = 0.1 and τ_t = 0.04 [D4]. Published runs, all of them with
a teacher of momentum 0.996, are drawn side by side about the thin line: DINO (Caron et al. 2021, appendix D,
k-NN 69.1, 69.7, 69.4 and, at 0.999, 0.1), DINO-X (a public log of one seed) and the centre of iBOT's patches
(Zhou et al. 2021, appendix E; τ_t rises to 0.07 there). Filled: live, or held (DINO-X below the line: the
constant direction does not grow, whatever the features do); open: dead; half: dead at 2,000 and 10,000 steps
and learnt at 100,000.

What to see: below the line a centre keeps up at any learning rate up to Kτ_s², and no run of these sweeps
died there. Above it a centre may be too slow: DINO died, and DINO-X was dead for long. A slow student is safe
above the line too, and iBOT's patches live there because another loss holds the head that they share [D8].
"""
TITLE = "Below the line none of these runs died; above it one of three stayed dead"
TEACHER = 0.996
RUNS = {
    "DINO": (1.25, "o", ((0.0, "live"), (0.9, "live"), (0.99, "live"), (0.999, "dead"))),
    "DINO-X": (1 / 1.25, "s", ((0.9, "live"), (0.95, "live"), (0.99, "live"), (0.999, "late"))),
    "iBOT's patches": (1 / 2, "D", ((0.8, "live"), (0.9, "live"), (0.99, "live"), (0.999, "live"))),
}
"""System → its place beside the others, its marker, and centre momentum and fate of its runs."""
FILL = {"live": "full", "late": "left", "dead": "none"}
LIVE, DEAD = "#0072B2", "#D55E00"
ON_LIVE, ON_DEAD = "#00507D", "#A04000"
TILT = 26
"""Of the line on the page, in degrees."""


def draw(dataset: xr.Dataset) -> Figure:
    settings = settings_of(dataset)
    temperatures = {name: settings[name] for name in ("student_temperature", "teacher_temperature")}
    rate = np.geomspace(0.0004, 0.09, 200)
    line = 1 - critical_center_momentum(gain=math.inf, teacher_momentum=1 - rate, **temperatures)
    figure, axis = plt.subplots(figsize=(5.4, 4.3))
    axis.fill_between(rate, line, 1e-5, color=DEAD, alpha=0.13, lw=0)
    axis.fill_between(rate, line, 2, color=LIVE, alpha=0.10, lw=0)
    axis.plot(rate, line, color="black", ls="-", lw=1.8)
    axis.set(xscale="log", yscale="log", xlim=(0.09, 0.0004), ylim=(2.0, 0.00035))
    _momenta(axis)
    axis.axvline(1 - TEACHER, color="0.6", ls=":", lw=0.7, zorder=1)
    for shift, marker, runs in RUNS.values():
        for momentum, fate in runs:
            _run(axis, (1 - TEACHER) * shift, 1 - momentum, marker, fate)
    _words(axis, *temperatures.values())
    axis.set_title(TITLE, fontsize=10)
    return figure


def _run(axis: Axes, x: float, y: float, marker: str, fate: str) -> None:
    axis.plot(
        x, y, marker=marker, ms=7, mew=1.2, ls="none", color=DEAD if fate == "dead" else LIVE,
        fillstyle=FILL[fate], markerfacecoloralt="white", mec=LIVE if fate == "live" else DEAD,
        path_effects=[withStroke(linewidth=2.6, foreground="white")],
    )  # fmt: skip


def _momenta(axis: Axes) -> None:
    """Rates on logarithmic axes, momenta as their names."""
    axis.minorticks_off()
    axis.set_xticks([0.05, 0.01, 1 - TEACHER, 0.001, 0.0005], ["0.95", "0.99", "0.996", "0.999", "0.9995"])
    centre = (0, 0.8, 0.9, 0.95, 0.99, 0.999)
    axis.set_yticks([1 - m for m in centre], [f"{m:g}" for m in centre])
    axis.set_xlabel("teacher momentum $m_t$   (slower $\\rightarrow$)")
    axis.set_ylabel("centre momentum $m_c$   (slower $\\rightarrow$)")


def _words(axis: Axes, tau_s: float, tau_t: float) -> None:
    big: dict[str, Any] = {"fontsize": 9, "weight": "bold", "va": "center"}
    plain: dict[str, Any] = {"fontsize": 7.5, "va": "center"}
    slow = "may be too slow:\na fast student loses\nits clusters in turns"
    note(axis, 0.085, 0.0022, slow, color=ON_DEAD, **big)
    fast = "fast enough, at any\nlearning rate up to $K\\tau_s^2$"
    note(axis, 0.0017, 0.36, fast, color=ON_LIVE, **big)
    formula = r"$1-m_c=(1-m_t)\,\left(\tau_s/\tau_t-1\right)/m_t$"
    note(axis, 0.05, 0.066, formula, fontsize=8, rotation=TILT, rotation_mode="anchor", va="bottom")
    along = {"fontsize": 8, "rotation": TILT, "rotation_mode": "anchor", "va": "top"}
    at = f"the slowest safe centre, $\\tau_s={tau_s:g}$, $\\tau_t={tau_t:g}$"
    note(axis, 0.052, 0.096, at, **along)
    for name, (shift, *_) in RUNS.items():
        words = name.replace("'s ", "\n")
        above = 0.00078 if words == name else 0.0007
        note(axis, (1 - TEACHER) * shift, above, words, ha="center", weight="bold", fontsize=7.5, va="bottom")
    patches = (1 - TEACHER) * RUNS["iBOT's patches"][0]
    note(axis, patches / 1.17, 0.00094, "live: held by the\nhead they share", color=ON_LIVE, **plain)
    _key(axis)
    ends = [(1 - TEACHER) * RUNS[name][0] for name in ("DINO", "iBOT's patches")]
    axis.plot([ends[0], ends[0], ends[1], ends[1]], [1.3, 1.4, 1.4, 1.3], color="0.3", ls="-", lw=0.7)
    side = f"published runs, all at $m_t={TEACHER:g}$, drawn side by side"
    note(axis, math.sqrt(ends[0] * ends[1]), 1.48, side, ha="center", va="top", fontsize=7.5)


def _key(axis: Axes) -> None:
    """What a fill means, in the empty corner."""
    for y, fate, words in (
        (0.42, "live", "live (DINO-X: held)"),
        (0.62, "dead", "dead"),
        (0.95, "late", "dead at 10,000 steps,\nlearnt at 100,000"),
    ):
        _run(axis, 0.078, y, "o", fate)
        note(axis, 0.066, y, words, fontsize=7.5, va="center")
