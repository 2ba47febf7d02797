"""Ensembles of points of the simplex: logits → log p, cluster priors of any order, the Jensen gap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory.blocks import blocked_jensen_gap, in_blocks
from theory.checks import check_ensemble, check_order, check_rank, check_scores, check_temperature, namespace
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

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["jensen_gap", "log_prior", "log_softmax"]


def log_softmax(
    logits: Float[Array, "*batch K"], *, temperature: Float[Array, "*#batch 1"] | float = 1.0
) -> Float[Array, "*batch K"]:
    r"""log p(k) = z(k)/τ − log Σⱼ e^{z(j)/τ}, in nats.

    .. math:: \log p(k) = \frac{z(k)}{\tau} - \log \sum_j e^{z(j)/\tau}

    Entries near 0 keep full *relative* accuracy: the largest term is left out of the sum and log1p
    taken of the rest, so log p = −1e-22 is not rounded to 0.

    Parameters
    ----------
    logits
        z, [..., K], finite or −inf (an exact zero).
    temperature
        τ > 0, a number or an array [..., 1] that broadcasts against `logits`.

    Returns
    -------
    array [..., K]
        Log-probabilities.

    Raises
    ------
    TypeError, ValueError
        Not a floating-point array; K < 2; NaN or +inf; a row of −inf only; τ ≤ 0.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> theory.log_softmax(np.array([[2.0, 0.0], [0.0, 1.0]]), temperature=0.5).round(4)
    array([[-0.0181, -4.0181],
           [-2.1269, -0.1269]])
    >>> print(f"{theory.log_softmax(np.array([50.0, 0.0]))[0]:.4g}")
    -1.929e-22
    """
    xp = namespace(logits=logits)
    check_rank("logits", logits, 1)
    check_scores("logits", logits, xp)
    temperature = check_temperature(temperature, logits, xp)
    return normalize(logits, xp, temperature)


def log_prior(
    log_p: Float[Array, "*batch N K"], *, order: float = 1.0, weights: Float[Array, "*#batch N"] | None = None
) -> Float[Array, "*batch K"]:
    r"""log M_s(k) = (1/s) log Σₙ wₙ pₙ(k)^s, in nats: the power mean of order s.  [J9]

    .. math:: \log M_s(k) = \frac{1}{s} \log \sum_n w_n \, p_n(k)^s

    s = 1 is the cluster prior log P, s = 0 its limit log G(k) = Σₙ wₙ log pₙ(k) (not normalised),
    s = ±inf the largest and the smallest p. Where some p is 0 the mean is 0 (−inf) for s ≤ 0.
    An order too near 0 for s log p to be a float (1e-154; 1e-19 in float32) counts as 0, its inverse as ±inf.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    order
        s, any number or ±inf.
    weights
        Of the samples, [..., N], sum 1; None means 1/N.

    Returns
    -------
    array [..., K]
        log M_s, in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights of another shape, negative, or of another sum than 1; an order
        that is NaN or no number.

    Examples
    --------
    The arithmetic and the geometric mean of two samples, and the smallest p:

    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.5, 0.5], [0.2, 0.8]])
    >>> for order in (1.0, 0.0, -np.inf):
    ...     print(np.exp(theory.log_prior(log_p, order=order)).round(4))
    [0.35 0.65]
    [0.3162 0.6325]
    [0.2 0.5]
    """
    s = check_order(order)
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return power_mean_kernel(log_p, weights, s, xp)


def jensen_gap(
    log_p: Float[Array, "*batch N K"], *, weights: Float[Array, "*#batch N"] | None = None
) -> Float[Array, "*batch K"]:
    r"""J(k) = log Σₙ wₙ pₙ(k) − Σₙ wₙ log pₙ(k) = log P(k) − log G(k) ≥ 0, in nats.  [J1]

    .. math:: J(k) = \log \sum_n w_n \, p_n(k) - \sum_n w_n \log p_n(k)

    Exactly 0 where p(k) does not vary over samples of positive weight, +inf where it is 0 in some and
    not in all of them, accurate to twelve digits (in float32 to five) however small.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; None means 1/N.

    Returns
    -------
    array [..., K]
        J, in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights of another shape, negative, or of another sum than 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> theory.jensen_gap(np.log([[0.5, 0.5], [0.2, 0.8]])).round(4)
    array([0.1015, 0.0274])
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return jensen_gap_kernel(log_p, weights, xp)


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
    if s == 1:
        return log_mean_exp(log_p, weights, xp)
    low = xp.min(xp.where(counts, log_p, math.inf), axis=-2)
    if s == -math.inf:
        return low
    mean = _positive_mean(log_p, weights, s, xp) if s > 0 else _negative_mean(log_p, low, weights, s, xp)
    if abs(s) > 0.5:
        return mean
    # Where |s log p| < ε log G is off by s/2 Var log p < ε/2 of it, and keeps what of s log p underflows.
    flat = -abs(s) * low < xp.finfo(log_p.dtype).eps
    return xp.where(flat, weighted_mean(log_p, weights, xp), mean)


def _positive_mean(log_p: Array, weights: Array, s: float, xp: Namespace) -> Array:
    return log_mean_exp(s * log_p, weights, xp) / s


def _negative_mean(log_p: Array, low: Array, weights: Array, s: float, xp: Namespace) -> Array:
    counts = weights[..., None] > 0
    zero = low == -math.inf
    x = s * xp.where(zero[..., None, :], 0.0, log_p)
    # x ≥ 0: log1p of Σ w (eˣ − 1), whose terms have one sign, unless eˣ overflows.
    wild = s * xp.where(zero, 0.0, low) > overflow_limit(log_p, xp)
    excess = weighted_mean(xp.expm1(xp.where(counts & ~wild[..., None, :], x, 0.0)), weights, xp)
    log_mean = xp.where(wild, log_mean_exp(x, weights, xp), xp.log1p(excess))
    return xp.where(zero, -math.inf, log_mean / s)


@in_blocks(blocked_jensen_gap)
def jensen_gap_kernel(log_p: Array, weights: Array, xp: Namespace) -> Array:
    """J for checked input; see `jensen_gap`."""
    zero = (log_p == -math.inf) & (weights[..., None] > 0)
    d, all_zero = deviations_kernel(log_p, weights, xp)
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


def deviations_kernel(log_p: Array, weights: Array, xp: Namespace) -> tuple[Array, Array]:
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
