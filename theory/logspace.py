"""Arithmetic in log space: kernels that check nothing, shared by every module above.

Arrays are ``[..., N, K]`` in the namespace `xp`. Three habits run through them. A sum whose value may be
near 1 goes through expm1 and log1p, so that its logarithm keeps *relative* accuracy near 0. A pivot is a
constant of differentiation, or is picked by index. A branch that `where` discards is fed a harmless value,
because its gradient is computed all the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from theory.blocks import (
    blocked_log_mean_exp,
    blocked_log_normalizer,
    blocked_mean,
    blocked_normalize,
    blocked_sum_exp,
    careful_columns,
    in_blocks,
)

if TYPE_CHECKING:
    from jaxtyping import Float

Array = Any
Namespace = Any

_SERIES = 0.0625  # below this |x| a series replaces a difference of nearly equal numbers


@in_blocks(blocked_normalize)
def normalize(
    scores: Float[Array, "*batch K"], xp: Namespace, temperature: Array | float = 1.0
) -> Float[Array, "*batch K"]:
    """scores/τ − log Σₖ e^{scores/τ} along the last axis."""
    _, shifted, log_rest = _about_largest(scores, xp, temperature)
    return shifted - log_rest


@in_blocks(blocked_log_normalizer)
def log_normalizer(scores: Float[Array, "*batch K"], xp: Namespace) -> Float[Array, "*batch"]:
    """log Σₖ e^{scores} along the last axis, which is dropped."""
    largest, _, log_rest = _about_largest(scores, xp, 1.0)
    return (largest + log_rest)[..., 0]


def _about_largest(
    scores: Float[Array, "*batch K"], xp: Namespace, temperature: Array | float
) -> tuple[Float[Array, "*batch 1"], Float[Array, "*batch K"], Float[Array, "*batch 1"]]:
    """m = max, (scores − m)/τ, and log Σ e^{(scores − m)/τ} as log1p of the sum without its largest term.

    m is picked by index, not by `max`, whose gradient torch splits among ties.
    """
    index = xp.argmax(scores, axis=-1, keepdims=True)
    clusters = xp.arange(scores.shape[-1], device=array_api_compat.device(scores))
    is_largest = clusters == index
    largest = xp.take_along_axis(scores, index, axis=-1)
    shifted = (scores - largest) / temperature
    # Of −inf/τ the derivative in τ would be 0 · ∞. A compiler's symbolic number has no attributes to ask for.
    if not isinstance(temperature, float | int) and getattr(temperature, "requires_grad", False):
        finite = scores > -math.inf
        shifted = xp.where(finite, xp.where(finite, scores - largest, 0.0) / temperature, -math.inf)
    rest = xp.sum(xp.where(is_largest, 0.0, xp.exp(shifted)), axis=-1, keepdims=True)
    return largest, shifted, xp.log1p(rest)


@in_blocks(blocked_sum_exp)
def sum_exp(scores: Float[Array, "*batch K"], xp: Namespace) -> Float[Array, "*batch"]:
    """Σₖ e^{scores} along the last axis: how far log-probabilities are from a sum of 1."""
    return xp.sum(xp.exp(scores), axis=-1)


@in_blocks(blocked_log_mean_exp)
def log_mean_exp(
    x: Float[Array, "*batch N K"], weights: Float[Array, "*batch N"], xp: Namespace
) -> Float[Array, "*batch K"]:
    """log Σₙ wₙ e^{xₙ} over axis −2, for weights [..., N] that sum to 1; −inf where every term is 0.

    About a pivot m the sum is 1 + Σ w expm1(x−m) = Σ w e^{x−m}: log1p of the left side where it is near 1,
    log of the right side elsewhere. m is the maximum: for x ≤ 0 it and its correction have one sign and
    cannot cancel.
    """
    w = weights[..., None]
    counts = w > 0
    high = constant(xp.max(xp.where(counts, x, -math.inf), axis=-2, keepdims=True))
    empty = high == -math.inf
    pivot = xp.where(empty, 0.0, high)
    d = xp.where(counts, x, -math.inf) - pivot
    excess = xp.sum(w * xp.expm1(d), axis=-2)
    total = xp.sum(w * xp.exp(d), axis=-2)
    near, empty = excess > -0.5, empty[..., 0, :]
    far_log = xp.log(xp.where(near | empty, 1.0, total))
    value = pivot[..., 0, :] + xp.where(near, xp.log1p(xp.where(near, excess, 0.0)), far_log)
    return xp.where(empty, -math.inf, value)


def careful_log_mean_exp(
    x: Float[Array, "*batch N K"], weights: Float[Array, "*batch N"], xp: Namespace
) -> Float[Array, "*batch K"]:
    """log Σₙ wₙ e^{xₙ}, exactly x where x does not vary: what differences near 0 are measured from."""
    kernel = log_mean_exp.__wrapped__  # type: ignore[attr-defined]
    return careful_columns(kernel, x, weights, xp) if isinstance(x, np.ndarray) else kernel(x, weights, xp)


@in_blocks(blocked_mean)
def weighted_mean(
    x: Float[Array, "*batch N K"], weights: Float[Array, "*batch N"], xp: Namespace
) -> Float[Array, "*batch K"]:
    """Σₙ wₙ xₙ over axis −2; a sample of weight 0 does not count, whatever it holds."""
    return _mean(x, weights[..., None], xp, axis=-2)


def mean_of_rows(
    x: Float[Array, "*batch N"], weights: Float[Array, "*batch N"], xp: Namespace
) -> Float[Array, "*batch"]:
    """Σₙ wₙ xₙ over the last axis of x [..., N]; a sample of weight 0 does not count."""
    return _mean(x, weights, xp, axis=-1)


def _mean(x: Array, w: Array, xp: Namespace, axis: int) -> Array:
    """Infinite terms are added apart, as constants: ∂/∂w = x would turn a gradient of 0 into 0 · ∞."""
    finite = xp.isfinite(x)
    infinite = xp.sum(xp.where((w > 0) & ~finite, constant(x), 0.0), axis=axis)
    return xp.sum(w * xp.where((w > 0) & finite, x, 0.0), axis=axis) + infinite


def oscillation(x: Array, xp: Namespace, axis: int = -1) -> Array:
    """osc(x) = max x − min x along `axis`."""
    return xp.max(x, axis=axis) - xp.min(x, axis=axis)


def expm1_minus(x: Float[Array, "*shape"], xp: Namespace) -> Float[Array, "*shape"]:
    """eˣ − 1 − x ≥ 0, to full relative accuracy."""
    small = xp.abs(x) < _SERIES
    s = xp.where(small, x, 0.0)
    series = xp.zeros_like(s)
    for order in range(10, 1, -1):  # Σ_{j=2..10} s^{j−2}/j!, the next term is below 1e-17 of the first
        series = series * s + 1.0 / math.factorial(order)
    return xp.where(small, s * s * series, xp.expm1(x) - x)


def minus_log1p(x: Float[Array, "*shape"], xp: Namespace) -> Float[Array, "*shape"]:
    """x − log(1 + x) ≥ 0 for x > −1, to full relative accuracy."""
    small = xp.abs(x) < _SERIES
    s = xp.where(small, x, 0.0)
    series = xp.zeros_like(s)
    for order in range(16, 1, -1):  # Σ_{j=2..16} (−s)^{j−2}/j
        series = 1.0 / order - series * s
    return xp.where(small, s * s * series, x - xp.log1p(xp.where(small, 0.0, x)))


def divergence_terms(
    log_p: Float[Array, "*shape"], log_q: Float[Array, "*shape"], xp: Namespace
) -> Float[Array, "*shape"]:
    """p log(p/q) − p + q ≥ 0, elementwise: the terms of KL(p‖q) once both sum to 1.

    With d = log(p/q) this is p (e^{−d} − 1 + d), which loses nothing where p and q nearly agree;
    for |d| > 1 the first form loses nothing. p = 0 gives q; q = 0 < p gives +inf.
    """
    no_p, no_q = log_p == -math.inf, log_q == -math.inf
    d = xp.where(no_p, 0.0, log_p) - xp.where(no_q, 0.0, log_q)
    d = xp.where(no_p | no_q, 0.0, d)
    p, q = xp.exp(log_p), xp.exp(log_q)
    close = xp.abs(d) <= 1
    near = p * expm1_minus(xp.where(close, -d, 0.0), xp)
    far = p * d - p + q
    return xp.where(no_p, q, xp.where(no_q, math.inf, xp.where(close, near, far)))


def exp_in_place(x: Float[Array, "*shape"], xp: Namespace) -> Float[Array, "*shape"]:
    """eˣ, written over x where the library can; x is no longer to be used."""
    return np.exp(x, out=x) if isinstance(x, np.ndarray) else xp.exp(x)


def power(x: Float[Array, "*shape"], n: int, xp: Namespace) -> Float[Array, "*shape"]:
    """xⁿ for x ≥ 0, +inf past the largest float without a warning of overflow."""
    limit = float(xp.finfo(x.dtype).max) ** (1.0 / n) * (1.0 - 1e-6)
    return xp.where(x < limit, xp.where(x < limit, x, 0.0) ** n, math.inf)


def overflow_limit(like: Array, xp: Namespace) -> float:
    """The largest x, less a margin of 5, for which eˣ is finite in the dtype of `like`."""
    return math.log(float(xp.finfo(like.dtype).max)) - 5.0


def constant(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """x as a constant of differentiation (torch's `detach`); any other array as it is."""
    return x.detach() if hasattr(x, "detach") else x
