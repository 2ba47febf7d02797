"""Every teacher of the family is a tilt, r(k) ∝ p(k) e^{λ(k)}; they differ in nothing but λ.

======================  ==============================  ==============================================
teacher                 λ                               known as
======================  ==============================  ==============================================
unconstrained           0                               plain self-distillation
`centering`             log π − log G                   DINO's centering, softmax((z − z̄)/τ)
`inverse_prior`         log π − log P                   the paper's normalisation; Bayes under label shift
`power_mean`            log π − log M_s                 s = 0 is centering, s = 1 is inverse_prior
`cumulant`              log π − log G − ½ Var log p     variance-corrected centering
`sinkhorn`              t rounds of λ += log π − log m  its first round is inverse_prior
`theory.project`        the dual optimum                SeLa, SwAV: Sinkhorn run to convergence
======================  ==============================  ==============================================

λ is defined up to an additive constant per ensemble, which the normaliser removes.
"""

from __future__ import annotations

import math

from theory.checks import check_against, check_count, check_finite, check_rank, namespace, reject
from theory.ensembles import check_order, log_variance_kernel, power_mean_kernel
from theory.logspace import Array, Namespace, log_mean_exp, normalize
from theory.simplex import check_log_probabilities, ensemble, target_prior


def tilt(log_p: Array, log_tilt: Array) -> Array:
    """log r(k) = log p(k) + λ(k) − log Σⱼ p(j) e^{λ(j)}: the one normaliser of the family.

    log_p: [..., N, K], zeros (−inf) stay zeros.  log_tilt: λ, [..., K], finite, one per ensemble.
    Returns [..., N, K] log-probabilities.
    Raises TypeError, ValueError: not log-probabilities, λ of another shape or not finite.
    """
    xp = namespace(log_p=log_p, log_tilt=log_tilt)
    check_rank("log_p", log_p, 2)
    check_log_probabilities("log_p", log_p, xp)
    check_tilt(log_tilt, log_p, xp)
    return normalize(log_p + log_tilt[..., None, :], xp)


def centering(log_p: Array, *, weights: Array | None = None, log_target: Array | None = None) -> Array:
    """λ(k) = log π(k) − log G(k), log G = Σₙ wₙ log pₙ.  [J2]

    With p = softmax(z/τ) the tilt is softmax((z − z̄)/τ + log π), z̄ = Σₙ wₙ zₙ: batch centering.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None
    means uniform.  Returns λ, [..., K].
    Raises ValueError: a cluster in which some sample of positive weight has probability 0 (its G is 0).
    """
    return power_mean(log_p, order=0.0, weights=weights, log_target=log_target)


def inverse_prior(log_p: Array, *, weights: Array | None = None, log_target: Array | None = None) -> Array:
    """λ(k) = log π(k) − log P(k), P = Σₙ wₙ pₙ.  [T2]

    The tilt is Bayes' posterior after the cluster prior moves from P to π.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None
    means uniform.  Returns λ, [..., K].
    Raises ValueError: a cluster in which every sample has probability 0.
    Source: Saerens, Latinne and Decaestecker, Neural Computation 14(1), 2002 (label shift).
    """
    return power_mean(log_p, order=1.0, weights=weights, log_target=log_target)


def power_mean(
    log_p: Array,
    *,
    order: float,
    weights: Array | None = None,
    log_target: Array | None = None,
) -> Array:
    """λ(k) = log π(k) − log M_s(k), M_s(k) = (Σₙ wₙ pₙ(k)^s)^{1/s}.  [J9]

    order: s; 0 is centering, 1 is the inverse prior, ±inf the largest and smallest p.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None
    means uniform.  Returns λ, [..., K].
    Raises ValueError: a cluster whose M_s is 0.
    """
    s = check_order(order)
    log_p, weights, log_pi, xp = _operands(log_p, weights, log_target)
    log_mean = power_mean_kernel(log_p, weights, s, xp)
    _check_positive_mean(log_mean, f"mean of order {s:g}", xp)
    return log_pi - log_mean


def cumulant(log_p: Array, *, weights: Array | None = None, log_target: Array | None = None) -> Array:
    """λ(k) = log π(k) − (log G(k) + ½ Varₙ log pₙ(k)): centering with its variance correction.  [J6]

    log P to second order in the spread of log p, so for warm teachers only: when p is sharp, ½ Var
    overshoots the Jensen gap many times over, and a network trained with this teacher collapses.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None
    means uniform.  Returns λ, [..., K].
    Raises ValueError: a cluster in which some sample of positive weight has probability 0.
    """
    log_p, weights, log_pi, xp = _operands(log_p, weights, log_target)
    log_mean = power_mean_kernel(log_p, weights, 0.0, xp)
    _check_positive_mean(log_mean, "geometric mean", xp)
    return log_pi - log_mean - 0.5 * log_variance_kernel(log_p, weights, xp)


def sinkhorn(
    log_p: Array,
    *,
    steps: int,
    weights: Array | None = None,
    log_target: Array | None = None,
    log_tilt: Array | None = None,
) -> Array:
    """λ after `steps` rounds of λ ← λ + log π − log m(λ), m(λ) = Σₙ wₙ rₙ the marginal of the tilt.  [T5]

    From λ = 0 the first round is `inverse_prior`. KL(π‖m) never increases; run to convergence it is
    `theory.project`, which gets there faster and with a certificate.
    log_p: [..., N, K].  steps: ≥ 0.  weights: [..., N], sum 1; None means 1/N.  log_target: log π,
    [..., K]; None means uniform.  log_tilt: λ to start from, [..., K]; None means 0.  Returns λ, [..., K].
    Raises ValueError: a cluster in which every sample has probability 0.
    Source: Sinkhorn, Ann. Math. Statist. 35(2), 1964.
    """
    steps = check_count("steps", steps, low=0)
    log_p, weights, log_pi, xp = _operands(log_p, weights, log_target, log_tilt)
    if log_tilt is not None:
        check_tilt(log_tilt, log_p, xp)
    start = xp.zeros_like(log_p[..., 0, :])
    lam = start if log_tilt is None else start + log_tilt
    log_r = log_p if log_tilt is None else normalize(log_p + lam[..., None, :], xp)
    for _ in range(steps):
        log_m = log_mean_exp(log_r, weights, xp)
        _check_positive_mean(log_m, "mean", xp)
        lam = lam + log_pi - log_m
        log_r = normalize(log_p + lam[..., None, :], xp)
    return lam


def check_tilt(log_tilt: Array, log_p: Array, xp: Namespace) -> None:
    """λ of shape [..., K] to match log_p [..., N, K], finite."""
    check_against(
        "log_tilt",
        log_tilt,
        (*log_p.shape[:-2], log_p.shape[-1]),
        "the clusters of `log_p`",
    )
    check_finite("log_tilt", log_tilt, xp)


def _check_positive_mean(log_mean: Array, kind: str, xp: Namespace) -> None:
    zero = log_mean == -math.inf
    reject("log_p", zero, f"give every cluster a positive {kind} over the samples", "0", xp)


def _operands(
    log_p: Array,
    weights: Array | None,
    log_target: Array | None,
    log_tilt: Array | None = None,
) -> tuple[Array, Array, Array, Namespace]:
    log_p, weights, xp = ensemble(log_p, weights, log_target=log_target, log_tilt=log_tilt)
    return log_p, weights, target_prior(log_target, log_p, xp), xp
