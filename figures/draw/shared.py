"""Rows of a forest plot: every run, their median and quartiles, or a mean difference with its interval."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes


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
