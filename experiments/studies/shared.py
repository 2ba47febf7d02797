"""Comparisons across seeds of runs that share data and initial weights and differ in the teacher only."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats


def paired_difference(
    values: xr.DataArray, reference: xr.DataArray, *, dim: str = "seed", level: float = 0.95
) -> xr.DataArray:
    """Mean of d = values − reference along `dim`, and d̄ ∓ t s/√n, Student's interval of that level.

    Exact where d is normal, near it otherwise. One seed has no interval: its ends are NaN.
    Returns the other dimensions and "bound": "mean", "low", "high".
    """
    if not 0 < level < 1:
        raise ValueError(f"`level` must be between 0 and 1, got {level}.")
    difference = values - reference
    count = difference.sizes[dim]
    mean = difference.mean(dim)
    if count > 1:
        half = stats.t.ppf((1 + level) / 2, count - 1) * difference.std(dim, ddof=1) / np.sqrt(count)
    else:
        half = xr.full_like(mean, np.nan)
    bound = xr.Variable("bound", ["mean", "low", "high"])
    return xr.concat([mean, mean - half, mean + half], dim=bound, coords="minimal", compat="override")
