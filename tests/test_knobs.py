"""Which knob is out of its range, and the gain at which a centre becomes too slow."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import theory
from tests.ledger import at_most, equal

# τ_s/τ_t and m_t such that the critical momentum is between 0 and 1 at every gain
races = st.fixed_dictionaries(
    {
        "teacher_momentum": st.floats(0.9, 0.9999),
        "student_temperature": st.floats(0.05, 1.0),
        "sharpness": st.floats(1.1, 6.0),
        "share": st.floats(1e-4, 0.9),
    }
)
DINO = {"teacher_momentum": 0.996, "student_temperature": 0.1, "teacher_temperature": 0.04}


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
    momentum = float(theory.critical_center_momentum(gain=race["share"] * tau_s, **knobs))
    limit = theory.center_gain_limit(center_momentum=momentum, **knobs)
    equal(theory.critical_center_momentum(gain=limit, **knobs), momentum, rtol=1e-9)
    slower, faster = (
        theory.center_stability(gain=factor * limit, center_momentum=momentum, **knobs).spectral_radius
        for factor in (0.95, 1.05)
    )
    at_most(slower, 1.0, slack=1e-12)
    at_most(1.0, faster, slack=1e-12)


def test_the_limit_is_where_this_momentum_is_the_critical_one():
    limit = theory.center_gain_limit(center_momentum=0.999, **DINO)
    equal(theory.critical_center_momentum(gain=limit, **DINO), 0.999, rtol=1e-12)
    assert 1e-5 < limit < 1e-3  # DINO's 0.999 needs a gain above 7e-5 to die


@pytest.mark.control("D4")
def test_a_fast_centre_has_no_limit_and_a_fixed_one_keeps_up_with_nothing():
    assert theory.center_gain_limit(center_momentum=0.99, **DINO) == math.inf
    assert theory.center_gain_limit(center_momentum=1.0, **DINO) == 0.0
    warm = DINO | {"teacher_temperature": 0.1}
    assert theory.center_gain_limit(center_momentum=0.9999, **warm) == math.inf


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"center_momentum": 1.5}, r"`center_momentum` must be in \[0, 1\], got 1.5"),
        ({"student_temperature": 0.0}, "`student_temperature` must be positive and finite, got 0"),
        ({"teacher_temperature": -1.0}, "`teacher_temperature` must be positive and finite, got -1"),
        ({"teacher_momentum": 1.0}, "`teacher_momentum` must be below 1, got 1"),
    ],
)
def test_bad_knobs_are_named(changed, message):
    with pytest.raises(ValueError, match=message):
        theory.center_gain_limit(**({"center_momentum": 0.9} | DINO | changed))
