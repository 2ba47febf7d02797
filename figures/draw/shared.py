"""What drawings share: words in the picture, lines named at their ends, and the rows of a forest plot."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.text import Text


def note(axis: Axes, x: float, y: float, words: str, **look: Any) -> Text:
    """Words in the picture, with an edge of white that keeps them apart from what they lie on."""
    edge = [withStroke(linewidth=2.0, foreground="white")]
    plain: dict[str, Any] = {"fontsize": 6.5, "color": "0.2", "linespacing": 0.95, "path_effects": edge}
    return axis.text(x, y, words, **(plain | look))


def name_lines(
    axis: Axes, named: Iterable[tuple[float, str, str]], *, apart: float = 0.075, x: float = 1.02
) -> None:
    """Names (height in data, words, colour) right of the axes, pushed `apart` in shares of its height.

    Call it when the limits of the axis are set.
    """
    rows = sorted(named)
    to_share = axis.transData + axis.transAxes.inverted()
    wanted = np.array([to_share.transform((axis.get_xlim()[0], height))[1] for height, _, _ in rows])
    heights = wanted.copy()
    for _ in range(200):
        for i in range(1, len(rows)):
            short = apart - (heights[i] - heights[i - 1])
            if short > 0:
                heights[i - 1] -= short / 2
                heights[i] += short / 2
        heights += max(0.0, 0.02 - heights[0]) - max(0.0, heights[-1] - 0.98)
    look: dict[str, Any] = {"fontsize": 6.5, "va": "center", "linespacing": 0.95, "clip_on": False}
    for height, (_, words, color) in zip(heights, rows, strict=True):
        axis.text(x, height, words, color=color, transform=axis.transAxes, **look)


def name_rows(axis: Axes, names: list[str], *, groups: tuple[int, ...] = ()) -> None:
    """Labels of the rows, from the top; a thin line is drawn above each row in `groups`."""
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    for row in groups:
        axis.axhline(row - 0.5, color="0.6", lw=0.5)


def spread(axis: Axes, row: float, values: xr.DataArray, *, color: str = "C0", marker: str = "o") -> None:
    """Each of the runs as a small dot, quartiles as a bar, the median as a marker."""
    x = values.values[np.isfinite(values.values)]
    if not x.size:
        return
    offset = np.linspace(-0.24, 0.24, x.size) if x.size > 1 else np.zeros(1)
    axis.plot(x, row + offset, ls="none", marker=".", ms=2.6, mew=0, color="0.5", zorder=1)
    low, middle, high = np.quantile(x, (0.25, 0.5, 0.75))
    axis.plot([low, high], [row, row], color=color, ls="-", lw=1.8, solid_capstyle="butt", zorder=2)
    axis.plot(middle, row, marker=marker, ms=4.2, mfc="white", mec=color, mew=1.1, ls="none", zorder=3)


def interval(
    axis: Axes, row: float, difference: xr.DataArray, *, color: str = "C0", marker: str = "o"
) -> None:
    """Mean and interval of a paired difference; the marker is filled where the interval leaves out 0."""
    mean, low, high = (float(difference.sel(bound=b)) for b in ("mean", "low", "high"))
    axis.plot([low, high], [row, row], color=color, ls="-", lw=1, zorder=2)
    face = color if low > 0 or high < 0 else "white"
    axis.plot(mean, row, marker=marker, ms=4, mfc=face, mec=color, mew=1, ls="none", zorder=3)
