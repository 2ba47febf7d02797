"""One step with a moving centre as a matrix (D4), against training a bias, softmax and all."""

import math

import numpy as np
import pytest

from tests.claims.ledger import at_most, equal
from tests.theory.dynamics.toys import DINO, bias_start, train_bias
from theory import log_softmax
from theory.dynamics import (
    center_stability,
    coupled_center_stability,
    critical_center_momentum,
    cross_view_moments,
)


@pytest.mark.parametrize("center_momentum", [0.9, 0.994, 0.997, 0.9995])
@pytest.mark.claim("D4")
def test_training_a_bias_grows_by_the_spectral_radius_at_each_step(center_momentum):
    k, eta, steps = 4, 0.004, 4000
    settings = {"teacher_momentum": 0.99, "center_momentum": center_momentum, **DINO}
    law = center_stability(gain=eta / (k * 0.1), **settings)
    path = train_bias(bias_start(k), steps=steps, learning_rate=eta, **settings)
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
        bias_start(k), steps=6 * int(law.period), learning_rate=eta, teacher_momentum=0.99,
        center_momentum=edge, **DINO,
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
def test_a_negative_leading_multiplier_turns_every_other_step():
    """A teacher that stays: the student alone, 1 − α, which overshoots."""
    found = center_stability(gain=0.3, teacher_momentum=1.0, center_momentum=0.5, **DINO)
    equal([found.multipliers[0].real, found.spectral_radius, found.period], [-2.0, 2.0, 2.0], rtol=1e-12)


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
    shared = 0.1 * rng.normal(size=(200, 2))  # ρ = 0.2 < τ_t/τ_s: nothing but the constant can grow
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
        path = train_bias(bias_start(4, size), steps=1, learning_rate=0.004, **settings)
        follow = law.matrix @ path[0]
        ends.append(np.abs(follow - path[1]).max() / np.abs(path[1] - path[0]).max())
    assert ends[0] < 1e-5 and ends[1] > 0.5


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"center_momentum": math.nan}, r"`center_momentum` must be in \[0, 1\], got nan"),
        ({"gain": math.inf}, "`gain` must be positive and finite, got inf"),
    ],
)
def test_bad_input_is_named(changed, message):
    knobs = {"gain": 1e-3, "teacher_momentum": 0.99, "center_momentum": 0.9, **DINO}
    with pytest.raises(ValueError, match=message):
        center_stability(**knobs | changed)
    moments = cross_view_moments(np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match=message):
        coupled_center_stability(moments, **knobs | changed)
