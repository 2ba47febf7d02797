"""Accuracy near every limit: each public function against 50 digits, and against SciPy and POT.

Allowed everywhere: 1e-12 relative in float64, 1e-5 in float32. Where the exact value itself moves by more
than that when its inputs move by one rounding error, no algorithm can do it; there, and only there, the
functions `_of_…` state how far it moves, Σᵢ |∂f/∂xᵢ| |xᵢ|, and ε times that is allowed on top.
"""

import functools
import math

import numpy as np
import ot
import pytest
import scipy.special
import scipy.stats
from mpmath import mp

import theory
from tests.claims.ledger import equal
from tests.support import calls, oracle
from tests.support.oracle import ORACLE

RTOL = {"float64": 1e-12, "float32": 1e-5}
ROUNDINGS = 8  # how many rounding errors of the inputs a result may amount to

# -- the grid --------------------------------------------------------------------------------------


def _softmax_rows(logits, dtype):
    """log-probabilities of float logits, each rounded once from its exact value."""
    return ORACLE["log_softmax"](logits.astype(dtype))[""].astype(dtype)


def _logits(scale, n, k, seed):
    return scale * np.random.default_rng(seed).standard_normal((n, k))


def _uneven(n):
    """Weights that sum to 1 with a 0 and a 1e-12 among them."""
    w = np.arange(1.0, n + 1.0)
    w[:2] = 0.0, 1e-12
    return w / w.sum()


def _faint(n):
    """All weight on the last sample but for 1e-12 on the first."""
    w = np.array([1e-12] + [0.0] * (n - 2) + [1.0])
    return w / w.sum()


def _spread_clusters(seed):
    """Clusters 1e4 apart, hardly varying over the samples."""
    return np.linspace(-1e4, 0.0, 3) + _logits(1e-8, 5, 3, seed)


def _one_hot(gap, seed, *, same):
    z = _logits(1.0, 4, 3, seed)
    z[np.arange(4), np.zeros(4, int) if same else np.arange(4) % 3] += gap
    return z


def _outlier(seed):
    """One cluster to every sample but the first."""
    return np.where(np.arange(4)[:, None] == 0, [-4.0, 0.0, 1.0], [40.0, 0.0, -40.0]) + _logits(
        0.1, 4, 3, seed
    )


def _with_zeros(seed):
    """Exact zeros: one sample lacks a cluster, another has one only, a third lacks the same as the first."""
    z = _logits(1.0, 5, 4, seed)
    z[0, 1] = z[3, 1] = z[1, 0] = z[1, 2] = z[1, 3] = -np.inf
    return z


def _dead_cluster(seed):
    z = _logits(1.0, 3, 3, seed)
    z[:, 1] = -np.inf
    return z


ENSEMBLES = {
    **{
        f"scale {scale:g}, {kind}": (functools.partial(_logits, scale, 4, 3), weights)
        for scale in (1e-8, 1e-3, 1.0, 30.0, 1e4, 1e7)
        for kind, weights in (("even", None), ("uneven", _uneven(4)))
    },
    "two clusters": (functools.partial(_logits, 1.0, 3, 2), _uneven(3)),
    "fifty clusters": (functools.partial(_logits, 3.0, 3, 50), None),
    "one sample": (functools.partial(_logits, 1.0, 1, 3), None),
    "constant": (lambda seed: np.repeat(_logits(1.0, 1, 3, seed), 4, axis=0), None),
    "clusters far apart": (_spread_clusters, None),
    "nearly one-hot, one cluster": (functools.partial(_one_hot, 40.0, same=True), None),
    "nearly one-hot, one cluster, faint rest": (functools.partial(_one_hot, 300.0, same=True), _uneven(4)),
    "nearly one-hot, faint sample": (functools.partial(_one_hot, 40.0, same=False), _faint(4)),
    "one-hot but for a faint outlier": (_outlier, _faint(4)),
    "nearly one-hot, all clusters": (functools.partial(_one_hot, 40.0, same=False), None),
    "exact zeros": (_with_zeros, None),
    "exact zeros, uneven": (_with_zeros, _uneven(5)),
    "dead cluster": (_dead_cluster, None),
}
_ZEROS = ["exact zeros", "exact zeros, uneven", "dead cluster"]
_LONG = ("scale 0.001", "scale 1e+07", "fifty")
_SHORT_IN_FLOAT32 = (
    "scale 1e-08, uneven",
    "scale 30",
    "two clusters",
    "nearly one-hot, faint",
    "exact zeros, uneven",
)


def _grid(leave_out=()):
    """Ensembles × dtypes; what adds time more than variety is slow."""
    for name in ENSEMBLES:
        for dtype in RTOL:
            slow = name.startswith(_LONG) or (dtype == "float32" and not name.startswith(_SHORT_IN_FLOAT32))
            if name not in leave_out:
                marks = pytest.mark.slow if slow else ()
                yield pytest.param(name, dtype, marks=marks, id=f"{name}, {dtype}")


def ensembles(leave_out=()):
    """Parametrise a test by ensemble and dtype."""
    return pytest.mark.parametrize(("ensemble", "dtype"), list(_grid(leave_out)))


@functools.cache
def _ensemble(name, dtype, seed=0):
    make, weights = ENSEMBLES[name]
    log_p = _softmax_rows(make(seed), dtype)
    return log_p, None if weights is None else weights.astype(dtype)


def _read_only(array):
    array.flags.writeable = False
    return array


def _compare(name, arrays, condition=None, **settings):
    """One public function on exact floats against the oracle, entry by entry."""
    dtype = str(arrays[0].dtype)
    got = calls.parts(getattr(theory, name)(*arrays, **settings))
    want = ORACLE[name](*arrays, **settings)
    for part, exact in want.items():
        result = np.asarray(got[part])
        assert result.dtype == dtype
        allowed = np.full(exact.shape, float(np.finfo(dtype).smallest_normal))
        if condition is not None:
            allowed = allowed + ROUNDINGS * np.finfo(dtype).eps * condition(part, exact)
        with np.errstate(over="ignore"):
            expected = np.where(np.abs(exact) > np.finfo(dtype).max, np.copysign(np.inf, exact), exact)
        equal(result, expected, rtol=RTOL[dtype], atol=allowed)
    return got, want


# -- how far an exact value moves with its inputs ---------------------------------------------------


def _samples(log_p, weights):
    """Weights that sum to 1, as a column, and |log p| with 0 in place of 0 · ∞."""
    n = log_p.shape[0]
    w = np.full(n, 1.0 / n) if weights is None else weights.astype(float)
    x = np.abs(log_p.astype(float))
    return (w / w.sum())[:, None], np.where(np.isfinite(x), x, 0.0)


def _share(log_p, weights, order):
    """∂ log M_s/∂ log pₙ(k) = wₙ pₙ(k)^s / Σ w p^s; all on one sample for s = ±∞."""
    w, _ = _samples(log_p, weights)
    x = log_p.astype(float)
    if np.isinf(order):
        best = np.where(w > 0, order * x, -np.inf)
        return best == best.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.log(w) + (order * x if order else 0.0)
    top = scores.max(axis=0)
    share = np.exp(scores - np.where(np.isfinite(top), top, 0.0))
    return share / np.where(share.sum(axis=0) > 0, share.sum(axis=0), 1.0)


def _log_pi(log_target, k):
    return np.full(k, -math.log(k)) if log_target is None else log_target.astype(float)


def _of_tilt_choice(order, log_p, weights, log_target, variance=False):
    """λ = log π − log M_s (− ½ Var): |log π| + Σₙ shareₙ |log pₙ| (+ Σₙ wₙ |log pₙ − mean| |log pₙ|)."""
    w, x = _samples(log_p, weights)
    moved = np.abs(_log_pi(log_target, log_p.shape[1])) + np.sum(_share(log_p, weights, order) * x, axis=0)
    if variance:
        moved += np.sum(w * np.abs(x - np.sum(w * x, axis=0)) * x, axis=0)
    return moved


def _of_softmax(log_r, moved):
    """log r = s − log Σ e^s with s(j) moved by `moved`: Σⱼ |δₖⱼ − r(j)| movedⱼ, 1 − r accurate near 0."""
    others = (np.exp(log_r) * moved) @ (1.0 - np.eye(log_r.shape[-1]))
    return -np.expm1(log_r) * moved + others


def _of_sinkhorn(log_p, rounds, weights=None, log_target=None, log_tilt=None):
    """A round is 1-Lipschitz in max |λ|, so the errors of rounds add: each that of inverse_prior about λ."""
    k = log_p.shape[1]
    finite = np.isfinite(log_p)
    lam = np.zeros(k) if log_tilt is None else log_tilt.astype(float)
    total = 0.0
    for _ in range(rounds):
        log_r = calls.log_softmax(log_p.astype(float) + lam)
        moved = np.where(finite, _samples(log_p, weights)[1] + np.abs(lam), 0.0)
        with np.errstate(invalid="ignore"):
            moved = np.where(finite, _of_softmax(log_r, moved), 0.0)
        share = _share(log_r, weights, 1.0)
        log_m = theory.log_prior(
            log_r, weights=None if weights is None else _samples(log_p, weights)[0][:, 0]
        )
        pi = _log_pi(log_target, k)
        total += np.max(np.sum(share * moved, axis=0) + np.abs(pi) + np.abs(log_m) + np.abs(lam))
        lam = lam + pi - log_m
    return total


def _of_prior_kl(log_r, log_q, weights):
    """KL(r̄‖q̄): Σₖ r̄ |log r̄/q̄| m_r + |q̄ − r̄| m_q, with m = |log r̄| + Σₙ shareₙ |log pₙ| how far log r̄ moves.

    m counts the rounding of the two log-priors too: where they nearly agree, it makes ½ Σ r̄ (ε m)².
    """
    eps = np.finfo(log_r.dtype).eps
    log_r_mean, log_q_mean = _float_prior(log_r, weights), _float_prior(log_q, weights)
    r, q = np.exp(log_r_mean), np.exp(log_q_mean)
    live = (r > 0) & (q > 0)
    x, y = np.where(live, log_r_mean, 0.0), np.where(live, log_q_mean, 0.0)
    m_r = np.abs(x) + np.sum(_share(log_r, weights, 1.0) * _samples(log_r, weights)[1], axis=0)
    m_q = np.abs(y) + np.sum(_share(log_q, weights, 1.0) * _samples(log_q, weights)[1], axis=0)
    both = eps * (m_r + m_q)
    return np.sum(r * (np.abs(x - y) + both) * m_r + (np.abs(q - r) + q * both) * m_q)


def _float_prior(log_p, weights):
    w, _ = _samples(log_p, weights)
    with np.errstate(divide="ignore"):
        return scipy.special.logsumexp(log_p.astype(float) + np.log(w), axis=0)


def _of_rounded_prior(log_p, weights):
    """Informations use log P as a float, off by ε |log P|: Σ w KL(pₙ‖P̂) = I + KL(P‖P̂), second order.  [O3]

    As a multiple of ε: ε Σ P (log P)², felt only where the information itself is below ε² nats.
    """
    log_prior = _float_prior(log_p, weights)
    log_prior = log_prior[np.isfinite(log_prior)]
    return np.finfo(log_p.dtype).eps * np.sum(np.exp(log_prior) * log_prior**2)


def _of_off_target(log_r, weights, log_target):
    """TV(π, r̄): ½ Σₖ π |log π| + Σₙ wₙ rₙ |log rₙ|."""
    w, x = _samples(log_r, weights)
    pi = _log_pi(log_target, log_r.shape[1])
    return 0.5 * np.sum(np.exp(pi) * np.abs(pi)) + 0.5 * np.sum(w * np.exp(log_r.astype(float)) * x)


# -- functions of one ensemble ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("temperature", [1e-3, 0.04, 1.0, 1e3])
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 30.0, 1e4])
def test_log_softmax(scale, temperature, dtype):
    """Condition in (z − max z)/τ; it counts in float32 where all clusters but one are faint."""
    logits = np.concatenate([_logits(scale, 3, 5, 0), _logits(scale, 1, 5, 1) - 1e4]).astype(dtype)
    temperature = float(np.asarray(temperature, dtype))
    s = (logits.astype(float) - logits.max(axis=-1, keepdims=True)) / temperature
    condition = None if dtype == "float64" else lambda _, exact: _of_softmax(exact, np.abs(s))
    _compare("log_softmax", [logits], condition, temperature=temperature)


@ensembles()
def test_functions_of_an_ensemble(ensemble, dtype):
    log_p, weights = _ensemble(ensemble, dtype)
    for name in ("entropy", "hilbert_diameter"):
        _compare(name, [log_p])
    _compare("sinkhorn_contraction", [log_p])
    for name in ("log_prior", "jensen_gap", "log_range", "log_variance"):
        _compare(name, [log_p], weights=weights)
    for name in ("mutual_information", "lautum_information", "jeffreys_information"):
        _compare(name, [log_p], lambda *_: _of_rounded_prior(log_p, weights), weights=weights)


@ensembles()
def test_log_prior(ensemble, dtype):
    log_p, weights = _ensemble(ensemble, dtype)
    for order in (-np.inf, -1e3, -2.0, -1e-9, 0.0, 1e-9, 0.5, 1e3, np.inf):
        _compare("log_prior", [log_p], weights=weights, order=order)


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("order", [5e-324, -5e-324, 1e-200, 1e-30, 1e30, -1e30, 1e200, -1.7e308])
def test_orders_near_zero_and_infinity_are_their_limits(order, dtype):
    log_p, weights = _ensemble("scale 1, even", dtype)
    nearest = 0.0 if abs(order) < 1 else math.copysign(math.inf, order)
    equal(theory.log_prior(log_p, order=order, weights=weights), theory.log_prior(log_p, order=nearest))


# -- functions of a teacher and something else -----------------------------------------------------


def _pairs(ensemble, dtype):
    """A teacher and students with the same zeros: another draw, the teacher itself, and one a hair off."""
    log_r, weights = _ensemble(ensemble, dtype)
    log_q, _ = _ensemble(ensemble, dtype, 1)
    near = log_r.copy()
    near[0] = np.nextafter(log_r[0], np.asarray(-np.inf, dtype))
    return weights, log_r, [log_q, log_r, near]


@ensembles()
def test_functions_of_teacher_and_student(ensemble, dtype):
    weights, log_r, students = _pairs(ensemble, dtype)
    log_target = _softmax_rows(_logits(1.0, 1, log_r.shape[1], 2), dtype)[0]
    information = {"teacher_information": log_r}

    def condition(part, _, log_target=None):
        if part in information or part == "student_information":
            return _of_rounded_prior(information.get(part, log_q), weights)
        if part == "prior_kl":
            return _of_prior_kl(log_r, log_q, weights)
        if part == "prior_distance_bound":
            return _of_off_target(log_r, weights, log_target)
        return 0.0

    targets = [None, log_target]
    for log_q in students:
        for name in ("kl", "cross_entropy"):
            _compare(name, [log_r, log_q])
        for target in targets:
            given = functools.partial(condition, log_target=target)
            got, want = _compare("certificate", [log_r, log_q], given, weights=weights, log_target=target)
            paid, needed = (want[part].astype(dtype) for part in ("kl", "teacher_information"))
            assert bool(got["not_constant"]) == (paid < needed)
        targets = [None]
    log_q = students[0]
    _compare("evaluate", [log_r, log_q], condition, weights=weights)


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 30.0])
def test_kl_is_that_of_the_normalised_rows_to_second_order_in_rounding(scale, dtype):
    """Float rows never sum to 1 exactly; what that may change is not the first digits but ½ δ², δ ~ ε."""
    log_p, log_q = (_softmax_rows(_logits(scale, 6, 5, seed), dtype) for seed in (0, 1))
    exact, slack = oracle.kl_of_normalised(log_p, log_q)
    equal(theory.kl(log_p, log_q), exact, rtol=RTOL[dtype], atol=slack)


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e4])
@ensembles()
def test_tilt(ensemble, size, dtype):
    log_p, _ = _ensemble(ensemble, dtype)
    log_tilt = (size * _logits(1.0, 1, log_p.shape[1], 3)[0]).astype(dtype)
    moved = _samples(log_p, None)[1] + np.abs(log_tilt)
    _compare("tilt", [log_p, log_tilt], lambda _, exact: _of_softmax(exact, moved))
    _compare("projected_distance_bound", [log_p, log_tilt], lambda _, exact: _of_sinh(log_p, exact))


def _of_sinh(log_p, exact):
    """osc(v) sinh²(Δ/4): times Δ/2 · coth(Δ/4), which is at most 2 + Δ/2."""
    diameter = theory.hilbert_diameter(log_p).astype(float)
    return np.where(np.isfinite(exact), exact, 0.0) * (
        2.0 + np.where(np.isfinite(diameter), diameter, 0.0) / 2.0
    )


@ensembles(_ZEROS)
def test_choices_of_tilt(ensemble, dtype):
    log_p, weights = _ensemble(ensemble, dtype)
    for log_target in (None, _softmax_rows(_logits(1.0, 1, log_p.shape[1], 4), dtype)[0]):
        given = {"weights": weights, "log_target": log_target}
        for name, order, more in [
            ("centering_log_tilt", 0.0, {}),
            ("inverse_prior_log_tilt", 1.0, {}),
            ("cumulant_log_tilt", 0.0, {}),
            *(("power_mean_log_tilt", order, {"order": order}) for order in (-2.0, 1e-3, 3.0)),
        ]:
            moved = _of_tilt_choice(order, log_p, variance=name == "cumulant_log_tilt", **given)
            _compare(name, [log_p], lambda *_, moved=moved: moved, **more, **given)


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("temperature", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_batch_softmax(scale, temperature, dtype):
    """Condition in z/τ and log π, each rounded once."""
    logits = _logits(scale, 6, 5, 7).astype(dtype)
    temperature = float(np.asarray(temperature, dtype))
    for log_target in (None, _softmax_rows(_logits(1.0, 1, 5, 8), dtype)[0]):
        moved = np.abs(logits.astype(float) / temperature).max(axis=0) + np.abs(_log_pi(log_target, 5))
        given = {"weights": _uneven(6).astype(dtype), "log_target": log_target, "temperature": temperature}
        _compare("batch_softmax_log_tilt", [logits], lambda *_, moved=moved: moved, **given)


@ensembles(["dead cluster"])
def test_sinkhorn(ensemble, dtype):
    log_p, weights = _ensemble(ensemble, dtype)
    k = log_p.shape[1]
    start = _logits(1.0, 1, k, 5)[0].astype(dtype)
    target = _softmax_rows(_logits(1.0, 1, k, 6), dtype)[0]
    for rounds, log_target, log_tilt in [
        (0, None, start),
        (1, None, None),
        (4, target, None),
        (2, target, start),
    ]:
        given = {"rounds": rounds, "weights": weights, "log_target": log_target, "log_tilt": log_tilt}
        moved = _of_sinkhorn(log_p, **given)
        _compare("sinkhorn_log_tilt", [log_p], lambda *_, moved=moved: moved, **given)


# -- functions of numbers --------------------------------------------------------------------------

RANGES = [
    0.0,
    5e-324,
    1e-300,
    1e-20,
    1e-8,
    1e-3,
    0.0625,
    0.5,
    np.nextafter(1.0, 0),
    1.0,
    3.0,
    40.0,
    745.0,
    1e7,
    1e300,
]


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("name", ["specht_bound", "hoeffding_bound", "variance_bound"])
def test_bounds_on_the_gap(name, dtype):
    with np.errstate(over="ignore"):
        log_range = np.asarray([*RANGES, np.inf]).astype(dtype)
    _compare(name, [log_range])


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize(
    "gap",
    [
        [0.0, 0.0],
        [1.0, 1.0 + 1e-6, 1.0],
        [0.0, 1e-300],
        [2.0, 5.0, 0.1],
        [1e4, 1e7],
        [0.0, 1e300],
        [0.0, np.inf],
    ],
)
def test_teacher_distance_bound(gap, dtype):
    with np.errstate(over="ignore"):
        _compare("teacher_distance_bound", [np.asarray(gap).astype(dtype)])


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("change", [[0.0, 0.0, 0.0], [0.0, 1e-300, 0.0], [0.0, 1e4, 1.0]])
@pytest.mark.parametrize("gap", [0.0, 1e-9, 10.0, 80.0, 160.0, 700.0, 1380.0, 1e5])
def test_projected_distance_bound_up_to_overflow(gap, change, dtype):
    log_p = _softmax_rows(np.array([[0.0, gap, 1.0], [0.0, 0.0, 1.0]]), dtype)
    change = np.asarray(change, dtype)
    _compare("projected_distance_bound", [log_p, change], lambda _, exact: _of_sinh(log_p, exact))


# -- the projection --------------------------------------------------------------------------------


def _projected(log_p, weights, log_target, **settings):
    """`project`, the oracle's optimum, and how far λ may be from it.

    A marginal error e moves λ by at most `sensitivity` · e, the inverse Hessian at the optimum; e is what
    `tol` leaves, and the rounding of the marginal itself, ε Σ w r (|log p| + |λ|).
    """
    got = theory.project(log_p, weights=weights, log_target=log_target, **settings)
    want = ORACLE["project"](log_p, start=np.float64(got.log_tilt), weights=weights, log_target=log_target)
    w, x = _samples(log_p, weights)
    lam, dtype = want["log_tilt"], log_p.dtype
    eps = np.finfo(np.float64).eps
    error = settings["tol"] + ROUNDINGS * eps * (1.0 + np.sum(w * np.exp(want["log_r"]) * (x + np.abs(lam))))
    return got, want, float(want["sensitivity"] * error) + ROUNDINGS * np.finfo(dtype).eps * np.abs(lam)


@pytest.mark.parametrize("target", ["uniform", "uneven"])
@ensembles([*_ZEROS, "scale 1e+07, even", "scale 1e+07, uneven"])
def test_projection(ensemble, target, dtype):
    """At scale 1e7 samples couple by e^−1e6: a marginal known to ε leaves λ open; the certificate holds."""
    log_p, weights = _ensemble(ensemble, dtype)
    log_target = None if target == "uniform" else _softmax_rows(_logits(1.0, 1, log_p.shape[1], 7), dtype)[0]
    got, want, off = _projected(log_p, weights, log_target, tol=1e-11)
    equal(got.log_tilt, want["log_tilt"], rtol=RTOL[dtype], atol=off)
    moved = _samples(log_p, weights)[1] + np.abs(want["log_tilt"])
    moved = ROUNDINGS * np.finfo(dtype).eps * moved + off
    off = _of_softmax(want["log_r"], moved) + np.finfo(dtype).smallest_normal
    equal(got.log_r, want["log_r"], rtol=RTOL[dtype], atol=off)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6)], ids=["N > K", "N < K"])
@pytest.mark.parametrize("temperature", [1e-7, 1e-3, 0.04, 1.0, 1e3])
def test_certificate_of_projection_holds_to_fifty_digits(temperature, shape):
    """T4 on the floats returned: rows on the simplex, a tilt of p, marginal π, and the gap it reports."""
    log_p = _softmax_rows(_logits(1.0 / temperature, *shape, 8), "float64")
    rounding = 1e-15 * (1.0 + float(np.max(-log_p)))  # no marginal is known better
    tol = max(1e-12, rounding)
    got = theory.project(log_p, tol=tol)
    rounding = rounding + 1e-15 * float(np.max(np.abs(got.log_tilt)))
    n, k = shape
    with mp.workdps(oracle.DIGITS):
        r, p, lam = map(oracle.exact, (got.log_r, log_p, got.log_tilt))
        rows = [abs(sum(map(mp.exp, row)) - 1) for row in r]
        errors = [abs(sum(mp.exp(row[j]) for row in r) / n - mp.mpf(1) / k) for j in range(k)]
        level = [[a - b - t for a, b, t in zip(x, y, lam, strict=True)] for x, y in zip(r, p, strict=True)]
        spread = max(max(row) - min(row) for row in level)
        primal = (
            sum(mp.exp(a) * (a - b) for x, y in zip(r, p, strict=True) for a, b in zip(x, y, strict=True)) / n
        )
        dual = (
            sum(lam) / k - sum(mp.log(sum(mp.exp(a + t) for a, t in zip(y, lam, strict=True))) for y in p) / n
        )
        assert max(rows) < rounding
        assert spread < rounding
        assert sum(errors) < tol + rounding
        assert abs(sum(errors) - got.marginal_error) < rounding
        assert abs(primal - dual) < tol * np.ptp(got.log_tilt) + rounding
        assert abs(primal - dual - got.duality_gap) < rounding


# -- other people's code ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["sinkhorn_log", "sinkhorn_stabilized"])
@pytest.mark.parametrize("shape", [(7, 4), (4, 7)], ids=["N > K", "N < K"])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_projection_is_the_entropic_transport_plan_of_pot(temperature, shape, method):
    """Min Σ q log q + Σ q (−log p) with marginals w and π is (T) for q = w r, up to a constant: reg = 1."""
    n, k = shape
    log_p = calls.log_softmax(_logits(1.0 / temperature, n, k, 9))
    rng = np.random.default_rng(10)
    weights, log_target = rng.dirichlet(np.full(n, 3.0)), np.log(rng.dirichlet(np.full(k, 3.0)))
    plan = ot.sinkhorn(
        weights, np.exp(log_target), -log_p, reg=1.0, method=method, stopThr=1e-13, numItermax=100_000
    )
    got = theory.project(log_p, weights=weights, log_target=log_target, tol=1e-12)
    equal(np.exp(got.log_r), plan / weights[:, None], rtol=1e-9, atol=1e-11)


def test_projection_is_the_transport_plan_of_pot_with_exact_zeros():
    """A forbidden pair has infinite cost in POT, −inf in log p; POT's log domain takes 1e3 for it."""
    log_p = calls.log_softmax(_with_zeros(11))
    weights = np.array([0.3, 0.15, 0.2, 0.2, 0.15])
    cost = np.where(np.isfinite(log_p), -log_p, 1e3)
    plan = ot.bregman.sinkhorn_log(
        weights, np.full(4, 0.25), cost, reg=1.0, stopThr=1e-13, numItermax=100_000
    )
    got = theory.project(log_p, weights=weights, tol=1e-12)
    equal(np.exp(got.log_r), plan / weights[:, None], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_divergences_are_those_of_scipy(scale):
    logits = _logits(scale, 6, 5, 12)
    log_p, log_q = theory.log_softmax(logits), theory.log_softmax(_logits(scale, 6, 5, 13))
    p, q = np.exp(log_p), np.exp(log_q)
    equal(log_p, scipy.special.log_softmax(logits, axis=-1))
    equal(theory.log_softmax(logits, temperature=0.5), np.log(scipy.special.softmax(2.0 * logits, axis=-1)))
    equal(theory.entropy(log_p), scipy.stats.entropy(p, axis=-1))
    equal(theory.kl(log_p, log_q), np.sum(scipy.special.rel_entr(p, q), axis=-1))
    equal(theory.kl(log_p, log_q), scipy.stats.entropy(p, q, axis=-1))
    equal(theory.kl(log_p, log_q), np.sum(scipy.special.kl_div(p, q), axis=-1))
    equal(
        theory.cross_entropy(log_p, log_q),
        np.sum(scipy.special.entr(p) + scipy.special.rel_entr(p, q), axis=-1),
    )
    equal(
        theory.mutual_information(log_p),
        scipy.stats.entropy(p.mean(0)) - scipy.stats.entropy(p, axis=-1).mean(),
    )


def test_infinite_divergences_are_those_of_scipy():
    log_p, log_q = calls.log_softmax(_with_zeros(14)), calls.log_softmax(np.flip(_with_zeros(15), axis=-1))
    equal(theory.kl(log_p, log_q), np.sum(scipy.special.rel_entr(np.exp(log_p), np.exp(log_q)), axis=-1))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4])
def test_log_prior_is_the_weighted_logsumexp_of_scipy(scale):
    log_p, weights = calls.log_softmax(_logits(scale, 6, 5, 16)), _uneven(6)
    exact = scipy.special.logsumexp(log_p, axis=0, b=weights[:, None])
    equal(theory.log_prior(log_p, weights=weights), exact)


def test_every_function_of_the_core_has_an_oracle():
    assert set(ORACLE) == calls.public_functions()
