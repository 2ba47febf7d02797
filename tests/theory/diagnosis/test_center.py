"""The moving centre that is given, and whether it keeps up."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, LIVE, ONE, K, clustered, levels


def test_the_centre_that_is_given_is_the_one_that_is_used():
    (teacher, _), _ = clustered()
    own = theory.diagnose(teacher, **KNOBS).measurements
    mean = theory.diagnose(teacher, center=teacher.mean(0), **KNOBS).measurements
    for name, value in own.items():
        equal(mean[name], value, rtol=1e-9, atol=1e-9)
    lagging = theory.diagnose(teacher, center=teacher.mean(0) + 2.0 * np.eye(K)[0], **KNOBS)
    assert lagging.measurements["teacher_off_target_tv"] > own["teacher_off_target_tv"]
    assert lagging.measurements["teacher_to_projected_tv"] > own["teacher_to_projected_tv"]
    equal(lagging.measurements["center_lag_temperatures"], 2.0 / 0.04, rtol=1e-9)
    assert levels(lagging, "D4") == {"warning"}


def test_a_lagging_centre_is_the_knob_that_is_named():
    (teacher, _), _ = clustered()
    knobs = KNOBS | {"teacher_momentum": 0.996, "center_momentum": 0.9999, "center": teacher.mean(0)}
    assert levels(theory.diagnose(teacher, **knobs), "D4") == {"warning"}
    rates = {rate: theory.diagnose(teacher, learning_rate=rate, **knobs) for rate in (1e-6, 0.1)}
    assert levels(rates[1e-6], "D4") == {"ok"}
    assert levels(rates[0.1], "D4") == {"problem"}
    assert levels(theory.diagnose(teacher, **(knobs | {"center_momentum": 0.99})), "D4") == {"ok"}
    assert levels(theory.diagnose(teacher, **(knobs | {"teacher_momentum": 1.0})), "D4") == {"note"}


def test_an_overshooting_student_is_not_blamed_on_the_centre():
    (teacher, _), _ = clustered()
    knobs = KNOBS | {"teacher_momentum": 0.996, "center_momentum": 0.9, "center": teacher.mean(0)}
    limit = 2 * K * 0.1**2
    assert levels(theory.diagnose(teacher, learning_rate=0.9 * limit, **knobs), "D4") == {"ok"}
    found = theory.diagnose(teacher, learning_rate=1.1 * limit, **knobs)
    assert levels(found, "D4") == {"problem"}
    assert "overshoots" in found.findings[0].text
    radii = [
        theory.dynamics.center_stability(
            gain=share * limit / (K * 0.1),
            teacher_momentum=0.996,
            center_momentum=0.9,
            student_temperature=0.1,
            teacher_temperature=0.04,
        ).spectral_radius
        for share in (0.9, 1.1)
    ]
    assert radii[0] < 1 < radii[1]


def test_without_a_moving_centre_the_student_alone_may_overshoot():
    (teacher, _), _ = clustered()
    limit = 2 * K * 0.1**2
    for share, found_levels in ((0.9, set()), (1.1, {"problem"})):
        found = theory.diagnose(teacher, teacher="inverse_prior", learning_rate=share * limit, **KNOBS)
        assert levels(found, "D4") == found_levels
        assert ("overshoots along" in found.findings[0].text) is bool(found_levels)


def test_a_student_past_its_goal_is_judged_by_the_map_itself():
    """Between α = 1 and 2 a centre that is enough below may be too slow; above 2 some hold the student."""
    (teacher, _), _ = clustered()
    goal = K * 0.1**2
    for share, temperature, m_t, m_c, level in (
        (0.9, 0.04, 0.7, 0.347, "ok"),
        (1.9, 0.04, 0.7, 0.347, "problem"),
        (2.2, 0.1 / 1.33, 0.57, 0.034, "ok"),
    ):
        knobs = {"temperature": temperature, "student_temperature": 0.1, "center": teacher.mean(0)}
        knobs |= {"teacher_momentum": m_t, "center_momentum": m_c}
        found = theory.diagnose(teacher, learning_rate=share * goal, **knobs)
        assert levels(found, "D4") == {level}
        assert (found.measurements["center_spectral_radius"] < 1) is (level == "ok")


@pytest.mark.parametrize("factor", [8.0, 2.0, 0.125])
def test_a_centre_that_is_a_multiple_of_the_mean_was_not_divided(factor):
    """Not divided by the number of processes, or divided twice."""
    z = LIVE + np.linspace(0.0, 1.0, LIVE.shape[1])
    found = theory.diagnose(z, center=factor * z.mean(0) + 3.0, **KNOBS)
    equal(found.measurements["center_factor"], factor)
    (finding,) = (f for f in found.findings if "times the mean" in f.text)
    assert (finding.level, finding.claim) == ("warning", "D4")
    assert ("number of processes" in finding.remedy) == (factor > 1)
    assert not any("away from the mean" in f.text for f in found.findings)


@pytest.mark.control("D4")
def test_another_centre_is_no_multiple():
    z = LIVE + np.linspace(0.0, 1.0, LIVE.shape[1])
    found = theory.diagnose(z, center=np.random.default_rng(0).normal(size=z.shape[1]), **KNOBS)
    assert any("away from the mean" in f.text for f in found.findings)
    assert not any("times the mean" in f.text for f in found.findings)


@pytest.mark.parametrize("momenta, fate", [
    ({}, "turning"),
    ({"teacher_momentum": 0.99, "center_momentum": 0.999}, "turning"),
    ({"teacher_momentum": 0.99, "center_momentum": 1.0}, "one cluster"),
])  # fmt: skip
def test_one_answer_that_a_moving_centre_will_catch_up_with_takes_turns(momenta, fate):
    """[D4]: a centre that stays where it is lets one cluster win for good."""
    assert theory.diagnose(ONE, center=np.zeros(K), **momenta, **KNOBS).fate == fate
    assert theory.diagnose(ONE, center=ONE.mean(0), **KNOBS).fate == "one cluster"
