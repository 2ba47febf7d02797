"""How large the Jensen gap can be, and how far the teachers of the family can be from one another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theory.checks import check_log_probabilities, check_rank, check_tilt, namespace, reads_values, reject
from theory.logspace import Array, Namespace, expm1_minus, minus_log1p, oscillation

__all__ = [
    "TeacherDistance",
    "hilbert_diameter",
    "hoeffding_bound",
    "projected_distance_bound",
    "sinkhorn_contraction",
    "specht_bound",
    "teacher_distance_bound",
    "variance_bound",
]


@dataclass(frozen=True, kw_only=True)
class TeacherDistance:
    """Bounds on the distance of two tilts of one teacher whose λ differ by v, in terms of osc(v).  [J7]

    log_ratio: on |log cₙ(k) − log rₙ(k)|, all n, k, in nats.  kl: on KL(c‖r) and KL(r‖c), in nats.
    total_variation: on ½ Σₖ |c − r|, in [0, 1].  Each [...].
    """

    log_ratio: Array
    kl: Array
    total_variation: Array


def specht_bound(log_range: Array) -> Array:
    """log S(e^R) = u − 1 − log u with u = R/(e^R − 1): the largest Jensen gap of a variable of range R.  [J6]

    Sharp: a two-point distribution at the ends attains it. ~R²/8 for small R, R − 1 − log R for large R;
    finite and accurate for every finite R, +inf at +inf.
    log_range: R ≥ 0, any shape, in nats.  Returns the same shape.
    Raises TypeError, ValueError: not floating-point; NaN; negative.
    Source: Specht, Math. Z. 74, 1960 (ratio of arithmetic to geometric mean).
    """
    r, xp = _range(log_range)
    moderate = r < 1.0
    s = xp.where(moderate, r, 0.5)
    s = xp.where(s > 0, s, 0.5)
    # u − 1 = −(e^R − 1 − R)/(e^R − 1) keeps its digits; then u − 1 − log u is x − log(1 + x) of it.
    near = minus_log1p(-expm1_minus(s, xp) / xp.expm1(s), xp)
    t = xp.where(moderate | (r == math.inf), 1.0, r)
    far = t * xp.exp(-t) / -xp.expm1(-t) - 1.0 - xp.log(t) + t + xp.log1p(-xp.exp(-t))
    value = xp.where(moderate, xp.where(r > 0, near, 0.0), xp.where(r == math.inf, math.inf, far))
    return _returned(value, log_range)


def hoeffding_bound(log_range: Array) -> Array:
    """R²/8 ≥ log S(e^R): Hoeffding's lemma for the Jensen gap of a variable of range R, in nats.  [J6]

    log_range: R ≥ 0, any shape, in nats.  Returns the same shape.
    Raises TypeError, ValueError: not floating-point; NaN; negative.
    Source: Hoeffding, J. Amer. Statist. Assoc. 58, 1963, lemma 1.
    """
    r, xp = _range(log_range)
    return _returned(_power(r, 2, xp) / 8.0, log_range)


def variance_bound(log_range: Array) -> Array:
    """|J − ½ Var| ≤ R³/(36√3), in nats.  [J6]

    J − ½Var = ∫₀¹ ½(1−t)² K‴(t) dt for the cumulant function K, and the third central moment of a variable
    of range R is at most R³/(6√3) in size (two points).
    log_range: R ≥ 0, any shape, in nats.  Returns the same shape.
    Raises TypeError, ValueError: not floating-point; NaN; negative.
    """
    r, xp = _range(log_range)
    return _returned(_power(r, 3, xp) / (36.0 * math.sqrt(3.0)), log_range)


def teacher_distance_bound(jensen_gap: Array) -> TeacherDistance:
    """|log c − log r| ≤ osc(J),  KL ≤ osc(J)²/8,  TV ≤ tanh(osc(J)/4).  [J7]

    For the centred teacher c and the inverse-prior teacher r, whose λ differ by J; equally for any two
    tilts of one p, given the difference of their λ in place of J.
    jensen_gap: [..., K], nats; may hold ±inf (the bounds are then inf, inf, 1).
    Returns TeacherDistance, each entry [...].
    Raises TypeError, ValueError: not floating-point; NaN; K < 2.
    """
    xp = namespace(jensen_gap=jensen_gap)
    check_rank("jensen_gap", jensen_gap, 1)
    if reads_values("jensen_gap"):
        reject("jensen_gap", xp.isnan(jensen_gap), "not contain NaN", "NaN", xp)
    infinite = xp.any(xp.abs(jensen_gap) == math.inf, axis=-1)
    osc = oscillation(xp.where(infinite[..., None], 0.0, jensen_gap), xp)
    osc = xp.where(infinite, math.inf, osc)
    return TeacherDistance(log_ratio=osc, kl=_power(osc, 2, xp) / 8.0, total_variation=xp.tanh(osc / 4.0))


def hilbert_diameter(log_p: Array) -> Array:
    """Δ = maxₙₘ osc_k(log pₙ(k) − log pₘ(k)), in nats: the Hilbert diameter of the rows of p.  [T5]

    +inf where one sample gives a cluster probability 0 and another does not.
    log_p: [..., N, K].  Returns [...].  Time N K min(N, K), memory N K.
    Raises TypeError, ValueError: not log-probabilities, K < 2.
    """
    xp = namespace(log_p=log_p)
    check_rank("log_p", log_p, 2)
    check_log_probabilities("log_p", log_p, xp)
    return _diameter(log_p, xp)


def sinkhorn_contraction(log_p: Array) -> Array:
    """κ = tanh²(Δ/4): each Sinkhorn round shrinks osc(λ − λ*) by at least this factor.  [T5]

    κ → 1 fast: Δ = 20 gives 0.9998, and past Δ ≈ 75 it is 1 in float64: the bound then says nothing.
    log_p: [..., N, K].  Returns [...], in [0, 1].
    Raises TypeError, ValueError: not log-probabilities, K < 2.
    Source: Birkhoff, Trans. Amer. Math. Soc. 85, 1957; Franklin and Lorenz, Linear Algebra Appl. 114, 1989.
    """
    xp = namespace(log_p=log_p)
    check_rank("log_p", log_p, 2)
    check_log_probabilities("log_p", log_p, xp)
    return xp.tanh(_diameter(log_p, xp) / 4.0) ** 2


def projected_distance_bound(log_p: Array, log_tilt_change: Array) -> Array:
    """osc(λ₁ − λ*) ≤ κ/(1−κ) · osc(λ₁ − λ₀) = sinh²(Δ/4) · osc(λ₁ − λ₀).  [T5]

    From one Sinkhorn round λ₀ → λ₁ to the projected teacher's λ*: with λ₀ = 0, how far the inverse-prior
    teacher can be from it. +inf where it says nothing.
    log_p: [..., N, K].  log_tilt_change: λ₁ − λ₀, [..., K], nats.  Returns [...], nats.
    Raises TypeError, ValueError: not log-probabilities, K < 2; a change of another shape, or not finite.
    """
    xp = namespace(log_p=log_p, log_tilt_change=log_tilt_change)
    check_rank("log_p", log_p, 2)
    check_log_probabilities("log_p", log_p, xp)
    check_tilt(log_tilt_change, log_p, xp, name="log_tilt_change")
    diameter = _diameter(log_p, xp)
    osc = oscillation(log_tilt_change, xp)
    # sinh²(Δ/4) ≤ e^{Δ/2}/4: where that times osc is a float, the bound is.
    limit = math.log(float(xp.finfo(log_p.dtype).max)) + math.log(4.0) - 1e-3
    tame = diameter / 2.0 + xp.log(xp.where(osc > 1.0, osc, 1.0)) < limit
    sinh = xp.sinh(xp.where(tame, diameter, 0.0) / 4.0)
    return xp.where(osc > 0, xp.where(tame, sinh * sinh * osc, math.inf), 0.0)


def _diameter(log_p: Array, xp: Namespace) -> Array:
    zero = log_p == -math.inf
    split = xp.any(xp.any(zero, axis=-2) & ~xp.all(zero, axis=-2), axis=-1)
    x = xp.where(zero, 0.0, log_p)
    dead = xp.all(zero, axis=-2, keepdims=True)
    # osc_k of a difference of rows and osc_n of a difference of columns have one maximum: run over the fewer.
    by_row = x.shape[-2] <= x.shape[-1]
    largest = xp.zeros_like(x[..., 0, 0])
    for i in range(x.shape[-2] if by_row else x.shape[-1]):
        d = x - (x[..., i : i + 1, :] if by_row else x[..., :, i : i + 1])
        if by_row:
            high, low = xp.where(dead, -math.inf, d), xp.where(dead, math.inf, d)
            osc = xp.max(high, axis=-1) - xp.min(low, axis=-1)
        else:
            osc = xp.max(d, axis=-2) - xp.min(d, axis=-2)
            live = ~dead[..., 0, :]
            osc = xp.where(live & live[..., i : i + 1], osc, 0.0)
        largest = xp.maximum(largest, xp.max(osc, axis=-1))
    return xp.where(split, math.inf, largest)


def _power(x: Array, n: int, xp: Namespace) -> Array:
    """xⁿ for x ≥ 0, +inf past the largest float without a warning of overflow."""
    limit = float(xp.finfo(x.dtype).max) ** (1.0 / n) * (1.0 - 1e-6)
    return xp.where(x < limit, xp.where(x < limit, x, 0.0) ** n, math.inf)


def _range(log_range: Array) -> tuple[Array, Namespace]:
    if isinstance(log_range, float):
        log_range = np.asarray(log_range)
    xp = namespace(log_range=log_range)
    if reads_values("log_range"):
        reject("log_range", xp.isnan(log_range), "not contain NaN", "NaN", xp)
        reject("log_range", log_range < 0, "not be negative", log_range, xp)
    return log_range, xp


def _returned(value: Array, given: Array) -> Array:
    return float(value) if isinstance(given, float) and not hasattr(given, "dtype") else value
