"""Entropies, divergences and the three informations of an ensemble, in nats.

A divergence is summed from the non-negative terms p log(p/q) − p + q, so it is never negative, is 0 where
its arguments agree, and keeps its digits where they nearly do (SciPy's `kl_div` is that term, `rel_entr` is
not). The terms −p + q add to 0 because both distributions sum to 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from theory.blocks import blocked_cross_entropy, blocked_informations, blocked_kl, in_blocks
from theory.checks import check_ensemble, check_log_probabilities, check_pair, check_rank, namespace
from theory.logspace import Array, Namespace, divergence_terms, log_mean_exp, mean_of_rows

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = [
    "cross_entropy",
    "entropy",
    "jeffreys_information",
    "kl",
    "lautum_information",
    "mutual_information",
]


def entropy(log_p: Float[Array, "*batch K"]) -> Float[Array, "*batch"]:
    r"""H(p) = −Σₖ pₖ log pₖ, in nats.  [O2]

    .. math:: H(p) = -\sum_k p_k \log p_k

    0 log 0 = 0.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., K].

    Returns
    -------
    array [...]
        H(p), in nats.

    Raises
    ------
    TypeError, ValueError
        Not floating-point log-probabilities, K < 2.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> theory.entropy(np.log([[0.5, 0.5], [0.2, 0.8]])).round(4)
    array([0.6931, 0.5004])
    """
    xp = namespace(log_p=log_p)
    check_rank("log_p", log_p, 1)
    check_log_probabilities("log_p", log_p, xp)
    return cross_entropy_kernel(log_p, log_p, xp)


def cross_entropy(
    log_r: Float[Array, "*#batch K"], log_q: Float[Array, "*#batch K"]
) -> Float[Array, "*batch"]:
    r"""H(r, q) = −Σₖ rₖ log qₖ, in nats.  [O1, O2]

    .. math:: H(r, q) = -\sum_k r_k \log q_k

    0 · log 0 = 0; +inf where r has mass and q has none.

    Parameters
    ----------
    log_r, log_q
        Log-probabilities, [..., K], whose shapes broadcast, K alike.

    Returns
    -------
    array [...]
        H(r, q), in nats.

    Raises
    ------
    TypeError, ValueError
        Mixed namespaces or dtypes; K < 2 or unlike; not log-probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> print(f"{theory.cross_entropy(np.log([0.5, 0.5]), np.log([0.9, 0.1])):.4f}")
    1.2040
    """
    xp = check_pair("log_r", log_r, "log_q", log_q)
    return cross_entropy_kernel(log_r, log_q, xp)


def kl(log_p: Float[Array, "*#batch K"], log_q: Float[Array, "*#batch K"]) -> Float[Array, "*batch"]:
    r"""KL(p ‖ q) = Σₖ pₖ (log pₖ − log qₖ), in nats.  [O2]

    .. math:: \mathrm{KL}(p \,\|\, q) = \sum_k p_k (\log p_k - \log q_k)

    0 log 0 = 0; +inf where p has mass and q has none.

    Parameters
    ----------
    log_p, log_q
        Log-probabilities, [..., K], whose shapes broadcast, K alike.

    Returns
    -------
    array [...]
        KL(p ‖ q) ≥ 0, in nats.

    Raises
    ------
    TypeError, ValueError
        Mixed namespaces or dtypes; K < 2 or unlike; not log-probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> print(f"{theory.kl(np.log([0.5, 0.5]), np.log([0.9, 0.1])):.4f}")
    0.5108
    """
    xp = check_pair("log_p", log_p, "log_q", log_q)
    return kl_kernel(log_p, log_q, xp)


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
    log_mean = log_mean_exp(log_p, weights, xp)[..., None, :]
    both = kl_kernel(log_p, log_mean, xp) + kl_kernel(log_mean, log_p, xp)
    return mean_of_rows(both, weights, xp)


@in_blocks(blocked_kl)
def kl_kernel(
    log_p: Float[Array, "*#batch K"], log_q: Float[Array, "*#batch K"], xp: Namespace
) -> Float[Array, "*batch"]:
    """KL(p ‖ q) over the last axis, for checked input."""
    return xp.sum(divergence_terms(log_p, log_q, xp), axis=-1)


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
        rows = kl_kernel(log_p, log_prior[..., None, :], xp)
        difference = mean_of_rows(rows, weights, xp)
    return Informations(log_prior, difference, entropy)


@in_blocks(blocked_informations)
def _of_one_pass(log_p: Array, weights: Array, xp: Namespace) -> tuple[Array, Array | None, Array]:
    entropies = cross_entropy_kernel(log_p, log_p, xp)
    return log_mean_exp(log_p, weights, xp), None, mean_of_rows(entropies, weights, xp)


def lautum_information_kernel(
    log_p: Float[Array, "*batch N K"], weights: Float[Array, "*#batch N"], xp: Namespace
) -> Float[Array, "*batch"]:
    """L(X;K) for checked input."""
    log_mean = log_mean_exp(log_p, weights, xp)[..., None, :]
    return mean_of_rows(kl_kernel(log_mean, log_p, xp), weights, xp)


@in_blocks(blocked_cross_entropy)
def cross_entropy_kernel(
    log_r: Float[Array, "*#batch K"], log_q: Float[Array, "*#batch K"], xp: Namespace
) -> Float[Array, "*batch"]:
    """H(r, q) over the last axis, for checked input."""
    no_r, no_q = log_r == -math.inf, log_q == -math.inf
    terms = xp.exp(log_r) * -xp.where(no_q, 0.0, log_q)
    return xp.sum(xp.where(no_r, 0.0, xp.where(no_q, math.inf, terms)), axis=-1)
