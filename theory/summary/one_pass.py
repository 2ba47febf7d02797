"""One pass over a part of an ensemble: one exponential an element, in blocks that stay in cache.

With d = (z − max z)/τ and s = Σ eᵈ a row is p = eᵈ/s, and every number asked of it is a sum of eᵈ, d or their
products. They are added in float64. Differences that have lost their digits (a gap or an information near 0,
a prior next to 1) are computed once more by the kernels that keep them, in those columns or rows only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.blocks.columns import COARSE, FINE, TINY, coarse, sure_log
from theory.blocks.rows import LOWEST, NARROW
from theory.blocks.walk import GATHERED, Walk, split
from theory.divergences import kl_kernel
from theory.ensembles import jensen_gap_kernel
from theory.estimation import dispersion_kernel
from theory.logspace import careful_log_mean_exp, log_mean_exp
from theory.summary.record import Summary

if TYPE_CHECKING:
    from jaxtyping import Float

__all__: list[str] = []

SPREAD = {False: 1e-3, True: 1e-1}
"""cv² = E p²/P² − 1 below this has lost digits; by whether p is float32."""


class Part:
    """Logits [N, K] with positive weights, after the pass over them; `largest` and `log_rest` by row.

    Attributes
    ----------
    finite : bool
        The largest logit of every row is: no NaN, no +inf, no row of −inf only.
    """

    def __init__(
        self, logits: Float[np.ndarray, "N K"], weights: Float[np.ndarray, " N"], tau: float
    ) -> None:
        self.walk, self.tau = Walk(logits), tau
        n, k = logits.shape
        self.total = float(weights.sum())
        self.weights = weights / self.total
        self.largest = np.empty(n)
        self.log_rest, self.entropies = np.empty((2, n))
        self.p, self.d, self.square = np.zeros((3, k))
        self.highest, self.lowest = np.full(k, -np.inf), np.full(k, np.inf)
        self.count = np.zeros(k, np.int64)
        self.finite = True
        with np.errstate(all="ignore"):
            for _, j, block in self.walk.blocks():
                self._add(j, block[0])
                if not self.finite:
                    return
            self.d -= self.weights @ self.log_rest  # one number for all clusters

    def _add(self, j: slice, block: np.ndarray) -> None:
        walk, kind, w = self.walk, block.dtype.type, self.weights[j]
        index = np.argmax(block, axis=-1)[:, None]
        largest = np.take_along_axis(block, index, -1)
        self.finite = bool(np.isfinite(largest).all())
        self.largest[j] = largest[:, 0]
        np.add.at(self.count, index[:, 0], 1)
        shifted = np.subtract(block, largest, out=walk.buffer(0, block, kind))
        if self.tau != 1.0:
            np.divide(shifted, self.tau, out=shifted)
        d, e = walk.wide(shifted, 1), walk.exp(shifted, 2)
        np.put_along_axis(e, index, 0.0, -1)
        rest = e.sum(-1)
        np.put_along_axis(e, index, 1.0, -1)
        log_rest = self.log_rest[j] = np.log1p(rest)
        shares = w / (1.0 + rest)
        self.p += shares @ e
        self.d += w @ d
        products = np.vecdot(e, d)
        if not np.isfinite(products).all():  # 0 · −∞
            products = np.vecdot(e, np.maximum(d, LOWEST))
        self.entropies[j] = log_rest - products / (1.0 + rest)
        self.square += (shares / (1.0 + rest)) @ np.multiply(e, e, out=e)
        log_p = np.subtract(shifted, log_rest.astype(kind)[:, None], out=shifted)
        np.maximum(self.highest, log_p.max(0), out=self.highest)
        np.minimum(self.lowest, log_p.min(0), out=self.lowest)

    # -- what the sums say, and what they leave open -----------------------------------------------

    def summary(self) -> Summary:
        """The record of the part."""
        with np.errstate(all="ignore"):
            return self._summary()

    def _summary(self) -> Summary:
        single, w = self.walk.single, self.weights
        log_prior, entropy = np.log(self.p), float(w @ self.entropies)
        gap = log_prior - self.d
        vague = ~((self.p > TINY[single]) & (gap > coarse(self.d, single=single)))
        prior_entropy = -float(self.p @ np.maximum(log_prior, LOWEST))
        information = prior_entropy - entropy
        constant = not information > (NARROW if single else COARSE[False] * (1.0 + prior_entropy))
        log_prior = self._where(~sure_log(self.p, log_prior, single=single), log_prior, log_mean_exp)
        dispersion = self.square / self.p**2 - 1.0
        sure = (self.p > 1e-140) & (dispersion > SPREAD[single]) & (dispersion < np.inf)
        dispersion = self._where(~sure, dispersion, dispersion_kernel)
        gap = self._where(vague, log_prior - self.d, jensen_gap_kernel)
        if constant:
            information = self._information(log_prior)
        return Summary(
            samples=len(w),
            weight=self.total,
            temperature=self.tau,
            log_prior=log_prior,
            jensen_gap=gap,
            mutual_information=information,
            entropy=entropy,
            entropy_square=float(w @ self.entropies**2),
            dispersion=dispersion,
            lowest=self.lowest,
            highest=self.highest,
            largest_count=self.count,
        )

    def log_p(self, rows: Any, columns: Any) -> Float[np.ndarray, "n k"]:
        """Log-probabilities of some rows and columns, in float64 whatever the logits are."""
        z = self.walk.x[0][rows, columns].astype(np.float64)
        return (z - self.largest[rows, None]) / self.tau - self.log_rest[rows, None]

    def _where(self, unsure: np.ndarray, value: np.ndarray, kernel: Callable[..., Any]) -> np.ndarray:
        """`value` [K] with the kernel's own in the columns that are unsure, some columns at a time."""
        every = slice(None)
        for columns in split(np.flatnonzero(unsure), GATHERED // len(self.weights)):
            log_p = self.log_p(every, columns)
            value[columns] = kernel(log_p, self.weights, np)
        return value

    def _information(self, log_prior: np.ndarray) -> float:
        """Σ w KL(pₙ‖P); next to nothing is measured from a P without rounding."""
        found = self._mean_divergence(log_prior)
        if found < FINE:
            every = np.full(log_prior.shape, True)
            found = self._mean_divergence(self._where(every, log_prior.copy(), careful_log_mean_exp))
        return found

    def _mean_divergence(self, log_prior: np.ndarray) -> float:
        divergences = (self.weights[rows] @ kl_kernel(x, log_prior[None], np) for rows, x in self._rows())
        return float(sum(divergences))

    def _rows(self) -> Iterator[tuple[slice, np.ndarray]]:
        n, k = self.walk.shape[1:]
        step = max(1, GATHERED // k)
        for start in range(0, n, step):
            rows = slice(start, start + step)
            yield rows, self.log_p(rows, slice(None))
