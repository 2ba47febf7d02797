"""The fate of a run: collapses that were built on purpose, live runs, and what is left to change."""

import numpy as np
import pytest

import theory
from experiments.data.mixtures import Mixture
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from tests.theory.diagnosis.runs import CONSTANT, KNOBS, ONE, SETTINGS, UNIFORM, K, clustered, levels, noise
from theory.diagnosis.advice import other_center


@pytest.mark.parametrize("teacher", theory.TEACHERS)
@pytest.mark.parametrize(
    "logits, fate", [(UNIFORM, "uniform collapse"), (ONE, "one cluster"), (CONSTANT, "constant")]
)
def test_the_fate_of_a_constant_network_is_seen_through_every_constraint(logits, fate, teacher):
    """Constrained, all three come back as π [T8]: the raw teacher tells them apart."""
    options = {"teacher": teacher} | SETTINGS.get(teacher, {}) | KNOBS
    found = theory.diagnose(logits, **options)
    assert found.fate == fate
    assert not found.healthy
    assert theory.diagnose(logits, student_logits=logits, **options).fate == fate


def test_a_bias_is_no_collapse_for_a_teacher_that_removes_it():
    (teacher, _), _ = clustered()
    bias = 30.0 * np.eye(K)[0]
    assert theory.diagnose(teacher + bias, teacher="unconstrained", **KNOBS).fate == "one cluster"
    assert theory.diagnose(teacher + bias, teacher="centering", **KNOBS).fate == "alive"


def test_a_live_run_is_told_so_and_with_what_proof():
    (teacher, student), views = clustered()
    momenta = {"teacher_momentum": 0.996, "center_momentum": 0.9}
    options = {"center": teacher.mean(0), "features": views} | momenta | KNOBS
    found = theory.diagnose(teacher, student_logits=student, **options)
    assert found.fate == "alive"
    assert found.healthy
    assert [levels(found, claim) for claim in ("O3", "O5", "D2", "D4")] == [{"ok"}] * 4


def test_a_dead_half_of_a_pair_is_named():
    (teacher, student), _ = clustered()
    found = theory.diagnose(1e-5 * teacher, student_logits=student, **KNOBS)
    assert (found.fate, levels(found, "O3")) == ("alive", {"problem"})
    assert "lautum_information" not in found.measurements
    found = theory.diagnose(teacher, student_logits=1e-5 * student, **KNOBS)
    assert found.fate == "uniform collapse"
    assert "the teacher is alive" in found.findings[0].remedy


@pytest.mark.parametrize("teacher", ["unconstrained", "centering", "projected"])
def test_remedies_do_not_repeat_what_the_run_does(teacher):
    (remedy,) = {
        finding.remedy
        for finding in theory.diagnose(CONSTANT, teacher=teacher, **KNOBS).findings
        if finding.level == "problem"
    }
    assert ("constrain" in remedy) == (teacher == "unconstrained")
    assert "faster centre" not in remedy
    assert "sharpen" not in remedy
    warm = theory.diagnose(CONSTANT, temperature=0.2, student_temperature=0.1).findings
    assert any("sharpen" in finding.remedy for finding in warm)


def test_trained_runs_get_the_fate_that_they_have():
    """A warm and a sharp teacher on one mixture, from the networks' own logits of held-out views."""
    options = {"center_momentum": None, "learning_rate": 0.01}
    warm = Variant(name="uniform collapse", teacher="centering", teacher_temperature=0.2, **options)
    sharp = Variant(name="alive", teacher="inverse_prior", teacher_temperature=0.04, **options)
    source, architecture = Mixture().source([0, 1]), Architecture(clusters=4, hidden=(16,))
    trained = train(source, architecture, [warm, sharp], Training(steps=600, batch_size=64, records=2))
    views = source.held_out(512, views=2).views
    teacher, student = (
        architecture.logits(weights, views[:, v]).detach()
        for v, weights in enumerate((trained.teacher, trained.student))
    )
    for a, variant in enumerate((warm, sharp)):
        for seed in range(2):
            found = theory.diagnose(
                teacher[a, seed],
                temperature=variant.teacher_temperature,
                teacher=variant.teacher,
                student_logits=student[a, seed],
                student_temperature=0.1,
            )
            assert found.fate == variant.name


def test_a_teacher_that_hardly_tells_samples_apart_is_not_called_alive_and_well():
    """.028 nats: the student is at rest, and the remedy is the teacher's."""
    faint = 0.0134 * noise()
    found = theory.diagnose(faint, student_logits=UNIFORM, **KNOBS)
    assert 0.02 < found.measurements["teacher_information"] < 0.1
    remedy = found.findings[0].remedy
    assert "the teacher is alive" not in remedy
    assert "lower τ_t" in remedy
    assert any("on its way up or down" in finding.text for finding in found.findings)


def test_few_samples_of_one_answer_are_no_verdict():
    assert theory.diagnose(UNIFORM[:31], **KNOBS).fate == "undecided"
    assert theory.diagnose(UNIFORM[:32], **KNOBS).fate == "uniform collapse"
    assert theory.diagnose(clustered()[0][0][:20], **KNOBS).fate == "alive"


def test_one_answer_is_said_to_be_spread_over_the_exponential_of_its_entropy():
    found = theory.diagnose(CONSTANT, teacher="unconstrained", **KNOBS)
    assert found.fate == "constant"
    spread = np.exp(found.measurements["raw_teacher_prior_entropy"])
    (finding,) = (f for f in found.findings if f.claim == "O4" and f.level == "problem")
    assert f"spread over about {spread:.1f} clusters" in finding.text


@pytest.mark.parametrize("batch_size", [None, 4, 256])
def test_a_collapse_under_a_moving_centre_asks_for_another_centre(batch_size):
    asked = f"take {other_center(batch_size)}"
    moving = theory.diagnose(CONSTANT, center=CONSTANT.mean(0), batch_size=batch_size, **KNOBS)
    still = theory.diagnose(CONSTANT, batch_size=batch_size, **KNOBS)
    assert [asked in found.findings[0].remedy for found in (moving, still)] == [True, False]
