"""What was predicted and registered before its run, and what came of it: misses first."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.studies.predictions import Bound, judge
from figures.look import PAGE

CAPTION = """
Predictions committed before the runs that test them (`predictions/`), misses first [D1, D3, D4, D6, D7, D8,
J7, C1]. A row is one bound on one measured number; the shaded part of a row is what was predicted, dots are
runs, the bar is their mean, which alone is bounded where the row says so. Each row has a scale of its own,
logarithmic where its bounds span more than a decade; numbers are the mean and the bounds. A prediction is hit
when all its rows hold.

What to see: which of the theory's statements about runs that nobody had made came true, and which did not.
"""


def draw(dataset: xr.Dataset) -> Figure:
    found = judge(dataset)
    rows = [(said, bound) for said in found for bound in said.bounds]
    figure, axis = plt.subplots(figsize=(PAGE, 0.24 * len(rows) + 0.32 * len(found) + 0.3))
    y, previous = 0.0, None
    for said, bound in rows:
        if said is not previous:
            y -= 1.5
            mark = "hit" if said.hit else "MISS"
            axis.text(
                0, y + 0.8, f"{mark}  {said.title}  [{said.claim}]", fontsize=7, weight="bold",
                color="C2" if said.hit else "C1", va="center",
            )  # fmt: skip
            previous = said
        _row(axis, y, bound)
        y -= 1
    axis.set(xlim=(0, 1), ylim=(y, 0.4))
    axis.set_axis_off()
    return figure


def _row(axis: Axes, y: float, bound: Bound) -> None:
    words = bound.measure.replace("_", " ") + (" (mean)" if bound.of == "mean" else "")
    axis.text(0.01, y, words, fontsize=6.5, va="center")
    values = np.array(bound.values)
    ends = [end for end in (bound.at_least, bound.at_most) if end is not None]
    place = _scale(np.concatenate([values, ends]))
    low = 0.42 if bound.at_least is None else place(bound.at_least)
    high = 0.78 if bound.at_most is None else place(bound.at_most)
    axis.fill_between([low, high], y - 0.38, y + 0.38, color="0.88", lw=0)
    color = "C2" if bound.holds else "C1"
    axis.plot(
        [place(value) for value in values], np.full(len(values), y), ls="", marker=".", ms=4, color=color
    )
    axis.plot([place(values.mean())] * 2, [y - 0.35, y + 0.35], color=color, ls="-", lw=1.2)
    said = "  ".join(
        f"{sign} {end:.4g}" for sign, end in (("≥", bound.at_least), ("≤", bound.at_most)) if end is not None
    )
    axis.text(0.80, y, f"{values.mean():.4g}", fontsize=6.5, va="center")
    axis.text(0.88, y, said, fontsize=6.5, va="center", color="0.4")


def _scale(numbers: np.ndarray) -> Callable[[float], float]:
    """From a number to its place in the row."""
    wide = (numbers > 0).all() and numbers.max() > 10 * numbers.min()
    ends = np.log10(numbers) if wide else numbers
    low, high = float(ends.min()), float(ends.max())
    room = 0.25 * (high - low) or 1.0
    low, high = low - room, high + room

    def place(value: float) -> float:
        x = np.log10(value) if wide else value
        return float(0.42 + 0.36 * (x - low) / (high - low))

    return place
