"""DINO's teacher, centred by a moving average of raw logits; iBOT's too.  [J3]"""

from __future__ import annotations

from typing import TYPE_CHECKING

from theory.checks import (
    check_against,
    check_finite,
    check_number,
    check_rank,
    check_scores,
    check_temperature,
    check_weights,
    namespace,
)
from theory.logspace import Array, Namespace, normalize, weighted_mean

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["dino", "update_center"]


def dino(
    logits: Float[Array, "*batch N K"],
    center: Float[Array, "*#batch K"],
    *,
    temperature: Float[Array, "... 1"] | float = 0.04,
) -> Float[Array, "*batch N K"]:
    r"""log r(k) = log softmax((z − c)/τ), c the centre left by the batches before.  [J3]

    .. math:: \log r_n(k) = \log \operatorname{softmax}((z_n - c)/\tau)(k)

    Afterwards the centre moves: `update_center`.

    Parameters
    ----------
    logits
        z, [..., N, K], finite or −inf.
    center
        c, [..., K], finite; 0 at the start.
    temperature
        τ > 0, a number or an array [..., 1] that broadcasts against the logits.

    Returns
    -------
    array [..., N, K]
        log r, log-probabilities.

    Raises
    ------
    TypeError, ValueError
        Not floating-point, K < 2, NaN or +inf, a row of −inf only; τ ≤ 0; a centre of another shape or not
        finite.

    References
    ----------
    Caron et al., arXiv 2104.14294, equations 1 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> logits = np.array([[2.0, 0.0], [1.0, 0.0], [3.0, 0.5]])
    >>> np.exp(theory.systems.dino(logits, logits.mean(axis=0), temperature=1.0)).round(4)
    array([[0.5416, 0.4584],
           [0.3029, 0.6971],
           [0.6608, 0.3392]])
    """
    xp = namespace(logits=logits, center=center)
    _check_center(logits, center, xp)
    centred = logits - center[..., None, :]
    check_scores("logits", centred, xp)
    return normalize(centred, xp, check_temperature(temperature, centred, xp))


def update_center(
    center: Float[Array, "*#batch K"],
    logits: Float[Array, "*batch N K"],
    *,
    momentum: float = 0.9,
    weights: Float[Array, "*#batch N"] | None = None,
) -> Float[Array, "*batch K"]:
    r"""m c + (1 − m) Σₙ wₙ zₙ: the centre for the next batch, an average of raw logits.  [J3]

    .. math:: c \leftarrow m c + (1 - m) \sum_n w_n z_n

    Parameters
    ----------
    center
        c, [..., K], finite; 0 at the start.
    logits
        z, [..., N, K], finite.
    momentum
        m in [0, 1], per step.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.

    Returns
    -------
    array [..., K]
        The new centre, in units of logits.

    Raises
    ------
    TypeError, ValueError
        Not floating-point, K < 2; logits or a centre that are not finite, or do not fit one another; a
        momentum outside [0, 1]; weights that do not fit the logits or do not sum to 1.

    References
    ----------
    Caron et al., arXiv 2104.14294, equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> logits = np.array([[2.0, 0.0], [1.0, 0.0], [3.0, 0.5]])
    >>> theory.systems.update_center(np.zeros(2), logits, momentum=0.9).round(4)
    array([0.2   , 0.0167])
    """
    momentum = check_number("momentum", momentum, low=0.0, high=1.0)
    given = {} if weights is None else {"weights": weights}
    xp = namespace(center=center, logits=logits, **given)
    _check_center(logits, center, xp)
    check_finite("logits", logits, xp)
    mean = weighted_mean(logits, check_weights(weights, logits, xp, "logits"), xp)
    return momentum * center + (1.0 - momentum) * mean


def _check_center(
    logits: Float[Array, "*batch N K"], center: Float[Array, "*#batch K"], xp: Namespace
) -> None:
    check_rank("logits", logits, 2)
    shape = (*logits.shape[:-2], logits.shape[-1])
    check_against("center", center, shape, "the clusters of `logits`")
    check_finite("center", center, xp)
