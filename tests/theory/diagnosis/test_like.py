"""A published system by name: its own teacher, its knobs, and what is unusual for it."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import LIVE, noise
from theory.systems import SYSTEMS


def off_target(log_r):
    return 0.5 * np.abs(np.exp(log_r).mean(0) - 1 / log_r.shape[1]).sum()


@pytest.mark.parametrize("like", ["dinov2", "dinov3", "swav", "msn", "sela"])
def test_the_teacher_is_that_of_the_system_itself(like):
    """DINOv2 and SwAV take Sinkhorn of e^{z/τ}, on which a shift of a sample tells; MSN of probabilities."""
    z = 0.05 * noise() + 0.3 * np.random.default_rng(3).normal(size=(256, 1))
    own = getattr(theory.systems, SYSTEMS[like].function)
    knobs = {"rounds": 3} if like != "sela" else {}
    log_r = (
        own(z, **knobs) if like in ("swav", "sela") else own(z, temperature=SYSTEMS[like].teacher_temperature)
    )
    found = theory.diagnose(z, like=like).measurements
    equal(found["teacher_off_target_tv"], off_target(log_r), rtol=1e-8, atol=1e-9)


def test_sinkhorn_on_scores_is_not_sinkhorn_on_probabilities():
    z = 0.3 * noise() + np.random.default_rng(3).normal(size=(256, 1))
    on_scores, on_probabilities = (
        theory.diagnose(z, like=like, temperature=0.04).measurements["teacher_off_target_tv"]
        for like in ("dinov2", "msn")
    )
    assert on_scores > 2 * on_probabilities


@pytest.mark.parametrize("like", SYSTEMS)
def test_what_is_given_goes_before_what_is_published(like):
    system = SYSTEMS[like]
    found = theory.diagnose(LIVE, like=like).measurements
    equal(found["temperature_ratio"], system.teacher_temperature / system.student_temperature)
    other = theory.diagnose(LIVE, like=like, temperature=0.05, student_temperature=0.2).measurements
    equal(other["temperature_ratio"], 0.25)
    named = theory.diagnose(LIVE, like=like, teacher="inverse_prior").measurements
    plain = theory.diagnose(
        LIVE, teacher="inverse_prior", temperature=system.teacher_temperature
    ).measurements
    equal(named["teacher_information"], plain["teacher_information"])


def test_a_temperature_is_needed_without_a_system():
    with pytest.raises(
        ValueError, match="`temperature` must be given, or `like` a system that publishes one"
    ):
        theory.diagnose(LIVE)
    with pytest.raises(ValueError, match=r"`like` must be one of dino, .*got 'byol'"):
        theory.diagnose(LIVE, like="byol")


def test_a_teacher_without_a_moving_centre_needs_no_centre_momentum():
    options = {"temperature": 0.04, "student_temperature": 0.1, "teacher_momentum": 0.99}
    found = theory.diagnose(LIVE, teacher="sinkhorn", **options)
    assert "center_momentum_safe" not in found.measurements
    with pytest.raises(ValueError, match="`center_momentum` and `teacher_momentum` must be given together"):
        theory.diagnose(LIVE, teacher="centering", **options)
