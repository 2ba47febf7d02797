"""Every public function of the core once more, by its formula in the plainest loops, to 50 digits.

What counts as exact input, function by function:

* Every float is the real number it is; a teacher `log_p` is *not* renormalised. Of the formulas below only
  the divergences assume rows that sum to 1, and for them p log(p/q) − p + q is summed: equal to the textbook
  form on normalised rows, and within second order of it on rows that are off by a rounding error
  (`kl_of_normalised` lets a test measure that). A gap, a range, a prior or a tilt is a function of any
  positive numbers.
* Weights are divided by their exact sum: Σ w = 1 is used everywhere, and no float weights attain it.
* An absent weight is exactly 1/N and an absent target exactly 1/K, not the float next to it. `project` also
  divides a given target by its exact sum, since its constraint has no solution otherwise.

Each value is computed at 60 digits and again at twice as many until 50 digits agree, so no cancellation in
these loops (log P of one-hot rows, a gap of 1e-30) needs an eye: that is Ziv's strategy.
"""

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

from tests.support.exact import (
    certified,
    columns,
    cross_entropy_of,
    exp,
    hilbert_diameter_of,
    kl_of,
    lautum_information_of,
    log_marginal,
    log_prior_of,
    log_variance_of,
    mean_of,
    mutual_information_of,
    oscillation_of,
    target_of,
    tilted,
    times,
    weights_of,
)

ORACLE: dict[str, Callable[..., dict[str, Any]]] = {}


def public(formula):
    """Register a formula under its public name.

    Arguments are float arrays [N, K], [N] or [K] (None as in the API); the value is a dict of float64 arrays,
    the fields of the record or the one result under ``""``, each rounded once from the exact value.
    """
    ORACLE[formula.__name__] = certified(formula)
    return ORACLE[formula.__name__]


@public
def log_softmax(logits, *, temperature=mpf(1)):
    rows = logits if isinstance(logits[0], list) else [logits]
    scaled = [[z / temperature for z in row] for row in rows]
    normalised = tilted(scaled, [mpf(0)] * len(rows[0]))
    return normalised if isinstance(logits[0], list) else normalised[0]


@public
def entropy(log_p):
    return [cross_entropy_of(row, row) for row in log_p]


@public
def cross_entropy(log_r, log_q):
    return list(map(cross_entropy_of, log_r, log_q))


@public
def kl(log_p, log_q):
    return list(map(kl_of, log_p, log_q))


@public
def mutual_information(log_p, *, weights=None):
    return mutual_information_of(log_p, weights_of(weights, len(log_p)))


@public
def lautum_information(log_p, *, weights=None):
    return lautum_information_of(log_p, weights_of(weights, len(log_p)))


@public
def jeffreys_information(log_p, *, weights=None):
    w = weights_of(weights, len(log_p))
    return mutual_information_of(log_p, w) + lautum_information_of(log_p, w)


@public
def log_prior(log_p, *, order=mpf(1), weights=None):
    return log_prior_of(log_p, order, weights_of(weights, len(log_p)))


@public
def jensen_gap(log_p, *, weights=None):
    w = weights_of(weights, len(log_p))
    pairs = zip(log_prior_of(log_p, 1, w), log_prior_of(log_p, 0, w), strict=True)
    return [mpf(0) if upper == -mp.inf else upper - lower for upper, lower in pairs]


@public
def log_range(log_p, *, weights=None):
    w = weights_of(weights, len(log_p))
    pairs = zip(log_prior_of(log_p, mp.inf, w), log_prior_of(log_p, -mp.inf, w), strict=True)
    return [mpf(0) if high == -mp.inf else high - low for high, low in pairs]


@public
def log_variance(log_p, *, weights=None):
    return log_variance_of(log_p, weights_of(weights, len(log_p)))


@public
def tilt(log_p, log_tilt):
    return tilted(log_p, log_tilt)


def _power_mean(log_p, order, weights, log_target):
    log_mean = log_prior_of(log_p, order, weights_of(weights, len(log_p)))
    return [a - b for a, b in zip(target_of(log_target, len(log_mean)), log_mean, strict=True)]


@public
def centering_log_tilt(log_p, *, weights=None, log_target=None):
    return _power_mean(log_p, 0, weights, log_target)


@public
def inverse_prior_log_tilt(log_p, *, weights=None, log_target=None):
    return _power_mean(log_p, 1, weights, log_target)


@public
def power_mean_log_tilt(log_p, *, order, weights=None, log_target=None):
    return _power_mean(log_p, order, weights, log_target)


@public
def cumulant_log_tilt(log_p, *, weights=None, log_target=None):
    half_variance = [v / 2 for v in log_variance_of(log_p, weights_of(weights, len(log_p)))]
    centred = _power_mean(log_p, 0, weights, log_target)
    return [a - b for a, b in zip(centred, half_variance, strict=True)]


@public
def batch_softmax_log_tilt(logits, *, temperature, weights=None, log_target=None):
    scaled = [[z / temperature for z in row] for row in logits]
    log_sum = log_marginal(scaled, weights_of(weights, len(logits)))
    return [a - b for a, b in zip(target_of(log_target, len(log_sum)), log_sum, strict=True)]


@public
def sinkhorn_log_tilt(log_p, *, rounds, weights=None, log_target=None, log_tilt=None):
    w, target = weights_of(weights, len(log_p)), target_of(log_target, len(log_p[0]))
    tilt_ = [mpf(0)] * len(target) if log_tilt is None else log_tilt
    teacher = log_p if log_tilt is None else tilted(log_p, tilt_)
    for _ in range(rounds):
        log_m = log_marginal(teacher, w)
        tilt_ = [a + b - c for a, b, c in zip(tilt_, target, log_m, strict=True)]
        teacher = tilted(log_p, tilt_)
    return tilt_


@public
def project(log_p, *, start, weights=None, log_target=None):
    """Newton's method on the dual from `start`, until the marginal is right to all digits but five.

    The dual is strictly concave up to a constant, so its stationary point, wherever the search began, is the
    maximum: `start` saves steps and decides nothing. λ(K) = 0 in the search, Σ π λ = 0 in what is returned.
    sensitivity: by how much the largest λ(k) moves for a marginal that is off by 1 in Σ |m − π|.
    """
    w, k = weights_of(weights, len(log_p)), len(log_p[0])
    pi = list(map(mp.exp, target_of(log_target, k)))
    pi = [x / sum(pi) for x in pi]
    lam = [x - start[-1] for x in start]
    for _ in range(60):
        r = [[mp.exp(x) for x in row] for row in tilted(log_p, lam)]
        m = [mean_of(w, column) for column in columns(r)]
        hessian = mp.matrix(k - 1)
        for i in range(k - 1):
            for j in range(k - 1):
                hessian[i, j] = (m[i] if i == j else 0) - sum(
                    weight * row[i] * row[j] for weight, row in zip(w, r, strict=True)
                )
        if sum(abs(a - b) for a, b in zip(pi, m, strict=True)) < mpf(10) ** (5 - mp.dps):
            break
        step = mp.lu_solve(hessian, mp.matrix([a - b for a, b in zip(pi[:-1], m[:-1], strict=True)]))
        shrink = 1 / max(1, *map(abs, step))
        lam = [a + shrink * b for a, b in zip(lam[:-1], step, strict=True)] + [mpf(0)]
    else:
        raise ArithmeticError("the oracle's Newton method did not converge")
    level = mean_of(pi, lam)
    lam = [x - level for x in lam]
    sensitivity = 2 * max(map(abs, hessian**-1))
    return {"log_r": tilted(log_p, lam), "log_tilt": lam, "sensitivity": sensitivity}


@public
def specht_bound(log_range):
    def bound(r):
        if r == 0 or r == mp.inf:
            return r
        u = r / mp.expm1(r)
        return u - 1 - mp.log(u)

    return list(map(bound, log_range))


@public
def hoeffding_bound(log_range):
    return [r**2 / 8 for r in log_range]


@public
def variance_bound(log_range):
    return [r**3 / (36 * mp.sqrt(3)) for r in log_range]


@public
def teacher_distance_bound(jensen_gap):
    osc = oscillation_of(jensen_gap)
    return {"log_ratio": osc, "kl": osc**2 / 8, "total_variation": mp.tanh(osc / 4)}


@public
def hilbert_diameter(log_p):
    return hilbert_diameter_of(log_p)


@public
def sinkhorn_contraction(log_p):
    return mp.tanh(hilbert_diameter_of(log_p) / 4) ** 2


@public
def projected_distance_bound(log_p, log_tilt_change):
    return times(oscillation_of(log_tilt_change), mp.sinh(hilbert_diameter_of(log_p) / 4) ** 2)


@public
def evaluate(log_r, log_q, *, weights=None):
    w = weights_of(weights, len(log_r))
    prior_r, prior_q = log_marginal(log_r, w), log_marginal(log_q, w)
    return {
        "cross_entropy": mean_of(w, list(map(cross_entropy_of, log_r, log_q))),
        "kl": mean_of(w, list(map(kl_of, log_r, log_q))),
        "teacher_entropy": mean_of(w, list(map(cross_entropy_of, log_r, log_r))),
        "teacher_information": mutual_information_of(log_r, w),
        "student_information": mutual_information_of(log_q, w),
        "teacher_prior_entropy": cross_entropy_of(prior_r, prior_r),
        "student_prior_entropy": cross_entropy_of(prior_q, prior_q),
    }


@public
def certificate(log_r, log_q, *, weights=None, log_target=None):
    w = weights_of(weights, len(log_r))
    prior_r, prior_q = log_marginal(log_r, w), log_marginal(log_q, w)
    target = target_of(log_target, len(prior_r))
    divergence, information = mean_of(w, list(map(kl_of, log_r, log_q))), mutual_information_of(log_r, w)
    distance = sum(abs(exp(a) - exp(b)) for a, b in zip(target, prior_r, strict=True)) / 2
    return {
        "kl": divergence,
        "prior_kl": kl_of(prior_r, prior_q),
        "prior_distance_bound": min(distance + mp.sqrt(divergence / 2), mpf(1)),
        "teacher_information": information,
    }
