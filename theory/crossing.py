"""The batch size from which on the noise of a batch moves a teacher less than centering does.  [E1]"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import array_api_compat

from theory.checks import Ensemble, check_ensemble, reject
from theory.ensembles import jensen_gap_kernel
from theory.estimation import dispersion_kernel, relative_deviation
from theory.logspace import Array, Namespace, log_mean_exp, mean_of_rows, weighted_mean
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
    """`teacher_crossing_batch_size` for checked input in which no cluster is empty; in float64 throughout."""
    log_p, weights, log_pi, xp = ensemble
    dtype = log_p.dtype
    log_p, weights, log_pi = (xp.astype(a, xp.float64, copy=False) for a in (log_p, weights, log_pi))
    r = xp.exp(tilt_kernel(log_p, log_pi - log_mean_exp(log_p, weights, xp), xp))
    gap = jensen_gap_kernel(log_p, weights, xp)
    infinite = xp.any(gap == math.inf, axis=-1)
    gap = xp.where(infinite[..., None], 0.0, gap)
    centred = gap[..., None, :] - xp.sum(r * gap[..., None, :], axis=-1)[..., None]
    jensen = xp.sum(weighted_mean(r * centred * centred, weights, xp), axis=-1)
    x = relative_deviation(log_p, weights, xp)
    noise = (_variance_of_pairs if x.shape[-2] >= x.shape[-1] else _variance_about_top)(x, r, weights, xp)
    crossing = xp.where(jensen > 0, noise / xp.where(jensen > 0, jensen, 1.0), math.inf)
    return xp.astype(xp.where(infinite, 0.0, crossing), dtype, copy=False)


def _variance_of_pairs(
    x: Float[Array, "*batch N K"],
    r: Float[Array, "*batch N K"],
    weights: Float[Array, "*batch N"],
    xp: Namespace,
) -> Float[Array, "*batch"]:
    """Σₙ Σₘ wₙ wₘ Var_{k∼rₘ} xₙ(k) as ½ Σₘ wₘ Σₖⱼ rₘ(k) rₘ(j) Σₙ wₙ (xₙ(k) − xₙ(j))²: no sign changes."""
    square = weighted_mean(x * x, weights, xp)
    between = xp.matmul(xp.matrix_transpose(weights[..., None] * x), x)
    apart = square[..., None] + square[..., None, :] - 2.0 * between
    apart = xp.where(apart > 0, apart, 0.0)
    return 0.5 * xp.sum(weighted_mean(xp.matmul(r, apart) * r, weights, xp), axis=-1)


def _variance_about_top(
    x: Float[Array, "*batch N K"],
    r: Float[Array, "*batch N K"],
    weights: Float[Array, "*batch N"],
    xp: Namespace,
) -> Float[Array, "*batch"]:
    """The same without [K, K], about the likeliest cluster t of rₘ, d = xₙ(k) − xₙ(t): E d² − (E d)².

    t itself drops out of both, so that the first is the larger by far where rₘ is nearly one-hot.
    """
    top = xp.argmax(r, axis=-1, keepdims=True)
    others = xp.where(xp.arange(r.shape[-1], device=array_api_compat.device(r)) == top, 0.0, r)
    at = xp.broadcast_to(xp.matrix_transpose(top), (*x.shape[:-1], x.shape[-2]))
    x_top = xp.take_along_axis(x, at, axis=-1)  # [n, m]
    weighted = weights[..., None] * x_top
    apart = weighted_mean(x * x, weights, xp)[..., None, :] + xp.sum(weighted * x_top, axis=-2)[..., None]
    apart = apart - 2.0 * xp.matmul(xp.matrix_transpose(weighted), x)
    first = xp.sum(others * xp.where(apart > 0, apart, 0.0), axis=-1)
    mean = xp.matmul(x, xp.matrix_transpose(others)) - x_top * xp.sum(others, axis=-1)[..., None, :]
    return mean_of_rows(first - weighted_mean(mean * mean, weights, xp), weights, xp)
