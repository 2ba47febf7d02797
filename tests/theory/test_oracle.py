"""Accuracy near every limit: each public function against 50 digits, and against SciPy and POT.

Allowed everywhere: 1e-12 relative in float64, 1e-5 in float32. Where the exact value itself moves by more
than that when its inputs move by one rounding error, no algorithm can do it; there, and only there, the
functions `_of_…` state how far it moves, Σᵢ |∂f/∂xᵢ| |xᵢ|, and ε times that is allowed on top.
"""

import functools
import math

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.support import calls
from tests.support.exact import kl_of_normalised
from tests.support.grid import (
    RTOL,
    ZEROS,
    compare,
    ensemble_of,
    ensembles,
    log_pi_of,
    logits_of,
    of_off_target,
    of_prior_kl,
    of_rounded_prior,
    of_sinh,
    of_sinkhorn,
    of_softmax,
    of_tilt_choice,
    samples_of,
    softmax_rows,
    uneven,
)
from tests.support.oracle import ORACLE

# -- functions of one ensemble ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("temperature", [1e-3, 0.04, 1.0, 1e3])
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 30.0, 1e4])
def test_log_softmax(scale, temperature, dtype):
    """Condition in (z − max z)/τ; it counts in float32 where all clusters but one are faint."""
    logits = np.concatenate([logits_of(scale, 3, 5, 0), logits_of(scale, 1, 5, 1) - 1e4]).astype(dtype)
    temperature = float(np.asarray(temperature, dtype))
    s = (logits.astype(float) - logits.max(axis=-1, keepdims=True)) / temperature
    condition = None if dtype == "float64" else lambda _, exact: of_softmax(exact, np.abs(s))
    compare("log_softmax", [logits], condition, temperature=temperature)


@ensembles()
def test_functions_of_an_ensemble(ensemble, dtype):
    log_p, weights = ensemble_of(ensemble, dtype)
    for name in ("entropy", "hilbert_diameter"):
        compare(name, [log_p])
    compare("sinkhorn_contraction", [log_p])
    for name in ("log_prior", "jensen_gap", "log_range", "log_variance"):
        compare(name, [log_p], weights=weights)
    for name in ("mutual_information", "lautum_information", "jeffreys_information"):
        compare(name, [log_p], lambda *_: of_rounded_prior(log_p, weights), weights=weights)


@ensembles()
def test_log_prior(ensemble, dtype):
    log_p, weights = ensemble_of(ensemble, dtype)
    for order in (-np.inf, -1e3, -2.0, -1e-9, 0.0, 1e-9, 0.5, 1e3, np.inf):
        compare("log_prior", [log_p], weights=weights, order=order)


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("order", [5e-324, -5e-324, 1e-200, 1e-30, 1e30, -1e30, 1e200, -1.7e308])
def test_orders_near_zero_and_infinity_are_their_limits(order, dtype):
    log_p, weights = ensemble_of("scale 1, even", dtype)
    nearest = 0.0 if abs(order) < 1 else math.copysign(math.inf, order)
    equal(theory.log_prior(log_p, order=order, weights=weights), theory.log_prior(log_p, order=nearest))


# -- functions of a teacher and something else -----------------------------------------------------


def _pairs(ensemble, dtype):
    """A teacher and students with the same zeros: another draw, the teacher itself, and one a hair off."""
    log_r, weights = ensemble_of(ensemble, dtype)
    log_q, _ = ensemble_of(ensemble, dtype, 1)
    near = log_r.copy()
    near[0] = np.nextafter(log_r[0], np.asarray(-np.inf, dtype))
    return weights, log_r, [log_q, log_r, near]


@ensembles()
def test_functions_of_teacher_and_student(ensemble, dtype):
    weights, log_r, students = _pairs(ensemble, dtype)
    log_target = softmax_rows(logits_of(1.0, 1, log_r.shape[1], 2), dtype)[0]
    information = {"teacher_information": log_r}

    def condition(part, _, log_target=None):
        if part in information or part == "student_information":
            return of_rounded_prior(information.get(part, log_q), weights)
        if part == "prior_kl":
            return of_prior_kl(log_r, log_q, weights)
        if part == "prior_distance_bound":
            return of_off_target(log_r, weights, log_target)
        return 0.0

    targets = [None, log_target]
    for log_q in students:
        for name in ("kl", "cross_entropy"):
            compare(name, [log_r, log_q])
        for target in targets:
            given = functools.partial(condition, log_target=target)
            got, want = compare("certificate", [log_r, log_q], given, weights=weights, log_target=target)
            paid, needed = (want[part].astype(dtype) for part in ("kl", "teacher_information"))
            assert bool(got["not_constant"]) == (paid < needed)
        targets = [None]
    log_q = students[0]
    compare("evaluate", [log_r, log_q], condition, weights=weights)


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 30.0])
def test_kl_is_that_of_the_normalised_rows_to_second_order_in_rounding(scale, dtype):
    """Float rows never sum to 1 exactly; what that may change is not the first digits but ½ δ², δ ~ ε."""
    log_p, log_q = (softmax_rows(logits_of(scale, 6, 5, seed), dtype) for seed in (0, 1))
    exact, slack = kl_of_normalised(log_p, log_q)
    equal(theory.kl(log_p, log_q), exact, rtol=RTOL[dtype], atol=slack)


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e4])
@ensembles()
def test_tilt(ensemble, size, dtype):
    log_p, _ = ensemble_of(ensemble, dtype)
    log_tilt = (size * logits_of(1.0, 1, log_p.shape[1], 3)[0]).astype(dtype)
    moved = samples_of(log_p, None)[1] + np.abs(log_tilt)
    compare("tilt", [log_p, log_tilt], lambda _, exact: of_softmax(exact, moved))
    compare("projected_distance_bound", [log_p, log_tilt], lambda _, exact: of_sinh(log_p, exact))


@ensembles(ZEROS)
def test_choices_of_tilt(ensemble, dtype):
    log_p, weights = ensemble_of(ensemble, dtype)
    for log_target in (None, softmax_rows(logits_of(1.0, 1, log_p.shape[1], 4), dtype)[0]):
        given = {"weights": weights, "log_target": log_target}
        for name, order, more in [
            ("centering_log_tilt", 0.0, {}),
            ("inverse_prior_log_tilt", 1.0, {}),
            ("cumulant_log_tilt", 0.0, {}),
            *(("power_mean_log_tilt", order, {"order": order}) for order in (-2.0, 1e-3, 3.0)),
        ]:
            moved = of_tilt_choice(order, log_p, variance=name == "cumulant_log_tilt", **given)
            compare(name, [log_p], lambda *_, moved=moved: moved, **more, **given)


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("temperature", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_batch_softmax(scale, temperature, dtype):
    """Condition in z/τ and log π, each rounded once."""
    logits = logits_of(scale, 6, 5, 7).astype(dtype)
    temperature = float(np.asarray(temperature, dtype))
    for log_target in (None, softmax_rows(logits_of(1.0, 1, 5, 8), dtype)[0]):
        moved = np.abs(logits.astype(float) / temperature).max(axis=0) + np.abs(log_pi_of(log_target, 5))
        given = {"weights": uneven(6).astype(dtype), "log_target": log_target, "temperature": temperature}
        compare("batch_softmax_log_tilt", [logits], lambda *_, moved=moved: moved, **given)


@ensembles(["dead cluster"])
def test_sinkhorn(ensemble, dtype):
    log_p, weights = ensemble_of(ensemble, dtype)
    k = log_p.shape[1]
    start = logits_of(1.0, 1, k, 5)[0].astype(dtype)
    target = softmax_rows(logits_of(1.0, 1, k, 6), dtype)[0]
    for rounds, log_target, log_tilt in [
        (0, None, start),
        (1, None, None),
        (4, target, None),
        (2, target, start),
    ]:
        given = {"rounds": rounds, "weights": weights, "log_target": log_target, "log_tilt": log_tilt}
        moved = of_sinkhorn(log_p, **given)
        compare("sinkhorn_log_tilt", [log_p], lambda *_, moved=moved: moved, **given)


def test_every_function_of_the_core_has_an_oracle():
    assert set(ORACLE) == calls.public_functions()
