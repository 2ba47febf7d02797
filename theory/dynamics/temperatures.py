"""How warm the teacher may be: for a start from uniform, and for the learnt to live on.  [D2, D3]"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike

from theory.checks import check_count, check_number, finite_on_host

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["critical_temperature", "fold_shift", "survival_temperature"]


def critical_temperature(
    correlation: ArrayLike, *, student_temperature: float
) -> Float[np.ndarray, "*shape"]:
    """τ_t* = ρ τ_s: below it the direction grows from uniform, above it decays.  [D2, D3]

    0 where ρ ≤ 0: no teacher, however sharp, makes that direction grow. Without a constraint on the teacher
    the constant direction has ρ = 1, so it grows for every τ_t < τ_s, before anything else does.

    Parameters
    ----------
    correlation
        ρ_j, any shape: `correlations` of features.
    student_temperature
        τ_s > 0.

    Returns
    -------
    array, the shape of `correlation`
        τ_t*, in the units of τ_s.

    Raises
    ------
    TypeError, ValueError
        A correlation that is not finite, τ_s not positive and finite.

    Examples
    --------
    >>> from theory.dynamics import critical_temperature
    >>> critical_temperature([0.5, 0.25, -0.5], student_temperature=0.1)
    array([0.05 , 0.025, 0.   ])
    """
    tau = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    return critical_temperature_kernel(finite_on_host("correlation", correlation), tau)


def critical_temperature_kernel(rho: Float[np.ndarray, "*shape"], tau: float) -> Float[np.ndarray, "*shape"]:
    """`critical_temperature` for checked input."""
    return np.maximum(rho, 0.0) * tau


def survival_temperature(
    correlation: ArrayLike, *, clusters: int, student_temperature: float
) -> Float[np.ndarray, "*shape"]:
    r"""τ_t† = τ_s max_y ℓ(ρy)/ℓ(y), ℓ(y) = log(1 + (K−1)y) − log(1 − y): learnt, it lives up to here.  [D3]

    .. math:: \tau_t^\dagger = \tau_s \max_{0 < y < 1} \frac{\ell(\rho y)}{\ell(y)}, \qquad
        \ell(y) = \log\frac{1 + (K - 1)\,y}{1 - y}

    K equally likely clusters, one for each output; given one view, the other shows the same cluster with
    probability ρ + (1−ρ)/K and any other with (1−ρ)/K, so ρ is the one cross-view correlation; the student
    has a table (one-hot features). A symmetric fixed point has logits u for its own cluster against the rest,
    and must match the averaged teacher: ρ h(u/τ_t) = h(u/τ_s), h(u) = (e^u − 1)/(e^u + K − 1). With
    y = h(u/τ_t) and ℓ = h⁻¹ that reads τ_t/τ_s = ℓ(ρy)/ℓ(y) for some y in (0, 1). y → 0 gives ρ, the critical
    temperature; L is concave near 0 for K > 2, so the maximum lies above: between the two a cold start dies
    and a learnt solution survives (hysteresis). For K = 2 they coincide. K → ∞ drives τ_t† to τ_s.

    Parameters
    ----------
    correlation
        ρ in [0, 1], any shape.
    clusters
        K ≥ 2.
    student_temperature
        τ_s > 0.

    Returns
    -------
    array, the shape of `correlation`
        τ_t†, in the units of τ_s.

    Raises
    ------
    TypeError, ValueError
        A correlation outside [0, 1] or NaN, K < 2 or no integer, τ_s not positive and finite.

    Examples
    --------
    The more clusters, the warmer a teacher may be once they are learnt:

    >>> from theory.dynamics import survival_temperature
    >>> for clusters in (2, 8, 4096):
    ...     print(f"{survival_temperature(0.5, clusters=clusters, student_temperature=0.1):.4f}")
    0.0500
    0.0595
    0.0883
    """
    rho = finite_on_host("correlation", correlation)
    if ((rho < 0) | (rho > 1)).any():
        raise ValueError(f"`correlation` must be in [0, 1], got {rho[(rho < 0) | (rho > 1)].ravel()[0]:g}.")
    clusters = check_count("clusters", clusters, low=2)
    tau = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    return survival_temperature_kernel(rho, clusters, tau)


def survival_temperature_kernel(
    rho: Float[np.ndarray, "*shape"], clusters: int, tau: float
) -> Float[np.ndarray, "*shape"]:
    """`survival_temperature` for checked input."""
    others = clusters - 1

    def highest(rho: float) -> float:
        return rho if rho in (0.0, 1.0) or others == 1 else warmest_kernel(rho, others)[1]

    return tau * np.vectorize(highest, otypes=[np.float64])(rho)


def fold_shift(shift: float, *, batch_size: float = 1.0, learning_rate: float = 1.0) -> float:
    r"""δ' = δ (η'/η · B/B')^{2/3}: how far below the fold noise tips a run over, from one such shift.  [D9]

    .. math:: \delta' = \delta \left(\frac{\eta'}{\eta} \cdot \frac{B}{B'}\right)^{2/3}

    Near the fold of `survival_temperature` the learnt solution and the one it meets there are √δ apart, in a
    well of depth δ^{3/2}; batches of B at the rate η shake it with a variance of η/B. A run of so many
    relaxation times is lost where the two are in a fixed ratio. The law holds up to logarithms of the number
    of steps, and while the shift is small against the fold itself.

    Parameters
    ----------
    shift
        δ ≥ 0, the fold less the largest τ_t/τ_s that survived.
    batch_size
        B'/B > 0: the batch asked for over the one measured.
    learning_rate
        η'/η > 0, likewise.

    Returns
    -------
    float
        δ', in the units of δ.

    Raises
    ------
    TypeError, ValueError
        A negative shift, a ratio that is not positive and finite.

    Examples
    --------
    Four times the batch, or a quarter of the rate:

    >>> from theory.dynamics import fold_shift
    >>> print(f"{fold_shift(0.05, batch_size=4):.4f} {fold_shift(0.05, learning_rate=0.25):.4f}")
    0.0198 0.0198
    """
    delta = check_number("shift", shift, low=0.0)
    batch = check_number("batch_size", batch_size, low=0.0, open_low=True)
    rate = check_number("learning_rate", learning_rate, low=0.0, open_low=True)
    return delta * (rate / batch) ** (2 / 3)


def ratio_kernel(v: float, rho: float, others: int) -> float:
    """ℓ(ρy)/ℓ(y) at y = 1/(1 + eᵛ), others = K − 1: the maximum may lie within e^{−log K} of y = 1."""
    y = 1.0 / (1.0 + math.exp(v))
    return (math.log1p(others * rho * y) - math.log1p(-rho * y)) / log_odds_kernel(v, others)


def log_odds_kernel(v: float, others: int) -> float:
    """ℓ(y) at y = 1/(1 + eᵛ), where 1 − y = 1/(1 + e⁻ᵛ)."""
    return math.log1p(others / (1.0 + math.exp(v))) + math.log1p(math.exp(-v))


def warmest_kernel(rho: float, others: int) -> tuple[float, float]:
    """v and value of the maximum of `ratio_kernel`, or the limit ρ at y → 0."""
    # One interior maximum at most (checked in the tests against a scan).
    found = scipy.optimize.minimize_scalar(
        lambda v: -ratio_kernel(v, rho, others),
        bounds=(-40.0, 20.0),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.x), max(rho, -float(found.fun))
