"""Agreement of two views beyond chance, and one view handed in twice."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, clustered, levels, noise


def about(found, words):
    return [finding for finding in found.findings if words in finding.text]


def test_agreement_is_what_the_loss_gains_over_all_pairs_of_samples():
    (teacher, student), _ = clustered()
    found = theory.diagnose(teacher, student_logits=student, **KNOBS).measurements
    r = np.exp(theory.TEACHERS["centering"](teacher, temperature=0.04))
    log_q = theory.log_softmax(student, temperature=0.1)
    losses = -r @ log_q.T
    gained = losses.mean(axis=1) - np.diag(losses)
    equal(found["agreement"], gained.mean(), rtol=1e-10)
    others = ((r - r.mean(0)) * (log_q - log_q.mean(0))).sum(1)
    equal(found["agreement_error"], others.std() / np.sqrt(len(r)), rtol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_views_that_share_nothing_are_a_problem(seed):
    rng = np.random.default_rng(seed)
    teacher, student = 0.3 * rng.normal(size=(2, 512, 64))
    found = theory.diagnose(teacher, student_logits=student, **KNOBS)
    assert found.measurements["loss"] > np.log(64)
    assert levels(found, "O2") == {"problem"}
    assert levels(found, "O5") == {"problem"}
    assert not found.healthy


@pytest.mark.parametrize("seed", range(5))
def test_views_that_agree_are_told_by_how_much(seed):
    (teacher, student), _ = clustered(seed)
    found = theory.diagnose(teacher, student_logits=student, **KNOBS)
    assert levels(found, "O2") == {"ok"}
    assert found.measurements["agreement"] > 3 * found.measurements["agreement_error"]


@pytest.mark.parametrize("change", [0.0, 3.0], ids=["same", "shifted"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_view_handed_in_twice_is_noticed(change, dtype):
    (teacher, _), _ = clustered()
    again = (teacher + change).astype(dtype)
    found = theory.diagnose(teacher, student_logits=again, **KNOBS)
    assert levels(found, "O2") == {"warning"}
    (finding,) = about(found, "one view of one network")
    assert "another view" in finding.remedy


def test_a_network_a_step_further_is_another_network():
    (teacher, student), _ = clustered()
    moved = teacher + 1e-3 * student
    assert not about(theory.diagnose(teacher, student_logits=moved, **KNOBS), "one view of one network")


def test_a_student_with_zeros_has_no_agreement_by_chance():
    (teacher, student), _ = clustered()
    holed = student.copy()
    holed[3, teacher[3].argmin()] = -np.inf
    found = theory.diagnose(teacher, student_logits=holed, **KNOBS)
    assert "agreement" not in found.measurements
    assert about(found, "exact zeros")


def test_noise_of_many_rows_is_no_agreement():
    """At three standard errors chance passes about once in 700: here not in 40."""
    passed = 0
    for seed in range(40):
        found = theory.diagnose(noise(seed, 0.3), student_logits=noise(seed + 1000, 0.3), **KNOBS)
        passed += "problem" not in levels(found, "O2")
    assert passed == 0
