"""What the logits say by themselves: the loss, its margin, and the clusters in use."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, UNIFORM, K, clustered, levels, noise


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
    equal(found["loss"], theory.evaluate(log_r, log_q).cross_entropy)
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
