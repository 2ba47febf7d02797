"""The tilt r(k) ∝ p(k) e^{λ(k)}, the one normaliser of the family, and λ for each teacher from log p.

λ is defined up to an additive constant per ensemble, which the normaliser removes. The table of all teachers,
from raw logits, is `theory.TEACHERS`.
"""

from __future__ import annotations

import math

from theory.checks import (
    Ensemble,
    check_count,
    check_ensemble,
    check_log_probabilities,
    check_order,
    check_rank,
    check_scores,
    check_target,
    check_temperature,
    check_tilt,
    check_weights,
    namespace,
    reject,
)
from theory.ensembles import log_variance_kernel, power_mean_kernel
from theory.logspace import Array, Namespace, log_mean_exp, normalize

__all__ = [
    "batch_softmax_log_tilt",
    "centering_log_tilt",
    "cumulant_log_tilt",
    "inverse_prior_log_tilt",
    "power_mean_log_tilt",
    "sinkhorn_log_tilt",
    "tilt",
]


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
    return tilt_kernel(log_p, log_tilt, xp)


def centering_log_tilt(
    log_p: Array, *, weights: Array | None = None, log_target: Array | None = None
) -> Array:
    """λ(k) = log π(k) − log G(k), log G = Σₙ wₙ log pₙ.  [J2]

    With p = softmax(z/τ) the tilt is softmax((z − z̄)/τ + log π), z̄ = Σₙ wₙ zₙ: batch centering.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None
    means uniform.  Returns λ, [..., K].
    Raises ValueError: a cluster in which some sample of positive weight has probability 0 (its G is 0).
    """
    return _less_power_mean(check_ensemble(log_p, weights, log_target), 0.0)


def inverse_prior_log_tilt(
    log_p: Array, *, weights: Array | None = None, log_target: Array | None = None
) -> Array:
    """λ(k) = log π(k) − log P(k), P = Σₙ wₙ pₙ.  [T2]

    The tilt is Bayes' posterior after the cluster prior moves from P to π.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None
    means uniform.  Returns λ, [..., K].
    Raises ValueError: a cluster in which every sample has probability 0.
    Source: Saerens, Latinne and Decaestecker, Neural Computation 14(1), 2002 (label shift).
    """
    return _less_power_mean(check_ensemble(log_p, weights, log_target), 1.0)


def power_mean_log_tilt(
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
    return _less_power_mean(check_ensemble(log_p, weights, log_target), s)


def cumulant_log_tilt(
    log_p: Array, *, weights: Array | None = None, log_target: Array | None = None
) -> Array:
    """λ(k) = log π(k) − (log G(k) + ½ Varₙ log pₙ(k)): centering with its variance correction.  [J6]

    log P to second order in the spread of log p, so for warm teachers only: when p is sharp, ½ Var
    overshoots the Jensen gap many times over, and a network trained with this teacher collapses.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None
    means uniform.  Returns λ, [..., K].
    Raises ValueError: a cluster in which some sample of positive weight has probability 0.
    """
    ensemble = check_ensemble(log_p, weights, log_target)
    log_tilt = cumulant_kernel(ensemble)
    rule = "give every cluster a positive geometric mean over the samples"
    reject("log_p", log_tilt == math.inf, rule, "0", ensemble.xp)
    return log_tilt


def batch_softmax_log_tilt(
    logits: Array,
    *,
    temperature: Array | float,
    weights: Array | None = None,
    log_target: Array | None = None,
) -> Array:
    """λ(k) = log π(k) − log Σₙ wₙ e^{zₙ(k)/τ}: each cluster's softmax runs over the batch.

    Its tilt of softmax(z/τ) is DINO's "softmax(batch)" teacher, and one round of DINOv2's Sinkhorn.
    logits: z, [..., N, K].  temperature: τ > 0.  weights: [..., N], sum 1; None means 1/N.  log_target:
    log π, [..., K]; None means uniform.  Returns λ, [..., K].
    Raises ValueError: a cluster in which every sample of positive weight has the logit −inf.
    Source: Caron et al., arXiv 2104.14294, appendix B and table 15.
    """
    (_, weights, log_pi, xp), temperature = check_logits(logits, temperature, weights, log_target)
    return log_pi - log_mean_exp(logits / temperature, weights, xp)


def sinkhorn_log_tilt(
    log_p: Array,
    *,
    rounds: int,
    weights: Array | None = None,
    log_target: Array | None = None,
    log_tilt: Array | None = None,
) -> Array:
    """λ after `rounds` of λ ← λ + log π − log m(λ), m(λ) = Σₙ wₙ rₙ the marginal of the tilt.  [T5]

    From λ = 0 the first round is the inverse prior. KL(π‖m) never increases; run to convergence it is
    `theory.project`, which gets there faster and with a certificate.
    log_p: [..., N, K].  rounds: ≥ 0.  weights: [..., N], sum 1; None means 1/N.  log_target: log π,
    [..., K]; None means uniform.  log_tilt: λ to start from, [..., K]; None means 0.  Returns λ, [..., K].
    Raises ValueError: a cluster in which every sample has probability 0.
    Source: Sinkhorn, Ann. Math. Statist. 35(2), 1964.
    """
    rounds = check_count("rounds", rounds, low=0)
    ensemble = check_ensemble(log_p, weights, log_target, log_tilt=log_tilt)
    if rounds:
        _reject_empty("log_p", log_p, ensemble, "give every cluster a positive mean over the samples", "0")
    return sinkhorn_kernel(ensemble, rounds=rounds, log_tilt=log_tilt)


# -- on checked input ------------------------------------------------------------------------------


def tilt_kernel(log_p: Array, log_tilt: Array, xp: Namespace) -> Array:
    """`tilt` for checked input."""
    return normalize(log_p + log_tilt[..., None, :], xp)


def cumulant_kernel(ensemble: Ensemble) -> Array:
    """`cumulant_log_tilt` for checked input."""
    log_p, weights, log_pi, xp = ensemble
    log_mean = power_mean_kernel(log_p, weights, 0.0, xp)
    variance = log_variance_kernel(log_p, weights, xp)  # +inf where G is 0: λ is +inf there
    return log_pi - log_mean - 0.5 * xp.where(log_mean == -math.inf, 0.0, variance)


def sinkhorn_kernel(ensemble: Ensemble, *, rounds: int, log_tilt: Array | None = None) -> Array:
    """`sinkhorn_log_tilt` for checked input."""
    log_p, weights, log_pi, xp = ensemble
    lam = xp.zeros_like(log_p[..., 0, :])
    log_r = log_p
    if log_tilt is not None:
        lam = lam + log_tilt
        log_r = tilt_kernel(log_p, lam, xp)
    for _ in range(rounds):
        lam = lam + log_pi - log_mean_exp(log_r, weights, xp)
        log_r = tilt_kernel(log_p, lam, xp)
    return lam


def check_logits(
    logits: Array,
    temperature: Array | float,
    weights: Array | None,
    log_target: Array | None,
    *,
    name: str = "logits",
) -> tuple[Ensemble, Array | float]:
    """The ensemble softmax(z/τ) of raw logits in which no cluster is empty, with τ."""
    optional = {"weights": weights, "log_target": log_target}
    xp = namespace(**{name: logits}, **{key: x for key, x in optional.items() if x is not None})
    check_rank(name, logits, 2)
    check_scores(name, logits, xp)
    temperature = check_temperature(temperature, logits, xp)
    overflow = xp.isfinite(logits) & (xp.abs(logits) / float(xp.finfo(logits.dtype).max) > temperature)
    reject("temperature", overflow, "leave logits/temperature finite", "inf", xp)
    ensemble = Ensemble(
        normalize(logits, xp, temperature),
        check_weights(weights, logits, xp, name),
        check_target(log_target, logits, xp, name),
        xp,
    )
    rule = "have a finite entry of positive weight in every cluster"
    _reject_empty(name, logits, ensemble, rule, "only -inf")
    return ensemble, temperature


def _less_power_mean(ensemble: Ensemble, order: float) -> Array:
    log_p, weights, log_pi, xp = ensemble
    log_mean = power_mean_kernel(log_p, weights, order, xp)
    rule = f"give every cluster a positive mean of order {order:g} over the samples"
    reject("log_p", log_mean == -math.inf, rule, "0", xp)
    return log_pi - log_mean


def _reject_empty(name: str, log_p: Array, ensemble: Ensemble, rule: str, got: str) -> None:
    counts = (log_p > -math.inf) & (ensemble.weights[..., None] > 0)
    reject(name, ~ensemble.xp.any(counts, axis=-2), rule, got, ensemble.xp)
