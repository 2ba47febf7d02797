"""The centre's race against the constant direction (D4), and the published points it is held against (D5)."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.claims.ledger import at_most, equal
from theory.dynamics.center import (
    center_gain_limit,
    center_stability,
    coupled_center_stability,
    critical_center_momentum,
    critical_center_rate,
)
from theory.dynamics.growth import critical_temperature, survival_temperature
from theory.dynamics.moments import cross_view_moments
from theory.ensembles import log_softmax

decades = st.floats(-3.0, 3.0).map(lambda x: 10.0**x)
per_step = st.floats(-4.0, -0.02).map(lambda x: 10.0**x)
ratios = st.floats(-1.5, 1.5).map(lambda x: 1.0 + 10.0**x)  # τ_s/τ_t > 1
DINO = {"student_temperature": 0.1, "teacher_temperature": 0.04}


def flow(alpha, mu, rho, ratio):
    """D4's matrix on (student, teacher, teacher − centre), with β = α τ_s/τ_t."""
    return np.array([[-alpha, 0, alpha * ratio], [mu, -mu, 0], [mu, -mu, -rho]])


@given(decades, decades, ratios)
@pytest.mark.claim("D4")
def test_eigenvalues_change_sign_exactly_at_the_critical_rate(alpha, mu, ratio):
    rho = float(
        critical_center_rate(
            gain=alpha, teacher_rate=mu, student_temperature=1.0, teacher_temperature=1 / ratio
        )
    )
    at_edge = np.linalg.eigvals(flow(alpha, mu, rho, ratio)) / rho
    pair = at_edge[np.argsort(np.abs(at_edge.real))[:2]]
    equal(pair.real, np.zeros(2), rtol=0, atol=1e-5 * (1 + max(alpha, mu) / rho))
    assert np.linalg.eigvals(flow(alpha, mu, 1.01 * rho, ratio)).real.max() < 0
    assert np.linalg.eigvals(flow(alpha, mu, 0.99 * rho, ratio)).real.max() > 0


@given(decades, decades, st.floats(0.05, 1.0), decades)
@pytest.mark.claim("D4")
def test_a_teacher_no_sharper_than_the_student_needs_no_centre(alpha, mu, ratio, rho):
    kw = {"gain": alpha, "teacher_rate": mu, "student_temperature": 1.0, "teacher_temperature": 1 / ratio}
    assert float(critical_center_rate(**kw)) == pytest.approx(0.0, abs=1e-12)
    assert np.linalg.eigvals(flow(alpha, mu, rho, 0.999 * ratio)).real.max() < 0


@given(decades, decades, ratios)
@pytest.mark.claim("D4")
def test_the_slower_of_student_and_teacher_times_the_excess_is_always_enough(alpha, mu, ratio):
    kw = {"gain": alpha, "student_temperature": 1.0, "teacher_temperature": 1 / ratio}
    rho = critical_center_rate(teacher_rate=mu, **kw)
    at_most(rho / min(alpha, mu), np.asarray(ratio - 1), slack=1e-12 * ratio)
    at_most(rho, critical_center_rate(teacher_rate=1.1 * mu, **kw), slack=1e-12 * float(rho))


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
    rho = 1 - float(critical_center_momentum(**kw))
    enough = min(alpha / (1 - alpha), mu / (1 - mu)) * (ratio - 1)
    at_most(rho, enough, slack=1e-9 * enough + 1e-15)
    around = np.minimum(rho * np.array([0.98, 1.02]), 1.0)
    radius = center_stability(center_momentum=1 - around, **kw).spectral_radius
    assert radius[0] > 1 - 1e-12
    assert (radius[1] < 1 + 1e-12) == (rho < 1)


@given(per_step, per_step, ratios, st.floats(0.1, 3.0))
@pytest.mark.claim("D4")
def test_small_steps_are_the_continuous_theory(alpha, mu, ratio, offset):
    step = 1e-4 / (1 + ratio)
    temperatures = {"student_temperature": 1.0, "teacher_temperature": 1 / ratio}
    rate = float(critical_center_rate(gain=alpha, teacher_rate=mu, **temperatures))
    found = critical_center_momentum(gain=step * alpha, teacher_momentum=1 - step * mu, **temperatures)
    equal((1 - found) / step, rate, rtol=2e-3, atol=1e-9 * rate + 1e-11 / step)
    rho = offset * rate
    turn = center_stability(
        gain=step * alpha, teacher_momentum=1 - step * mu, center_momentum=1 - step * rho, **temperatures
    )
    growth = np.linalg.eigvals(flow(alpha, mu, rho, ratio)).real.max()
    equal(np.log(turn.spectral_radius) / step, growth, rtol=1e-2, atol=1e-3 * (alpha + mu + rho))


def train_bias(*, steps, k, learning_rate, teacher_momentum, center_momentum, student_temperature,
               teacher_temperature, start):  # fmt: skip
    """DINO on a bias alone, softmax and all, in DINO's order: student, teacher, centre [steps + 1, 3, K]."""
    w, v, c = start
    path = [(w, v, c)]
    for _ in range(steps):
        target = np.exp(log_softmax(v - c, temperature=teacher_temperature))
        c = center_momentum * c + (1 - center_momentum) * v
        w = (
            w
            - learning_rate
            * (np.exp(log_softmax(w, temperature=student_temperature)) - target)
            / student_temperature
        )
        v = teacher_momentum * v + (1 - teacher_momentum) * w
        path.append((w, v, c))
    return np.array(path)


def bias_start(k, size=1e-9):
    z = np.random.default_rng(3).normal(size=(3, k))
    return size * (z - z.mean(1, keepdims=True))


@pytest.mark.parametrize("center_momentum", [0.9, 0.994, 0.997, 0.9995])
@pytest.mark.claim("D4")
def test_training_a_bias_grows_by_the_spectral_radius_at_each_step(center_momentum):
    k, eta, steps = 4, 0.004, 4000
    settings = {"teacher_momentum": 0.99, "center_momentum": center_momentum, **DINO}
    law = center_stability(gain=eta / (k * 0.1), **settings)
    path = train_bias(steps=steps, k=k, learning_rate=eta, start=bias_start(k), **settings)
    size = np.abs(path[1:]).max(axis=(1, 2))
    inside = (size > 1e-10) & (size < 1e-8)
    missed = np.abs(law.matrix @ path[:-1] - path[1:]).max(axis=(1, 2))
    equal((missed / size)[inside], np.zeros(inside.sum()), rtol=0, atol=1e-6)
    last = int(np.flatnonzero(inside)[-1]) + 1
    linear = np.linalg.matrix_power(law.matrix, last) @ path[0]
    growth = [np.log(np.linalg.norm(end) / np.linalg.norm(path[0])) for end in (path[last], linear)]
    equal(growth[0], growth[1], rtol=1e-3, atol=1e-3)


@pytest.mark.claim("D4")
def test_near_the_critical_momentum_clusters_take_turns_with_the_predicted_period():
    k, eta = 2, 0.004
    kw = {"gain": eta / (k * 0.1), "teacher_momentum": 0.99, **DINO}
    edge = float(critical_center_momentum(**kw))
    law = center_stability(center_momentum=edge, **kw)
    path = train_bias(
        steps=6 * int(law.period), k=k, learning_rate=eta, teacher_momentum=0.99, center_momentum=edge,
        start=bias_start(k), **DINO,
    )[:, 0, 0]  # fmt: skip
    half = len(path) // 3
    crossing = half + np.flatnonzero(np.diff(np.sign(path[half:])))
    equal(2 * np.diff(crossing).mean(), law.period, rtol=5e-3)
    equal(law.spectral_radius, 1.0, rtol=1e-9)


@pytest.mark.claim("D4")
def test_far_below_the_critical_rate_the_pair_is_real_and_nobody_takes_turns():
    slow = center_stability(gain=0.001, teacher_momentum=0.99, center_momentum=[0.995, 0.99999], **DINO)
    assert not slow.stable.any()
    assert math.isfinite(slow.period[0]) and math.isinf(slow.period[1])


@pytest.mark.claim("D4")
def test_a_centre_without_lag_never_loses_and_the_last_batch_can():
    # Batch centering: v − c = 0 in the constant direction, so it decays at α whatever the sharpening.
    w = np.array([1.0, -1.0])
    for _ in range(2000):
        w = w - 0.02 * (np.exp(log_softmax(w, temperature=0.1)) - 0.5) / 0.1
    assert np.abs(w).max() < 1e-6
    last = center_stability(gain=0.05, teacher_momentum=0.0, center_momentum=0.0, **DINO)
    at_most(last.multipliers.real.max(), 1.0 + 1e-12)
    assert critical_center_momentum(gain=0.05, teacher_momentum=0.0, **DINO) < 0 and not last.stable


def test_moments_of_centred_features_contain_the_decoupled_map():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(50, 3))
    views = [shared + rng.normal(size=(50, 3)) for _ in range(2)]
    kw = {"gain": 1e-3, "teacher_momentum": 0.99, "center_momentum": 0.999, **DINO}
    mean = (views[0].mean(0) + views[1].mean(0)) / 2
    coupled = coupled_center_stability(cross_view_moments(*(x - mean for x in views)), **kw)
    for multiplier in center_stability(**kw).multipliers:
        assert np.abs(coupled.multipliers - multiplier).min() < 1e-9


@pytest.mark.control("D4")
def test_features_that_are_not_centred_move_the_boundary():
    rng = np.random.default_rng(0)
    shared = 0.1 * rng.normal(size=(200, 2))  # r = 0.2 < τ_t/τ_s: nothing but the constant can grow
    views = [shared + 0.2 * rng.normal(size=(200, 2)) + 3.0 for _ in range(2)]
    moments = cross_view_moments(*views)
    kw = {"gain": 1e-4, "teacher_momentum": 0.99, **DINO}
    stated = float(critical_center_momentum(**kw))
    length = 1 + float(moments.student_mean @ moments.student_mean)
    mended = float(critical_center_momentum(**{**kw, "gain": 1e-4 * length}))
    at = (1 - stated, 1 - mended)
    assert at[1] / at[0] > 4  # how far off: the mean is 19 times the length of the constant feature
    between = 1 - math.sqrt(at[0] * at[1])
    assert center_stability(center_momentum=between, **kw).stable
    assert not coupled_center_stability(moments, center_momentum=between, **kw).stable
    assert coupled_center_stability(moments, center_momentum=1 - 1.1 * at[1], **kw).stable


@pytest.mark.control("D4")
def test_strong_initial_logits_are_beyond_the_linear_law():
    settings = {"teacher_momentum": 0.99, "center_momentum": 0.997, **DINO}
    law = center_stability(gain=0.01, **settings)
    ends = []
    for size in (1e-9, 1.0):
        path = train_bias(steps=1, k=4, learning_rate=0.004, start=bias_start(4, size), **settings)
        follow = law.matrix @ path[0]
        ends.append(np.abs(follow - path[1]).max() / np.abs(path[1] - path[0]).max())
    assert ends[0] < 1e-5 and ends[1] > 0.5


# -- D5: DINO (Caron et al. 2021), appendix D, ViT-S, k-NN top-1 after sweeps of one setting --------------

CENTER_MOMENTUM = {0.0: 69.1, 0.9: 69.7, 0.99: 69.4, 0.999: 0.1}
TEACHER_TEMPERATURE = {0.02: 66.7, 0.04: 69.6, 0.06: 68.7, 0.08: 0.1}


@pytest.mark.claim("D5")
def test_the_critical_momentum_lies_between_the_published_points():
    kw = {"teacher_momentum": 0.996, **DINO}
    fast, slow = (float(critical_center_momentum(gain=a, **kw)) for a in (math.inf, 1e-4))
    equal(fast, 0.994, rtol=5e-5)
    equal(slow, 0.9986, rtol=5e-5)
    works = [m for m, accuracy in CENTER_MOMENTUM.items() if accuracy > 1]
    dies = [m for m, accuracy in CENTER_MOMENTUM.items() if accuracy < 1]
    at_most(np.asarray(max(works)), np.asarray(fast))
    at_most(np.asarray(slow), np.asarray(min(dies)))


@pytest.mark.claim("D5")
def test_working_momenta_are_stable_at_every_learning_rate():
    gain = np.geomspace(1e-9, 0.099, 200)
    works = np.array([[m] for m, accuracy in CENTER_MOMENTUM.items() if accuracy > 1])
    radius = center_stability(
        gain=gain, teacher_momentum=0.996, center_momentum=works, **DINO
    ).spectral_radius
    at_most(radius, np.ones_like(radius))


@pytest.mark.control("D5")
def test_for_a_slow_enough_student_the_theory_does_not_predict_the_published_death():
    gain = np.array([5e-5, 1e-4])
    found = center_stability(gain=gain, teacher_momentum=0.996, center_momentum=0.999, **DINO)
    assert found.stable.tolist() == [True, False]


@pytest.mark.claim("D5")
def test_the_temperature_sweep_brackets_the_leading_correlation_and_the_warm_up_is_within_survival():
    works = max(t for t, accuracy in TEACHER_TEMPERATURE.items() if accuracy > 1)
    dies = min(t for t, accuracy in TEACHER_TEMPERATURE.items() if accuracy < 1)
    low, high = works / 0.1, dies / 0.1
    at_most(np.asarray(low), np.asarray(high))  # one correlation explains every point, or none does
    edge = critical_temperature([low, high], student_temperature=0.1)
    assert [t for t, accuracy in TEACHER_TEMPERATURE.items() if accuracy > 1] == [
        t for t in TEACHER_TEMPERATURE if t < edge.mean()
    ]
    # 0.04 → 0.07 warmed up works: within the life of a learnt solution even at the low end of the bracket.
    at_most(np.asarray(0.07), survival_temperature(low, clusters=65536, student_temperature=0.1))


BAD = {"gain": 1e-3, "teacher_momentum": 0.99, **DINO}


@pytest.mark.parametrize(
    ("function", "change", "message"),
    [
        (
            critical_center_momentum,
            {"gain": 0.2},
            "`gain` must be at most .* got gain/student_temperature = 2",
        ),
        (critical_center_momentum, {"gain": -1.0}, "`gain` must be positive, got -1"),
        (critical_center_momentum, {"teacher_momentum": 1.0}, "`teacher_momentum` must be below 1"),
        (
            critical_center_momentum,
            {"teacher_momentum": 1.5},
            r"`teacher_momentum` must be in \[0, 1\], got 1.5",
        ),
        (
            critical_center_momentum,
            {"teacher_temperature": 0.0},
            "`teacher_temperature` must be positive and finite",
        ),
        (critical_center_momentum, {"student_temperature": math.nan}, "`student_temperature` .* got nan"),
        (center_stability, {"center_momentum": math.nan}, r"`center_momentum` must be in \[0, 1\], got nan"),
        (
            center_stability,
            {"center_momentum": 0.9, "gain": math.inf},
            "`gain` must be positive and finite, got inf",
        ),
    ],
)
def test_bad_input_is_named(function, change, message):
    with pytest.raises(ValueError, match=message):
        function(**{**BAD, **change})


def test_bad_rates_are_named():
    with pytest.raises(ValueError, match="`teacher_rate` must be positive, got 0"):
        critical_center_rate(gain=1.0, teacher_rate=0.0, **DINO)


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
        center_gain_limit(**({"center_momentum": 0.9} | KNOBS | changed))
