"""What a batch of B samples does to a cluster prior, and where that matters more than Jensen's gap.

Notation: x(k) = p(k)/P(k), of mean 1 over the population; cv²(k) = Var x(k) its dispersion; P̂ and log Ĝ the
means of p and of log p over B independent draws.

    E log Ĝ = log G                                 at every B: the centre is unbiased,
    log G ≤ E log P̂ ≤ log P,   rising with B        equal to log G at B = 1,
    E log P̂ = log P − cv²/(2B) + O(B⁻²),   Var log P̂ = cv²/B + O(B⁻²),   P E[1/P̂] = 1 + cv²/B + O(B⁻²) ≥ 1.

So the inverse prior of one sample is, on average, the centre, and its bias never exceeds the Jensen gap
that centering pays. The expansions need B ≫ cv²: a cluster that only a share P of the samples uses has
cv² ≈ 1/P, and until a batch holds a few of its samples its bias stays near the Jensen gap.

Averaged over clusters both errors are informations: Σₖ P(k) cv²(k) = Σ w χ²(pₙ‖P), Σₖ P(k) J(k) = L(X;K).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory.blocks import blocked_dispersion, in_blocks
from theory.checks import check_count, check_ensemble, check_number
from theory.logspace import Array, Namespace, log_mean_exp, weighted_mean

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = [
    "ema_variance_factor",
    "log_prior_bias",
    "log_prior_variance",
    "prior_dispersion",
]


def prior_dispersion(
    log_p: Float[Array, "*batch N K"], *, weights: Float[Array, "*#batch N"] | None = None
) -> Float[Array, "*batch K"]:
    r"""cv²(k) = Varₙ pₙ(k) / P(k)² = Σₙ wₙ (pₙ(k)/P(k) − 1)², the squared coefficient of variation.  [E1]

    .. math::
        \mathrm{cv}^2(k) = \operatorname{Var}_n p_n(k) / P(k)^2 = \sum_n w_n \left(p_n(k)/P(k) - 1\right)^2

    0 where p(k) does not vary; 1/P(k) − 1 where it is 0 or 1. Σₖ P(k) cv²(k) is the χ²-information of the
    ensemble, Σ w χ²(pₙ‖P).

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K].
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.

    Returns
    -------
    array [..., K]
        cv²(k) ≥ 0, a pure number.

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
    >>> theory.prior_dispersion(log_p).round(4)
    array([0.0204, 0.1111])
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return dispersion_kernel(log_p, weights, xp)


def log_prior_bias(
    log_p: Float[Array, "*batch N K"],
    *,
    batch_size: float,
    weights: Float[Array, "*#batch N"] | None = None,
) -> Float[Array, "*batch K"]:
    r"""E log P̂(k) − log P(k) ≈ −Var(p(k)) / (2 B P(k)²), in nats; the rest is O(B⁻²).  [E1]

    .. math:: \mathbb{E} \log \hat P(k) - \log P(k) \approx -\frac{\operatorname{Var} p(k)}{2 B P(k)^2}

    The true bias lies between −J(k), its value at B = 1, and 0, and shrinks with every sample; where this
    estimate is below −J(k) the batch is too small for it. P̂ is the mean of B independent draws: of batches
    drawn without replacement from N samples the bias is (N − B)/(N − 1) of it. The next term is
    (4 μ₃ − 9 c⁴)/(12 B²), μ₃ the third central moment of p/P.

    Parameters
    ----------
    log_p
        Log-probabilities of the population, [..., N, K].
    batch_size
        B ≥ 1, not necessarily whole: a moving average of batch priors acts as one batch of
        B / `ema_variance_factor(momentum)`.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.

    Returns
    -------
    array [..., K]
        The bias, in nats.

    Raises
    ------
    TypeError, ValueError
        Mixed namespaces or dtypes; K < 2; not log-probabilities; weights that do not fit `log_p` or do not
        sum to 1; B < 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.8, 0.2], [0.6, 0.4]])
    >>> theory.log_prior_bias(log_p, batch_size=10).round(5)
    array([-0.00102, -0.00556])
    """
    size = check_number("batch_size", batch_size, low=1.0)
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return -dispersion_kernel(log_p, weights, xp) / (2.0 * size)


def log_prior_variance(
    log_p: Float[Array, "*batch N K"],
    *,
    batch_size: float,
    weights: Float[Array, "*#batch N"] | None = None,
) -> Float[Array, "*batch K"]:
    r"""Var log P̂(k) ≈ Var(p(k)) / (B P(k)²), in nats²; the rest is O(B⁻²).  [E1]

    .. math:: \operatorname{Var} \log \hat P(k) \approx \frac{\operatorname{Var} p(k)}{B P(k)^2}

    Twice the bias of `log_prior_bias` in size: the spread √(cv²/B) is the larger error wherever cv² < 4B.

    Parameters
    ----------
    log_p
        Log-probabilities of the population, [..., N, K].
    batch_size
        B ≥ 1.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.

    Returns
    -------
    array [..., K]
        The variance, in nats².

    Raises
    ------
    TypeError, ValueError
        Mixed namespaces or dtypes; K < 2; not log-probabilities; weights that do not fit `log_p` or do not
        sum to 1; B < 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.8, 0.2], [0.6, 0.4]])
    >>> theory.log_prior_variance(log_p, batch_size=10).round(5)
    array([0.00204, 0.01111])
    """
    size = check_number("batch_size", batch_size, low=1.0)
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return dispersion_kernel(log_p, weights, xp) / size


def ema_variance_factor(momentum: float, *, steps: float = math.inf) -> float:
    r"""Var c_t / Var x = (1 − m)/(1 + m) · (1 − m^{2t}) for c_t = m c_{t−1} + (1 − m) x_t, c₀ fixed.  [E2]

    .. math::

        \operatorname{Var} c_t / \operatorname{Var} x = \frac{1 - m}{1 + m} \left(1 - m^{2t}\right),
        \qquad c_t = m c_{t-1} + (1 - m) x_t

    For uncorrelated x of equal variance. With c₀ = 0 the mean is (1 − m^t) E x. What is averaged decides
    about the bias: an average of log Ĝ has none at any m, one of P̂ has that of the larger batch B/factor,
    one of log P̂ keeps that of a single batch however long it is.

    Parameters
    ----------
    momentum
        m in [0, 1), per step.
    steps
        t ≥ 0, a whole number or inf.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        A momentum outside [0, 1), steps that are negative or not whole.

    Examples
    --------
    >>> import theory
    >>> print(f"{theory.ema_variance_factor(0.9):.6f}")
    0.052632
    """
    m = check_number("momentum", momentum, low=0.0, high=1.0)
    if m == 1.0:
        raise ValueError("`momentum` must be below 1, got 1: the average would never move.")
    t = steps if steps == math.inf else check_count("steps", steps, low=0)
    forgotten = 0.0 if m == 0.0 and t > 0 else m ** (2.0 * t)
    return (1.0 - m) / (1.0 + m) * (1.0 - forgotten)


def dispersion_kernel(
    log_p: Float[Array, "*batch N K"], weights: Float[Array, "*#batch N"], xp: Namespace
) -> Float[Array, "*batch K"]:
    """`prior_dispersion` for checked input."""
    return _dispersion_about(log_p, log_mean_exp(log_p, weights, xp), weights, xp)


@in_blocks(blocked_dispersion)
def _dispersion_about(log_p: Array, log_mean: Array, weights: Array, xp: Namespace) -> Array:
    x = _relative_deviation(log_p, log_mean, weights, xp)
    return weighted_mean(x * x, weights, xp)


def relative_deviation(
    log_p: Float[Array, "*batch N K"], weights: Float[Array, "*#batch N"], xp: Namespace
) -> Float[Array, "*batch N K"]:
    """pₙ(k)/P(k) − 1; 0 for samples of weight 0 and for clusters that no sample uses."""
    return _relative_deviation(log_p, log_mean_exp(log_p, weights, xp), weights, xp)


def _relative_deviation(log_p: Array, log_mean: Array, weights: Array, xp: Namespace) -> Array:
    """log P is rounded: by one factor for all samples, which is taken off as the mean of what it leaves.

    About the heaviest sample, so that of samples that agree nothing is left.
    """
    log_mean = log_mean[..., None, :]
    usable = (weights[..., None] > 0) & (log_mean > -math.inf)
    d = xp.where(usable, log_p, 0.0) - xp.where(log_mean > -math.inf, log_mean, 0.0)
    x = xp.where(usable, xp.expm1(xp.where(usable, d, 0.0)), 0.0)
    heaviest = xp.argmax(weights, axis=-1, keepdims=True)[..., None]
    about = xp.take_along_axis(x, xp.broadcast_to(heaviest, (*x.shape[:-2], 1, x.shape[-1])), axis=-2)
    rest = x - about
    mean = weighted_mean(rest, weights, xp)[..., None, :]
    return xp.where(usable, (rest - mean) / (1.0 + about + mean), 0.0)
