"""The tilt r(k) ∝ p(k) e^{λ(k)}, the one normaliser of the family, and λ where it is of a mean of p.

λ is defined up to a constant per ensemble, which the normaliser removes. Sinkhorn's rounds are in
`theory.sinkhorn`, the softmax over a batch in `theory.batches`; all teachers are in `theory.TEACHERS`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory.checks import (
    Ensemble,
    check_ensemble,
    check_log_probabilities,
    check_order,
    check_rank,
    check_tilt,
    namespace,
    reject,
)
from theory.ensembles import power_mean_kernel
from theory.logspace import Array, Namespace, normalize
from theory.spreads import log_variance_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = [
    "centering_log_tilt",
    "cumulant_log_tilt",
    "inverse_prior_log_tilt",
    "power_mean_log_tilt",
    "tilt",
]


def tilt(
    log_p: Float[Array, "*batch N K"], log_tilt: Float[Array, "*#batch K"]
) -> Float[Array, "*batch N K"]:
    r"""log r(k) = log p(k) + λ(k) − log Σⱼ p(j) e^{λ(j)}: the one normaliser of the family.

    .. math:: \log r(k) = \log p(k) + \lambda(k) - \log \sum_j p(j) \, e^{\lambda(j)}

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K]; zeros (−inf) stay zeros.
    log_tilt
        λ, [..., K], finite, one per ensemble, in nats.

    Returns
    -------
    array [..., N, K]
        log r, log-probabilities.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; λ of another shape or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> np.exp(theory.tilt(np.log([[0.5, 0.5], [0.2, 0.8]]), np.log([4.0, 1.0]))).round(4)
    array([[0.8, 0.2],
           [0.5, 0.5]])
    """
    xp = namespace(log_p=log_p, log_tilt=log_tilt)
    check_rank("log_p", log_p, 2)
    check_log_probabilities("log_p", log_p, xp)
    check_tilt(log_tilt, log_p, xp)
    return tilt_kernel(log_p, log_tilt, xp)


def centering_log_tilt(
    log_p: Float[Array, "*batch N K"],
    *,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch K"]:
    r"""λ(k) = log π(k) − log G(k), log G = Σₙ wₙ log pₙ.  [J2]

    .. math:: \lambda(k) = \log \pi(k) - \sum_n w_n \log p_n(k)

    With p = softmax(z/τ) the tilt is softmax((z − z̄)/τ + log π), z̄ = Σₙ wₙ zₙ: batch centering.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; None means 1/N.
    log_target
        log π, [..., K], every share positive; None means uniform.

    Returns
    -------
    array [..., K]
        λ, in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights or a target that do not fit `log_p` or do not sum to 1; a
        cluster in which some sample of positive weight has probability 0 (its G is 0).

    Examples
    --------
    The clusters' geometric means are equal after the tilt:

    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.5, 0.5], [0.2, 0.8]])
    >>> log_tilt = theory.centering_log_tilt(log_p)
    >>> log_tilt.round(4)
    array([ 0.4581, -0.235 ])
    >>> theory.log_prior(theory.tilt(log_p, log_tilt), order=0.0).round(4)
    array([-0.752, -0.752])
    """
    return _less_power_mean(check_ensemble(log_p, weights, log_target), 0.0)


def inverse_prior_log_tilt(
    log_p: Float[Array, "*batch N K"],
    *,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch K"]:
    r"""λ(k) = log π(k) − log P(k), P = Σₙ wₙ pₙ.  [T2]

    .. math:: \lambda(k) = \log \pi(k) - \log \sum_n w_n \, p_n(k)

    The tilt is Bayes' posterior after the cluster prior moves from P to π.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; None means 1/N.
    log_target
        log π, [..., K], every share positive; None means uniform.

    Returns
    -------
    array [..., K]
        λ, in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights or a target that do not fit `log_p` or do not sum to 1; a
        cluster in which every sample has probability 0.

    References
    ----------
    Saerens, Latinne and Decaestecker, Neural Computation 14(1), 2002 (label shift).

    Examples
    --------
    Its prior is near the target, not on it:

    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.5, 0.5], [0.2, 0.8]])
    >>> log_tilt = theory.inverse_prior_log_tilt(log_p)
    >>> log_tilt.round(4)
    array([ 0.3567, -0.2624])
    >>> np.exp(theory.log_prior(theory.tilt(log_p, log_tilt))).round(4)
    array([0.4835, 0.5165])
    """
    return _less_power_mean(check_ensemble(log_p, weights, log_target), 1.0)


def power_mean_log_tilt(
    log_p: Float[Array, "*batch N K"],
    *,
    order: float,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch K"]:
    r"""λ(k) = log π(k) − log M_s(k), M_s(k) = (Σₙ wₙ pₙ(k)^s)^{1/s}.  [J9]

    .. math:: \lambda(k) = \log \pi(k) - \log M_s(k), \qquad
        M_s(k) = \Bigl(\sum_n w_n \, p_n(k)^s\Bigr)^{1/s}

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    order
        s, any number; 0 is centering, 1 is the inverse prior, ±inf the largest and smallest p.
    weights
        Of the samples, [..., N], sum 1; None means 1/N.
    log_target
        log π, [..., K], every share positive; None means uniform.

    Returns
    -------
    array [..., K]
        λ, in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights or a target that do not fit `log_p` or do not sum to 1; an order
        that is NaN or no number; a cluster whose M_s is 0.

    Examples
    --------
    Half-way from centering to the inverse prior:

    >>> import numpy as np
    >>> import theory
    >>> theory.power_mean_log_tilt(np.log([[0.5, 0.5], [0.2, 0.8]]), order=0.5).round(4)
    array([ 0.4061, -0.2488])
    """
    s = check_order(order)
    return _less_power_mean(check_ensemble(log_p, weights, log_target), s)


def cumulant_log_tilt(
    log_p: Float[Array, "*batch N K"],
    *,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch K"]:
    r"""λ(k) = log π(k) − (log G(k) + ½ Varₙ log pₙ(k)): centering with its variance correction.  [J6]

    .. math:: \lambda(k) = \log \pi(k) - \log G(k) - \tfrac{1}{2} \operatorname{Var}_n \log p_n(k)

    log P to second order in the spread of log p, so for warm teachers only: when p is sharp, ½ Var
    overshoots the Jensen gap many times over, and a network trained with this teacher collapses.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; None means 1/N.
    log_target
        log π, [..., K], every share positive; None means uniform.

    Returns
    -------
    array [..., K]
        λ, in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights or a target that do not fit `log_p` or do not sum to 1; a
        cluster in which some sample of positive weight has probability 0.

    Examples
    --------
    Of a warm teacher it is nearly the inverse prior:

    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.5, 0.5], [0.2, 0.8]])
    >>> theory.cumulant_log_tilt(log_p).round(4)
    array([ 0.3532, -0.2626])
    >>> theory.inverse_prior_log_tilt(log_p).round(4)
    array([ 0.3567, -0.2624])
    """
    ensemble = check_ensemble(log_p, weights, log_target)
    log_tilt = cumulant_kernel(ensemble)
    rule = "give every cluster a positive geometric mean over the samples"
    reject("log_p", log_tilt == math.inf, rule, "0", ensemble.xp)
    return log_tilt


def tilt_kernel(log_p: Array, log_tilt: Array, xp: Namespace) -> Array:
    """`tilt` for checked input."""
    return normalize(log_p + log_tilt[..., None, :], xp)


def cumulant_kernel(ensemble: Ensemble) -> Array:
    """`cumulant_log_tilt` for checked input."""
    log_p, weights, log_pi, xp = ensemble
    log_mean = power_mean_kernel(log_p, weights, 0.0, xp)
    variance = log_variance_kernel(log_p, weights, xp)  # +inf where G is 0: λ is +inf there
    return log_pi - log_mean - 0.5 * xp.where(log_mean == -math.inf, 0.0, variance)


def _less_power_mean(ensemble: Ensemble, order: float) -> Array:
    log_p, weights, log_pi, xp = ensemble
    log_mean = power_mean_kernel(log_p, weights, order, xp)
    rule = f"give every cluster a positive mean of order {order:g} over the samples"
    reject("log_p", log_mean == -math.inf, rule, "0", xp)
    return log_pi - log_mean


def reject_empty(name: str, log_p: Array, ensemble: Ensemble, rule: str, got: str) -> None:
    """Every cluster has a positive probability, or a finite logit, in some sample of positive weight."""
    counts = (log_p > -math.inf) & (ensemble.weights[..., None] > 0)
    reject(name, ~ensemble.xp.any(counts, axis=-2), rule, got, ensemble.xp)
