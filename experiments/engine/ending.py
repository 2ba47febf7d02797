"""How a run ends: what was measured, three of its numbers, and which figures are drawn of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from experiments.engine.registry import Entry

FATE = ("student_information", "student_prior_entropy", "nmi")
"""What tells a live run from a collapsed one; shown before other variables, where a study has them."""
SHOWN = 3


def told(dataset: xr.Dataset) -> list[str]:
    """Median and range of up to three variables at their last step, after a line with the axes of the first.

    First come those of `FATE`, then what every seed has, then the others, each in the order of the file; what
    does not vary is left out. They say what came out, not whether a claim holds.
    """
    ends = {str(name): _end(array) for name, array in dataset.data_vars.items() if array.dtype.kind in "bif"}
    order = sorted(ends, key=lambda name: (_place(name), "seed" not in ends[name].dims))
    values = {name: ends[name].values[np.isfinite(ends[name].values)] for name in order}
    shown = [name for name in order if values[name].size and np.ptp(values[name]) > 0.0][:SHOWN]
    if not shown:
        return []
    axes = " × ".join(f"{length} {axis}" for axis, length in ends[shown[0]].sizes.items())
    lines, width = [f"at the end, of {axes}:"], max(map(len, shown))
    for name in shown:
        low, median, high = np.quantile(values[name], (0.0, 0.5, 1.0), method="nearest") + 0.0  # no -0
        lines.append(f"  {name:{width}}  median {median:.3g}, from {low:.3g} to {high:.3g}")
    return lines


def drawn_by(entry: Entry, drawings: Mapping[str, Entry]) -> list[str]:
    """The figures that are drawn from an experiment."""
    return [name for name, drawing in drawings.items() if drawing.source == entry.name]


def _place(name: str) -> int:
    return FATE.index(name) if name in FATE else len(FATE)


def _end(array: xr.DataArray) -> xr.DataArray:
    """Its numbers at the last step."""
    return (array.isel(step=-1) if "step" in array.dims else array).astype(np.float64)
