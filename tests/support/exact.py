"""Arithmetic on floats that are the real numbers they are, repeated until 50 digits are certain."""

import functools

import numpy as np
from mpmath import mp, mpf

DIGITS = 50
_START, _STOP = 60, 480  # digits; what is then below 1e-400 is 0 to any float
Row = list[mpf]


def certified(formula):
    """The formula, evaluated until `DIGITS` digits are certain.

    Arguments are float arrays [N, K], [N] or [K] (None as in the API); the value is a dict of float64 arrays,
    the fields of the record or the one result under ``""``, each rounded once from the exact value.
    """

    @functools.wraps(formula)
    def evaluated(*arrays, **settings):
        digits, before = _START, None
        while True:
            with mp.workdps(digits):
                exp.cache_clear()
                expm1.cache_clear()
                value = formula(*map(exact, arrays), **{k: exact(v) for k, v in settings.items()})
                value = value if isinstance(value, dict) else {"": value}
                now = np.concatenate([np.array(v, dtype=object).ravel() for v in value.values()])
                if before is not None and (digits >= _STOP or all(map(_agree, before, now))):
                    return {key: np.array(v, dtype=object).astype(float) for key, v in value.items()}
            digits, before = 2 * digits, now

    return evaluated


def _agree(a: mpf, b: mpf) -> bool:
    return a == b != 0 or abs(a - b) < mpf(10) ** -DIGITS * abs(b)


def exact(value):
    """Float arrays as nested lists of exact mpf; anything else as it is."""
    if isinstance(value, np.ndarray):
        return [exact(v) for v in value] if value.ndim else mpf(float(value))
    return mpf(float(value)) if isinstance(value, (float, np.floating)) else value


@functools.cache
def exp(x: mpf) -> mpf:
    return mp.exp(x)


@functools.cache
def expm1(x: mpf) -> mpf:
    return mp.expm1(x)


def log(x: mpf) -> mpf:
    return mp.log(x) if x else -mp.inf


def times(weight: mpf, value: mpf) -> mpf:
    """weight · value, with 0 · (±∞) = 0."""
    return weight * value if weight else mpf(0)


def weights_of(weights: Row | None, n: int) -> Row:
    weights = [mpf(1)] * n if weights is None else weights
    total = sum(weights)
    return [w / total for w in weights]


def target_of(log_target: Row | None, k: int) -> Row:
    return [-mp.log(k)] * k if log_target is None else log_target


def columns(log_p: list[Row]) -> list[Row]:
    return [list(column) for column in zip(*log_p, strict=True)]


def mean_of(w: Row, values: Row) -> mpf:
    return sum(map(times, w, values), mpf(0))


def log_sum_exp(scores: Row) -> mpf:
    return log(sum(map(exp, scores)))


def tilted(log_p: list[Row], tilt: Row) -> list[Row]:
    """log r(k) = s(k) − log Σⱼ e^{s(j)}, s = log p + λ; the largest s is taken out and log1p of the rest."""
    rows = []
    for row in log_p:
        s = [x + t for x, t in zip(row, tilt, strict=True)]
        top = s.index(max(s))
        rest = mp.log1p(sum(mp.exp(x - s[top]) for j, x in enumerate(s) if j != top))
        rows.append([x - s[top] - rest for x in s])
    return rows


def log_mean_exp(w: Row, values: Row) -> mpf:
    """log Σ w e^x, as log1p of Σ w (e^x − 1) where that is small: log would round 1 + 1e-130 to 0."""
    total = mean_of(w, list(map(exp, values)))
    near = 2 * abs(total - 1) < 1
    return mp.log1p(mean_of(w, list(map(expm1, values)))) if near else log(total)


def log_marginal(log_p: list[Row], w: Row) -> Row:
    return [log_mean_exp(w, column) for column in columns(log_p)]


def kl_of(log_p: Row, log_q: Row) -> mpf:
    """Σ p log(p/q) − p + q, with 0 log 0 = 0."""
    total = mpf(0)
    for x, y in zip(log_p, log_q, strict=True):
        p, q = exp(x), exp(y)
        total += (times(p, x - y) if p else 0) - p + q
    return total


def cross_entropy_of(log_r: Row, log_q: Row) -> mpf:
    return -mean_of(list(map(exp, log_r)), log_q)


def mutual_information_of(log_p, w):
    mean = log_marginal(log_p, w)
    return mean_of(w, [kl_of(row, mean) for row in log_p])


def lautum_information_of(log_p, w):
    mean = log_marginal(log_p, w)
    return mean_of(w, [kl_of(mean, row) for row in log_p])


def log_prior_of(log_p, order, w):
    means = []
    for column in columns(log_p):
        used = [x for x, weight in zip(column, w, strict=True) if weight]
        if order == 0:
            means.append(mean_of(w, column))
        elif mp.isinf(order):
            means.append(max(used) if order > 0 else min(used))
        elif order < 0 and -mp.inf in used:
            means.append(-mp.inf)
        else:
            means.append(log_mean_exp(w, [order * x for x in column]) / order)
    return means


def log_variance_of(log_p, w):
    variances = []
    for column in columns(log_p):
        used = [(weight, x) for weight, x in zip(w, column, strict=True) if weight]
        zeros = sum(x == -mp.inf for _, x in used)
        if zeros:
            variances.append(mpf(0) if zeros == len(used) else mp.inf)
            continue
        mean = sum(weight * x for weight, x in used)
        variances.append(sum(weight * (x - mean) ** 2 for weight, x in used))
    return variances


def hilbert_diameter_of(log_p):
    largest = mpf(0)
    for x in log_p:
        for y in log_p:
            live = [(a, b) for a, b in zip(x, y, strict=True) if not a == b == -mp.inf]
            largest = max(largest, oscillation_of([a - b for a, b in live]))
    return largest


def oscillation_of(values):
    return max(values) - min(values)


def kl_of_normalised(log_p: np.ndarray, log_q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """KL of the rows divided by their exact sums, and what `kl` may differ from it by.

    With Z the sums and δ = log Z_p − log Z_q, kl − KL = (Z_p − 1) KL + Z_p δ − Z_p + Z_q, whose last three
    terms are second order: at most δ²/2 · max(Z_p, Z_q).
    """
    with mp.workdps(4 * DIGITS):
        exp.cache_clear()
        true, allowed = [], []
        for x, y in zip(exact(log_p), exact(log_q), strict=True):
            log_zx, log_zy = log_sum_exp(x), log_sum_exp(y)
            true.append(kl_of([a - log_zx for a in x], [b - log_zy for b in y]))
            largest = max(mp.exp(log_zx), mp.exp(log_zy))
            allowed.append(abs(mp.expm1(log_zx)) * true[-1] + largest * (log_zx - log_zy) ** 2 / 2)
        return np.array(true, dtype=float), np.array(allowed, dtype=float)
