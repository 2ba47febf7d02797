"""Cross-view correlations ρ_j of few samples, between bounds that chance does not move.  [D2]

As many directions grow as the form C₁₂ − (τ_t/τ_s) C₂₂ has positive ones, and ρ_j is the largest value that
the smallest quotient vᵀC₁₂v / vᵀC₂₂v of a j-dimensional space can have (Courant and Fischer). Hence

- below: *any* j directions, found on other rows, show on the rows left out at most ρ_j, but for the noise of
  that quotient; and of j directions the smallest quotient is taken, which chance pushes down;
- above: the largest quotient on all rows is at least that of the true direction, but for the same noise.

Neither asks for M ≫ D, a Gaussian, or a penalty chosen well: bad directions widen the interval. They are
found with C₂₂ shrunk towards a multiple of 1 (Ledoit and Wolf, J. Multivariate Analysis 88, 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.linalg

from theory.diagnosis.views import AT_ONCE, Views
from theory.dynamics.canonical import correlations_kernel
from theory.dynamics.moments import CrossViewMoments, PairedViews, moments_kernel

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__: list[str] = []

SURE = 1.96
"""Standard errors on each side: 95%."""
FOLDS, FEWER_FOLDS = 5, 2
"""Parts of the rows, each left out once; two do, and are faster, for `MANY` rows, `PLENTY` for a feature."""
MANY, PLENTY = 2000, 20
SHARED = {FOLDS: 1.5, FEWER_FOLDS: 1.3}
"""By what the mean over the parts is less sure than if they had not learnt from each other: of F parts by
√(1 + F/(F−1)) (Nadeau and Bengio, Machine Learning 52, 2003); of two that is too much, 1.3 is measured."""
ROWS = 5
"""Below that many rows that carry a direction, its quotient has no error to speak of."""
EDGE = 1.0 - 1e-12
FLOOR = 1e-9
"""Of the shrunk C₂₂, added where its directions are measured: no variance on the rows left out."""


class Estimate(NamedTuple):
    """A correlation and its interval; `error` is that of its Fisher transform, atanh, all parts together."""

    value: float
    low: float
    high: float
    error: float


class Quotient(NamedTuple):
    """Σ cross / Σ own of projected rows, its standard error, and Σ own² / (Σ own)²: 1 over how many rows."""

    value: float
    error: float
    concentration: float


class Part(NamedTuple):
    """Rows left out together, their moments, and Σ ‖own‖² over them, own = mean over views of φφᵀ."""

    rows: Int[np.ndarray, " m"]
    moments: CrossViewMoments
    fourth: float


@dataclass(frozen=True)
class Fold:
    """Directions that the other rows found, most correlated first, and what these rows say of them."""

    views: Views
    index: Int[np.ndarray, " m"]
    directions: Float[np.ndarray, "P J"]
    cross: Float[np.ndarray, "J J"]
    second: Float[np.ndarray, "J J"]

    def worst(self, j: int) -> Quotient:
        """The smallest of the first j directions on these rows."""
        if j == 1:
            u = np.ones(1)
        else:
            u = scipy.linalg.eigh(self.cross[:j, :j], self.second[:j, :j], subset_by_index=[0, 0])[1][:, 0]
        v = self.directions[:, :j] @ u
        step = max(1, AT_ONCE // len(v))
        parts = [self.index[at : at + step] for at in range(0, len(self.index), step)]
        seen = [self.views.projected(part, v) for part in parts]
        return _quotient(np.concatenate(seen, axis=1))


@dataclass(frozen=True)
class CrossValidated:
    """Bounds of the correlations of all rows."""

    folds: Sequence[Fold]
    in_sample: Float[np.ndarray, " R"]
    """ρ_j of all rows, not shrunk; empty where M ≤ P, which makes all of them 1."""
    features: int
    """D, without the constant ones."""

    @property
    def most(self) -> int:
        """Directions that every fold has."""
        return min(fold.directions.shape[1] for fold in self.folds)

    def estimate(self, j: int) -> Estimate:
        """Of ρ_j, from below by the rows left out, from above by all rows."""
        seen = [fold.worst(j) for fold in self.folds]
        count = len(seen)
        values = np.asarray([one.value for one in seen])
        error = math.hypot(*(one.error for one in seen)) / count
        if count == FOLDS:  # two say nothing of their spread
            error = max(error, float(values.std(ddof=1)) / math.sqrt(count))
        if count**2 < ROWS * sum(one.concentration for one in seen):
            error = math.inf
        value = min(max(float(values.mean()), -EDGE), EDGE)
        centre = math.atanh(value)
        error *= SHARED[count] / (1.0 - value**2)
        low = math.tanh(centre - SURE * error)
        return Estimate(value, low, max(low, self._above(j, error)), error)

    def above(self, ratio: float, error: float) -> tuple[int, int]:
        """How many ρ_j exceed the ratio: surely (5% in error), and at most."""
        low, high = 0, self.most
        while low < high:  # the smallest quotient falls with every direction added
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.estimate(middle).low > ratio else (low, middle - 1)
        most = sum(self._shifted(rho, error) > ratio for rho in self.in_sample)
        return low, max(low, most) if len(self.in_sample) else self.features

    def _above(self, j: int, error: float) -> float:
        return self._shifted(self.in_sample[j - 1], error) if j <= len(self.in_sample) else 1.0

    def _shifted(self, rho: float, error: float) -> float:
        """Above ρ, of all rows, by `SURE` errors on the scale of atanh: nothing was learnt there."""
        inside = math.atanh(min(max(float(rho), -EDGE), EDGE))
        return math.tanh(inside + SURE * error / SHARED[len(self.folds)])


def cross_validated(views: Views, *, seed: int = 0) -> CrossValidated:
    """Bounds of ρ_j, of at least 10 samples, not constant."""
    parts = _parts(views, seed)
    folds = [_fold(views, parts, left_out) for left_out in range(len(parts))]
    whole = _merged(parts)
    p = len(whole.student_mean)
    in_sample = np.zeros(0)
    if views.samples > p:
        in_sample = correlations_kernel(whole.cross_covariance, whole.covariance, drop_singular=True).values
    return CrossValidated(folds, in_sample, views.features)


def _parts(views: Views, seed: int) -> list[Part]:
    """All rows in a few random parts, and the moments of each."""
    m = views.samples
    count = FEWER_FOLDS if m >= max(MANY, PLENTY * views.dimensions) else FOLDS
    orders = np.array_split(np.random.default_rng(seed).permutation(m), count)
    return [_part(views, np.sort(order)) for order in orders]


def _part(views: Views, index: Int[np.ndarray, " m"]) -> Part:
    step = max(views.dimensions, AT_ONCE // views.dimensions)
    moments, fourth = [], 0.0
    for at in range(0, len(index), step):
        rows = views.rows(index[at : at + step])
        n = len(rows[0])
        moments.append(moments_kernel(PairedViews(rows, np.full(n, 1.0 / n), float(n), directed=False)))
        fourth += sum(float((np.einsum("nd,nd->n", a, b) ** 2).sum()) for a in rows for b in rows)
    return Part(index, reduce(CrossViewMoments.merge, moments), fourth / len(views.raw) ** 2)


def _merged(parts: Sequence[Part]) -> CrossViewMoments:
    return reduce(CrossViewMoments.merge, (part.moments for part in parts))


def _fold(views: Views, parts: Sequence[Part], left_out: int) -> Fold:
    others = [part for i, part in enumerate(parts) if i != left_out]
    found, held = _merged(others), parts[left_out]
    fourth = sum(part.fourth for part in others)
    shrunk = _shrunk(found.covariance, fourth, found.mass, features=views.features)
    values, vectors = scipy.linalg.eigh(found.cross_covariance, shrunk)
    # No more than rows can tell apart, and but for the first none that these rows already call unrelated.
    most = max(1, min(int((values > math.sqrt(FLOOR)).sum()), len(held.rows) // 2))
    directions = vectors[:, ::-1][:, :most].copy()
    cross = directions.T @ held.moments.cross_covariance @ directions
    second = directions.T @ held.moments.covariance @ directions + FLOOR * np.eye(most)
    return Fold(views, held.rows, directions, cross, second)


def _shrunk(
    covariance: Float[np.ndarray, "P P"], fourth: float, samples: float, *, features: int
) -> Float[np.ndarray, "P P"]:
    """(1 − α) S + α μ 1, μ = tr S / D, α the estimated noise of S over its distance from μ 1.

    features: D ≥ P, where the rows have P coordinates of what they span.
    """
    size = float(np.trace(covariance)) / features
    square = float((covariance**2).sum())
    apart = square - features * size**2
    noise = max(0.0, (fourth / samples - square) / samples)
    alpha = min(1.0, max(noise / apart if apart > 0.0 else 1.0, FLOOR))
    return (1.0 - alpha) * covariance + alpha * size * np.eye(len(covariance))


def _quotient(seen: Float[np.ndarray, "V m"]) -> Quotient:
    """Of projections of V views; the error by the delta method over the samples."""
    v, m = seen.shape
    y = seen - seen.mean()
    own = (y**2).mean(axis=0)
    cross = (y.sum(axis=0) ** 2 - v * own) / (v * (v - 1))
    size = float(own.mean())
    if size == 0.0:
        return Quotient(0.0, math.inf, 1.0)
    value = float(cross.mean()) / size
    moved = (cross - value * own) / size
    error = float(np.sqrt(moved @ moved / (m * (m - 1))))
    return Quotient(value, error, float(own @ own) / (m * size) ** 2)
