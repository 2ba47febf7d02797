"""The centre's race against the constant direction in closed form (D4)."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.claims.ledger import at_most, equal
from tests.theory.dynamics.toys import DINO, decades, ratios
from theory.dynamics import (
    center_gain_limit,
    center_stability,
    critical_center_momentum,
    critical_center_rate,
)

per_step = st.floats(-4.0, -0.02).map(lambda x: 10.0**x)
# τ_s/τ_t and m_t such that the critical momentum is between 0 and 1 at every gain
races = st.fixed_dictionaries(
    {
        "teacher_momentum": st.floats(0.9, 0.9999),
        "student_temperature": st.floats(0.05, 1.0),
        "sharpness": st.floats(1.1, 6.0),
        "share": st.floats(1e-4, 0.9),
    }
)
KNOBS = DINO | {"teacher_momentum": 0.996}


def flow(alpha, mu, gamma, ratio):
    """D4's matrix on (student, teacher, teacher − centre), with β = α τ_s/τ_t."""
    return np.array([[-alpha, 0, alpha * ratio], [mu, -mu, 0], [mu, -mu, -gamma]])


@given(decades, decades, ratios)
@pytest.mark.claim("D4")
def test_eigenvalues_change_sign_exactly_at_the_critical_rate(alpha, mu, ratio):
    gamma = float(
        critical_center_rate(
            gain=alpha, teacher_rate=mu, student_temperature=1.0, teacher_temperature=1 / ratio
        )
    )
    at_edge = np.linalg.eigvals(flow(alpha, mu, gamma, ratio)) / gamma
    pair = at_edge[np.argsort(np.abs(at_edge.real))[:2]]
    equal(pair.real, np.zeros(2), rtol=0, atol=1e-5 * (1 + max(alpha, mu) / gamma))
    assert np.linalg.eigvals(flow(alpha, mu, 1.01 * gamma, ratio)).real.max() < 0
    assert np.linalg.eigvals(flow(alpha, mu, 0.99 * gamma, ratio)).real.max() > 0


@given(decades, decades, st.floats(0.05, 1.0), decades)
@pytest.mark.claim("D4")
def test_a_teacher_no_sharper_than_the_student_needs_no_centre(alpha, mu, ratio, gamma):
    kw = {"gain": alpha, "teacher_rate": mu, "student_temperature": 1.0, "teacher_temperature": 1 / ratio}
    assert float(critical_center_rate(**kw)) == pytest.approx(0.0, abs=1e-12)
    assert np.linalg.eigvals(flow(alpha, mu, gamma, 0.999 * ratio)).real.max() < 0


@given(decades, decades, ratios)
@pytest.mark.claim("D4")
def test_the_slower_of_student_and_teacher_times_the_excess_is_always_enough(alpha, mu, ratio):
    kw = {"gain": alpha, "student_temperature": 1.0, "teacher_temperature": 1 / ratio}
    gamma = critical_center_rate(teacher_rate=mu, **kw)
    at_most(gamma / min(alpha, mu), np.asarray(ratio - 1), slack=1e-12 * ratio)
    at_most(gamma, critical_center_rate(teacher_rate=1.1 * mu, **kw), slack=1e-12 * float(gamma))


@given(decades, ratios)
@pytest.mark.claim("D4")
def test_both_limits_are_reached(rate, ratio):
    temperatures = {"student_temperature": 2.0, "teacher_temperature": 2.0 / ratio}
    for far, slack in ((math.inf, 1e-12), (1e9 * rate * ratio, 1e-6)):
        fast_student = critical_center_rate(gain=far, teacher_rate=rate, **temperatures)
        no_momentum = critical_center_rate(gain=2.0 * rate, teacher_rate=far, **temperatures)
        equal(fast_student, rate * (ratio - 1), rtol=slack, atol=0)
        equal(no_momentum, rate * (ratio - 1), rtol=slack, atol=0)


@given(per_step, per_step, ratios)
@pytest.mark.claim("D4")
def test_the_discrete_spectral_radius_crosses_one_at_the_critical_momentum(alpha, mu, ratio):
    kw = {
        "gain": alpha,
        "student_temperature": 1.0,
        "teacher_temperature": 1 / ratio,
        "teacher_momentum": 1 - mu,
    }
    gamma = 1 - float(critical_center_momentum(**kw))
    enough = min(alpha / (1 - alpha), mu / (1 - mu)) * (ratio - 1)
    at_most(gamma, enough, slack=1e-9 * enough + 1e-15)
    around = np.minimum(gamma * np.array([0.98, 1.02]), 1.0)
    radius = center_stability(center_momentum=1 - around, **kw).spectral_radius
    assert radius[0] > 1 - 1e-12
    assert (radius[1] < 1 + 1e-12) == (gamma < 1)


@given(per_step, per_step, ratios, st.floats(0.1, 3.0))
@pytest.mark.claim("D4")
def test_small_steps_are_the_continuous_theory(alpha, mu, ratio, offset):
    step = 1e-4 / (1 + ratio)
    temperatures = {"student_temperature": 1.0, "teacher_temperature": 1 / ratio}
    rate = float(critical_center_rate(gain=alpha, teacher_rate=mu, **temperatures))
    found = critical_center_momentum(gain=step * alpha, teacher_momentum=1 - step * mu, **temperatures)
    equal((1 - found) / step, rate, rtol=2e-3, atol=1e-9 * rate + 1e-11 / step)
    gamma = offset * rate
    turn = center_stability(
        gain=step * alpha, teacher_momentum=1 - step * mu, center_momentum=1 - step * gamma, **temperatures
    )
    growth = np.linalg.eigvals(flow(alpha, mu, gamma, ratio)).real.max()
    equal(np.log(turn.spectral_radius) / step, growth, rtol=1e-2, atol=1e-3 * (alpha + mu + gamma))


@pytest.mark.claim("D4")
@given(races)
@example({"teacher_momentum": 0.996, "student_temperature": 0.1, "sharpness": 2.5, "share": 7e-4})
def test_a_centre_keeps_up_below_its_gain_limit_and_loses_above(race):
    tau_s = race["student_temperature"]
    knobs = {
        "teacher_momentum": race["teacher_momentum"],
        "student_temperature": tau_s,
        "teacher_temperature": tau_s / race["sharpness"],
    }
    momentum = float(critical_center_momentum(gain=race["share"] * tau_s, **knobs))
    limit = center_gain_limit(center_momentum=momentum, **knobs)
    equal(critical_center_momentum(gain=limit, **knobs), momentum, rtol=1e-9)
    slower, faster = (
        center_stability(gain=factor * limit, center_momentum=momentum, **knobs).spectral_radius
        for factor in (0.95, 1.05)
    )
    at_most(slower, 1.0, slack=1e-12)
    at_most(1.0, faster, slack=1e-12)


def test_the_limit_is_where_this_momentum_is_the_critical_one():
    limit = center_gain_limit(center_momentum=0.999, **KNOBS)
    equal(critical_center_momentum(gain=limit, **KNOBS), 0.999, rtol=1e-12)
    assert 1e-5 < limit < 1e-3  # KNOBS's 0.999 needs a gain above 7e-5 to die


@pytest.mark.control("D4")
def test_a_fast_centre_has_no_limit_and_a_fixed_one_keeps_up_with_nothing():
    assert center_gain_limit(center_momentum=0.99, **KNOBS) == math.inf
    assert center_gain_limit(center_momentum=1.0, **KNOBS) == 0.0
    warm = KNOBS | {"teacher_temperature": 0.1}
    assert center_gain_limit(center_momentum=0.9999, **warm) == math.inf


@pytest.mark.parametrize(
    ("function", "changed", "error", "message"),
    [
        (
            critical_center_momentum,
            {"gain": 0.2},
            ValueError,
            "`gain` must be at most .* got gain/student_temperature = 2",
        ),
        (critical_center_momentum, {"gain": -1.0}, ValueError, "`gain` must be positive, got -1"),
        (
            critical_center_momentum,
            {"gain": 1e-3, "teacher_momentum": 1.0},
            ValueError,
            "`teacher_momentum` must be below 1",
        ),
        (
            critical_center_momentum,
            {"gain": 1e-3, "teacher_momentum": 1.5},
            ValueError,
            r"`teacher_momentum` must be in \[0, 1\], got 1.5",
        ),
        (
            critical_center_momentum,
            {"gain": 1e-3, "teacher_temperature": 0.0},
            ValueError,
            "`teacher_temperature` must be positive and finite",
        ),
        (
            critical_center_momentum,
            {"gain": 1e-3, "student_temperature": math.nan},
            ValueError,
            "`student_temperature` .* got nan",
        ),
        (
            center_gain_limit,
            {"center_momentum": 1.5},
            ValueError,
            r"`center_momentum` must be in \[0, 1\], got 1.5",
        ),
        (
            center_gain_limit,
            {"center_momentum": 0.9, "student_temperature": 0.0},
            ValueError,
            "`student_temperature` must be positive and finite, got 0",
        ),
        (
            center_gain_limit,
            {"center_momentum": 0.9, "teacher_temperature": -1.0},
            ValueError,
            "`teacher_temperature` must be positive and finite, got -1",
        ),
        (
            center_gain_limit,
            {"center_momentum": 0.9, "teacher_momentum": 1.0},
            ValueError,
            "`teacher_momentum` must be below 1, got 1",
        ),
        (
            center_gain_limit,
            {"center_momentum": 0.9, "teacher_momentum": [0.9, 0.99]},
            TypeError,
            "`teacher_momentum` must be a number, got list",
        ),
    ],
)
def test_bad_input_is_named(function, changed, error, message):
    with pytest.raises(error, match=message):
        function(**KNOBS | changed)


def test_bad_rates_are_named():
    with pytest.raises(ValueError, match="`teacher_rate` must be positive, got 0"):
        critical_center_rate(gain=1.0, teacher_rate=0.0, **DINO)


def test_a_student_and_a_teacher_without_delay_have_a_critical_rate_without_a_warning():
    ratio = {"student_temperature": 0.1, "teacher_temperature": 0.04}
    assert critical_center_rate(gain=math.inf, teacher_rate=math.inf, **ratio) == math.inf


def test_one_ratio_of_many_that_is_too_large_is_refused():
    with pytest.raises(ValueError, match="`student_temperature`/`teacher_temperature` must be at most"):
        critical_center_momentum(
            gain=0.1, teacher_momentum=0.9, student_temperature=0.1, teacher_temperature=[0.1, 1e-160]
        )
