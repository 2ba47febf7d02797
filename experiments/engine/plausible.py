"""What numbers of a results file can be: no variable without any, no infinities, measures in their range."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from experiments.engine.store import Damaged

SLACK = 1e-6
"""What rounding may leave outside a range."""
SUFFIX = r"(_(max|bound|halfway|of_tilt|by_\w+))?"
RANGES = {
    rf"(posterior_)?nmi{SUFFIX}|(knn|probe)_accuracy|tv{SUFFIX}|prior_(error|distance){SUFFIX}": (0.0, 1.0),
    r"certified|share|ceiling|bias_share|picture|(initial_|maximal_|data_)?correlation": (0.0, 1.0),
    rf"(\w+_)?(entropy|information){SUFFIX}|(\w+_)?kl{SUFFIX}|loss{SUFFIX}|excess{SUFFIX}": (0.0, np.inf),
    rf"(clusters_in_use|effective_clusters){SUFFIX}": (1.0, np.inf),
}
"""Of measures by their names, whichever experiment takes them."""


def check(dataset: xr.Dataset) -> None:
    """Raises Damaged for numbers that no run can have measured, naming the first such variable.

    A variable may be NaN throughout where its `long_name` says what that means.
    """
    for name, variable in dataset.variables.items():
        if variable.dtype.kind != "f":
            continue
        values = variable.values[~np.isnan(variable.values)]
        if not values.size and "NaN" not in variable.attrs.get("long_name", ""):
            raise Damaged(f"variable {name!r} holds no numbers")
        if np.isinf(values).any():
            raise Damaged(f"variable {name!r} holds an infinite number")
        for pattern, (low, high) in RANGES.items():
            outside = values[(values < low - SLACK) | (values > high + SLACK)]
            if re.fullmatch(pattern, str(name)) and outside.size:
                span = f"in [{low:g}, {high:g}]" if high < np.inf else f"at least {low:g}"
                raise Damaged(f"variable {name!r} must be {span}, holds {outside[0]:g}")
