"""Sinkhorn's rounds, λ ← λ + log π − log m(λ): from the inverse prior to the projected teacher.  [T5]"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from theory.checks import Ensemble, check_count, check_ensemble
from theory.dual.problem import Dual
from theory.dual.rounds import Kernel
from theory.logspace import Array, log_mean_exp
from theory.tilts import reject_empty, tilt_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["sinkhorn_log_tilt"]


def sinkhorn_log_tilt(
    log_p: Float[Array, "*batch N K"],
    *,
    rounds: int,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
    log_tilt: Float[Array, "*#batch K"] | None = None,
) -> Float[Array, "*batch K"]:
    r"""λ after `rounds` of λ ← λ + log π − log m(λ), m(λ) = Σₙ wₙ rₙ the marginal of the tilt.  [T5]

    .. math:: \lambda \leftarrow \lambda + \log \pi - \log m(\lambda), \qquad m(\lambda) = \sum_n w_n \, r_n

    From λ = 0 the first round is the inverse prior. KL(π‖m) never increases; run to convergence it is
    `theory.project`, which gets there faster and with a certificate.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    rounds
        How many, ≥ 0.
    weights
        Of the samples, [..., N], sum 1; None means 1/N.
    log_target
        log π, [..., K], every share positive; None means uniform.
    log_tilt
        λ to start from, [..., K], finite; None means 0.

    Returns
    -------
    array [..., K]
        λ, in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; rounds that are negative or no integer; weights, a target or a λ that do
        not fit `log_p`, do not sum to 1 or are not finite; a cluster in which every sample has probability 0.

    References
    ----------
    Sinkhorn, Ann. Math. Statist. 35(2), 1964.

    Examples
    --------
    The prior of cluster 0 comes to its target, one half:

    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.5, 0.5], [0.2, 0.8]])
    >>> for rounds in (0, 1, 2, 4):
    ...     log_tilt = theory.sinkhorn_log_tilt(log_p, rounds=rounds)
    ...     print(f"{np.exp(theory.log_prior(theory.tilt(log_p, log_tilt)))[0]:.4f}")
    0.3500
    0.4835
    0.4982
    0.5000
    """
    rounds = check_count("rounds", rounds, low=0)
    ensemble = check_ensemble(log_p, weights, log_target, log_tilt=log_tilt)
    if rounds:
        reject_empty("log_p", log_p, ensemble, "give every cluster a positive mean over the samples", "0")
    return sinkhorn_kernel(ensemble, rounds=rounds, log_tilt=log_tilt)


def sinkhorn_kernel(ensemble: Ensemble, *, rounds: int, log_tilt: Array | None = None) -> Array:
    """`sinkhorn_log_tilt` for checked input."""
    log_p, weights, log_pi, xp = ensemble
    lam = xp.zeros_like(log_p[..., 0, :])
    if rounds and isinstance(log_p, np.ndarray):
        found = _scaled(ensemble, lam if log_tilt is None else lam + log_tilt, rounds)
        if found is not None:
            return found
    log_r = log_p
    if log_tilt is not None:
        lam = lam + log_tilt
        log_r = tilt_kernel(log_p, lam, xp)
    for _ in range(rounds):
        lam = lam + log_pi - log_mean_exp(log_r, weights, xp)
        log_r = tilt_kernel(log_p, lam, xp)
    return lam


def _scaled(ensemble: Ensemble, lam: np.ndarray, rounds: int) -> np.ndarray | None:
    """λ by matrix-vector products in float64, None where a cluster vanishes below the smallest float."""
    log_p, weights, log_pi, xp = (x.astype(np.float64) if isinstance(x, np.ndarray) else x for x in ensemble)
    w = weights / weights.sum(-1, keepdims=True)
    dual = Dual(log_p=log_p, weights=w, log_target=log_pi, tol=0.0, max_iter=rounds, xp=xp)
    reached = lam.astype(np.float64)
    with np.errstate(all="ignore"):
        kernel = Kernel(dual, reached)
        for _ in range(rounds):
            reached = reached + kernel.at(reached).rest
    return reached.astype(lam.dtype) if np.isfinite(reached).all() else None
