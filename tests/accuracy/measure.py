"""The worst error of a function on its grid, and how many roundings explain what is above the bound."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import theory
from tests.accuracy import lines, rooms  # noqa: F401  (they register their formulas)
from tests.accuracy.balls import Values, floats, known
from tests.accuracy.cases import CASES, SLACK
from tests.accuracy.formulas import FORMULAS
from tests.accuracy.grid import ALL, HIDDEN, Case

BOUNDS = {"float64": 1e-12, "float32": 1e-5}
DRAWS = 6
"""Inputs, each off by half to one rounding at random, on which the exact value is computed once more."""


@dataclass(kw_only=True)
class Worst:
    """Of one function in one dtype: the largest relative error, and where; what of it roundings explain."""

    error: float = 0.0
    at: str = ""
    roundings: float = 0.0
    least_explained: str = ""
    cases: int = 0

    def see(self, error: float, at: str) -> None:
        self.cases += 1
        if error > self.error:
            self.error, self.at = error, at


def function(name: str) -> Callable[..., Any]:
    """The public function of this name."""
    for room in (theory, theory.dynamics, theory.systems):
        if name in room.__all__:
            return getattr(room, name)
    raise KeyError(name)


def _coupled(views: list[np.ndarray], **given: Any) -> Any:
    return theory.dynamics.coupled_center_stability(theory.dynamics.cross_view_moments(*views), **given)


CALLED: dict[str, Callable[..., Any]] = {
    "coupled_center_stability": _coupled,
    "cross_view_moments": lambda views, weights: theory.dynamics.cross_view_moments(*views, weights=weights),
}


@functools.cache
def measure(name: str, dtype: str, clusters: tuple[int, ...] = ALL) -> Worst:
    """Over the grid of `name` in `dtype`, for these numbers of clusters."""
    worst = Worst()
    for case in CASES[name](dtype, clusters):
        _compare(name, dtype, case, worst)
    return worst


def _compare(name: str, dtype: str, case: Case, worst: Worst) -> None:
    shown = {key: x for key, x in case.given.items() if key not in HIDDEN}
    result = CALLED.get(name, function(name))(**shown)
    eps = float(np.finfo(dtype).eps)
    given = case.given | ({"slack": np.ones(SLACK[name](case.given))} if name in SLACK else {})
    exact = known(FORMULAS[name], given)
    errors = {part: _relative(_part(result, part), value, dtype) for part, value in exact.items()}

    def where(part: str) -> str:
        return f"{case.label}: {part}" if part else case.label

    for part, error in errors.items():
        worst.see(float(error.max()), where(part))
    high = {part: error > BOUNDS[dtype] for part, error in errors.items()}
    if not any(x.any() for x in high.values()):
        return
    sizes = {key: max(eps, case.given.get("tol", 0.0)) if key == "slack" else eps for key in given}
    moved = [known(FORMULAS[name], given, sizes=sizes, seed=seed) for seed in range(DRAWS)]
    for part, which in high.items():
        if which.any():
            change = np.max([_relative(floats(other[part]), exact[part], dtype) for other in moved], axis=0)
            with np.errstate(divide="ignore", invalid="ignore"):
                roundings = np.where(which, errors[part] / change, 0.0)
            roundings = float(np.nan_to_num(roundings, nan=0.0, posinf=math.inf).max())
            if roundings > worst.roundings:
                worst.roundings, worst.least_explained = roundings, where(part)


def _part(result: Any, part: str) -> np.ndarray:
    return np.asarray(getattr(result, part) if part else result)


def _relative(got: np.ndarray, exact: np.ndarray, dtype: str) -> np.ndarray:
    """|got − exact|/|exact|; what is below the normal numbers of the dtype counts against the smallest."""
    limits = np.finfo(dtype)
    want = floats(exact)
    assert got.shape == want.shape, (got.shape, want.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        want = np.where(np.abs(want) > limits.max, np.copysign(math.inf, want), want)
        error = np.abs(got.astype(float) - want) / np.maximum(np.abs(want), float(limits.smallest_normal))
    return np.where(got == want, 0.0, np.where(np.isnan(error), math.inf, error))


__all__ = ["BOUNDS", "Values", "Worst", "measure"]
