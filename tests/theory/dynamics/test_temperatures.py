"""Collapse above the critical temperature, and what survives there (D3), against real gradient descent."""

import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.ledger import at_most, equal
from tests.theory.dynamics.toys import contrasts, descend, seeds, views_of
from theory import log_softmax
from theory.dynamics import (
    correlations,
    critical_temperature,
    cross_view_moments,
    growth_rates,
    survival_temperature,
)

FATE = {"learning_rate": 0.01, "tau_s": 0.1, "teacher_rate": 0.5, "steps": 400}


@given(seeds, st.floats(0.1, 0.99), st.floats(0.0, 3.0))
@pytest.mark.claim("D3")
def test_without_a_constraint_the_constant_direction_grows_first(seed, ratio, noise):
    moments = cross_view_moments(*(x - x.mean(0) for x in views_of(seed, noise=noise)))
    whiten = np.linalg.inv(np.linalg.cholesky(moments.second()))
    cross = whiten @ moments.cross(constrained=False) @ whiten.T
    free = growth_rates(cross, np.eye(4), gain=1.0, student_temperature=1.0, teacher_temperature=ratio)
    equal(free.rates[0], 1 / ratio - 1, rtol=1e-9)
    held = whiten @ moments.cross() @ whiten.T
    rates = growth_rates(held, np.eye(4), gain=1.0, student_temperature=1.0, teacher_temperature=ratio).rates
    at_most(np.full(1, np.abs(rates + 1).min()), np.zeros(1), slack=1e-9)


@pytest.mark.claim("D3")
def test_a_constrained_run_above_every_correlation_goes_uniform_and_below_it_learns():
    views = views_of(7, noise=0.7)
    moments = cross_view_moments(*views)
    edge = float(
        critical_temperature(
            correlations(moments.cross(), moments.second()).values[0], student_temperature=0.1
        )
    )
    start = 1e-2 * contrasts(np.random.default_rng(0), 4, 4)
    above, _ = descend(views, start, start, teacher="inverse_prior", tau_t=1.1 * edge, **FATE)
    below, _ = descend(views, start, start, teacher="inverse_prior", tau_t=0.6 * edge, **FATE)
    assert np.abs(above).max() < 1e-3 * np.abs(start).max()
    assert np.abs(below).max() > 10 * np.abs(start).max()


@pytest.mark.control("D3")
def test_without_a_constraint_the_run_falls_into_one_cluster():
    views = views_of(7, noise=0.7)
    start = 1e-2 * contrasts(np.random.default_rng(0), 4, 4)
    share = {}
    for teacher in ("unconstrained", "inverse_prior"):
        w, _ = descend(views, start, start, teacher=teacher, tau_t=0.05, **FATE)
        q = np.exp(log_softmax(np.column_stack([views[0], np.ones(40)]) @ w, temperature=0.1))
        share[teacher] = q.mean(0).max()
    assert share["unconstrained"] > 0.9 and share["inverse_prior"] < 0.4


def table_run(start, *, rho, k, ratio, steps=3000):
    """The student's largest probability after training on one-hot features, teacher centred by the batch."""
    view = rho * np.eye(k) + (1 - rho) / k
    w = start
    for _ in range(steps):
        target = view @ scipy.special.softmax((w - w.mean(0)) / ratio, axis=1)
        w = w - 0.5 * k * (scipy.special.softmax(w, axis=1) - target)
    return float(scipy.special.softmax(w, axis=1).max(axis=1).mean())


@pytest.mark.parametrize(("rho", "k"), [(0.5, 8), (0.7, 20)])
@pytest.mark.claim("D3")
def test_a_learnt_solution_survives_up_to_the_fold_where_a_cold_start_dies(rho, k):
    fold = float(survival_temperature(rho, clusters=k, student_temperature=1.0))
    cold = 1e-4 * np.random.default_rng(0).normal(size=(k, k))
    learnt = 2 * math.log(k) * (np.eye(k) - 1 / k)
    assert rho < fold
    assert table_run(cold, rho=rho, k=k, ratio=(rho + fold) / 2) == pytest.approx(1 / k, rel=1e-3)
    assert table_run(learnt, rho=rho, k=k, ratio=0.99 * fold) > 2 / k
    assert table_run(learnt, rho=rho, k=k, ratio=1.01 * fold) == pytest.approx(1 / k, rel=1e-2)


@pytest.mark.control("D3")
def test_two_clusters_have_no_hysteresis():
    learnt = 4 * (np.eye(2) - 0.5)
    equal(survival_temperature([0.6, 0.999], clusters=2, student_temperature=1.0), [0.6, 0.999], rtol=0)
    assert table_run(learnt, rho=0.6, k=2, ratio=0.63) == pytest.approx(0.5, rel=1e-3)


@given(st.floats(0.01, 0.99), st.integers(2, 10**6))
@pytest.mark.claim("D3")
def test_survival_temperature_is_the_highest_fixed_point_and_grows_with_clusters(rho, k):
    def log_odds(y):
        return np.log1p((k - 1) * y) - np.log1p(-y)

    y = 1 / (1 + np.exp(np.linspace(-30, 20, 4001)))
    y = y[y < 1 - 1e-13]
    scan = (log_odds(rho * y) / log_odds(y)).max()
    found, more = (float(survival_temperature(rho, clusters=c, student_temperature=1.0)) for c in (k, 2 * k))
    at_most(scan, found, slack=1e-9)
    equal(found, max(scan, rho), rtol=1e-5)
    at_most(np.array([rho, found, more]), np.array([found, more, 1.0]), slack=1e-9)


def test_critical_temperature_is_zero_for_what_cannot_be_learnt():
    np.testing.assert_allclose(critical_temperature([0.7, 0.0, -0.3], student_temperature=0.1), [0.07, 0, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: critical_temperature(0.5, student_temperature=0.0), "`student_temperature`"),
        (
            lambda: survival_temperature(1.5, clusters=3, student_temperature=1.0),
            r"`correlation` must be in \[0, 1\], got 1.5",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
