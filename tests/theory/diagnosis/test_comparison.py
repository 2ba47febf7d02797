"""How far the teacher in use is from the projected one, for every teacher of the table."""

import dataclasses

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import CONSTANT, KNOBS, LIVE, SETTINGS, K, clustered, levels, noise


def test_prices_are_those_of_the_functions():
    (teacher, _), _ = clustered()
    found = theory.diagnose(teacher, **KNOBS).measurements
    log_p = theory.log_softmax(teacher, temperature=0.04)
    projected = np.exp(theory.project(log_p).log_r)
    centred = np.exp(theory.tilt(log_p, theory.centering_log_tilt(log_p)))
    equal(found["lautum_information"], theory.lautum_information(log_p))
    equal(found["gap_oscillation"], np.ptp(theory.jensen_gap(log_p)))
    equal(found["teacher_to_projected_tv"], found["batch_centred_to_projected_tv"])
    equal(found["batch_centred_to_projected_tv"], 0.5 * np.abs(centred - projected).sum(1).mean())
    equal(found["crossing_batch_size"], theory.teacher_crossing_batch_size(log_p))


def test_exact_zeros_are_reported_not_repaired():
    (teacher, _), _ = clustered()
    teacher[0, 0] = -np.inf
    found = theory.diagnose(teacher, teacher="inverse_prior", **KNOBS)
    assert levels(found, "J1") == {"note"}
    assert "lautum_information" not in found.measurements


@pytest.mark.parametrize("name", theory.TEACHERS)
def test_every_teacher_of_the_table_is_measured_as_the_table_computes_it(name):
    (logits, _), _ = clustered()
    settings = SETTINGS.get(name, {})
    log_r = theory.TEACHERS[name](logits, temperature=0.04, **settings)
    projected = np.exp(theory.project(theory.log_softmax(logits, temperature=0.04)).log_r)
    distance = 0.5 * np.abs(np.exp(log_r) - projected).sum(1).mean()
    for teacher in (name, theory.TEACHERS[name]):
        found = theory.diagnose(logits, teacher=teacher, **settings, **KNOBS)
        equal(found.measurements["teacher_information"], theory.mutual_information(log_r), rtol=1e-9)
        equal(found.measurements["teacher_to_projected_tv"], distance, atol=1e-12)


@pytest.mark.parametrize("name", theory.TEACHERS)
def test_what_a_teacher_is_called_decides_nothing(name):
    given = SETTINGS.get(name, {}) | KNOBS | {"teacher_momentum": 0.996, "center_momentum": 0.9}
    renamed = dataclasses.replace(theory.TEACHERS[name], name="of another name")
    for logits in (LIVE, CONSTANT, noise(scale=0.05)):
        expected = theory.diagnose(logits, teacher=name, **given)
        assert theory.diagnose(logits, teacher=renamed, **given) == expected


def test_sinkhorn_is_three_rounds_unless_said_otherwise():
    (logits, _), _ = clustered()
    found = {t: theory.diagnose(logits, teacher="sinkhorn", rounds=t, **KNOBS) for t in (None, 1, 3, 40)}
    assert found[None] == found[3]
    once = theory.diagnose(logits, teacher="inverse_prior", **KNOBS).measurements
    equal(found[1].measurements["teacher_to_projected_tv"], once["teacher_to_projected_tv"], rtol=1e-12)
    distances = [found[t].measurements["teacher_to_projected_tv"] for t in (1, 3, 40)]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.parametrize(("name", "settings"), [("sinkhorn", {"rounds": 3}), ("inverse_prior", {})])
def test_a_target_reaches_the_teacher_in_use(name, settings):
    (logits, _), _ = clustered()
    log_target = theory.log_softmax(0.1 * np.arange(K))
    log_r = theory.TEACHERS[name](logits, temperature=0.04, log_target=log_target, **settings)
    found = theory.diagnose(logits, teacher=name, log_target=log_target, **settings, **KNOBS).measurements
    off = 0.5 * np.abs(np.exp(log_r).mean(0) - np.exp(log_target)).sum()
    equal(found["teacher_off_target_tv"], off, rtol=1e-9, atol=1e-12)
    equal(found["teacher_information"], theory.mutual_information(log_r), rtol=1e-9)


@pytest.mark.parametrize(
    "logits, near, sent",
    [
        (
            noise() * np.linspace(0.02, 0.15, K),
            {"sinkhorn", "projected"},
            {"unconstrained", "centering", "power_mean", "cumulant", "batch_softmax"},
        ),
        (LIVE, {"projected"}, {"unconstrained", "cumulant", "batch_softmax"}),
    ],
    ids=["clusters of unequal spread", "clusters of unequal means"],
)
def test_a_far_teacher_is_told_so_and_sent_to_the_inverse_prior_only_if_that_is_nearer(logits, near, sent):
    """Distances decide, not names."""
    told = {}
    for name in theory.TEACHERS:
        found = theory.diagnose(logits, teacher=name, **SETTINGS.get(name, {}), **KNOBS)
        told[name] = " ".join(finding.text for finding in found.findings if finding.claim == "J7")
        assert (found.measurements["teacher_to_projected_tv"] > 0.1) is (name not in near)
    assert {name for name, text in told.items() if not text} == near
    assert {name for name, text in told.items() if "the inverse-prior teacher" in text} == sent


@pytest.mark.parametrize(
    "teacher, settings, said",
    [
        ("centering", {}, True),
        ("inverse_prior", {}, True),
        ("power_mean", {"order": 0.0}, True),
        ("power_mean", {"order": 1.0}, True),
        ("power_mean", {"order": 0.5}, False),
        ("batch_softmax", {}, False),
        ("sinkhorn", {}, False),
        ("projected", {}, False),
        ("unconstrained", {}, False),
    ],
)
def test_the_batch_to_have_is_said_of_power_means_of_order_0_and_1(teacher, settings, said):
    """Those are the two whose noise and gap it compares."""
    found = theory.diagnose(noise(scale=0.05), teacher=teacher, **settings, **KNOBS)
    assert 10 <= found.measurements["crossing_batch_size"] < 1e5
    assert ("E1" in {finding.claim for finding in found.findings}) is said


def test_a_projected_teacher_is_at_no_distance_from_itself():
    (logits, _), _ = clustered()
    found = theory.diagnose(logits, teacher="projected", **KNOBS).measurements
    assert found["teacher_to_projected_tv"] == 0
    assert found["inverse_prior_to_projected_tv"] > 0
