"""Accuracy of bounds and projection near every limit, against 50 digits; see `test_oracle`."""

import numpy as np
import pytest
from mpmath import mp

import theory
from tests.claims.ledger import equal
from tests.support.exact import DIGITS, exact
from tests.support.grid import (
    ROUNDINGS,
    RTOL,
    ZEROS,
    compare,
    ensemble_of,
    ensembles,
    logits_of,
    of_sinh,
    of_softmax,
    samples_of,
    softmax_rows,
)
from tests.support.oracle import ORACLE

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
    compare(name, [log_range])


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
        compare("teacher_distance_bound", [np.asarray(gap).astype(dtype)])


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("change", [[0.0, 0.0, 0.0], [0.0, 1e-300, 0.0], [0.0, 1e4, 1.0]])
@pytest.mark.parametrize("gap", [0.0, 1e-9, 10.0, 80.0, 160.0, 700.0, 1380.0, 1e5])
def test_projected_distance_bound_up_to_overflow(gap, change, dtype):
    log_p = softmax_rows(np.array([[0.0, gap, 1.0], [0.0, 0.0, 1.0]]), dtype)
    change = np.asarray(change, dtype)
    compare("projected_distance_bound", [log_p, change], lambda _, exact: of_sinh(log_p, exact))


# -- the projection --------------------------------------------------------------------------------


def _projected(log_p, weights, log_target, **settings):
    """`project`, the oracle's optimum, and how far λ may be from it.

    A marginal error e moves λ by at most `sensitivity` · e, the inverse Hessian at the optimum; e is what
    `tol` leaves, and the rounding of the marginal itself, ε Σ w r (|log p| + |λ|).
    """
    got = theory.project(log_p, weights=weights, log_target=log_target, **settings)
    want = ORACLE["project"](log_p, start=np.float64(got.log_tilt), weights=weights, log_target=log_target)
    w, x = samples_of(log_p, weights)
    lam, dtype = want["log_tilt"], log_p.dtype
    eps = np.finfo(np.float64).eps
    error = settings["tol"] + ROUNDINGS * eps * (1.0 + np.sum(w * np.exp(want["log_r"]) * (x + np.abs(lam))))
    return got, want, float(want["sensitivity"] * error) + ROUNDINGS * np.finfo(dtype).eps * np.abs(lam)


@pytest.mark.parametrize("target", ["uniform", "uneven"])
@ensembles([*ZEROS, "scale 1e+07, even", "scale 1e+07, uneven"])
def test_projection(ensemble, target, dtype):
    """At scale 1e7 samples couple by e^−1e6: a marginal known to ε leaves λ open; the certificate holds."""
    log_p, weights = ensemble_of(ensemble, dtype)
    log_target = None if target == "uniform" else softmax_rows(logits_of(1.0, 1, log_p.shape[1], 7), dtype)[0]
    got, want, off = _projected(log_p, weights, log_target, tol=1e-11)
    equal(got.log_tilt, want["log_tilt"], rtol=RTOL[dtype], atol=off)
    moved = samples_of(log_p, weights)[1] + np.abs(want["log_tilt"])
    moved = ROUNDINGS * np.finfo(dtype).eps * moved + off
    off = of_softmax(want["log_r"], moved) + np.finfo(dtype).smallest_normal
    equal(got.log_r, want["log_r"], rtol=RTOL[dtype], atol=off)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6)], ids=["N > K", "N < K"])
@pytest.mark.parametrize("temperature", [1e-7, 1e-3, 0.04, 1.0, 1e3])
def test_certificate_of_projection_holds_to_fifty_digits(temperature, shape):
    """T4 on the floats returned: rows on the simplex, a tilt of p, marginal π, and the gap it reports."""
    log_p = softmax_rows(logits_of(1.0 / temperature, *shape, 8), "float64")
    rounding = 1e-15 * (1.0 + float(np.max(-log_p)))  # no marginal is known better
    tol = max(1e-12, rounding)
    got = theory.project(log_p, tol=tol)
    rounding = rounding + 1e-15 * float(np.max(np.abs(got.log_tilt)))
    n, k = shape
    with mp.workdps(DIGITS):
        r, p, lam = map(exact, (got.log_r, log_p, got.log_tilt))
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
