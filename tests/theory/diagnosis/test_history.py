"""What an earlier checkpoint adds to the logits of the last moment."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import CONSTANT, KNOBS, LIVE, ONE, UNIFORM, K, noise


def about(found, words):
    return [finding for finding in found.findings if words in finding.text]


def one(cluster, seed=0):
    return noise(seed, scale=1e-5) + 4.0 * np.eye(K)[cluster]


def test_the_two_moments_are_measured():
    found = theory.diagnose(UNIFORM, earlier_logits=LIVE, **KNOBS).measurements
    log_p = theory.log_softmax(LIVE, temperature=0.04)
    equal(found["earlier_raw_information"], theory.mutual_information(log_p))
    prior = np.exp(theory.log_prior(log_p))
    equal(found["shares_moved_tv"], 0.5 * np.abs(prior - 1 / K).sum(), rtol=1e-4)


@pytest.mark.parametrize("now", [UNIFORM, ONE, CONSTANT], ids=["uniform", "one", "constant"])
def test_a_collapse_is_told_from_a_network_that_has_not_begun(now):
    collapsed = theory.diagnose(now, earlier_logits=LIVE, **KNOBS)
    assert about(collapsed, "it has collapsed")
    begun = theory.diagnose(now, earlier_logits=now + noise(7, scale=1e-6), **KNOBS)
    assert about(begun, "has not begun, or collapsed before")
    assert begun.fate == collapsed.fate == theory.diagnose(now, **KNOBS).fate


def test_one_answer_that_is_another_one_later_is_a_turn():
    found = theory.diagnose(one(3), earlier_logits=one(5), **KNOBS)
    assert found.fate == "turning"
    (finding,) = about(found, "not the same")
    assert (finding.level, finding.claim) == ("problem", "D4")
    assert theory.diagnose(one(3), earlier_logits=one(3, seed=1), **KNOBS).fate == "one cluster"
    assert theory.diagnose(one(3), earlier_logits=LIVE, **KNOBS).fate == "one cluster"


def test_a_live_network_that_loses_what_it_knew_is_warned():
    losing = theory.diagnose(0.03 * LIVE, earlier_logits=LIVE, **KNOBS)
    assert losing.fate == "alive"
    assert about(losing, "told samples apart by")[0].level == "warning"
    assert not about(theory.diagnose(LIVE, earlier_logits=0.03 * LIVE, **KNOBS), "told samples apart by")


def test_checkpoints_of_other_samples_are_refused():
    with pytest.raises(ValueError, match=r"`earlier_logits` must have .*\(256, 16\).*\(100, 16\)"):
        theory.diagnose(LIVE, earlier_logits=LIVE[:100], **KNOBS)
    with pytest.raises(ValueError, match="`earlier_logits` must be raw outputs"):
        theory.diagnose(LIVE, earlier_logits=np.full_like(LIVE, 1 / K), **KNOBS)
