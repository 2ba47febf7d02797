"""Entropies, divergences and the three informations of an ensemble, in nats.

A divergence is summed from the non-negative terms p log(p/q) − p + q, so it is never negative, is 0 where
its arguments agree, and keeps its digits where they nearly do (SciPy's `kl_div` is that term, `rel_entr` is
not). The terms −p + q add to 0 because both distributions sum to 1.
"""

from __future__ import annotations

import math

from theory.checks import check_ensemble, check_log_probabilities, check_pair, check_rank, namespace
from theory.logspace import Array, Namespace, divergence_terms, log_mean_exp, mean_of_rows

__all__ = [
    "cross_entropy",
    "entropy",
    "jeffreys_information",
    "kl",
    "lautum_information",
    "mutual_information",
]


def entropy(log_p: Array) -> Array:
    """H(p) = −Σₖ pₖ log pₖ, in nats.  [O2]

    log_p: [..., K] log-probabilities; 0 log 0 = 0.  Returns [...].
    Raises TypeError, ValueError: not floating-point log-probabilities, K < 2.
    """
    xp = namespace(log_p=log_p)
    check_rank("log_p", log_p, 1)
    check_log_probabilities("log_p", log_p, xp)
    return cross_entropy_kernel(log_p, log_p, xp)


def cross_entropy(log_r: Array, log_q: Array) -> Array:
    """H(r, q) = −Σₖ rₖ log qₖ, in nats.  [O1, O2]

    0 · log 0 = 0; +inf where r has mass and q has none.
    log_r, log_q: [..., K] log-probabilities whose shapes broadcast, K alike.  Returns [...].
    Raises TypeError, ValueError: mixed namespaces or dtypes, K < 2 or unlike, not log-probabilities.
    """
    xp = check_pair("log_r", log_r, "log_q", log_q)
    return cross_entropy_kernel(log_r, log_q, xp)


def kl(log_p: Array, log_q: Array) -> Array:
    """KL(p ‖ q) = Σₖ pₖ (log pₖ − log qₖ), in nats.  [O2]

    0 log 0 = 0; +inf where p has mass and q has none.
    log_p, log_q: [..., K] log-probabilities whose shapes broadcast, K alike.  Returns [...].
    Raises TypeError, ValueError: mixed namespaces or dtypes, K < 2 or unlike, not log-probabilities.
    """
    xp = check_pair("log_p", log_p, "log_q", log_q)
    return kl_kernel(log_p, log_q, xp)


def mutual_information(log_p: Array, *, weights: Array | None = None) -> Array:
    """I(X;K) = Σₙ wₙ KL(pₙ ‖ P) = H(P) − Σₙ wₙ H(pₙ), in nats, with P = Σₙ wₙ pₙ.  [O3]

    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  Returns [...].
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return mutual_information_kernel(log_p, weights, xp)


def lautum_information(log_p: Array, *, weights: Array | None = None) -> Array:
    """L(X;K) = Σₙ wₙ KL(P ‖ pₙ), in nats: mutual information with its arguments exchanged.  [J5]

    +inf where a cluster that some sample uses has probability 0 in another.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  Returns [...].
    Source: Palomar and Verdú, Lautum information, IEEE Trans. Inf. Theory 54(3), 2008.
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return lautum_information_kernel(log_p, weights, xp)


def jeffreys_information(log_p: Array, *, weights: Array | None = None) -> Array:
    """I(X;K) + L(X;K) = Σₙ wₙ Σₖ (pₙ − P)(log pₙ − log P), in nats.  [J5]

    The Jeffreys divergence between the joint distribution w p and the product w P.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  Returns [...].
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    log_mean = log_mean_exp(log_p, weights, xp)[..., None, :]
    both = divergence_terms(log_p, log_mean, xp) + divergence_terms(log_mean, log_p, xp)
    return mean_of_rows(xp.sum(both, axis=-1), weights, xp)


def kl_kernel(log_p: Array, log_q: Array, xp: Namespace) -> Array:
    """KL(p ‖ q) over the last axis, for checked input."""
    return xp.sum(divergence_terms(log_p, log_q, xp), axis=-1)


def mutual_information_kernel(log_p: Array, weights: Array, xp: Namespace) -> Array:
    """I(X;K) for checked input."""
    log_mean = log_mean_exp(log_p, weights, xp)[..., None, :]
    return mean_of_rows(kl_kernel(log_p, log_mean, xp), weights, xp)


def lautum_information_kernel(log_p: Array, weights: Array, xp: Namespace) -> Array:
    """L(X;K) for checked input."""
    log_mean = log_mean_exp(log_p, weights, xp)[..., None, :]
    return mean_of_rows(kl_kernel(log_mean, log_p, xp), weights, xp)


def cross_entropy_kernel(log_r: Array, log_q: Array, xp: Namespace) -> Array:
    """H(r, q) over the last axis, for checked input."""
    no_r, no_q = log_r == -math.inf, log_q == -math.inf
    terms = xp.exp(log_r) * -xp.where(no_q, 0.0, log_q)
    return xp.sum(xp.where(no_r, 0.0, xp.where(no_q, math.inf, terms)), axis=-1)
