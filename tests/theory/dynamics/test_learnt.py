"""What is learnt holds itself under any centre, and a race decides whether it is learnt (D7)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import softmax

from tests.claims.ledger import at_most, equal
from tests.theory.dynamics.toys import DINO
from theory.dynamics import (
    center_race,
    center_stability,
    growth_rates,
    learnt_center_stability,
    learnt_solution,
    survival_temperature,
)

ROOT = 1e-12  # ten times what `learnt_solution` leaves of its root
FORGOTTEN = 1e-12
"""What is left after thousands of steps: the start shrinks to nothing, by 0.983 or less in each, and what a
step rounds, four times logits of up to 8 τ_t, lasts for 1/(1 − 0.983) = 60 of them: 2e-13."""
counts = st.integers(2, 64)
correlations = st.floats(0.05, 0.97)


@st.composite
def learnt_runs(draw, numbers, above=0.0, below=1.0):
    """ρ and K with a learnt solution at DINO's temperatures; ρ by its share of the way up from the lowest."""
    k = draw(numbers)
    lowest = brentq(
        lambda rho: survival_temperature(rho, clusters=k, student_temperature=1.0) - 0.41, 0.05, 0.97
    )
    return lowest + draw(st.floats(above, below)) * (0.97 - lowest), k


def channel(rho, k):
    """P(label of one view | label of the other), uniform labels."""
    return rho * np.eye(k) + (1 - rho) / k


def step(state, *, rho, k, a, mu, gamma, tau_s=0.1, tau_t=0.04):
    """One step of a table student in DINO's order; state: W, V [K, K] and c [K]."""
    w, v, c = state
    q = softmax(w / tau_s, axis=1)
    target = channel(rho, k) @ softmax((v - c) / tau_t, axis=1)
    moved = w - a * k * (q - target)
    return moved, (1 - mu) * v + mu * moved, c + gamma * (v.mean(0) - c)


def learnt_state(rho, k, **temperatures):
    u = learnt_solution(rho, clusters=k, **temperatures).logit
    w = u * np.eye(k)
    return w, w, w.mean(0)


@given(correlations, counts, st.floats(0.2, 0.99))
@pytest.mark.claim("D7")
def test_the_learnt_solution_is_a_fixed_point_of_the_training_step(rho, k, share):
    ratio = share * float(survival_temperature(rho, clusters=k, student_temperature=1.0))
    temperatures = {"student_temperature": 0.1, "teacher_temperature": 0.1 * ratio}
    state = learnt_state(rho, k, **temperatures)
    after = step(state, rho=rho, k=k, a=0.01, mu=0.1, gamma=0.1, tau_t=0.1 * ratio)
    for now, then in zip(state, after, strict=True):
        equal(then, now, rtol=ROOT, atol=ROOT)
    found = learnt_solution(rho, clusters=k, **temperatures)
    equal(found.student_share, rho * found.teacher_share + (1 - rho) / k, rtol=ROOT, atol=0.0)
    q = softmax(state[0] / 0.1, axis=1)
    equal(found.information, math.log(k) + (q * np.log(q)).sum(1).mean(), rtol=ROOT, atol=ROOT)


@given(learnt_runs(st.integers(3, 5)), st.floats(0.001, 0.3), st.floats(0.001, 1.0), st.floats(0.0, 1.0))
@pytest.mark.claim("D7")
def test_five_numbers_are_the_whole_step_along_what_the_constant_direction_becomes(run, alpha, mu, gamma):
    """Its multipliers are among those of the Jacobian of all 2K² + K numbers, by central differences."""
    rho, k = run
    state = np.concatenate([one.ravel() for one in learnt_state(rho, k, **DINO)])
    a = alpha * 0.1

    def after(x):
        parts = x[: k * k].reshape(k, k), x[k * k : 2 * k * k].reshape(k, k), x[2 * k * k :]
        return np.concatenate([one.ravel() for one in step(parts, rho=rho, k=k, a=a, mu=mu, gamma=gamma)])

    push = 1e-6 * np.eye(len(state))
    jacobian = np.stack([after(state + one) - after(state - one) for one in push], axis=1) / 2e-6
    every = np.linalg.eigvals(jacobian)
    few = learnt_center_stability(
        rho, clusters=k, gain=a, teacher_momentum=1 - mu, center_momentum=1 - gamma, **DINO
    ).multipliers
    for one in few:
        at_most(np.abs(every - one).min(), 1e-3)  # where two meet: the root of the differences' error


@given(learnt_runs(st.integers(3, 6)), st.floats(0.001, 0.3), st.floats(0.001, 1.0), st.floats(0.0, 1.0))
@pytest.mark.claim("D7")
def test_the_matrix_is_the_step_of_the_two_fields_entry_by_entry(run, alpha, mu, gamma):
    """f(k) and f(n) δ_nk in student and teacher, f(k) in the centre; rows up to a constant."""
    rho, k = run
    f = np.arange(k) - (k - 1) / 2
    fields, zero = [np.tile(f, (k, 1)), np.diag(f)], np.zeros((k, k))
    pushes = [(x, zero, 0 * f) for x in fields] + [(zero, x, 0 * f) for x in fields] + [(zero, zero, f)]
    rest, h = learnt_state(rho, k, **DINO), 1e-6
    matrix = learnt_center_stability(
        rho, clusters=k, gain=0.1 * alpha, teacher_momentum=1 - mu, center_momentum=1 - gamma, **DINO
    ).matrix
    for push, column in zip(pushes, matrix.T, strict=True):
        there, back = (
            step(
                [x + way * y for x, y in zip(rest, push, strict=True)],
                rho=rho,
                k=k,
                a=0.1 * alpha,
                mu=mu,
                gamma=gamma,
            )
            for way in (h, -h)
        )
        found = [(one - other) / (2 * h) for one, other in zip(there, back, strict=True)]
        stated = [sum(c * y for c, y in zip(part, fields, strict=True)) for part in (column[:2], column[2:4])]
        for one, other in zip(found, [*stated, column[4] * f], strict=True):
            other = other - other.mean(-1, keepdims=True)
            # a rounding of the states over h, and the third derivative of a softmax at τ_t
            off = 16 * np.finfo(float).eps / h + (h / DINO["teacher_temperature"]) ** 2
            equal(one - one.mean(-1, keepdims=True), other, rtol=0, atol=off)


@given(learnt_runs(counts, above=0.25), st.floats(1e-3, 1.0), st.floats(0.0, 0.999))
@pytest.mark.claim("D7")
def test_a_held_solution_is_stable_under_every_centre(run, mu, m_c):
    rho, k = run
    found = learnt_solution(rho, clusters=k, **DINO)
    assert found.held
    knobs = {"gain": 1e-3, "teacher_momentum": 1 - mu, **DINO}
    assert learnt_center_stability(rho, clusters=k, center_momentum=m_c, **knobs).stable
    frozen = learnt_center_stability(rho, clusters=k, center_momentum=1.0, **knobs).multipliers
    equal(abs(frozen[0]), 1.0, rtol=1e-9)  # the centre's own
    assert abs(frozen[1]) < 1


@given(learnt_runs(st.integers(2, 5), below=0.03), st.floats(1e-3, 1.0))
@pytest.mark.claim("D7")
def test_one_that_is_not_held_is_lost_without_a_centre(run, mu):
    rho, k = run
    assert not learnt_solution(rho, clusters=k, **DINO).held
    knobs = {"gain": 1e-3, "teacher_momentum": 1 - mu, **DINO}
    never = learnt_center_stability(rho, clusters=k, center_momentum=1.0, **knobs)
    assert never.spectral_radius > 1


@pytest.mark.claim("D7")
@pytest.mark.parametrize(("k", "rho"), [(8, 0.6), (4, 0.7), (2, 0.6)])
def test_a_learnt_run_lives_on_after_its_constraint_is_taken_away(k, rho):
    """No centre at all, and a bias of a tenth of τ_s to begin with: it is gone after a while."""
    w, v, c = learnt_state(rho, k, **DINO)
    push = 0.01 * np.eye(k)[0]
    state = (w + push, v + push, c)
    for _ in range(4000):
        state = step(state, rho=rho, k=k, a=0.01, mu=0.1, gamma=0.0)
    shares = softmax(state[0] / 0.1, axis=1)
    equal(shares.diagonal(), softmax(w / 0.1, axis=1).diagonal(), rtol=ROOT)


@pytest.mark.control("D7")
def test_near_the_critical_correlation_a_learnt_solution_needs_its_centre():
    """K = 2, ρ = .45: learnt so weakly that the constant direction grows beside it."""
    assert not learnt_solution(0.45, clusters=2, **DINO).held
    w, v, c = learnt_state(0.45, 2, **DINO)
    push = np.array([0.001, -0.001])
    fate = {}
    for gamma in (0.0, 0.5):
        state = (w + push, v + push, c)
        for _ in range(6000):
            state = step(state, rho=0.45, k=2, a=0.01, mu=0.1, gamma=gamma)
        fate[gamma] = softmax(state[0] / 0.1, axis=1).mean(0).max()
    assert fate[0.0] > 0.9
    equal(fate[0.5], 0.5, rtol=FORGOTTEN)


@given(st.floats(0.0, 1.0), st.floats(-4.0, -0.3), st.floats(0.0, 0.999), st.floats(0.0, 0.999))
@pytest.mark.claim("D7")
def test_the_two_rates_of_the_race_are_those_of_d2_and_d4(rho, log_alpha, m_t, m_c):
    a = 0.1 * 10**log_alpha
    race = center_race(rho, gain=a, teacher_momentum=m_t, center_momentum=m_c, **DINO)
    features = growth_rates(
        np.array([[rho]]), np.eye(1), gain=a, teacher_rate=1 - m_t, discrete=True, **DINO
    ).rates.max()
    constant = center_stability(gain=a, teacher_momentum=m_t, center_momentum=m_c, **DINO).spectral_radius
    equal([race.features, race.constant], [features, math.log(constant)], rtol=1e-12)
    assert race.lost == (race.constant > max(0.0, race.features))


def raced(m_c, *, rho=0.7, k=8, a=0.01, steps=6000, teacher_rate=1.0, size=1e-4):
    """Information that a table student keeps, from small weights of one size."""
    rng = np.random.default_rng(0)
    w = size * rng.normal(size=(k, k))
    state, late = (w, w, w.mean(0)), []
    for at in range(steps):
        state = step(state, rho=rho, k=k, a=a, mu=teacher_rate, gamma=1 - m_c)
        if at > 0.8 * steps:
            q = softmax(state[0] / 0.1, axis=1)
            late.append((q * np.log(q / q.mean(0))).sum(1).mean())
    return np.mean(late)


@pytest.mark.claim("D7")
@pytest.mark.parametrize(("m_c", "teacher_rate"), [(0.9, 1.0), (0.95, 0.1), (0.98, 0.02)])
def test_a_run_beyond_the_line_that_wins_the_race_keeps_all_that_a_fast_centre_keeps(m_c, teacher_rate):
    race = center_race(0.7, gain=0.01, teacher_momentum=1 - teacher_rate, center_momentum=m_c, **DINO)
    assert race.constant > 0
    assert race.constant < 0.45 * race.features
    equal(raced(m_c, teacher_rate=teacher_rate), raced(0.0, teacher_rate=teacher_rate), rtol=FORGOTTEN)


@pytest.mark.control("D7")
def test_a_run_that_loses_the_race_loses_clusters():
    race = center_race(0.5, gain=0.01, teacher_momentum=0.0, center_momentum=0.99, **DINO)
    assert race.lost
    assert raced(0.99, rho=0.5) < 0.9 * raced(0.0, rho=0.5)


@pytest.mark.claim("D7")
def test_information_is_no_lyapunov_function_of_a_constrained_run():
    """A start surer than the learnt solution loses information at every step, on its way to it."""
    found = learnt_solution(0.7, clusters=4, **DINO)
    w = 3 * found.logit * np.eye(4)
    state, path = (w, w, w.mean(0)), []
    for _ in range(3000):
        q = softmax(state[0] / 0.1, axis=1)
        path.append((q * np.log(q / q.mean(0))).sum(1).mean())
        state = step(state, rho=0.7, k=4, a=0.01, mu=0.1, gamma=0.1)
    assert np.diff(path).max() < 1e-12
    equal(path[-1], found.information, rtol=ROOT)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`correlation` must be below 1, got 1"):
        learnt_solution(1.0, clusters=8, **DINO)
    with pytest.raises(ValueError, match=r"`teacher_temperature` must be below `survival_temperature`"):
        learnt_solution(0.5, clusters=8, student_temperature=0.1, teacher_temperature=0.09)
    with pytest.raises(ValueError, match="`gain`"):
        center_race(0.5, gain=0.0, teacher_momentum=0.9, center_momentum=0.9, **DINO)


def test_a_small_correlation_is_learnt_under_a_teacher_cold_enough():
    found = learnt_solution(0.005, clusters=2, student_temperature=1.0, teacher_temperature=0.001)
    assert found.logit > 0
