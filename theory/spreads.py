"""How far the log-probabilities of a cluster are spread over the samples: their range and their variance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory.blocks import blocked_variance, in_blocks
from theory.checks import check_ensemble
from theory.ensembles import deviations_kernel
from theory.logspace import Array, Namespace, weighted_mean

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["log_range", "log_variance"]


def log_variance(
    log_p: Float[Array, "*batch N K"], *, weights: Float[Array, "*#batch N"] | None = None
) -> Float[Array, "*batch K"]:
    r"""Varₙ log pₙ(k), in nats²: twice the Jensen gap, to leading order.  [J6]

    .. math:: \operatorname{Var}_n \log p_n(k) = \sum_n w_n \Bigl(\log p_n(k) - \sum_m w_m \log p_m(k)\Bigr)^2

    +inf where p(k) is 0 in some samples of positive weight and not in all, 0 where it is 0 in all.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; None means 1/N.

    Returns
    -------
    array [..., K]
        The variance, in nats².

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights of another shape, negative, or of another sum than 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> theory.log_variance(np.log([[0.5, 0.5], [0.2, 0.8]])).round(4)
    array([0.2099, 0.0552])
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return log_variance_kernel(log_p, weights, xp)


def log_range(
    log_p: Float[Array, "*batch N K"], *, weights: Float[Array, "*#batch N"] | None = None
) -> Float[Array, "*batch K"]:
    r"""R(k) = maxₙ log pₙ(k) − minₙ log pₙ(k) over samples of positive weight, in nats.  [J6]

    .. math:: R(k) = \max_{n:\, w_n > 0} \log p_n(k) - \min_{n:\, w_n > 0} \log p_n(k)

    +inf where p(k) is 0 in some of them and not in all, 0 where it is 0 in all.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; None means 1/N.

    Returns
    -------
    array [..., K]
        R, in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights of another shape, negative, or of another sum than 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> theory.log_range(np.log([[0.5, 0.5], [0.2, 0.8]])).round(4)
    array([0.9163, 0.47  ])
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    counts = weights[..., None] > 0
    high = xp.max(xp.where(counts, log_p, -math.inf), axis=-2)
    low = xp.min(xp.where(counts, log_p, math.inf), axis=-2)
    all_zero = high == -math.inf
    return xp.where(all_zero, 0.0, high) - xp.where(all_zero, 0.0, low)


@in_blocks(blocked_variance)
def log_variance_kernel(log_p: Array, weights: Array, xp: Namespace) -> Array:
    """Var_n log p for checked input; see `log_variance`."""
    zero = (log_p == -math.inf) & (weights[..., None] > 0)
    d, all_zero = deviations_kernel(log_p, weights, xp)
    variance = weighted_mean(d * d, weights, xp) - weighted_mean(d, weights, xp) ** 2
    return xp.where(all_zero, 0.0, xp.where(xp.any(zero, axis=-2), math.inf, variance))
