"""What `theory` returns in float64 lies within a stated rounding of the true value, which balls enclose.

Errors are in units of 2⁻⁵² times a scale: the value itself where `theory` promises relative accuracy,
elsewhere the largest number that the formula adds up, since rounding that alone moves the result so far.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from flint import arb

import theory
from tests.certify import statements
from tests.certify.balls import (
    balls,
    bits,
    columns,
    entropy,
    kl,
    largest,
    log_prior,
    log_softmax,
    mean,
    minus,
    osc,
    plus,
    total_variation,
)
from tests.certify.cases import Case

PRECISION = 256
ALLOWED = 16.0
TWELVE_DIGITS = 1e-12 * 2**52
PROMISED = {
    "jensen_gap": TWELVE_DIGITS,
    "teacher_distance_bound": TWELVE_DIGITS,
    "certificate, kl": TWELVE_DIGITS,
    "specht_bound": 64.0,
}
"""Units that are allowed where more than `ALLOWED` are. Of a difference of sums `theory` lets twelve
digits remain before it takes the form that loses none; Specht's formula subtracts up to 8 times its value.
"""
FLOOR = arb(10) ** -60  # a value of exactly 0 has a ball of radius 0 or next to it
HUGE = arb(10) ** 307


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One quantity of one instance: floats, the balls of the truth, and the scale of each."""

    name: str
    got: np.ndarray
    true: list[arb]
    scale: list[arb]

    @property
    def allowed(self) -> float:
        return allowed(self.name)

    @property
    def error(self) -> float:
        """Largest ∣got − true∣ that the balls allow, in units of 2⁻⁵² scale."""
        flat = np.asarray(self.got, float).reshape(-1)
        with bits(PRECISION):
            errors = [_error(*each) for each in zip(flat, self.true, self.scale, strict=True)]
        return float(np.max(errors))  # NaN if one is


def allowed(name: str) -> float:
    """Units of 2⁻⁵² scale by which a quantity may differ from the truth."""
    return next((units for part, units in PROMISED.items() if name.startswith(part)), ALLOWED)


def _error(got: float, true: arb, scale: arb) -> float:
    if got == np.inf:
        return 0.0 if true > HUGE else np.inf
    return float(((arb(got) - true) / (arb(2) ** -52 * (scale + FLOOR))).abs_upper())


def compared(claim: str, case: Case) -> list[Compared]:
    """All that `theory` says of the claim on an instance in floats; nothing where the instance is not."""
    if not case.in_floats:
        return []
    with bits(PRECISION):
        return [
            Compared(name=name, got=got, true=list(true), scale=list(scale))
            for name, got, true, scale in COMPARISONS[claim](case)
        ]


Rows = Iterator[tuple[str, np.ndarray, list[arb], list[arb]]]


def j1(case) -> Rows:
    cols, w = statements.counted(case)
    true = [statements.gap(column, w) for column in cols]
    yield "jensen_gap", theory.jensen_gap(case.log_p, weights=case.weights), true, true


def j6(case) -> Rows:
    cols, w = statements.counted(case)
    reach = theory.log_range(case.log_p, weights=case.weights)
    ranges, means = [osc(column) for column in cols], [mean(w, column) for column in cols]
    variances = [mean(w, [(x - m) * (x - m) for x in column]) for m, column in zip(means, cols, strict=True)]
    yield "log_range", reach, ranges, ranges
    yield "log_variance", theory.log_variance(case.log_p, weights=case.weights), variances, variances
    bounds = {
        "specht_bound": statements.specht,
        "hoeffding_bound": statements.hoeffding,
        "variance_bound": statements.third_order,
    }
    for name, bound in bounds.items():
        true = [bound(r) for r in ranges]
        yield name, getattr(theory, name)(reach), true, true


def j9(case) -> Rows:
    cols, w = statements.counted(case)
    scale = [largest([abs(x) for x in column]) for column in cols]
    for order in statements.ORDERS:
        true = [statements.power_mean(column, w, order) for column in cols]
        yield "log_prior", theory.log_prior(case.log_p, order=order, weights=case.weights), true, scale


def j7(case) -> Rows:
    rows, w, log_pi = statements.with_target(case)
    log_mean, mean_log = log_prior(rows, w), [mean(w, column) for column in columns(rows)]
    cols, counts = statements.counted(case)
    gap = [
        statements.gap(column, counts) for column in cols
    ]  # of the floats as they are, as `jensen_gap` has it
    wide, most = osc(gap), largest([abs(x) for x in gap])
    jensen = theory.jensen_gap(case.log_p, weights=case.weights)
    found = theory.teacher_distance_bound(jensen)
    yield "teacher_distance_bound, log_ratio", found.log_ratio, [wide], [most]
    yield "teacher_distance_bound, kl", found.kl, [wide * wide / 8], [wide * most]
    yield "teacher_distance_bound, total_variation", found.total_variation, [(wide / 4).tanh()], [most]
    target = floats_of(log_pi)
    for name, log_m in (("centering_log_tilt", mean_log), ("inverse_prior_log_tilt", log_mean)):
        lam = minus(log_pi, log_m)
        got = getattr(theory, name)(case.log_p, weights=case.weights, log_target=target)
        true = [log_softmax(plus(row, lam)) for row in rows]
        scales = [[1 + size(row) + size(lam) + size(log_pi)] * len(lam) for row in rows]
        yield f"tilt by {name}", theory.tilt(case.log_p, got), chain(*true), chain(*scales)


def o5(case) -> Rows:
    r, w, _ = statements.with_target(case)
    log_pi = log_softmax(statements.balls_of_tilt(case, len(r[0])))
    q = [log_softmax(row) for row in balls(case.log_q)]
    r_mean, q_mean = log_prior(r, w), log_prior(q, w)
    d = mean(w, [kl(a, b) for a, b in zip(r, q, strict=True)])
    information = mean(w, [kl(a, r_mean) for a in r])
    reach = total_variation(log_pi, r_mean) + statements.pinsker(d)
    target = theory.log_softmax(np.zeros(len(log_pi)) if case.log_tilt is None else case.log_tilt)
    proof = theory.certificate(case.log_p, case.log_q, weights=case.weights, log_target=target)
    # Means of p are rounded before they are compared: that moves their divergence in the first order.
    moved = mean([x.exp() for x in r_mean], [abs(x) for x in minus(r_mean, q_mean)]) * (1 + size(r_mean))
    yield "certificate, kl", proof.kl, [d], [d]
    yield "certificate, prior_kl", proof.prior_kl, [kl(r_mean, q_mean)], [d + moved]
    yield "certificate, teacher_information", proof.teacher_information, [information], [entropy(r_mean)]
    yield "certificate, prior_distance_bound", proof.prior_distance_bound, [arb(1).min(reach)], [arb(1)]
    # 0 where the verdict is sound: what is said to vary does. No rounding brings 1 next to 0.
    yield "certificate, not_constant", float(proof.not_constant and not information > d), [arb(0)], [FLOOR]


def t5(case) -> Rows:
    rows, w, log_pi = statements.with_target(case)
    delta, lam = statements.diameter(rows), [arb(0)] * len(log_pi)
    target = floats_of(log_pi)
    scale = 1 + largest([size(row) for row in rows]) + size(log_pi)
    for rounds in range(1, statements.ROUNDS + 1):
        log_m = log_prior([log_softmax(plus(row, lam)) for row in rows], w)
        lam = plus(lam, minus(log_pi, log_m))
        got = theory.sinkhorn_log_tilt(case.log_p, rounds=rounds, weights=case.weights, log_target=target)
        yield "sinkhorn_log_tilt", got, lam, [scale] * len(lam)
    kappa, change = statements.contraction(delta), balls(got)
    yield "sinkhorn_contraction", theory.sinkhorn_contraction(case.log_p), [kappa], [kappa]
    factor = statements.to_projected(delta)
    bound = theory.projected_distance_bound(case.log_p, got)
    yield "projected_distance_bound", bound, [factor * osc(change)], [factor * osc(change) * (1 + delta)]


def floats_of(values) -> np.ndarray:
    return np.array([float(x.mid()) for x in values])


def size(values) -> arb:
    return largest([abs(x) for x in values])


COMPARISONS = {"O5": o5, "T5": t5, "J1": j1, "J6": j6, "J7": j7, "J9": j9}
