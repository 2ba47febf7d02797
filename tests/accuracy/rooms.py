"""Estimation, summaries and published systems by their formulas, as in `tests.accuracy.formulas`."""

import numpy as np
from flint import arb

from tests.accuracy.balls import Values, balls, floats, total
from tests.accuracy.formulas import (
    h,
    information,
    lautum,
    log_mean,
    mean,
    of,
    pi_of,
    project,
    softmax_log,
    w_of,
)


def relative(log_p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """p/P − 1."""
    return np.expm1(log_p - log_mean(w, log_p))


def gap(log_p: np.ndarray, w: np.ndarray) -> np.ndarray:
    return log_mean(w, log_p) - mean(w, log_p)


@of
def prior_dispersion(log_p, slack, weights=None) -> Values:
    """slack, [1, K]: log P is rounded before c² is taken."""
    w = w_of(weights, log_p)
    x = np.expm1(log_p - log_mean(w, log_p) * slack[0])
    return {"": mean(w, x * x)}


@of
def log_prior_bias(log_p, batch_size, slack, weights=None) -> Values:
    return {"": -prior_dispersion(log_p, slack, weights)[""] / (2 * batch_size)}


@of
def log_prior_variance(log_p, batch_size, slack, weights=None) -> Values:
    return {"": prior_dispersion(log_p, slack, weights)[""] / batch_size}


@of
def crossing_batch_size(log_p, slack, weights=None) -> Values:
    spread, gaps = prior_dispersion(log_p, slack, weights)[""], gap(log_p, w_of(weights, log_p))
    varies = [np.ptp(floats(column)) > 0 for column in log_p.T]
    found = zip(spread, gaps, varies, strict=True)
    return {"": np.array([c / (j * j) if x else arb("inf") for c, j, x in found], object)}


@of
def teacher_crossing_batch_size(log_p, slack, weights=None, log_target=None) -> Values:
    """Σₙ wₙ Σₘ wₘ Var_{k∼rₘ} e(k) over e = xₙ − 1, and of e = J; slack, [2]: a variance is a difference."""
    w = w_of(weights, log_p)
    r = np.exp(softmax_log(log_p + pi_of(log_target, log_p) - log_mean(w, log_p)))

    def spread(e, square, covered):
        inner = total(r * e)
        return total(w[:, 0] * (total(r * e * e) * square - inner * inner * covered))

    if not any(np.ptp(floats(column)) for column in log_p.T):
        return {"": arb("inf")}
    one = arb(1)
    noise = sum(x * spread(e, *slack) for x, e in zip(w[:, 0], relative(log_p, w), strict=True))
    return {"": noise / spread(gap(log_p, w), one, one)}


@of
def ema_variance_factor(momentum, steps) -> Values:
    return {"": (1 - momentum) / (1 + momentum) * (1 - momentum ** (2 * steps))}


@of
def summarize(logits, temperature, slack, weights=None) -> Values:
    """slack, [N + 2, K]: p, log P and log G are rounded before J and c² are taken of them."""
    log_p = softmax_log(logits / temperature)
    w = w_of(weights, log_p)
    rounded = log_p + (slack[:-2] - 1)
    x = np.expm1(rounded - log_mean(w, log_p) * slack[-2])
    entropies = h(log_p, log_p)
    return {
        "log_prior": log_mean(w, log_p),
        "jensen_gap": log_mean(w, rounded) * slack[-2] - mean(w, log_p) * slack[-1],
        "mutual_information": information(log_p, w),
        "lautum_information": lautum(log_p, w),
        "entropy": total(w[:, 0] * entropies),
        "entropy_square": total(w[:, 0] * entropies**2),
        "dispersion": mean(w, x * x),
        "lowest": np.min(log_p, axis=-2),
        "highest": np.max(log_p, axis=-2),
    }


@of
def dino(logits, center, temperature) -> Values:
    return {"": softmax_log((logits - center) / temperature)}


@of
def update_center(center, logits, momentum, weights=None) -> Values:
    return {"": momentum * center + (1 - momentum) * mean(w_of(weights, logits), logits)}


@of
def msn(logits, temperature, rounds, slack, weights=None, log_target=None) -> Values:
    """Samples first, then `dinov2`."""
    log_p = softmax_log(logits / temperature)
    return dinov2(log_p, arb(1), rounds, slack, weights=weights, log_target=log_target)


@of
def dinov2(logits, temperature, rounds, slack, weights=None, log_target=None) -> Values:
    """Clusters, then samples, in turn, from e^{z/τ}; slack, [rounds, N + 1, K]: log p and λ, each time."""
    log_r = logits / temperature
    log_p = softmax_log(log_r)
    w, log_pi, lam = w_of(weights, log_p), pi_of(log_target, log_p), balls(np.zeros(log_p.shape[-1]))
    for off in slack:
        lam = (lam + log_pi - log_mean(w, log_r)) * off[-1]
        log_r = softmax_log(log_p * off[:-1] + lam)
    return {"": log_r}


@of
def swav(scores, epsilon, rounds, slack, weights=None, log_target=None) -> Values:
    return dinov2(scores, epsilon, rounds, slack, weights=weights, log_target=log_target)


@of
def capi(logits, temperature, rounds, slack) -> Values:
    return {
        "": np.stack([dinov2(z, temperature, rounds, slack)[""] for z in np.moveaxis(logits, 1, 0)], axis=1)
    }


@of
def sela(logits, sharpness, start, slack, rounded, tol, weights=None, log_target=None) -> Values:
    log_p, more = softmax_log(logits * sharpness), {"weights": weights, "log_target": log_target}
    found = project(log_p, start, slack, rounded, tol, **more)
    return {"": found["log_r"]}


@of
def power_law_log_target(clusters, exponent, slack) -> Values:
    """slack, [1]: the sum is rounded before its logarithm."""
    share = -exponent * np.log(balls(np.arange(1.0, clusters + 1.0)))
    return {"": share - (total(np.exp(share)) * slack[0]).log()}


@of
def student_gain(learning_rate, clusters, student_temperature) -> Values:
    return {"": learning_rate / (clusters * student_temperature)}


@of
def adaptive_gain(learning_rate, gradient_noise, clusters, student_temperature) -> Values:
    return {"": learning_rate / (clusters * student_temperature * gradient_noise)}


@of
def critical_temperature(correlation, student_temperature) -> Values:
    return {"": np.array([max(rho, arb(0)) * student_temperature for rho in correlation], object)}


@of
def held_share(student_temperature, teacher_temperature) -> Values:
    return {"": max(arb(0), 1 - teacher_temperature / student_temperature)}


@of
def fold_shift(shift, batch_size, learning_rate) -> Values:
    return {"": shift * ((learning_rate / batch_size).log() * 2 / 3).exp()}
