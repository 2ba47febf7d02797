"""What the clusters of a live teacher are worth: dead ones, duplicates, and the network's own assignment."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, LIVE, K, N, levels
from theory.diagnosis import clusters

TAU = 0.04


def sure(assignment, clusters, scale=0.4):
    """Logits of samples that are given one cluster each, with some noise."""
    noise = 0.01 * np.random.default_rng(0).normal(size=(len(assignment), clusters))
    return scale * np.eye(clusters)[assignment] + noise


def labels(count, n=N, seed=1):
    return np.random.default_rng(seed).permutation(np.arange(n) % count)


def test_clusters_told_apart_is_the_exponential_of_the_information():
    found = theory.diagnose(LIVE, **KNOBS).measurements
    equal(found["clusters_told_apart"], np.exp(found["teacher_information"]))


@pytest.mark.parametrize("teacher", ["unconstrained", "centering"])
def test_dead_clusters_make_a_partial_collapse(teacher):
    found = theory.diagnose(sure(labels(4), 32) - 2.0 * (np.arange(32) > 3), teacher="unconstrained", **KNOBS)
    assert found.fate == "partial collapse"
    assert found.healthy
    equal(found.measurements["distinct_clusters"], 4.0, rtol=1e-3)
    (finding,) = (f for f in found.findings if f.text.startswith("partial collapse"))
    assert (finding.level, finding.claim) == ("warning", "T8")
    assert "'projected'" in finding.remedy
    full = theory.diagnose(sure(labels(32), 32), teacher=teacher, **KNOBS)
    assert (full.fate, full.measurements["duplicate_clusters"]) == ("alive", 0)


@pytest.mark.parametrize("teacher", ["centering", "inverse_prior", "projected"])
def test_duplicate_prototypes_are_counted_whatever_their_shares(teacher):
    """8 prototypes told, each with three copies that differ by a bias: 24 repeat others."""
    told = sure(labels(8), 8)
    copies = np.concatenate([told, told - 0.02, told + 0.01, told - 0.05], axis=1)
    found = theory.diagnose(copies, teacher=teacher, **KNOBS)
    assert found.fate == "partial collapse"
    assert found.measurements["duplicate_clusters"] == 24
    equal(found.measurements["distinct_clusters"], 8.0, rtol=0.02)
    (finding,) = (f for f in found.findings if f.text.startswith("partial collapse"))
    assert "24 only repeat others" in finding.text
    assert "KoLeo" in finding.remedy
    assert "'projected'" not in finding.remedy


def test_clusters_that_tell_nothing_count_once():
    idle = np.concatenate([sure(labels(8), 8), np.full((N, 4), 0.25)], axis=1)
    found = theory.diagnose(idle, teacher="unconstrained", **KNOBS)
    assert found.measurements["duplicate_clusters"] == 3
    assert found.fate == "alive"
    assert levels(found, "O3") == {"note", "ok"}


def test_fewer_clusters_than_samples_can_show_are_no_collapse():
    """Of 4096 clusters 64 samples can show 64."""
    logits = sure(np.arange(64), 4096)
    assert theory.diagnose(logits, teacher="unconstrained", **KNOBS).fate == "alive"
    few = sure(np.arange(64) % 4, 4096, scale=0.8)
    assert theory.diagnose(few, teacher="unconstrained", **KNOBS).fate == "partial collapse"


def test_a_balanced_teacher_does_not_hide_the_networks_own_assignment():
    """Each cluster rises for its own samples, and never above the biases of two."""
    biased = sure(labels(K), K, scale=0.3) + 1.0 * (np.arange(K) < 2)
    found = theory.diagnose(biased, teacher="projected", **KNOBS)
    assert found.measurements["raw_clusters_in_use"] == 2
    assert found.measurements["clusters_in_use"] == K
    (finding,) = (f for f in found.findings if "largest output" in f.text)
    assert (finding.level, finding.claim) == ("warning", "T8")
    fair = theory.diagnose(sure(labels(K), K), teacher="projected", **KNOBS)
    assert not any("largest output" in f.text for f in fair.findings)


def test_more_clusters_than_are_compared_stand_for_themselves(monkeypatch):
    monkeypatch.setattr(clusters, "COMPARED", 200)
    many = sure(np.arange(300), 300)
    found = theory.diagnose(many, teacher="unconstrained", **KNOBS)
    assert found.measurements["duplicate_clusters"] == 0
    assert found.measurements["distinct_clusters"] > 290
