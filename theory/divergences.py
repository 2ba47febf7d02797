"""Entropies and divergences of points of the simplex, in nats.

A divergence is summed from the non-negative terms p log(p/q) − p + q, so it is never negative, is 0 where
its arguments agree, and keeps its digits where they nearly do (SciPy's `kl_div` is that term, `rel_entr` is
not). The terms −p + q add to 0 because both distributions sum to 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory.blocks import blocked_cross_entropy, blocked_kl, in_blocks
from theory.checks import check_log_probabilities, check_pair, check_rank, namespace
from theory.logspace import Array, Namespace, divergence_terms

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["cross_entropy", "entropy", "kl"]


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


@in_blocks(blocked_kl)
def kl_kernel(
    log_p: Float[Array, "*#batch K"], log_q: Float[Array, "*#batch K"], xp: Namespace
) -> Float[Array, "*batch"]:
    """KL(p ‖ q) over the last axis, for checked input."""
    return xp.sum(divergence_terms(log_p, log_q, xp), axis=-1)


@in_blocks(blocked_cross_entropy)
def cross_entropy_kernel(
    log_r: Float[Array, "*#batch K"], log_q: Float[Array, "*#batch K"], xp: Namespace
) -> Float[Array, "*batch"]:
    """H(r, q) over the last axis, for checked input."""
    no_r, no_q = log_r == -math.inf, log_q == -math.inf
    terms = xp.exp(log_r) * -xp.where(no_q, 0.0, log_q)
    return xp.sum(xp.where(no_r, 0.0, xp.where(no_q, math.inf, terms)), axis=-1)
