"""What the logits say by themselves: the loss, its margin, and the clusters in use."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, ONE, UNIFORM, K, clustered, levels, noise


@pytest.mark.claim("O5")
def test_the_margin_is_the_entropy_of_the_teachers_prior_less_the_loss():
    (teacher, student), _ = clustered()
    found = theory.diagnose(teacher, student_logits=student, **KNOBS).measurements
    log_p = theory.log_softmax(teacher, temperature=0.04)
    log_r, log_q = (
        theory.tilt(log_p, theory.centering_log_tilt(log_p)),
        theory.log_softmax(student, temperature=0.1),
    )
    proof = theory.certificate(log_r, log_q)
    equal(found["margin"], proof.teacher_information - proof.kl, rtol=1e-10)
    value = theory.evaluate(log_r, log_q)
    equal(found["loss"], value.cross_entropy)
    equal(found["kl"], value.kl)
    equal(found["student_information"], value.student_information)
    equal(found["student_prior_entropy"], value.student_prior_entropy)
    equal(found["student_off_target_tv_bound"], proof.prior_distance_bound)
    logged = theory.diagnose(teacher, loss=found["loss"], **KNOBS).measurements
    equal(logged["margin"], found["margin"])


@pytest.mark.control("O5")
def test_a_loss_that_a_constant_reaches_proves_nothing():
    (teacher, _), _ = clustered()
    found = theory.diagnose(teacher, student_logits=UNIFORM, **KNOBS)
    assert found.fate == "uniform collapse"
    assert levels(found, "O5") == {"note"}
    assert found.measurements["margin"] <= 0


@pytest.mark.control("O2")
def test_a_loss_below_the_entropy_of_the_teacher_is_no_cross_entropy():
    (teacher, student), _ = clustered()
    numbers = theory.diagnose(teacher, student_logits=student, **KNOBS).measurements
    for loss in (0.0, 0.5 * numbers["teacher_entropy"]):
        found = theory.diagnose(teacher, loss=loss, **KNOBS)
        assert levels(found, "O2") == {"warning"}
        assert levels(found, "O5") == set()


def test_a_student_of_shuffled_rows_is_worse_than_a_uniform_answer():
    (teacher, student), _ = clustered()
    shuffled = np.random.default_rng(1).permutation(student)
    found = theory.diagnose(teacher, student_logits=shuffled, **KNOBS)
    assert levels(found, "O5") == levels(found, "O2") == {"problem"}
    assert found.measurements["agreement"] < 2 * found.measurements["agreement_error"]


def test_a_skewed_target_that_is_met_is_no_fault():
    (teacher, _), _ = clustered()
    log_target = np.log(np.array([0.4, 0.3, 0.29] + [0.01 / (K - 3)] * (K - 3)))
    found = theory.diagnose(teacher, teacher="projected", log_target=log_target, **KNOBS)
    assert levels(found, "T8") == set()


def test_a_loss_of_log_k_is_recognised():
    found = theory.diagnose(noise(scale=1e-5, k=4096), loss=8.3178, **KNOBS)
    assert found.fate == "uniform collapse"
    assert any("log 4096" in finding.text for finding in found.findings)


@pytest.mark.parametrize("loss", [2.0, 16 / 18 * np.log(K), 2 / 18 * np.log(K)])
def test_nothing_is_concluded_from_a_loss_of_unknown_scale(loss):
    """DINOv2 logs 2/18 and 16/18 of the cross-entropy: a student that pays log K is below it in the log."""
    (teacher, _), _ = clustered()
    unknown = theory.diagnose(teacher, loss=loss, teacher="projected", **KNOBS)
    assert "ok" not in levels(unknown, "O5")
    mean = theory.diagnose(teacher, loss=loss, loss_is="mean", teacher="projected", **KNOBS)
    assert mean.measurements == unknown.measurements
    if loss > mean.measurements["teacher_entropy"]:
        assert levels(mean, "O5") == {"ok"}
        (finding,) = (f for f in unknown.findings if f.claim == "O5")
        assert (finding.level, "if the loss is the mean" in finding.text) == ("note", True)
    with pytest.raises(ValueError, match="`loss_is` must be 'mean' or None, got 'sum'"):
        theory.diagnose(teacher, loss=loss, loss_is="sum", **KNOBS)


@pytest.mark.claim("D1")
def test_a_fall_of_the_loss_that_tells_no_samples_apart_is_no_plateau_broken():
    """The constant direction grows: the loss falls, the student's information does not."""
    found = theory.diagnose(ONE, center=np.zeros(K), student_logits=ONE, **KNOBS)
    assert found.measurements["loss"] < np.log(K) - 1
    assert found.measurements["student_information"] < 1e-6
    (finding,) = (f for f in found.findings if f.claim == "D1")
    assert "no plateau broken" in finding.remedy


@pytest.mark.control("D1")
def test_a_loss_that_falls_by_telling_samples_apart_is_not_called_so():
    (teacher, student), _ = clustered()
    assert levels(theory.diagnose(teacher, student_logits=student, **KNOBS), "D1") == set()
