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

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import mp, mpf

DIGITS = 50
_START, _STOP = 60, 480  # digits; what is then below 1e-400 is 0 to any float
Row = list[mpf]

ORACLE: dict[str, Callable[..., dict[str, Any]]] = {}


def public(formula):
    """Register a formula under its public name, evaluated until `DIGITS` digits are certain.

    Arguments are float arrays [N, K], [N] or [K] (None as in the API); the value is a dict of float64 arrays,
    the fields of the record or the one result under ``""``, each rounded once from the exact value.
    """

    @functools.wraps(formula)
    def certified(*arrays, **settings):
        digits, before = _START, None
        while True:
            with mp.workdps(digits):
                _exp.cache_clear()
                _expm1.cache_clear()
                value = formula(*map(exact, arrays), **{k: exact(v) for k, v in settings.items()})
                value = value if isinstance(value, dict) else {"": value}
                now = np.concatenate([np.array(v, dtype=object).ravel() for v in value.values()])
                if before is not None and (digits >= _STOP or all(map(_agree, before, now))):
                    return {key: np.array(v, dtype=object).astype(float) for key, v in value.items()}
            digits, before = 2 * digits, now

    ORACLE[formula.__name__] = certified
    return certified


def _agree(a: mpf, b: mpf) -> bool:
    return a == b != 0 or abs(a - b) < mpf(10) ** -DIGITS * abs(b)


def exact(value):
    """Float arrays as nested lists of exact mpf; anything else as it is."""
    if isinstance(value, np.ndarray):
        return [exact(v) for v in value] if value.ndim else mpf(float(value))
    return mpf(float(value)) if isinstance(value, (float, np.floating)) else value


# -- arithmetic ------------------------------------------------------------------------------------


@functools.cache
def _exp(x: mpf) -> mpf:
    return mp.exp(x)


@functools.cache
def _expm1(x: mpf) -> mpf:
    return mp.expm1(x)


def _log(x: mpf) -> mpf:
    return mp.log(x) if x else -mp.inf


def _times(weight: mpf, value: mpf) -> mpf:
    """weight · value, with 0 · (±∞) = 0."""
    return weight * value if weight else mpf(0)


def _weights(weights: Row | None, n: int) -> Row:
    weights = [mpf(1)] * n if weights is None else weights
    total = sum(weights)
    return [w / total for w in weights]


def _target(log_target: Row | None, k: int) -> Row:
    return [-mp.log(k)] * k if log_target is None else log_target


def _columns(log_p: list[Row]) -> list[Row]:
    return [list(column) for column in zip(*log_p, strict=True)]


def _mean(w: Row, values: Row) -> mpf:
    return sum(map(_times, w, values), mpf(0))


def _log_sum_exp(scores: Row) -> mpf:
    return _log(sum(map(_exp, scores)))


def _tilted(log_p: list[Row], tilt: Row) -> list[Row]:
    """log r(k) = s(k) − log Σⱼ e^{s(j)}, s = log p + λ; the largest s is taken out and log1p of the rest."""
    rows = []
    for row in log_p:
        s = [x + t for x, t in zip(row, tilt, strict=True)]
        top = s.index(max(s))
        rest = mp.log1p(sum(mp.exp(x - s[top]) for j, x in enumerate(s) if j != top))
        rows.append([x - s[top] - rest for x in s])
    return rows


def _log_mean_exp(w: Row, values: Row) -> mpf:
    """log Σ w e^x, as log1p of Σ w (e^x − 1) where that is small: log would round 1 + 1e-130 to 0."""
    total = _mean(w, list(map(_exp, values)))
    near = 2 * abs(total - 1) < 1
    return mp.log1p(_mean(w, list(map(_expm1, values)))) if near else _log(total)


def _log_marginal(log_p: list[Row], w: Row) -> Row:
    return [_log_mean_exp(w, column) for column in _columns(log_p)]


def _kl(log_p: Row, log_q: Row) -> mpf:
    """Σ p log(p/q) − p + q, with 0 log 0 = 0."""
    total = mpf(0)
    for x, y in zip(log_p, log_q, strict=True):
        p, q = _exp(x), _exp(y)
        total += (_times(p, x - y) if p else 0) - p + q
    return total


def _cross_entropy(log_r: Row, log_q: Row) -> mpf:
    return -_mean(list(map(_exp, log_r)), log_q)


def _mutual_information(log_p, w):
    mean = _log_marginal(log_p, w)
    return _mean(w, [_kl(row, mean) for row in log_p])


def _lautum_information(log_p, w):
    mean = _log_marginal(log_p, w)
    return _mean(w, [_kl(mean, row) for row in log_p])


# -- the public functions --------------------------------------------------------------------------


@public
def log_softmax(logits, *, temperature=mpf(1)):
    rows = logits if isinstance(logits[0], list) else [logits]
    scaled = [[z / temperature for z in row] for row in rows]
    normalised = _tilted(scaled, [mpf(0)] * len(rows[0]))
    return normalised if isinstance(logits[0], list) else normalised[0]


@public
def entropy(log_p):
    return [_cross_entropy(row, row) for row in log_p]


@public
def cross_entropy(log_r, log_q):
    return list(map(_cross_entropy, log_r, log_q))


@public
def kl(log_p, log_q):
    return list(map(_kl, log_p, log_q))


def kl_of_normalised(log_p: np.ndarray, log_q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """KL of the rows divided by their exact sums, and what `kl` may differ from it by.

    With Z the sums and δ = log Z_p − log Z_q, kl − KL = (Z_p − 1) KL + Z_p δ − Z_p + Z_q, whose last three
    terms are second order: at most δ²/2 · max(Z_p, Z_q).
    """
    with mp.workdps(4 * DIGITS):
        _exp.cache_clear()
        true, allowed = [], []
        for x, y in zip(exact(log_p), exact(log_q), strict=True):
            log_zx, log_zy = _log_sum_exp(x), _log_sum_exp(y)
            true.append(_kl([a - log_zx for a in x], [b - log_zy for b in y]))
            largest = max(mp.exp(log_zx), mp.exp(log_zy))
            allowed.append(abs(mp.expm1(log_zx)) * true[-1] + largest * (log_zx - log_zy) ** 2 / 2)
        return np.array(true, dtype=float), np.array(allowed, dtype=float)


@public
def mutual_information(log_p, *, weights=None):
    return _mutual_information(log_p, _weights(weights, len(log_p)))


@public
def lautum_information(log_p, *, weights=None):
    return _lautum_information(log_p, _weights(weights, len(log_p)))


@public
def jeffreys_information(log_p, *, weights=None):
    w = _weights(weights, len(log_p))
    return _mutual_information(log_p, w) + _lautum_information(log_p, w)


def _log_prior(log_p, order, w):
    means = []
    for column in _columns(log_p):
        used = [x for x, weight in zip(column, w, strict=True) if weight]
        if order == 0:
            means.append(_mean(w, column))
        elif mp.isinf(order):
            means.append(max(used) if order > 0 else min(used))
        elif order < 0 and -mp.inf in used:
            means.append(-mp.inf)
        else:
            means.append(_log_mean_exp(w, [order * x for x in column]) / order)
    return means


@public
def log_prior(log_p, *, order=mpf(1), weights=None):
    return _log_prior(log_p, order, _weights(weights, len(log_p)))


@public
def jensen_gap(log_p, *, weights=None):
    w = _weights(weights, len(log_p))
    pairs = zip(_log_prior(log_p, 1, w), _log_prior(log_p, 0, w), strict=True)
    return [mpf(0) if upper == -mp.inf else upper - lower for upper, lower in pairs]


@public
def log_range(log_p, *, weights=None):
    w = _weights(weights, len(log_p))
    pairs = zip(_log_prior(log_p, mp.inf, w), _log_prior(log_p, -mp.inf, w), strict=True)
    return [mpf(0) if high == -mp.inf else high - low for high, low in pairs]


def _log_variance(log_p, w):
    variances = []
    for column in _columns(log_p):
        used = [(weight, x) for weight, x in zip(w, column, strict=True) if weight]
        zeros = sum(x == -mp.inf for _, x in used)
        if zeros:
            variances.append(mpf(0) if zeros == len(used) else mp.inf)
            continue
        mean = sum(weight * x for weight, x in used)
        variances.append(sum(weight * (x - mean) ** 2 for weight, x in used))
    return variances


@public
def log_variance(log_p, *, weights=None):
    return _log_variance(log_p, _weights(weights, len(log_p)))


@public
def tilt(log_p, log_tilt):
    return _tilted(log_p, log_tilt)


def _power_mean(log_p, order, weights, log_target):
    log_mean = _log_prior(log_p, order, _weights(weights, len(log_p)))
    return [a - b for a, b in zip(_target(log_target, len(log_mean)), log_mean, strict=True)]


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
    half_variance = [v / 2 for v in _log_variance(log_p, _weights(weights, len(log_p)))]
    centred = _power_mean(log_p, 0, weights, log_target)
    return [a - b for a, b in zip(centred, half_variance, strict=True)]


@public
def batch_softmax_log_tilt(logits, *, temperature, weights=None, log_target=None):
    scaled = [[z / temperature for z in row] for row in logits]
    log_sum = _log_marginal(scaled, _weights(weights, len(logits)))
    return [a - b for a, b in zip(_target(log_target, len(log_sum)), log_sum, strict=True)]


@public
def sinkhorn_log_tilt(log_p, *, rounds, weights=None, log_target=None, log_tilt=None):
    w, target = _weights(weights, len(log_p)), _target(log_target, len(log_p[0]))
    tilt_ = [mpf(0)] * len(target) if log_tilt is None else log_tilt
    teacher = log_p if log_tilt is None else _tilted(log_p, tilt_)
    for _ in range(rounds):
        log_m = _log_marginal(teacher, w)
        tilt_ = [a + b - c for a, b, c in zip(tilt_, target, log_m, strict=True)]
        teacher = _tilted(log_p, tilt_)
    return tilt_


@public
def project(log_p, *, start, weights=None, log_target=None):
    """Newton's method on the dual from `start`, until the marginal is right to all digits but five.

    The dual is strictly concave up to a constant, so its stationary point, wherever the search began, is the
    maximum: `start` saves steps and decides nothing. λ(K) = 0 in the search, Σ π λ = 0 in what is returned.
    sensitivity: by how much the largest λ(k) moves for a marginal that is off by 1 in Σ |m − π|.
    """
    w, k = _weights(weights, len(log_p)), len(log_p[0])
    pi = list(map(mp.exp, _target(log_target, k)))
    pi = [x / sum(pi) for x in pi]
    lam = [x - start[-1] for x in start]
    for _ in range(60):
        r = [[mp.exp(x) for x in row] for row in _tilted(log_p, lam)]
        m = [_mean(w, column) for column in _columns(r)]
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
    level = _mean(pi, lam)
    lam = [x - level for x in lam]
    sensitivity = 2 * max(map(abs, hessian**-1))
    return {"log_r": _tilted(log_p, lam), "log_tilt": lam, "sensitivity": sensitivity}


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


def _osc(values):
    return max(values) - min(values)


@public
def teacher_distance_bound(jensen_gap):
    osc = _osc(jensen_gap)
    return {"log_ratio": osc, "kl": osc**2 / 8, "total_variation": mp.tanh(osc / 4)}


def _hilbert_diameter(log_p):
    largest = mpf(0)
    for x in log_p:
        for y in log_p:
            live = [(a, b) for a, b in zip(x, y, strict=True) if not a == b == -mp.inf]
            largest = max(largest, _osc([a - b for a, b in live]))
    return largest


@public
def hilbert_diameter(log_p):
    return _hilbert_diameter(log_p)


@public
def sinkhorn_contraction(log_p):
    return mp.tanh(_hilbert_diameter(log_p) / 4) ** 2


@public
def projected_distance_bound(log_p, log_tilt_change):
    return _times(_osc(log_tilt_change), mp.sinh(_hilbert_diameter(log_p) / 4) ** 2)


@public
def evaluate(log_r, log_q, *, weights=None):
    w = _weights(weights, len(log_r))
    prior_r, prior_q = _log_marginal(log_r, w), _log_marginal(log_q, w)
    return {
        "cross_entropy": _mean(w, list(map(_cross_entropy, log_r, log_q))),
        "kl": _mean(w, list(map(_kl, log_r, log_q))),
        "teacher_entropy": _mean(w, list(map(_cross_entropy, log_r, log_r))),
        "teacher_information": _mutual_information(log_r, w),
        "student_information": _mutual_information(log_q, w),
        "teacher_prior_entropy": _cross_entropy(prior_r, prior_r),
        "student_prior_entropy": _cross_entropy(prior_q, prior_q),
    }


@public
def certificate(log_r, log_q, *, weights=None, log_target=None):
    w = _weights(weights, len(log_r))
    prior_r, prior_q = _log_marginal(log_r, w), _log_marginal(log_q, w)
    target = _target(log_target, len(prior_r))
    divergence, information = _mean(w, list(map(_kl, log_r, log_q))), _mutual_information(log_r, w)
    distance = sum(abs(_exp(a) - _exp(b)) for a, b in zip(target, prior_r, strict=True)) / 2
    return {
        "kl": divergence,
        "prior_kl": _kl(prior_r, prior_q),
        "prior_distance_bound": min(distance + mp.sqrt(divergence / 2), mpf(1)),
        "teacher_information": information,
    }
