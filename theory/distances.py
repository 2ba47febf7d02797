"""How far the teachers of the family can be from one another.  [J7, T5]"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from theory.checks import check_log_probabilities, check_rank, check_tilt, namespace, reads_values, reject
from theory.logspace import Array, Namespace, oscillation, power

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = [
    "TeacherDistance",
    "hilbert_diameter",
    "projected_distance_bound",
    "sinkhorn_contraction",
    "teacher_distance_bound",
]


@dataclass(frozen=True, kw_only=True)
class TeacherDistance:
    """Bounds on the distance of two tilts r̃, r of one teacher whose λ differ by v, by osc(v).  [J7]

    Attributes
    ----------
    log_ratio : [...]
        On ∣log r̃ₙ(k) − log rₙ(k)∣, all n, k, in nats.
    kl : [...]
        On KL(r̃‖r) and KL(r‖r̃), in nats.
    total_variation : [...]
        On ½ Σₖ ∣r̃ − r∣, in [0, 1].
    """

    log_ratio: Float[Array, "*batch"]
    kl: Float[Array, "*batch"]
    total_variation: Float[Array, "*batch"]


def teacher_distance_bound(jensen_gap: Float[Array, "*batch K"]) -> TeacherDistance:
    r"""∣log r̃ − log r∣ ≤ osc(J),  KL ≤ osc(J)²/8,  TV ≤ tanh(osc(J)/4).  [J7]

    .. math:: \mathrm{KL} \le \operatorname{osc}(J)^2/8, \qquad \mathrm{TV} \le \tanh(\operatorname{osc}(J)/4)

    For the centred teacher r̃ and the inverse-prior teacher r, whose λ differ by J; equally for any two
    tilts of one p, given the difference of their λ in place of J.

    Parameters
    ----------
    jensen_gap
        J, [..., K], in nats; may hold ±inf (the bounds are then inf, inf, 1).

    Returns
    -------
    TeacherDistance
        Each bound [...].

    Raises
    ------
    TypeError, ValueError
        Not floating-point; NaN; K < 2.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> found = theory.teacher_distance_bound(np.array([0.1, 0.3, 0.5]))
    >>> print(f"{found.log_ratio:.4f} {found.kl:.4f} {found.total_variation:.4f}")
    0.4000 0.0200 0.0997
    """
    xp = namespace(jensen_gap=jensen_gap)
    check_rank("jensen_gap", jensen_gap, 1)
    if reads_values("jensen_gap"):
        reject("jensen_gap", xp.isnan(jensen_gap), "not contain NaN", "NaN", xp)
    infinite = xp.any(xp.abs(jensen_gap) == math.inf, axis=-1)
    osc = oscillation(xp.where(infinite[..., None], 0.0, jensen_gap), xp)
    osc = xp.where(infinite, math.inf, osc)
    return TeacherDistance(log_ratio=osc, kl=power(osc, 2, xp) / 8.0, total_variation=xp.tanh(osc / 4.0))


def hilbert_diameter(log_p: Float[Array, "*batch N K"]) -> Float[Array, "*batch"]:
    r"""Δ = max osc_k(log pₙ − log pₙ′) over n, n′, in nats: the Hilbert diameter of the rows of p.  [T5]

    .. math:: \Delta = \max_{n, n'} \operatorname{osc}_k \left(\log p_n(k) - \log p_{n'}(k)\right)

    +inf where one sample gives a cluster probability 0 and another does not. Time N K min(N, K), memory N K.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].

    Returns
    -------
    array [...]
        Δ, in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> print(f"{theory.hilbert_diameter(np.log([[0.5, 0.5], [0.2, 0.8]])):.4f}")
    1.3863
    """
    xp = namespace(log_p=log_p)
    check_rank("log_p", log_p, 2)
    check_log_probabilities("log_p", log_p, xp)
    return _diameter(log_p, xp)


def sinkhorn_contraction(log_p: Float[Array, "*batch N K"]) -> Float[Array, "*batch"]:
    r"""κ = tanh²(Δ/4): each Sinkhorn round shrinks osc(λ − λ*) by at least this factor.  [T5]

    .. math:: \kappa = \tanh^2(\Delta/4)

    κ → 1 fast: Δ = 20 gives 0.9998, and past Δ ≈ 75 it is 1 in float64: the bound then says nothing.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].

    Returns
    -------
    array [...]
        κ, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2.

    References
    ----------
    Birkhoff, Trans. Amer. Math. Soc. 85, 1957; Franklin and Lorenz, Linear Algebra Appl. 114, 1989.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> print(f"{theory.sinkhorn_contraction(np.log([[0.5, 0.5], [0.2, 0.8]])):.4f}")
    0.1111
    """
    xp = namespace(log_p=log_p)
    check_rank("log_p", log_p, 2)
    check_log_probabilities("log_p", log_p, xp)
    return xp.tanh(_diameter(log_p, xp) / 4.0) ** 2


def projected_distance_bound(
    log_p: Float[Array, "*batch N K"], log_tilt_change: Float[Array, "*#batch K"]
) -> Float[Array, "*batch"]:
    r"""osc(λ₁ − λ*) ≤ κ/(1−κ) · osc(λ₁ − λ₀) = sinh²(Δ/4) · osc(λ₁ − λ₀).  [T5]

    .. math::

        \operatorname{osc}(\lambda_1 - \lambda^*)
        \le \sinh^2(\Delta/4)\, \operatorname{osc}(\lambda_1 - \lambda_0)

    From one Sinkhorn round λ₀ → λ₁ to the projected teacher's λ*: with λ₀ = 0, how far the inverse-prior
    teacher can be from it. +inf where it says nothing.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    log_tilt_change
        λ₁ − λ₀, [..., K], in nats.

    Returns
    -------
    array [...]
        On osc(λ₁ − λ*), in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; a change of another shape, or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.5, 0.5], [0.2, 0.8]])
    >>> first = theory.inverse_prior_log_tilt(log_p)
    >>> print(f"{np.ptp(first - theory.project(log_p).log_tilt):.4f}")
    0.0741
    >>> print(f"{theory.projected_distance_bound(log_p, first):.4f}")
    0.0774
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


def _diameter(log_p: Float[Array, "*batch N K"], xp: Namespace) -> Float[Array, "*batch"]:
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
