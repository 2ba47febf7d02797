"""The batch size from which on the noise of a batch moves a teacher less than centering does.  [E1]"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory.checks import Ensemble, check_ensemble, reject
from theory.ensembles import jensen_gap_kernel
from theory.estimation import dispersion_kernel, relative_deviation
from theory.logspace import Array, log_mean_exp, weighted_mean
from theory.tilts import tilt_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["crossing_batch_size", "teacher_crossing_batch_size"]


def crossing_batch_size(
    log_p: Float[Array, "*batch N K"], *, weights: Float[Array, "*#batch N"] | None = None
) -> Float[Array, "*batch K"]:
    r"""B*(k) = cv²(k) / J(k)², where the spread √(cv²/B) of log P̂(k) equals the Jensen gap of log G(k).  [E1]

    .. math:: B^*(k) = \mathrm{cv}^2(k) / J(k)^2

    Above it the batch's own prior is nearer to log P(k) than the population's log G(k). To leading order in
    the spread of log p it is 4/Var log p(k). +inf where p(k) does not vary: both errors vanish, J(k) faster;
    0 where J(k) is infinite.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.

    Returns
    -------
    array [..., K]
        B*(k), in samples.

    Raises
    ------
    TypeError, ValueError
        Mixed namespaces or dtypes; K < 2; not log-probabilities; weights that do not fit `log_p` or do not
        sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.8, 0.2], [0.6, 0.4]])
    >>> theory.crossing_batch_size(log_p).round(1)
    array([192.,  32.])
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    gap = jensen_gap_kernel(log_p, weights, xp)
    spread = dispersion_kernel(log_p, weights, xp)
    divisor = xp.where(gap > 0, gap, 1.0)  # twice, for its square may be too small for its dtype
    return xp.where(gap > 0, spread / divisor / divisor, math.inf)


def teacher_crossing_batch_size(
    log_p: Float[Array, "*batch N K"],
    *,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch"]:
    r"""B* = E Q(x − 1) / Q(J): where noise moves the inverse-prior teacher as far as centering does.  [E1]

    .. math::

        B^* = \mathbb{E}\, Q(x - 1) / Q(J), \qquad Q(e) = \sum_n w_n \operatorname{Var}_{k \sim r_n} e(k)

    Q(e) is twice the KL that a small error e(k) of λ makes in the inverse-prior teacher r (the metric −∇²g of
    the dual); x = p/P of one random sample. A constant error counts for nothing, so B* is +inf where J is
    constant in k: centering is then exact at any batch size. 0 where a J is infinite.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.
    log_target
        log π, [..., K], every share positive; uniform if not given.

    Returns
    -------
    array [...]
        B*, in samples.

    Raises
    ------
    TypeError, ValueError
        Mixed namespaces or dtypes; K < 2; not log-probabilities; weights or a target that do not fit `log_p`
        or do not sum to 1; a cluster in which every sample has probability 0.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.8, 0.15, 0.05], [0.3, 0.4, 0.3]])
    >>> print(f"{theory.teacher_crossing_batch_size(log_p):.1f}")
    18.7
    """
    ensemble = check_ensemble(log_p, weights, log_target)
    xp = ensemble.xp
    empty = log_mean_exp(log_p, ensemble.weights, xp) == -math.inf
    reject("log_p", empty, "give every cluster a positive mean over the samples", "0", xp)
    return teacher_crossing_kernel(ensemble)


def teacher_crossing_kernel(ensemble: Ensemble) -> Float[Array, "*batch"]:
    """`teacher_crossing_batch_size` for checked input in which no cluster is empty."""
    log_p, weights, log_pi, xp = ensemble
    log_mean = log_mean_exp(log_p, weights, xp)
    r = xp.exp(tilt_kernel(log_p, log_pi - log_mean, xp))
    gap = jensen_gap_kernel(log_p, weights, xp)
    w, infinite = weights[..., None], xp.any(gap == math.inf, axis=-1)
    gap = xp.where(infinite[..., None], 0.0, gap)
    x = relative_deviation(log_p, weights, xp)
    mean_r = weighted_mean(r, weights, xp)
    noise = xp.sum(mean_r * weighted_mean(x * x, weights, xp), axis=-1)
    # Σ wₙ wₘ (xₙ·rₘ)², through whichever of [N, N] and [K, K] is smaller.
    if x.shape[-2] < x.shape[-1]:
        along = xp.matmul(r, xp.matrix_transpose(x)) ** 2
        covered = xp.sum(w * along * weights[..., None, :], axis=(-2, -1))
    else:
        between = xp.matmul(xp.matrix_transpose(w * x), x)
        covered = xp.sum(weighted_mean(xp.matmul(r, between) * r, weights, xp), axis=-1)
    noise = noise - covered
    centred = gap[..., None, :] - xp.sum(r * gap[..., None, :], axis=-1)[..., None]
    jensen = xp.sum(weighted_mean(r * centred * centred, weights, xp), axis=-1)
    crossing = xp.where(jensen > 0, noise / xp.where(jensen > 0, jensen, 1.0), math.inf)
    return xp.where(infinite, 0.0, crossing)
