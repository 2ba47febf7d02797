"""Every function of the core by its formula, in the arithmetic of `tests.accuracy.balls`.

The conventions of exact input are those of `tests.support.oracle`, which a test compares these with: rows of
log p are taken as they are, weights are divided by their exact sum, and what is absent is exactly 1/N or 1/K.

`slack` is 1 throughout: it stands where a function rounds a number on its way, so that the change of the
result with it is what that one rounding costs.
"""

from typing import Any

import numpy as np
from flint import arb

from tests.accuracy.balls import Formula, Values, balls, osc, solved, total

FORMULAS: dict[str, Formula] = {}


def of(formula: Formula) -> Formula:
    """Register a formula under the public name; its value is a dict, one result under ``""``."""
    FORMULAS[formula.__name__] = formula
    return formula


def softmax_log(s: np.ndarray) -> np.ndarray:
    """s − log Σ e^s along the last axis."""
    s = s - np.max(s, axis=-1, keepdims=True)
    return s - np.log(np.add.reduce(np.exp(s), axis=-1, keepdims=True))


def w_of(weights: Any, log_p: np.ndarray) -> np.ndarray:
    """Weights that sum to 1, as a column."""
    w = balls(np.ones(log_p.shape[-2])) if weights is None else weights
    return (w / total(w))[:, None]


def pi_of(log_target: Any, log_p: np.ndarray) -> np.ndarray:
    """log π."""
    k = log_p.shape[-1]
    return -np.log(balls(np.full(k, float(k)))) if log_target is None else log_target


def mean(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σₙ wₙ xₙ."""
    return total(w * x, axis=-2)


def log_mean(w: np.ndarray, x: np.ndarray, order: Any = 1) -> np.ndarray:
    """log M_s, the power mean of e^x."""
    if order == 0:
        return mean(w, x)
    if not arb(order).is_finite():
        return np.max(x, axis=-2) if order > 0 else np.min(x, axis=-2)
    return np.log(mean(w, np.exp(order * x))) / order


def h(log_r: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """Cross-entropy of rows."""
    return -total(np.exp(log_r) * log_q)


def divergence(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Σ p log(p/q) − p + q of rows."""
    p, q = np.exp(x), np.exp(y)
    return total(p * (x - y) - p + q)


def information(x: np.ndarray, w: np.ndarray) -> Any:
    return total(w[:, 0] * divergence(x, log_mean(w, x)))


def lautum(x: np.ndarray, w: np.ndarray) -> Any:
    return total(w[:, 0] * divergence(log_mean(w, x)[None], x))


def variance(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    d = x - mean(w, x)
    return mean(w, d * d)


def diameter(x: np.ndarray) -> Any:
    return max(osc(a - b) for i, a in enumerate(x) for b in x[: i + 1])


@of
def log_softmax(logits, temperature) -> Values:
    return {"": softmax_log(logits / temperature)}


@of
def entropy(log_p) -> Values:
    return {"": h(log_p, log_p)}


@of
def cross_entropy(log_r, log_q) -> Values:
    return {"": h(log_r, log_q)}


@of
def kl(log_p, log_q) -> Values:
    return {"": divergence(log_p, log_q)}


@of
def mutual_information(log_p, weights=None) -> Values:
    return {"": information(log_p, w_of(weights, log_p))}


@of
def lautum_information(log_p, weights=None) -> Values:
    return {"": lautum(log_p, w_of(weights, log_p))}


@of
def jeffreys_information(log_p, weights=None) -> Values:
    w = w_of(weights, log_p)
    return {"": information(log_p, w) + lautum(log_p, w)}


@of
def log_prior(log_p, order=1, weights=None) -> Values:
    return {"": log_mean(w_of(weights, log_p), log_p, order)}


@of
def jensen_gap(log_p, weights=None) -> Values:
    w = w_of(weights, log_p)
    return {"": log_mean(w, log_p) - mean(w, log_p)}


@of
def log_range(log_p, weights=None) -> Values:
    return {"": osc(log_p, axis=-2)}


@of
def log_variance(log_p, weights=None) -> Values:
    return {"": variance(log_p, w_of(weights, log_p))}


@of
def tilt(log_p, log_tilt) -> Values:
    return {"": softmax_log(log_p + log_tilt)}


def less(log_pi: np.ndarray, log_m: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """log π − log M; slack, [2, K]: both are rounded before."""
    return log_pi * slack[0] - log_m * slack[1]


@of
def power_mean_log_tilt(log_p, order, slack, weights=None, log_target=None) -> Values:
    return {"": less(pi_of(log_target, log_p), log_mean(w_of(weights, log_p), log_p, order), slack)}


@of
def centering_log_tilt(log_p, **given) -> Values:
    return power_mean_log_tilt(log_p, 0, **given)


@of
def inverse_prior_log_tilt(log_p, **given) -> Values:
    return power_mean_log_tilt(log_p, 1, **given)


@of
def cumulant_log_tilt(log_p, slack, weights=None, log_target=None) -> Values:
    w = w_of(weights, log_p)
    return {"": less(pi_of(log_target, log_p), mean(w, log_p) + variance(log_p, w) / 2, slack)}


@of
def batch_softmax_log_tilt(logits, temperature, slack, weights=None, log_target=None) -> Values:
    return inverse_prior_log_tilt(logits / temperature, slack=slack, weights=weights, log_target=log_target)


@of
def sinkhorn_log_tilt(log_p, rounds, slack, weights=None, log_target=None) -> Values:
    """slack, [2, rounds, K]: as in `less`."""
    w, log_r, lam = w_of(weights, log_p), log_p, balls(np.zeros(log_p.shape[-1]))
    for i in range(rounds):
        lam = lam + less(pi_of(log_target, log_p), log_mean(w, log_r), slack[:, i])
        log_r = softmax_log(log_p + lam)
    return {"": lam}


@of
def project(log_p, start, slack, rounded, tol, weights=None, log_target=None) -> Values:
    """Newton's method over the samples: u with Σₖ π sₙ(k) = wₙ, sₙ(k) ∝ wₙ pₙ(k) e^{−uₙ}, from λ = start.

    The dual is concave up to a constant, so where the search began decides nothing. slack, [K]: less 1 it
    is added to π, as the marginal reached may be off by tol in any cluster; rounded, [K]: λ is.
    """
    w = w_of(weights, log_p)[:, 0]
    pi = np.exp(pi_of(log_target, log_p)) + (slack - 1)
    pi = pi / total(pi)
    u = np.log(total(np.exp(log_p + start)))
    for _ in range(300):
        s = np.exp(np.log(w)[:, None] + log_p - u[:, None])
        s = s / total(s, axis=0)
        gradient = total(pi * s) - w
        if all(abs(x).mid() < arb(2) ** -140 for x in gradient):
            break
        hessian = np.diag(total(pi * s)) - (pi * s) @ s.T
        step = np.append(solved(hessian[:-1, :-1], gradient[:-1, None])[:, 0], arb(0))
        u = balls_mid(u + step / max(arb(1), max(abs(x).mid() for x in step)))
    else:
        raise ArithmeticError("the reference's Newton method did not converge")
    lam = np.log(pi) - np.log(total(np.exp(np.log(w)[:, None] + log_p - u[:, None]), axis=0))
    lam = (lam - total(pi * lam)) * rounded
    return {"log_r": softmax_log(log_p + lam), "log_tilt": lam}


def balls_mid(x: np.ndarray) -> np.ndarray:
    """The midpoints: what an iteration goes on from."""
    return np.vectorize(lambda ball: ball.mid(), otypes=[object])(x)


@of
def specht_bound(log_range) -> Values:
    u = log_range / np.expm1(log_range)
    return {"": u - 1 - np.log(u)}


@of
def hoeffding_bound(log_range) -> Values:
    return {"": log_range**2 / 8}


@of
def variance_bound(log_range) -> Values:
    return {"": log_range**3 / (36 * arb(3).sqrt())}


@of
def teacher_distance_bound(jensen_gap) -> Values:
    d = osc(jensen_gap)
    return {"log_ratio": d, "kl": d**2 / 8, "total_variation": np.tanh(d / 4)}


@of
def hilbert_diameter(log_p) -> Values:
    return {"": diameter(log_p)}


@of
def sinkhorn_contraction(log_p) -> Values:
    return {"": (diameter(log_p) / 4).tanh() ** 2}


@of
def projected_distance_bound(log_p, log_tilt_change) -> Values:
    return {"": osc(log_tilt_change) * (diameter(log_p) / 4).sinh() ** 2}


@of
def evaluate(log_r, log_q, weights=None) -> Values:
    w = w_of(weights, log_r)
    prior_r, prior_q = log_mean(w, log_r), log_mean(w, log_q)
    return {
        "cross_entropy": total(w[:, 0] * h(log_r, log_q)),
        "kl": total(w[:, 0] * divergence(log_r, log_q)),
        "teacher_entropy": total(w[:, 0] * h(log_r, log_r)),
        "teacher_information": information(log_r, w),
        "student_information": information(log_q, w),
        "teacher_prior_entropy": h(prior_r, prior_r),
        "student_prior_entropy": h(prior_q, prior_q),
    }


@of
def certificate(log_r, log_q, slack, weights=None, log_target=None) -> Values:
    """slack, [2, K]: the two log-priors are rounded before their divergence is taken."""
    w, pi = w_of(weights, log_r), np.exp(pi_of(log_target, log_r))
    prior_r, prior_q = log_mean(w, log_r) * slack[0], log_mean(w, log_q) * slack[1]
    paid = total(w[:, 0] * divergence(log_r, log_q))
    bound = total(abs(pi - np.exp(prior_r))) / 2 + (paid / 2).nonnegative_part().sqrt()
    return {
        "kl": paid,
        "prior_kl": divergence(prior_r, prior_q),
        "prior_distance_bound": min(bound, arb(1)),
        "teacher_information": information(log_r, w),
    }
