"""Sums over clusters: normalisers, entropies and divergences, by row; the prior with the mean entropy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.blocks.columns import COARSE, FINE, sure_log
from theory.blocks.walk import FLOATS, GATHERED, Exact, Namespace, Walk, parts, split

if TYPE_CHECKING:
    from jaxtyping import Float

NARROW = 1e-2
"""Nats above which a divergence may be computed in float32: its terms then lose less than 1e-5."""
REACH = 40.0
"""log(q/p) up to which p e^{log(q/p)} is q in float32, or too small to matter."""
LOWEST = -1e300
"""Stands for −∞ in a product with a probability of 0."""


def blocked_normalize(
    exact: Exact, scores: Float[np.ndarray, "*batch K"], xp: Namespace, temperature: Any = 1.0
) -> Float[np.ndarray, "*batch K"]:
    """scores/τ − log Σ e^{scores/τ}, the largest term left out of the sum; one exponential an element."""
    walk = Walk(scores[None, :] if scores.ndim == 1 else scores)
    out = np.empty(walk.shape, scores.dtype)
    tau: Any = temperature
    if isinstance(tau, np.ndarray):
        tau = np.broadcast_to(tau, (*walk.batch, walk.shape[1], 1)).reshape((*walk.shape[:2], 1))
    for i, j, block in walk.blocks():
        shifted = out[i, j] if out.dtype == block.dtype else walk.buffer(0, block, np.float32)
        largest = np.argmax(block, axis=-1, keepdims=True)
        np.subtract(block, np.take_along_axis(block, largest, -1), out=shifted)
        if isinstance(tau, np.ndarray) or tau != 1.0:
            np.divide(shifted, tau[i, j] if isinstance(tau, np.ndarray) else tau, out=shifted)
        e = np.exp(shifted, out=walk.buffer(1, block, block.dtype.type))
        np.put_along_axis(e, largest, 0.0, -1)
        rest = np.sum(e, axis=-1, keepdims=True, dtype=np.float64)
        out[i, j] = np.subtract(shifted, np.log1p(rest).astype(block.dtype), out=shifted)
    return out.reshape(scores.shape)


def blocked_log_normalizer(
    exact: Exact, scores: Float[np.ndarray, "*batch K"], xp: Namespace
) -> Float[np.ndarray, "*batch"]:
    """log Σ e^{scores}: the largest and log1p of the sum of the others over it."""
    walk = Walk(scores[None, :] if scores.ndim == 1 else scores)
    value = np.empty(walk.shape[:2])
    for i, j, block in walk.blocks():
        index = np.argmax(block, axis=-1, keepdims=True)
        largest = np.take_along_axis(block, index, -1)
        e = np.subtract(block, largest, out=walk.buffer(0, block, block.dtype.type))
        np.exp(e, out=e)
        np.put_along_axis(e, index, 0.0, -1)
        value[i, j] = largest[..., 0] + np.log1p(np.sum(e, axis=-1, dtype=np.float64))
    return value.reshape(scores.shape[:-1]).astype(scores.dtype, copy=False)[()]


def has_finite_rows(scores: Float[np.ndarray, "*batch K"]) -> bool:
    """The largest entry of every row is finite: no NaN, no +inf, no row of −inf only."""
    return scores.dtype in FLOATS and bool(np.isfinite(scores.max(-1)).all())


def blocked_sum_exp(
    exact: Exact, scores: Float[np.ndarray, "*batch K"], xp: Namespace
) -> Float[np.ndarray, "*batch"]:
    """Σₖ e^{scores} by row, added in the precision that came."""
    walk = Walk(scores[None, :] if scores.ndim == 1 else scores)
    ones = np.ones(walk.shape[2], np.float32 if walk.single else np.float64)
    total = np.empty(walk.shape[:2])
    for i, j, block in walk.blocks():
        total[i, j] = np.exp(block, out=walk.buffer(0, block, block.dtype.type)) @ ones
    return total.reshape(scores.shape[:-1]).astype(scores.dtype, copy=False)[()]


def blocked_cross_entropy(
    exact: Exact,
    log_r: Float[np.ndarray, "*#batch K"],
    log_q: Float[np.ndarray, "*#batch K"],
    xp: Namespace,
) -> Float[np.ndarray, "*batch"]:
    """−Σₖ r log q by row; rows in which 0 meets ∞ are handed over."""
    pair = Pair(log_r, log_q)
    value = np.empty(pair.walk.shape[:2])
    for i, j, r, q in pair.blocks():
        value[i, j] = -np.vecdot(pair.walk.exp(r, 0), pair.walk.wide(q, 1))
    return pair.back(exact, value, ~np.isfinite(value), xp)


def blocked_kl(
    exact: Exact,
    log_p: Float[np.ndarray, "*#batch K"],
    log_q: Float[np.ndarray, "*#batch K"],
    xp: Namespace,
) -> Float[np.ndarray, "*batch"]:
    """Σₖ p (e^{−d} − 1 + d), d = log(p/q), by row; rows whose terms cancel are handed over."""
    pair = Pair(log_p, log_q)
    value, narrow = np.empty(pair.walk.shape[:2]), pair.walk.single
    for i, j, p, q in pair.blocks():
        if narrow:
            value[i, j] = _kl_of_rows(pair.walk, p, q)
            narrow = bool((value[i, j] > NARROW).all())  # nor will the blocks after this one be, if it is not
        if not narrow:
            value[i, j] = _kl_of_rows(pair.walk, pair.walk.wide(p, 3), pair.walk.wide(q, 4))
    return pair.back(exact, value, ~((value > FINE) & (value < np.inf)), xp)


def _kl_of_rows(walk: Walk, log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """Σₖ p (e^{−d} − 1 + d) in the precision of the arguments, added in float64."""
    like = log_p if log_p.size >= log_q.size else log_q
    d = np.subtract(log_q, log_p, out=walk.buffer(0, like, like.dtype.type))
    if d.dtype == np.float32 and not d.max() < REACH:
        return np.full(like.shape[:-1], np.nan)
    terms = np.expm1(d, out=walk.buffer(1, like, like.dtype.type))
    wide = walk.wide(np.subtract(terms, d, out=terms), 1)
    return np.vecdot(walk.exp(log_p, 2), wide)


def blocked_informations(
    exact: Exact,
    log_p: Float[np.ndarray, "*batch N K"],
    weights: Float[np.ndarray, "*batch N"],
    xp: Namespace,
) -> tuple[Float[np.ndarray, "*batch K"], Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch"]]:
    """log P, H(P) − Σ w H(pₙ) and Σ w H(pₙ) of one pass; NaN for a difference that has lost its digits."""
    walk = Walk(log_p)
    w, (b, n, k) = walk.weights(weights), walk.shape
    total, entropies = np.zeros((b, k)), np.empty((b, n))
    for i, j, block in walk.blocks():
        p, log = walk.exp(block, 0), walk.wide(block, 1)
        total[i] += (w[i, None, j] @ p)[:, 0]
        of_rows = np.vecdot(p, log)
        if not np.isfinite(of_rows).all():  # 0 · −∞
            of_rows = np.vecdot(p, np.maximum(log, LOWEST, out=walk.buffer(1, block)))
        entropies[i, j] = -of_rows
    value = np.log(total)

    def exact_prior(x: np.ndarray, some_weights: np.ndarray, namespace: Namespace) -> np.ndarray:
        return exact(x, some_weights, namespace)[0]

    unsure = ~sure_log(total, value, single=walk.single)
    log_prior = walk.exact_columns(exact_prior, value, unsure, weights, xp)
    entropy = (w * entropies).sum(-1)
    prior_entropy = -(total * np.maximum(log_prior, LOWEST)).sum(-1)
    difference = prior_entropy - entropy
    # in float32 P has the roundings of p, and the difference only feels them times log(p/P)
    least = NARROW if walk.single else COARSE[False] * (1.0 + prior_entropy)
    information = np.where(difference > least, difference, np.nan)
    return walk.back(log_prior, k), walk.back(information), walk.back(entropy)


class Pair:
    """Two arrays [..., K] that broadcast, walked together: rows of both, or all rows against one."""

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        shape = np.broadcast_shapes(first.shape, second.shape)
        self.axes = shape[:-1]
        whole = shape if len(shape) > 1 else (1, *shape)
        self.walk = Walk(_view(first, whole) if first.size >= second.size else _view(second, whole))
        self.first, self.second = (self._rows(_view(x, whole)) for x in (first, second))

    def _rows(self, x: np.ndarray) -> np.ndarray:
        """[B, N, K] or, where every row of an ensemble is the same, [B, 1, K]."""
        one = x.strides[-2] == 0
        x = x[..., :1, :] if one else x
        x = x.astype(np.float32) if x.dtype == np.float16 else x
        return x.reshape((-1, *x.shape[-2:]))

    def blocks(self) -> Iterator[tuple[slice, slice, np.ndarray, np.ndarray]]:
        for i, j in parts(self.walk.shape):
            first, second = (x[i, j] if x.shape[1] > 1 else x[i] for x in (self.first, self.second))
            yield i, j, first, second

    def back(self, exact: Exact, value: np.ndarray, where: np.ndarray, xp: Namespace) -> np.ndarray:
        """[*batch], the rows named by `where` [B, N] given to the exact form, some at a time."""
        chosen = np.flatnonzero(where)
        n, k = self.walk.shape[1:]
        for some in split(chosen, GATHERED // k):
            b, row = np.divmod(some, n)
            first, second = (x[b, row if x.shape[1] > 1 else 0] for x in (self.first, self.second))
            value[b, row] = exact(first, second, xp)
        return value.reshape(self.axes).astype(self.walk.dtype, copy=False)[()]


def _view(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(x, shape)
