"""A batch of raw logits: checked, and what the teachers take from it, λ or the statistic that is averaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from theory.checks import (
    Ensemble,
    check_rank,
    check_scores,
    check_target,
    check_temperature,
    check_weights,
    namespace,
    reject,
)
from theory.ensembles import power_mean_kernel
from theory.logspace import Array, log_mean_exp, normalize, weighted_mean
from theory.projection import project_kernel
from theory.sinkhorn import sinkhorn_kernel
from theory.tilts import cumulant_kernel, reject_empty

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["batch_softmax_log_tilt"]


class Batch(NamedTuple):
    """What λ is computed from, checked: raw logits, their temperature, and the ensemble they make."""

    logits: Float[Array, "*batch N K"]
    """z, −inf for an exact zero."""
    temperature: Float[Array, "*batch 1"] | float
    """τ > 0."""
    ensemble: Ensemble
    """softmax(z/τ), with w and log π."""
    even: bool = False
    """All samples weigh the same, so that a plain mean will do."""


class Settings(NamedTuple):
    """What some teachers need besides a batch."""

    order: float | None = None
    """s of "power_mean"."""
    rounds: int | None = None
    """Of "sinkhorn"."""
    tol: float = 1e-9
    """Marginal error of "projected"."""


Kernel = Callable[[Batch, Settings], Array]


def batch_softmax_log_tilt(
    logits: Float[Array, "*batch N K"],
    *,
    temperature: Float[Array, "... 1"] | float,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch K"]:
    r"""λ(k) = log π(k) − log Σₙ wₙ e^{zₙ(k)/τ}: each cluster's softmax runs over the batch.

    .. math:: \lambda(k) = \log \pi(k) - \log \sum_n w_n \, e^{z_n(k)/\tau}

    Its tilt of softmax(z/τ) is DINO's "softmax(batch)" teacher, and one round of DINOv2's Sinkhorn.

    Parameters
    ----------
    logits
        z, [..., N, K], finite or −inf.
    temperature
        τ > 0, a number or an array [..., 1] that broadcasts against `logits`.
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
        Not floating-point logits, K < 2, NaN or +inf; τ ≤ 0, or too small for z/τ to be finite; weights or a
        target that do not fit `logits` or do not sum to 1; a cluster in which every sample of positive weight
        has the logit −inf.

    References
    ----------
    Caron et al., arXiv 2104.14294, appendix B and table 15.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> logits = np.array([[2.0, 0.0], [1.0, 0.0]])
    >>> log_tilt = theory.batch_softmax_log_tilt(logits, temperature=1.0)
    >>> log_tilt.round(4)
    array([-2.3133, -0.6931])
    >>> np.exp(theory.tilt(theory.log_softmax(logits), log_tilt)).round(4)
    array([[0.5938, 0.4062],
           [0.3498, 0.6502]])
    """
    (_, weights, log_pi, xp), temperature = check_logits(logits, temperature, weights, log_target)
    return log_pi - log_mean_exp(logits / temperature, weights, xp)


def check_logits(
    logits: Float[Array, "*batch N K"],
    temperature: Float[Array, "... 1"] | float,
    weights: Float[Array, "*#batch N"] | None,
    log_target: Float[Array, "*#batch K"] | None,
    *,
    name: str = "logits",
    sharpened_by: str = "temperature",
) -> tuple[Ensemble, Array | float]:
    """The ensemble softmax(z/τ) of raw logits in which no cluster is empty, with τ."""
    optional = {"weights": weights, "log_target": log_target}
    xp = namespace(**{name: logits}, **{key: x for key, x in optional.items() if x is not None})
    check_rank(name, logits, 2)
    check_scores(name, logits, xp)
    temperature = check_temperature(temperature, logits, xp)
    overflow = xp.isfinite(logits) & (xp.abs(logits) / float(xp.finfo(logits.dtype).max) > temperature)
    reject(sharpened_by, overflow, f"leave {name}/temperature finite", "inf", xp)
    ensemble = Ensemble(
        normalize(logits, xp, temperature),
        check_weights(weights, logits, xp, name),
        check_target(log_target, logits, xp, name),
        xp,
    )
    rule = "have a finite entry of positive weight in every cluster"
    reject_empty(name, logits, ensemble, rule, "only -inf")
    return ensemble, temperature


def check_batch(
    logits: Float[Array, "*batch N K"],
    temperature: Float[Array, "... 1"] | float,
    weights: Float[Array, "*#batch N"] | None,
    log_target: Float[Array, "*#batch K"] | None,
) -> Batch:
    """The operands of a teacher's kernels."""
    ensemble, tau = check_logits(logits, temperature, weights, log_target)
    return Batch(logits, tau, ensemble, even=weights is None)


def center_of(batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
    """S = Σₙ wₙ zₙ, in units of logits."""
    _, weights, _, xp = batch.ensemble
    return xp.mean(batch.logits, axis=-2) if batch.even else weighted_mean(batch.logits, weights, xp)


def log_power_mean_of(batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
    """S = log M_s of p, s = 1 where no order is set."""
    log_p, weights, _, xp = batch.ensemble
    return power_mean_kernel(log_p, weights, 1.0 if settings.order is None else settings.order, xp)


def log_batch_sum_of(batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
    """S = log Σₙ wₙ e^{zₙ/τ}."""
    return log_mean_exp(batch.logits / batch.temperature, batch.ensemble.weights, batch.ensemble.xp)


def zero_of(batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
    """λ = 0."""
    return batch.ensemble.xp.zeros_like(batch.ensemble.log_p[..., 0, :])


def cumulant_of(batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
    """λ = log π − log G − ½ Var log p."""
    return cumulant_kernel(batch.ensemble)


def sinkhorn_of(batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
    """λ after `rounds` of Sinkhorn."""
    return sinkhorn_kernel(batch.ensemble, rounds=settings.rounds or 0)


def projected_of(batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
    """λ at the maximum of the dual."""
    return project_kernel(batch.ensemble, tol=settings.tol).log_tilt
