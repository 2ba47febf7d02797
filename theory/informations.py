"""The three informations of an ensemble, in nats: mutual, lautum and their sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from theory.blocks import blocked_informations, in_blocks
from theory.blocks.columns import FINE
from theory.checks import check_ensemble
from theory.divergences import cross_entropy_kernel, kl_kernel
from theory.logspace import Array, Namespace, careful_log_mean_exp, log_mean_exp, mean_of_rows

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["jeffreys_information", "lautum_information", "mutual_information"]


def mutual_information(
    log_p: Float[Array, "*batch N K"], *, weights: Float[Array, "*#batch N"] | None = None
) -> Float[Array, "*batch"]:
    r"""I(X;K) = Σₙ wₙ KL(pₙ ‖ P) = H(P) − Σₙ wₙ H(pₙ), in nats, with P = Σₙ wₙ pₙ.  [O3]

    .. math:: I(X;K) = \sum_n w_n \mathrm{KL}(p_n \,\|\, P) = H(P) - \sum_n w_n H(p_n),
        \qquad P = \sum_n w_n \, p_n

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; None means 1/N.

    Returns
    -------
    array [...]
        I(X;K), in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights of another shape, negative, or of another sum than 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> print(f"{theory.mutual_information(np.log([[0.5, 0.5], [0.2, 0.8]])):.4f}")
    0.0507
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return mutual_information_kernel(log_p, weights, xp)


def lautum_information(
    log_p: Float[Array, "*batch N K"], *, weights: Float[Array, "*#batch N"] | None = None
) -> Float[Array, "*batch"]:
    r"""L(X;K) = Σₙ wₙ KL(P ‖ pₙ), in nats: mutual information with its arguments exchanged.  [J5]

    .. math:: L(X;K) = \sum_n w_n \mathrm{KL}(P \,\|\, p_n), \qquad P = \sum_n w_n \, p_n

    +inf where a cluster that some sample uses has probability 0 in another.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; None means 1/N.

    Returns
    -------
    array [...]
        L(X;K), in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights of another shape, negative, or of another sum than 1.

    References
    ----------
    Palomar and Verdú, Lautum information, IEEE Trans. Inf. Theory 54(3), 2008.

    Examples
    --------
    It is the Jensen gap averaged over the prior:

    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.5, 0.5], [0.2, 0.8]])
    >>> print(f"{theory.lautum_information(log_p):.4f}")
    0.0533
    >>> print(f"{np.exp(theory.log_prior(log_p)) @ theory.jensen_gap(log_p):.4f}")
    0.0533
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return lautum_information_kernel(log_p, weights, xp)


def jeffreys_information(
    log_p: Float[Array, "*batch N K"], *, weights: Float[Array, "*#batch N"] | None = None
) -> Float[Array, "*batch"]:
    r"""I(X;K) + L(X;K) = Σₙ wₙ Σₖ (pₙ − P)(log pₙ − log P), in nats.  [J5]

    .. math:: I(X;K) + L(X;K)
        = \sum_n w_n \sum_k \bigl(p_n(k) - P(k)\bigr) \bigl(\log p_n(k) - \log P(k)\bigr)

    The Jeffreys divergence between the joint distribution w p and the product w P.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; None means 1/N.

    Returns
    -------
    array [...]
        I(X;K) + L(X;K), in nats.

    Raises
    ------
    TypeError, ValueError
        Not log-probabilities, K < 2; weights of another shape, negative, or of another sum than 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> print(f"{theory.jeffreys_information(np.log([[0.5, 0.5], [0.2, 0.8]])):.4f}")
    0.1040
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return mutual_information_kernel(log_p, weights, xp) + lautum_information_kernel(log_p, weights, xp)


def mutual_information_kernel(
    log_p: Float[Array, "*batch N K"], weights: Float[Array, "*#batch N"], xp: Namespace
) -> Float[Array, "*batch"]:
    """I(X;K) for checked input."""
    return informations_kernel(log_p, weights, xp).information


class Informations(NamedTuple):
    """What an ensemble says of itself, in nats."""

    log_prior: Float[Array, "*batch K"]
    """log P."""
    information: Float[Array, "*batch"]
    """I(X;K)."""
    entropy: Float[Array, "*batch"]
    """Σ w H(pₙ)."""


def informations_kernel(
    log_p: Float[Array, "*batch N K"], weights: Float[Array, "*batch N"], xp: Namespace
) -> Informations:
    """log P, I(X;K) and Σ w H(pₙ) for checked input; I is a mean of divergences where a difference fails."""
    log_prior, difference, entropy = _of_one_pass(log_p, weights, xp)
    if difference is None or np.any(np.isnan(difference)):

        def from_prior(log_p: Array, log_prior: Array) -> Array:
            return kl_kernel(log_p, log_prior[..., None, :], xp)

        difference = _measured(from_prior, log_prior, log_p, weights, xp)
    return Informations(log_prior, difference, entropy)


@in_blocks(blocked_informations)
def _of_one_pass(log_p: Array, weights: Array, xp: Namespace) -> tuple[Array, Array | None, Array]:
    entropies = cross_entropy_kernel(log_p, log_p, xp)
    return log_mean_exp(log_p, weights, xp), None, mean_of_rows(entropies, weights, xp)


def lautum_information_kernel(
    log_p: Float[Array, "*batch N K"], weights: Float[Array, "*batch N"], xp: Namespace
) -> Float[Array, "*batch"]:
    """L(X;K) for checked input."""

    def to_prior(log_p: Array, log_prior: Array) -> Array:
        return kl_kernel(log_prior[..., None, :], log_p, xp)

    return _measured(to_prior, log_mean_exp(log_p, weights, xp), log_p, weights, xp)


def _measured(
    divergence: Callable[[Array, Array], Array], log_prior: Array, log_p: Array, weights: Array, xp: Namespace
) -> Array:
    """A mean divergence between pₙ and P; where it is next to nothing, in float64 and from a careful P.

    Of a constant ensemble it is then 0, not the square of a rounding error.
    """
    value = mean_of_rows(divergence(log_p, log_prior), weights, xp)
    if not (isinstance(log_p, np.ndarray) and np.any(value < FINE)):
        return value
    wide, w = log_p.astype(np.float64), weights.astype(np.float64)
    value = mean_of_rows(divergence(wide, careful_log_mean_exp(wide, w, xp)), w, xp)
    return value.astype(log_p.dtype)
