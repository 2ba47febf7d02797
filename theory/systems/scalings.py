"""Teachers that scale clusters and samples in turn: DINOv2, SwAV, MSN and, to convergence, SeLa.  [T5, T6]"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory.batches import Batch, Settings, check_logits
from theory.checks import check_count, check_number
from theory.feasibility import check_feasible
from theory.logspace import Array, log_mean_exp
from theory.projection import project_kernel
from theory.sinkhorn import sinkhorn_kernel
from theory.tilts import tilt_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["dinov2", "msn", "sela", "swav"]


def dinov2(
    logits: Float[Array, "*batch N K"],
    *,
    temperature: Float[Array, "... 1"] | float = 0.04,
    rounds: int = 3,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch N K"]:
    r"""log r after rounds of r(k) ∝ π(k) r(k)/Σₙ wₙ rₙ(k), each ended by rows of sum 1, from e^{z/τ}.  [T5]

    .. math::

        r_n(k) \propto \pi(k)\, r_n(k) \Big/ \sum_m w_m r_m(k),
        \qquad r_n(k) = e^{z_n(k)/\tau} \text{ at the start}

    λ starts at `theory.batch_softmax_log_tilt`.

    Parameters
    ----------
    logits
        z, [..., N, K], finite or −inf.
    temperature
        τ > 0, a number or an array [..., 1] that broadcasts against the logits.
    rounds
        Of Sinkhorn, ≥ 1; they end on the samples.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.
    log_target
        log π, [..., K], every share positive; uniform if not given.

    Returns
    -------
    array [..., N, K]
        log r, log-probabilities.

    Raises
    ------
    TypeError, ValueError
        Not floating-point logits, K < 2, NaN or +inf; τ ≤ 0, or too small for z/τ to be finite; rounds < 1;
        weights or a target that do not fit `logits` or do not sum to 1; a cluster that no sample of positive
        weight can use.

    References
    ----------
    Oquab et al., arXiv 2304.07193; facebookresearch/dinov2, dinov2/loss/dino_clstoken_loss.py.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> logits = np.array([[2.0, 0.0], [1.0, 0.0], [3.0, 0.5]])
    >>> np.exp(theory.systems.dinov2(logits, temperature=1.0)).round(4)
    array([[0.5391, 0.4609],
           [0.3009, 0.6991],
           [0.6586, 0.3414]])
    """
    rounds = check_count("rounds", rounds)
    return scores_kernel("logits", logits, temperature, rounds, weights, log_target)


def swav(
    scores: Float[Array, "*batch N K"],
    *,
    epsilon: float = 0.05,
    rounds: int = 3,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch N K"]:
    r"""log r of `dinov2` at τ = ε, on cosines of embeddings and prototypes.  [T5]

    .. math::

        r_n(k) \propto \pi(k)\, r_n(k) \Big/ \sum_m w_m r_m(k),
        \qquad r_n(k) = e^{s_n(k)/\varepsilon} \text{ at the start}

    Parameters
    ----------
    scores
        s, cosines [..., N, K].
    epsilon
        ε > 0.
    rounds
        Of Sinkhorn, ≥ 1; they end on the samples.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.
    log_target
        log π, [..., K], every share positive; uniform if not given.

    Returns
    -------
    array [..., N, K]
        log r, log-probabilities.

    Raises
    ------
    TypeError, ValueError
        Not floating-point scores, K < 2, NaN or +inf; ε ≤ 0, or too small for s/ε to be finite; rounds < 1;
        weights or a target that do not fit `scores` or do not sum to 1; a cluster that no sample of positive
        weight can use.

    References
    ----------
    Caron et al., arXiv 2006.09882; facebookresearch/swav, main_swav.py.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> cosines = np.array([[0.9, 0.8], [0.7, 0.8], [0.9, 0.7]])
    >>> np.exp(theory.systems.swav(cosines)).round(4)
    array([[0.5544, 0.4456],
           [0.0223, 0.9777],
           [0.9019, 0.0981]])
    """
    epsilon = check_number("epsilon", epsilon, low=0.0, open_low=True)
    rounds = check_count("rounds", rounds)
    return scores_kernel("scores", scores, epsilon, rounds, weights, log_target, sharpened_by="epsilon")


def msn(
    logits: Float[Array, "*batch N K"],
    *,
    temperature: Float[Array, "... 1"] | float = 0.025,
    rounds: int = 3,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch N K"]:
    r"""log r, the tilt of p = softmax(z/τ) by `theory.sinkhorn_log_tilt`: one round is the inverse prior.

    .. math::

        \log r_n(k) = \log p_n(k) + \lambda(k) - \log \sum_j p_n(j)\, e^{\lambda(j)},
        \qquad p_n = \operatorname{softmax}(z_n/\tau)

    MSN sharpens softmax(cos/0.1) to the power 1/0.25, which is τ = 0.025, and adds log K − H(q̄) to its loss.

    Parameters
    ----------
    logits
        z, [..., N, K], finite or −inf.
    temperature
        τ > 0, a number or an array [..., 1] that broadcasts against the logits.
    rounds
        Of Sinkhorn, ≥ 1; they end on the samples.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.
    log_target
        log π, [..., K], every share positive; uniform if not given.

    Returns
    -------
    array [..., N, K]
        log r, log-probabilities.

    Raises
    ------
    TypeError, ValueError
        Not floating-point logits, K < 2, NaN or +inf; τ ≤ 0, or too small for z/τ to be finite; rounds < 1;
        weights or a target that do not fit `logits` or do not sum to 1; a cluster that no sample of positive
        weight can use.

    References
    ----------
    Assran et al., arXiv 2204.07141; facebookresearch/msn.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> logits = np.array([[2.0, 0.0], [1.0, 0.0], [3.0, 0.5]])
    >>> np.exp(theory.systems.msn(logits, temperature=1.0, rounds=1)).round(4)
    array([[0.5748, 0.4252],
           [0.3322, 0.6678],
           [0.6903, 0.3097]])
    """
    rounds = check_count("rounds", rounds)
    ensemble, _ = check_logits(logits, temperature, weights, log_target)
    return tilt_kernel(ensemble.log_p, sinkhorn_kernel(ensemble, rounds=rounds), ensemble.xp)


def sela(
    logits: Float[Array, "*batch N K"],
    *,
    sharpness: float = 25.0,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
    tol: float = 1e-9,
    max_iter: int = 400,
) -> Float[Array, "*batch N K"]:
    r"""log r, the projection of softmax(z)^s on the prior π.  [T3]

    .. math::

        \min_r \sum_n w_n \mathrm{KL}(r_n \| p_n), \quad \sum_n w_n r_n = \pi,
        \qquad p_n \propto \operatorname{softmax}(z_n)^s

    SeLa stops its Sinkhorn at a tolerance, over the whole data set, and trains on argmax r as hard labels.

    Parameters
    ----------
    logits
        z, [..., N, K], finite or −inf.
    sharpness
        s > 0.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.
    log_target
        log π, [..., K], every share positive; uniform if not given.
    tol
        Largest marginal error Σₖ |m(k) − π(k)|.
    max_iter
        Newton steps allowed.

    Returns
    -------
    array [..., N, K]
        log r, log-probabilities.

    Raises
    ------
    NotConverged
        `max_iter` steps are not enough.
    InfeasibleTarget
        Zeros leave no solution.
    TypeError, ValueError
        Not floating-point logits, K < 2, NaN or +inf; s ≤ 0, or such that 1/s or s z is not finite; a `tol`
        or `max_iter` that is not positive; weights or a target that do not fit `logits` or do not sum to 1; a
        cluster that no sample of positive weight can use.

    References
    ----------
    Asano, Rupprecht and Vedaldi, ICLR 2020; yukimasano/self-label, main.py.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> logits = np.array([[2.0, 0.0], [1.0, 0.0], [3.0, 0.5]])
    >>> r = np.exp(theory.systems.sela(logits, sharpness=1.0))
    >>> r.mean(axis=0).round(6)
    array([0.5, 0.5])
    """
    sharpness = check_number("sharpness", sharpness, low=0.0, open_low=True)
    if 1.0 / sharpness == math.inf:
        raise ValueError(f"`sharpness` must have a finite inverse, got {sharpness:g}.")
    tol, max_iter = check_number("tol", tol, low=0.0, open_low=True), check_count("max_iter", max_iter)
    ensemble, _ = check_logits(logits, 1.0 / sharpness, weights, log_target, sharpened_by="sharpness")
    check_feasible(ensemble, name="logits")
    return project_kernel(ensemble, tol=tol, max_iter=max_iter).log_r


def scores_kernel(
    name: str,
    scores: Float[Array, "*batch N K"],
    temperature: Float[Array, "... 1"] | float,
    rounds: int,
    weights: Float[Array, "*#batch N"] | None,
    log_target: Float[Array, "*#batch K"] | None,
    *,
    sharpened_by: str = "temperature",
) -> Float[Array, "*batch N K"]:
    """log r after rounds of Sinkhorn on e^{z/τ}, clusters first: the first λ is that of `batch_softmax`."""
    ensemble, tau = check_logits(
        scores, temperature, weights, log_target, name=name, sharpened_by=sharpened_by
    )
    log_tilt = scores_log_tilt_kernel(Batch(scores, tau, ensemble), Settings(rounds=rounds))
    return tilt_kernel(ensemble.log_p, log_tilt, ensemble.xp)


def scores_log_tilt_kernel(batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
    """λ of these rounds on a checked batch."""
    _, w, log_pi, xp = batch.ensemble
    first = log_pi - log_mean_exp(batch.logits / batch.temperature, w, xp)
    return sinkhorn_kernel(batch.ensemble, rounds=(settings.rounds or 1) - 1, log_tilt=first)
