"""The theory beside DINO (Caron et al. 2021), appendix D: k-NN top-1 of ViT-S, one setting swept (D5)."""

import math

import numpy as np
import pytest

from tests.claims.ledger import at_most, equal
from tests.theory.dynamics.toys import DINO
from theory.dynamics import (
    center_gain_limit,
    center_stability,
    critical_center_momentum,
    critical_temperature,
    student_gain,
    survival_temperature,
)

CENTER_MOMENTUM = {0.0: 69.1, 0.9: 69.7, 0.99: 69.4, 0.999: 0.1}
TEACHER_TEMPERATURE = {0.02: 66.7, 0.04: 69.6, 0.06: 68.7, 0.08: 0.1}


@pytest.mark.claim("D5")
def test_the_critical_momentum_lies_between_the_published_points():
    kw = {"teacher_momentum": 0.996, **DINO}
    fast, slow = (float(critical_center_momentum(gain=a, **kw)) for a in (math.inf, 1e-4))
    equal(fast, 1 - 0.004 * 1.5 / 0.996, rtol=1e-12)  # in steps; .994 in continuous time
    equal(slow, 0.9986261730, rtol=1e-9)
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


@pytest.mark.control("D5")
def test_plain_gradient_descent_at_dinos_learning_rate_would_let_its_dead_runs_live():
    """The points that need a fast student need one that DINO's η does not make; AdamW is another matter."""
    tau_s = DINO["student_temperature"]
    gain = float(student_gain(learning_rate=5e-4, clusters=65536, student_temperature=tau_s))
    equal(gain, 7.6e-8, rtol=0.01)
    assert float(critical_center_momentum(gain=gain, teacher_momentum=0.996, **DINO)) > 0.99999
    for center_momentum, teacher_momentum, rate in ((0.999, 0.996, 0.46), (0.9, 0.0, 41.0)):
        momenta = {"center_momentum": center_momentum, "teacher_momentum": teacher_momentum}
        needed = float(center_gain_limit(**momenta, **DINO)) * 65536 * tau_s
        equal(needed, rate, rtol=0.02)
