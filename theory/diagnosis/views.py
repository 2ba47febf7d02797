"""Features [M, D] of two or more views before any correlation: what is constant, what is the same twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

__all__: list[str] = []

STILL = 1e-10
"""Spread over size up to which a feature is constant: float32 keeps 1e-7 of it."""
ROUNDED = 5e-3
"""Spread of a view that another does not explain, feature by feature: bfloat16 keeps 2e-3 of a number."""
AT_ONCE = 1 << 22
"""Numbers of a view that are read at once."""


@dataclass(frozen=True)
class Views:
    """Views of the same samples in one order; what is read of them is centred, each feature of spread 1.

    The mean and the spread of a feature are those of all views together, as near uniform all of them count
    alike; features that are constant are left out.
    """

    raw: Sequence[Float[np.ndarray, "M D"]]

    @property
    def samples(self) -> int:
        """M."""
        return len(self.raw[0])

    @cached_property
    def features(self) -> int:
        """Those that are not constant."""
        return int(self.moving.sum())

    @property
    def dimensions(self) -> int:
        """P, of the rows that are read."""
        return self.features

    @cached_property
    def mean(self) -> Float[np.ndarray, " D"]:
        """Of each feature, all views."""
        return sum(view.mean(axis=0, dtype=np.float64) for view in self.raw) / len(self.raw)

    @cached_property
    def spread(self) -> Float[np.ndarray, " D"]:
        """Standard deviation of each feature, all views."""
        squares = np.zeros_like(self.mean)
        for part in self._parts():
            squares += sum(((view[part] - self.mean) ** 2).sum(axis=0) for view in self.raw)
        return np.sqrt(squares / (self.samples * len(self.raw)))

    @cached_property
    def moving(self) -> Bool[np.ndarray, " D"]:
        """Features that are not constant."""
        return self.spread > STILL * np.abs(self.mean)

    @property
    def constant_share(self) -> float:
        """‖φ̄‖² / E‖φ‖²: of the squared length, what is common to all samples; nan where all is 0."""
        common, own = float(self.mean @ self.mean), float(self.spread @ self.spread)
        return common / (common + own) if common + own else float("nan")

    def rows(self, index: Int[np.ndarray, " m"] | slice) -> list[Float[np.ndarray, "m P"]]:
        """Of these samples, all views."""
        keep, whole = self.moving, self.moving.all()
        mean, spread = self.mean[keep], self.spread[keep]
        return [((view[index] if whole else view[index][:, keep]) - mean) / spread for view in self.raw]

    def projected(
        self, index: Int[np.ndarray, " m"], direction: Float[np.ndarray, " P"]
    ) -> Float[np.ndarray, "V m"]:
        """`rows` on one direction, without a copy of them that is centred and scaled."""
        full = np.zeros(len(self.moving))
        full[self.moving] = direction / self.spread[self.moving]
        return np.stack([view[index] @ full - self.mean @ full for view in self.raw])

    def still_views(self) -> list[int]:
        """Numbers, from 1, of the views that show all samples alike."""
        found = []
        for i, view in enumerate(self.raw):
            first, scale = view[0], np.abs(view[0])
            if all((np.abs(view[part] - first) <= 10 * STILL * scale).all() for part in self._parts()):
                found.append(i + 1)
        return found

    def same_twice(self) -> tuple[int, int] | None:
        """Two views, from 1, that are one up to a scale and shift of each feature, and rounding; else None.

        x'_d = a_d x_d + b_d leaves 1 − corr²(x_d, x'_d) of its variance; the mean of that over the features.
        """
        v = len(self.raw)
        p = self.features
        firsts, products = np.zeros((v, p)), np.zeros((v, v, p))
        for part in self._parts():
            rows = self.rows(part)
            for i in range(v):
                firsts[i] += rows[i].sum(axis=0)
                for j in range(i, v):
                    products[i, j] += (rows[i] * rows[j]).sum(axis=0)
        m = self.samples
        for i, j in itertools.combinations(range(v), 2):
            both = products[i, j] / m - firsts[i] * firsts[j] / m**2
            own, other = (products[k, k] / m - (firsts[k] / m) ** 2 for k in (i, j))
            left = 1.0 - both**2 / np.maximum(own * other, np.finfo(float).tiny)
            if left.mean() <= ROUNDED**2:
                return i + 1, j + 1
        return None

    def agreement(self) -> tuple[float, float]:
        """E φ·φ'/E φ·φ, and its standard error, were there nothing that the views share.

        It needs no inverse, so that it is unbiased for any M and D, but sees a single direction of many
        less well than correlations do.
        """
        v, m = len(self.raw), self.samples
        pairs, shifted, own = 0.0, 0.0, 0.0
        count, rng = 0, np.random.default_rng(0)
        for part in self._parts():
            rows = self.rows(part)
            order = rng.permutation(len(rows[0]))
            others = [row[order] for row in rows]
            for i, j in itertools.permutations(range(v), 2):
                product = np.einsum("nd,nd->n", rows[i], rows[j])
                chance = np.einsum("nd,nd->n", rows[i], others[j])
                pairs += float(product.sum())
                shifted += float(chance @ chance)
                count += len(product)
            own += sum(float((row**2).sum()) for row in rows)
        size = own / (v * m)
        return pairs / count / size, float(np.sqrt(shifted / count / m)) / size

    def _parts(self) -> Iterator[slice]:
        size = max(1, AT_ONCE // self.raw[0].shape[1])
        return (slice(start, start + size) for start in range(0, self.samples, size))


def spanned(views: Views) -> Views:
    """The same rows in coordinates of what they span, where that has fewer dimensions than D."""
    v, m = len(views.raw), views.samples
    if v * m >= views.features:
        return views
    stacked = np.concatenate(views.rows(slice(None)))
    _, coordinates = np.linalg.qr(stacked.T)
    return Turned(tuple(coordinates.T.reshape(v, m, -1)), views.features)


class Turned(Views):
    """Rows that are read as they are: centred, and scaled, before they were turned."""

    def __init__(self, raw: Sequence[Float[np.ndarray, "M P"]], features: int) -> None:
        super().__init__(raw)
        self.__dict__["features"] = features

    @property
    def dimensions(self) -> int:
        return self.raw[0].shape[1]

    def rows(self, index: Int[np.ndarray, " m"] | slice) -> list[Float[np.ndarray, "m P"]]:
        return [view[index] for view in self.raw]

    def projected(
        self, index: Int[np.ndarray, " m"], direction: Float[np.ndarray, " P"]
    ) -> Float[np.ndarray, "V m"]:
        return np.stack([view[index] @ direction for view in self.raw])
