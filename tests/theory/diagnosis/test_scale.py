"""Logits too large for their temperature, and heads that are not what the system named has."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, LIVE, UNIFORM, K, N, levels, noise


def about(found, words):
    return [finding for finding in found.findings if words in finding.text]


def test_the_spread_is_in_temperatures_and_blind_to_shifts():
    z = noise(scale=0.3)
    found = theory.diagnose(z, **KNOBS).measurements
    equal(found["logit_spread_temperatures"], np.sqrt(z.var(axis=1).mean()) / 0.04)
    shifted = theory.diagnose(z + 5.0 * np.arange(N)[:, None], **KNOBS).measurements
    equal(shifted["logit_spread_temperatures"], found["logit_spread_temperatures"], rtol=1e-9)


@pytest.mark.parametrize("scale, temperature", [(1000.0, 0.04), (0.3, 2e-5)])
def test_a_teacher_of_one_hot_targets_is_told_so(scale, temperature):
    """A head without length normalisation, and a temperature that is no temperature."""
    found = theory.diagnose(noise(scale=scale), temperature=temperature)
    assert found.fate == "alive"
    assert found.measurements["one_hot_share"] > 0.99
    (finding,) = about(found, "one-hot")
    assert (finding.level, finding.claim) == ("warning", "D2")
    assert not about(theory.diagnose(LIVE, **KNOBS), "one-hot")


def test_a_collapse_is_not_blamed_on_its_scale():
    assert not about(theory.diagnose(UNIFORM + 40.0 * np.eye(K)[1], **KNOBS), "one-hot")


def test_logits_beyond_one_are_unusual_for_a_cosine_head_only():
    """SeLa's logits are no cosines."""
    large, small = noise(scale=5.0), noise(scale=0.2)
    assert levels(theory.diagnose(large, like="dino"), "D2") == {"note", "warning"}
    assert about(theory.diagnose(large, like="dino"), "unit-length head")
    assert not about(theory.diagnose(small, like="dino"), "unit-length head")
    assert not about(theory.diagnose(large, like="sela"), "unit-length head")
    assert not about(theory.diagnose(large, **KNOBS), "unit-length head")
