"""What a batch of B samples does to a cluster prior, and where that matters more than Jensen's gap.

Notation: x(k) = p(k)/P(k), of mean 1 over the population; c²(k) = Var x(k) its dispersion; P̂ and log Ĝ the
means of p and of log p over B independent draws.

    E log Ĝ = log G                                 at every B: the centre is unbiased,
    log G ≤ E log P̂ ≤ log P,   rising with B        equal to log G at B = 1,
    E log P̂ = log P − c²/(2B) + O(B⁻²),   Var log P̂ = c²/B + O(B⁻²),   P E[1/P̂] = 1 + c²/B + O(B⁻²) ≥ 1.

So the inverse prior of one sample is, on average, the centre, and its bias never exceeds the Jensen gap
that centering pays. The expansions need B ≫ c²: a cluster that only a share P of the samples uses has
c² ≈ 1/P, and until a batch holds a few of its samples its bias stays near the Jensen gap.

Averaged over clusters both errors are informations: Σₖ P(k) c²(k) = Σ w χ²(pₙ‖P), Σₖ P(k) J(k) = L(X;K).
"""

from __future__ import annotations

import math

from theory.checks import Ensemble, check_count, check_ensemble, check_number, reject
from theory.ensembles import jensen_gap_kernel
from theory.logspace import Array, Namespace, log_mean_exp, weighted_mean
from theory.tilts import tilt_kernel

__all__ = [
    "crossing_batch_size",
    "ema_variance_factor",
    "log_prior_bias",
    "log_prior_variance",
    "prior_dispersion",
    "teacher_crossing_batch_size",
]


def prior_dispersion(log_p: Array, *, weights: Array | None = None) -> Array:
    """c²(k) = Varₙ pₙ(k) / P(k)² = Σₙ wₙ (pₙ(k)/P(k) − 1)², the squared coefficient of variation.  [E1]

    0 where p(k) does not vary; 1/P(k) − 1 where it is 0 or 1. Σₖ P(k) c²(k) is the χ²-information of the
    ensemble, Σ w χ²(pₙ‖P).
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  Returns [..., K].
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return _dispersion(log_p, weights, xp)


def log_prior_bias(log_p: Array, *, batch_size: float, weights: Array | None = None) -> Array:
    """E log P̂(k) − log P(k) ≈ −Var(p(k)) / (2 B P(k)²), in nats; the rest is O(B⁻²).  [E1]

    The true bias lies between −J(k), its value at B = 1, and 0, and shrinks with every sample; where this
    estimate is below −J(k) the batch is too small for it. P̂ is the mean of B independent draws: of batches
    drawn without replacement from N samples the bias is (N − B)/(N − 1) of it. The next term is
    (4 μ₃ − 9 c⁴)/(12 B²), μ₃ the third central moment of p/P.

    log_p: [..., N, K], the population.  batch_size: B ≥ 1, not necessarily whole: a moving average of batch
    priors acts as one batch of B / `ema_variance_factor(momentum)`.  weights: [..., N], sum 1; None means
    1/N.  Returns [..., K].
    """
    size = check_number("batch_size", batch_size, low=1.0)
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return -_dispersion(log_p, weights, xp) / (2.0 * size)


def log_prior_variance(log_p: Array, *, batch_size: float, weights: Array | None = None) -> Array:
    """Var log P̂(k) ≈ Var(p(k)) / (B P(k)²), in nats²; the rest is O(B⁻²).  [E1]

    Twice the bias of `log_prior_bias` in size: the spread √(c²/B) is the larger error wherever c² < 4B.
    log_p: [..., N, K], the population.  batch_size: B ≥ 1.  weights: [..., N], sum 1; None means 1/N.
    Returns [..., K].
    """
    size = check_number("batch_size", batch_size, low=1.0)
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    return _dispersion(log_p, weights, xp) / size


def ema_variance_factor(momentum: float, *, steps: float = math.inf) -> float:
    """Var c_t / Var x = (1 − m)/(1 + m) · (1 − m^{2t}) for c_t = m c_{t−1} + (1 − m) x_t, c₀ fixed.  [E2]

    For uncorrelated x of equal variance. With c₀ = 0 the mean is (1 − m^t) E x. What is averaged decides
    about the bias: an average of log Ĝ has none at any m, one of P̂ has that of the larger batch B/factor,
    one of log P̂ keeps that of a single batch however long it is.
    momentum: m in [0, 1).  steps: t ≥ 0, a whole number or inf.  Returns a float in [0, 1].
    """
    m = check_number("momentum", momentum, low=0.0, high=1.0)
    if m == 1.0:
        raise ValueError("`momentum` must be below 1, got 1: the average would never move.")
    t = steps if steps == math.inf else check_count("steps", steps, low=0)
    forgotten = 0.0 if m == 0.0 and t > 0 else m ** (2.0 * t)
    return (1.0 - m) / (1.0 + m) * (1.0 - forgotten)


def crossing_batch_size(log_p: Array, *, weights: Array | None = None) -> Array:
    """B*(k) = c²(k) / J(k)², where the spread √(c²/B) of log P̂(k) equals the Jensen gap of log G(k).  [E1]

    Above it the batch's own prior is nearer to log P(k) than the population's log G(k). To leading order in
    the spread of log p it is 4/Var log p(k). +inf where p(k) does not vary: both errors vanish, J(k) faster;
    0 where J(k) is infinite.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  Returns [..., K].
    """
    log_p, weights, _, xp = check_ensemble(log_p, weights)
    gap = jensen_gap_kernel(log_p, weights, xp)
    spread = _dispersion(log_p, weights, xp)
    return xp.where(gap > 0, spread / xp.where(gap > 0, gap, 1.0) ** 2, math.inf)


def teacher_crossing_batch_size(
    log_p: Array, *, weights: Array | None = None, log_target: Array | None = None
) -> Array:
    """B* = E Q(x − 1) / Q(J): where noise moves the inverse-prior teacher as far as centering does.  [E1]

    Q(e) = Σₙ wₙ Var_{k∼rₙ} e(k) is twice the KL that a small error e(k) of λ makes in the inverse-prior
    teacher r (the metric −∇²g of the dual); x = p/P of one random sample. A constant error counts for
    nothing, so B* is +inf where J is constant in k: centering is then exact at any batch size. 0 where a J
    is infinite.
    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None means
    uniform.  Returns [...].
    Raises ValueError: a cluster in which every sample has probability 0.
    """
    ensemble = check_ensemble(log_p, weights, log_target)
    xp = ensemble.xp
    empty = log_mean_exp(log_p, ensemble.weights, xp) == -math.inf
    reject("log_p", empty, "give every cluster a positive mean over the samples", "0", xp)
    return teacher_crossing_kernel(ensemble)


def teacher_crossing_kernel(ensemble: Ensemble) -> Array:
    """`teacher_crossing_batch_size` for checked input in which no cluster is empty."""
    log_p, weights, log_pi, xp = ensemble
    log_mean = log_mean_exp(log_p, weights, xp)
    r = xp.exp(tilt_kernel(log_p, log_pi - log_mean, xp))
    gap = jensen_gap_kernel(log_p, weights, xp)
    w, infinite = weights[..., None], xp.any(gap == math.inf, axis=-1)
    gap = xp.where(infinite[..., None], 0.0, gap)
    x = _relative_deviation(log_p, weights, xp)
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


def _dispersion(log_p: Array, weights: Array, xp: Namespace) -> Array:
    x = _relative_deviation(log_p, weights, xp)
    return weighted_mean(x * x, weights, xp)


def _relative_deviation(log_p: Array, weights: Array, xp: Namespace) -> Array:
    """pₙ(k)/P(k) − 1; 0 for samples of weight 0 and for clusters that no sample uses."""
    log_mean = log_mean_exp(log_p, weights, xp)[..., None, :]
    usable = (weights[..., None] > 0) & (log_mean > -math.inf)
    d = xp.where(usable, log_p, 0.0) - xp.where(log_mean > -math.inf, log_mean, 0.0)
    return xp.where(usable, xp.expm1(xp.where(usable, d, 0.0)), 0.0)
