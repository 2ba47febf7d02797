"""Growth near uniform (D2), against real gradient descent."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.ledger import equal
from tests.theory.dynamics.toys import contrasts, descend, seeds, temperatures, views_of
from theory import TEACHERS
from theory.dynamics import correlations, cross_view_moments, growth_rates, student_gain, whitened_growth_rate


@pytest.mark.parametrize("teacher_rate", [1.0, 0.03])
@pytest.mark.parametrize("teacher", TEACHERS)
@pytest.mark.claim("D2")
def test_gradient_descent_near_uniform_is_the_predicted_matrix(teacher, teacher_rate):
    views, rng, steps = views_of(1), np.random.default_rng(2), 20
    moments = cross_view_moments(*views)
    start = 1e-8 * contrasts(rng, 4, 5)
    settings = {"student_temperature": 0.1, "teacher_temperature": 0.05}
    step = growth_rates(
        moments.cross(constrained=TEACHERS[teacher].constrained),
        moments.second(),
        gain=student_gain(learning_rate=0.004, clusters=5, student_temperature=0.1),
        teacher_rate=teacher_rate,
        discrete=True,
        **settings,
    )
    state = start if teacher_rate == 1.0 else np.vstack([start, start])
    predicted = (np.linalg.matrix_power(step.matrix, steps) @ state)[:4]
    found, _ = descend(
        views, start, start, teacher=teacher, learning_rate=0.004, tau_s=0.1, tau_t=0.05,
        teacher_rate=teacher_rate, steps=steps,
    )  # fmt: skip
    size = float(np.abs(predicted).max())
    equal(found / size, predicted / size, rtol=0, atol=1e-5)


@pytest.mark.control("D2")
def test_far_from_uniform_the_linear_rate_is_wrong():
    views, rng = views_of(1), np.random.default_rng(2)
    moments = cross_view_moments(*views)
    gain = student_gain(learning_rate=0.02, clusters=5, student_temperature=0.1)
    step = growth_rates(
        moments.cross(),
        moments.second(),
        gain=gain,
        student_temperature=0.1,
        teacher_temperature=0.05,
        discrete=True,
    )
    start = contrasts(rng, 4, 5)
    found, _ = descend(
        views, start, start, teacher="centering", learning_rate=0.02, tau_s=0.1, tau_t=0.05,
        teacher_rate=1.0, steps=30,
    )  # fmt: skip
    predicted = np.linalg.norm(np.linalg.matrix_power(step.matrix, 30) @ start)
    assert predicted > 2 * np.linalg.norm(found)


@given(seeds, st.floats(0.2, 4.0), st.floats(0.02, 1.2), st.floats(-3.0, 2.0))
@pytest.mark.claim("D2")
def test_as_many_directions_grow_as_correlations_exceed_the_temperature_ratio(seed, noise, ratio, log_rate):
    moments = cross_view_moments(*views_of(seed, noise=noise))
    cross, second = moments.cross(), moments.second()
    found = correlations(cross, second).values
    exceeding = int((found > ratio).sum())
    kw = {"gain": 0.3, "student_temperature": 1.0, "teacher_temperature": ratio}
    slow = growth_rates(cross, second, teacher_rate=10**log_rate, **kw)
    assert growth_rates(cross, second, **kw).growing == slow.growing == exceeding
    assert (np.abs(slow.frequencies[slow.rates > 1e-9]) < 1e-9).all()  # what grows, grows without turning
    free = growth_rates(moments.cross(constrained=False) + second, second, teacher_rate=10**log_rate, **kw)
    assert (np.abs(free.frequencies) < 1e-6 * np.abs(free.rates).max()).all()  # C₁₂ ≥ 0: nothing turns at all
    small = {**kw, "gain": 1e-3}
    assert growth_rates(cross, second, teacher_rate=0.01, discrete=True, **small).growing == exceeding


@pytest.mark.claim("D2")
@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize("teacher_rate", [math.inf, 0.1])
def test_what_is_exactly_at_the_temperature_ratio_does_not_grow(teacher_rate, discrete):
    kw = {"gain": 0.1, "student_temperature": 1.0, "teacher_temperature": 0.5}
    at, beyond = np.diag([0.5, 0.5]), np.diag([0.5, 0.51])
    counts = [
        growth_rates(cross, EYE, teacher_rate=teacher_rate, discrete=discrete, **kw).growing
        for cross in (at, beyond)
    ]
    assert counts == [0, 1]


@pytest.mark.control("D2")
def test_without_symmetric_moments_the_count_is_wrong():
    cross, second = np.array([[0.5, 0.9], [-0.9, 0.5]]), np.diag([1.0, 0.01])
    kw = {"gain": 1.0, "student_temperature": 1.0, "teacher_temperature": 0.6}
    exceeding = int((correlations(cross, second).values > 0.6).sum())
    assert growth_rates(cross, second, **kw).growing != exceeding


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4), temperatures, temperatures, st.floats(-4.0, 3.0)
)
@pytest.mark.claim("D2")
def test_whitened_features_have_one_rate_for_each_correlation(values, tau_s, tau_t, log_rate):
    kw = {
        "gain": 0.1,
        "student_temperature": tau_s,
        "teacher_temperature": tau_t,
        "teacher_rate": 10**log_rate,
    }
    each = np.sort(whitened_growth_rate(values, **kw))[::-1]
    block = growth_rates(np.diag(values), np.eye(len(values)), **kw)
    equal(block.rates[: len(values)], each, rtol=1e-7, atol=1e-9 * (1 + 10**log_rate))


def test_a_fast_teacher_is_the_student():
    kw = {"gain": 0.1, "student_temperature": 0.1, "teacher_temperature": 0.05}
    moments = cross_view_moments(*views_of(4))
    same = growth_rates(moments.cross(), moments.second(), **kw)
    fast = growth_rates(moments.cross(), moments.second(), teacher_rate=1e7, **kw)
    np.testing.assert_allclose(fast.rates[:4], same.rates, rtol=1e-4, atol=1e-5)
    rho = correlations(moments.cross(), moments.second()).values
    np.testing.assert_allclose(
        whitened_growth_rate(rho, teacher_rate=1e9, **kw), whitened_growth_rate(rho, **kw), rtol=1e-6
    )


def test_a_complex_pair_of_one_correlation_leaves_the_others_exact():
    knobs = {"gain": 1e-12, "student_temperature": 0.1, "teacher_temperature": 0.04, "teacher_rate": 0.01}
    alone, together = (whitened_growth_rate(np.array(rho), **knobs) for rho in ([0.5], [0.5, -1e9]))
    assert alone[0] == together[0]
    fast = whitened_growth_rate([0.5], **(knobs | {"teacher_rate": 1e160}))
    equal(fast, whitened_growth_rate([0.5], **(knobs | {"teacher_rate": np.inf})))


KW = {"gain": 1.0, "student_temperature": 0.1, "teacher_temperature": 0.04}
EYE = np.eye(2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: growth_rates(EYE, EYE, **{**KW, "gain": 0.0}),
            ValueError,
            "`gain` must be positive .* got 0",
        ),
        (
            lambda: growth_rates(EYE, EYE, **{**KW, "teacher_temperature": -1.0}),
            ValueError,
            "`teacher_temperature`",
        ),
        (
            lambda: growth_rates(EYE, EYE, **{**KW, "student_temperature": math.nan}),
            ValueError,
            "`student_temperature`",
        ),
        (
            lambda: growth_rates(EYE, EYE, teacher_rate=0.0, **KW),
            ValueError,
            "`teacher_rate` must be positive",
        ),
        (
            lambda: growth_rates(EYE, EYE, teacher_rate=1.5, discrete=True, **KW),
            ValueError,
            "per step.* got 1.5",
        ),
        (lambda: growth_rates(EYE, np.eye(3), **KW), ValueError, "`cross` must have the shape of `second`"),
        (
            lambda: student_gain(learning_rate=1.0, clusters=1, student_temperature=1.0),
            ValueError,
            "at least 2, got 1",
        ),
        (
            lambda: student_gain(learning_rate=1.0, clusters=2.5, student_temperature=1.0),
            TypeError,
            "`clusters`",
        ),
        (
            lambda: student_gain(learning_rate="x", clusters=2, student_temperature=1.0),
            TypeError,
            "`learning_rate`",
        ),
        (lambda: whitened_growth_rate([math.nan], **KW), ValueError, "`correlation` must be finite"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", ["student_temperature", "teacher_temperature"])
def test_a_gain_too_large_for_either_temperature_is_refused_by_both_names(name):
    knobs = {"gain": 1.0, "student_temperature": 0.1, "teacher_temperature": 0.1} | {name: 1e-160}
    with pytest.raises(ValueError, match=f"`gain`/`{name}` must be at most 1e"):
        growth_rates(np.eye(2), np.eye(2), **knobs)
