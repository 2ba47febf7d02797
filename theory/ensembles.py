"""Ensembles of points of the simplex: logits → log p, cluster priors of any order, the Jensen gap."""

from __future__ import annotations

import math

from theory.checks import (
    check_ensemble,
    check_order,
    check_rank,
    check_scores,
    check_temperature,
    namespace,
)
from theory.logspace import (
    Array,
    Namespace,
    constant,
    expm1_minus,
    log_mean_exp,
    minus_log1p,
    normalize,
    overflow_limit,
    weighted_mean,
)

__all__ = ["jensen_gap", "log_prior", "log_range", "log_softmax", "log_variance"]


def log_softmax(logits: Array, *, temperature: Array | float = 1.0) -> Array:
    """log p(k) = z(k)/τ − log Σⱼ e^{z(j)/τ}.

    Entries near 0 keep full *relative* accuracy: the largest term is left out of the sum and log1p
    taken of the rest, so log p = −1e-22 is not rounded to 0.

    logits: [..., K], finite or −inf (an exact zero).  temperature: τ > 0, a number or an array [..., 1] that
    broadcasts against `logits`.  Returns [..., K] log-probabilities.
    Raises TypeError, ValueError: not a floating-point array; K < 2; NaN or +inf; a row of −inf only; τ ≤ 0.
    """
    xp = namespace(logits=logits)
    check_rank("logits", logits, 1)
    check_scores("logits", logits, xp)
    temperature = check_temperature(temperature, logits, xp)
    return normalize(logits, xp, temperature)


def log_prior(log_p: Array, *, order: float = 1.0, weights: Array | None = None) -> Array:
    """log M_s(k) = (1/s) log Σₙ wₙ pₙ(k)^s, in nats: the power mean of order s.  [J9]

    s = 1 is the cluster prior log P, s = 0 its limit log G(k) = Σₙ wₙ log pₙ(k) (not normalised),
    s = ±inf the largest and the smallest p. Where some p is 0 the mean is 0 (−inf) for s ≤ 0.
    An order too near 0 for s log p to be a float (1e-154; 1e-19 in float32) counts as 0, its inverse as ±inf.
    log_p: [..., N, K].  order: s, any number or ±inf.  weights: [..., N], sum 1; None means 1/N.
    Returns [..., K].
    """
    s = check_order(order)
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return power_mean_kernel(log_p, weights, s, xp)


def jensen_gap(log_p: Array, *, weights: Array | None = None) -> Array:
    """J(k) = log Σₙ wₙ pₙ(k) − Σₙ wₙ log pₙ(k) = log P(k) − log G(k) ≥ 0, in nats.  [J1]

    Exactly 0 where p(k) does not vary over samples of positive weight, +inf where it is 0 in some and not
    in all of them, accurate to relative rounding however small.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  Returns [..., K].
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return jensen_gap_kernel(log_p, weights, xp)


def log_variance(log_p: Array, *, weights: Array | None = None) -> Array:
    """Var_n log pₙ(k), in nats²: twice the Jensen gap, to leading order.  [J6]

    +inf where p(k) is 0 in some samples and not in all, 0 where it is 0 in all.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  Returns [..., K].
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return log_variance_kernel(log_p, weights, xp)


def log_range(log_p: Array, *, weights: Array | None = None) -> Array:
    """R(k) = maxₙ log pₙ(k) − minₙ log pₙ(k) over samples of positive weight, in nats.  [J6]

    +inf where p(k) is 0 in some of them and not in all, 0 where it is 0 in all.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  Returns [..., K].
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    counts = weights[..., None] > 0
    high = xp.max(xp.where(counts, log_p, -math.inf), axis=-2)
    low = xp.min(xp.where(counts, log_p, math.inf), axis=-2)
    all_zero = high == -math.inf
    return xp.where(all_zero, 0.0, high) - xp.where(all_zero, 0.0, low)


def power_mean_kernel(log_p: Array, weights: Array, s: float, xp: Namespace) -> Array:
    """log M_s for checked input; see `log_prior`."""
    counts = weights[..., None] > 0
    smallest = math.sqrt(float(xp.finfo(log_p.dtype).smallest_normal))
    if abs(s) < smallest or abs(s) > 1.0 / smallest:  # s log p would underflow or overflow
        s = 0.0 if abs(s) < 1 else math.copysign(math.inf, s)
    if s == 0:
        return weighted_mean(log_p, weights, xp)
    if s == math.inf:
        return xp.max(xp.where(counts, log_p, -math.inf), axis=-2)
    low = xp.min(xp.where(counts, log_p, math.inf), axis=-2)
    if s == -math.inf:
        return low
    if s > 0:
        return log_mean_exp(s * log_p, weights, xp) / s
    zero = low == -math.inf
    x = s * xp.where(zero[..., None, :], 0.0, log_p)
    # x ≥ 0: log1p of Σ w (eˣ − 1), whose terms have one sign, unless eˣ overflows.
    wild = s * xp.where(zero, 0.0, low) > overflow_limit(log_p, xp)
    excess = weighted_mean(xp.expm1(xp.where(counts & ~wild[..., None, :], x, 0.0)), weights, xp)
    log_mean = xp.where(wild, log_mean_exp(x, weights, xp), xp.log1p(excess))
    return xp.where(zero, -math.inf, log_mean / s)


def jensen_gap_kernel(log_p: Array, weights: Array, xp: Namespace) -> Array:
    """J for checked input; see `jensen_gap`."""
    zero = (log_p == -math.inf) & (weights[..., None] > 0)
    d, all_zero = _deviations(log_p, weights, xp)
    # J = log Σ w e^d − Σ w d for deviations d from any constant. With a = Σ w (e^d − 1 − d) and the small
    # remainder e = Σ w d this is log1p(a + e) − e: no digits cancel while e^d does not overflow.
    mean = weighted_mean(d, weights, xp)
    tame = xp.max(xp.where(weights[..., None] > 0, d, 0.0), axis=-2) < overflow_limit(log_p, xp)
    excess = weighted_mean(expm1_minus(xp.where(tame[..., None, :], d, 0.0), xp), weights, xp)
    rest = excess + mean
    near = xp.abs(rest) < 0.5
    r = xp.where(near, rest, 0.0)
    gap_near = excess - minus_log1p(r, xp)
    gap_tame = xp.log1p(xp.where(tame, rest, 0.0)) - mean
    gap_wild = log_mean_exp(d, weights, xp) - mean
    gap = xp.where(tame, xp.where(near, gap_near, gap_tame), gap_wild)
    some_zero = xp.any(zero, axis=-2)
    return xp.where(all_zero, 0.0, xp.where(some_zero, math.inf, gap))


def _deviations(log_p: Array, weights: Array, xp: Namespace) -> tuple[Array, Array]:
    """log pₙ(k) about its weighted mean (0 where constant or not finite), and where p(k) is all 0.

    The largest value is taken off first: a constant column then gives exactly 0.
    """
    counts = weights[..., None] > 0
    high = constant(xp.max(xp.where(counts, log_p, -math.inf), axis=-2, keepdims=True))
    all_zero = high == -math.inf
    usable = counts & (log_p > -math.inf)
    d = xp.where(usable, log_p, 0.0) - xp.where(all_zero, 0.0, high)
    d = xp.where(usable, d, 0.0)
    return xp.where(usable, d - weighted_mean(d, weights, xp)[..., None, :], 0.0), all_zero[..., 0, :]


def log_variance_kernel(log_p: Array, weights: Array, xp: Namespace) -> Array:
    """Var_n log p for checked input; see `log_variance`."""
    zero = (log_p == -math.inf) & (weights[..., None] > 0)
    d, all_zero = _deviations(log_p, weights, xp)
    variance = weighted_mean(d * d, weights, xp) - weighted_mean(d, weights, xp) ** 2
    return xp.where(all_zero, 0.0, xp.where(xp.any(zero, axis=-2), math.inf, variance))
