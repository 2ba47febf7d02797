"""Sums over samples: means of p, log p and e^x, the Jensen gap and the dispersion, by column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from theory.blocks.walk import Exact, Namespace, Walk

if TYPE_CHECKING:
    from jaxtyping import Float

TINY = {False: 1e-290, True: 1e-30}
"""Below this a sum of exponentials has terms that are no normal numbers; by whether they are float32."""
COARSE = {False: 2e-3, True: 3e-2}
"""A difference this small, beside what is subtracted, has lost more digits than 1e-12 (1e-5) allows."""
VARIES = 1e-18
"""A variance beside its squared mean that rounding of the mean does not reach."""
FINE = 1e-6
"""Σ w (eᵈ − 1 − d) below this, in float64, has lost them too: d is too near 0 for the subtraction."""
OFF = 0.5
"""What a squared mean may be of a mean square: their difference keeps all digits but one."""


def blocked_log_mean_exp(
    exact: Exact, x: Float[np.ndarray, "*batch N K"], weights: Float[np.ndarray, "*batch N"], xp: Namespace
) -> Float[np.ndarray, "*batch K"]:
    """log Σₙ wₙ e^{xₙ}: log of the plain sum, which is exact where it is neither tiny, huge nor near 1."""
    walk = Walk(x)
    w, total = walk.weights(weights), np.zeros((walk.shape[0], walk.shape[2]))
    for i, j, block in walk.blocks():
        total[i] += (w[i, None, j] @ walk.exp(block, 0))[:, 0]
    value = np.log(total)
    return walk.back(
        walk.exact_columns(exact, value, ~sure_log(total, value, single=walk.single), weights, xp),
        walk.shape[2],
    )


def careful_columns(
    exact: Exact, x: Float[np.ndarray, "*batch N K"], weights: Float[np.ndarray, "*batch N"], xp: Namespace
) -> Float[np.ndarray, "*batch K"]:
    """The exact form in every column, some at a time."""
    walk = Walk(x)
    value = np.empty((walk.shape[0], walk.shape[2]))
    return walk.back(walk.exact_columns(exact, value, np.full(value.shape, True), weights, xp), walk.shape[2])


def blocked_mean(
    exact: Exact, x: Float[np.ndarray, "*batch N K"], weights: Float[np.ndarray, "*batch N"], xp: Namespace
) -> Float[np.ndarray, "*batch K"]:
    """Σₙ wₙ xₙ: the product as it is, where it is finite."""
    walk = Walk(x)
    w, mean = walk.weights(weights), np.zeros((walk.shape[0], walk.shape[2]))
    for i, j, block in walk.blocks():
        mean[i] += (w[i, None, j] @ walk.wide(block, 0))[:, 0]
    return walk.back(walk.exact_columns(exact, mean, ~np.isfinite(mean), weights, xp), walk.shape[2])


def blocked_jensen_gap(
    exact: Exact,
    log_p: Float[np.ndarray, "*batch N K"],
    weights: Float[np.ndarray, "*batch N"],
    xp: Namespace,
) -> Float[np.ndarray, "*batch K"]:
    """J = log P − log G where it is not small, log(1 + Σ w (eᵈ − 1 − d)) where it is, d = log p − log G."""
    walk = Walk(log_p)
    w = walk.weights(weights)
    total, mean = np.zeros((2, walk.shape[0], walk.shape[2]))
    for i, j, block in walk.blocks():
        total[i] += (w[i, None, j] @ walk.exp(block, 0))[:, 0]
        mean[i] += (w[i, None, j] @ walk.wide(block, 1))[:, 0]
    gap = np.log(total) - mean
    unsure = ~((total > TINY[walk.single]) & (gap > coarse(mean, single=walk.single)))
    if unsure.mean() > 0.125:  # else the few columns are handed over
        excess = excess_over(walk, w, mean)
        fine = unsure & (excess > FINE) & np.isfinite(excess)
        gap = np.where(fine, np.log1p(excess), gap)
        unsure &= ~fine
    return walk.back(walk.exact_columns(exact, gap, unsure, weights, xp), walk.shape[2])


def blocked_variance(
    exact: Exact, x: Float[np.ndarray, "*batch N K"], weights: Float[np.ndarray, "*batch N"], xp: Namespace
) -> Float[np.ndarray, "*batch K"]:
    """Σ w (x − Σ w x)², in two passes; columns that are constant or not finite are handed over."""
    walk = Walk(x)
    w = walk.weights(weights)
    mean, square = np.zeros((2, walk.shape[0], walk.shape[2]))
    for i, j, block in walk.blocks():
        mean[i] += (w[i, None, j] @ walk.wide(block, 0))[:, 0]
    for i, j, block in walk.blocks():
        d = np.subtract(block, mean[i, None], out=walk.buffer(0, block))
        square[i] += (w[i, None, j] @ np.multiply(d, d, out=d))[:, 0]
    unsure = ~(square > VARIES * mean**2) | ~np.isfinite(square)
    return walk.back(walk.exact_columns(exact, square, unsure, weights, xp), walk.shape[2])


def blocked_dispersion(
    exact: Exact,
    log_p: Float[np.ndarray, "*batch N K"],
    log_mean: Float[np.ndarray, "*batch K"],
    weights: Float[np.ndarray, "*batch N"],
    xp: Namespace,
) -> Float[np.ndarray, "*batch K"]:
    """Σ w (p/P − 1)² by expm1, less what the rounding of P adds; where that is most of it, handed over."""
    walk = Walk(log_p)
    w = walk.weights(weights)
    mean, square = np.zeros((2, walk.shape[0], walk.shape[2]))
    center = log_mean.reshape(mean.shape).astype(np.float64)
    for i, j, block in walk.blocks():
        d = np.subtract(block, center[i, None], out=walk.buffer(0, block))
        x = np.expm1(d, out=d)
        mean[i] += (w[i, None, j] @ x)[:, 0]
        square[i] += (w[i, None, j] @ np.multiply(x, x, out=x))[:, 0]
    if np.all(mean**2 <= OFF * square):  # false where a zero of p makes either NaN
        return walk.back((square - mean**2) / (1.0 + mean) ** 2, walk.shape[2])
    return exact(log_p, log_mean, weights, xp)


def sure_log(total: np.ndarray, log: np.ndarray, *, single: bool) -> np.ndarray:
    """Where log Σ w eˣ has all its digits: the sum is a normal number, and its logarithm not near 0."""
    return (total > TINY[single]) & (total < 1.0 / TINY[single]) & (np.abs(log) > 0.5)


def coarse(mean: np.ndarray, *, single: bool) -> np.ndarray | float:
    """What log P − log G has to exceed; means of float32 numbers are exact in float64, their p are not."""
    return COARSE[single] if single else COARSE[single] * (1.0 + np.abs(mean))


def excess_over(walk: Walk, w: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Σ w (eᵈ − 1 − d), d = x − center, in float64: [B, K]."""
    excess = np.zeros_like(center)
    for i, j, block in walk.blocks():
        d = np.subtract(block, center[i, None], out=walk.buffer(0, block))
        grown = np.expm1(d, out=walk.buffer(1, block))
        excess[i] += (w[i, None, j] @ np.subtract(grown, d, out=grown))[:, 0]
    return excess
