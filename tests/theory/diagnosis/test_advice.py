"""Which centre is advised: a batch as its own where it holds samples enough, a momentum where one serves."""

import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import CONSTANT, KNOBS
from theory.diagnosis.advice import ENOUGH, other_center

SLOW = {"teacher_momentum": 0.99, "center_momentum": 0.999, "learning_rate": 0.01}


def remedies(**options):
    found = theory.diagnose(CONSTANT, center=0 * CONSTANT[0], **SLOW, **KNOBS, **options)
    return [
        finding.remedy for finding in found.findings if finding.claim == "D4" and "centre" in finding.remedy
    ]


@pytest.mark.parametrize("batch_size", [2, 4, 8, 15])
def test_a_small_batch_is_not_advised_to_be_its_own_centre(batch_size):
    assert remedies(batch_size=batch_size)
    assert not any("the mean of the batch itself" in remedy for remedy in remedies(batch_size=batch_size))
    assert any(
        f"a batch of {batch_size} is too noisy" in remedy for remedy in remedies(batch_size=batch_size)
    )


@pytest.mark.parametrize("batch_size", [16, 256])
def test_a_large_batch_may_be_its_own_centre(batch_size):
    assert any("the mean of the batch itself" in remedy for remedy in remedies(batch_size=batch_size))
    assert not any("samples or more" in remedy for remedy in remedies(batch_size=batch_size))


def test_where_the_batch_is_not_known_its_size_is_the_condition():
    assert any(f"where it holds {ENOUGH} samples or more" in remedy for remedy in remedies())


@pytest.mark.parametrize("batch_size", range(1, ENOUGH))
def test_the_momentum_advised_is_worth_samples_enough(batch_size):
    """[E2]: B (1 + m)/(1 − m) = 16 at the floor."""
    floor = (ENOUGH - batch_size) / (ENOUGH + batch_size)
    equal(batch_size / theory.ema_variance_factor(floor), ENOUGH)
    assert f"between {floor:.2g} and 0.98" in other_center(batch_size, 0.98)
    assert "larger batches" in other_center(batch_size, floor * 0.99)


def test_a_ceiling_of_zero_leaves_the_batch_or_nothing():
    assert other_center(256, 0.0) == "the mean of the batch itself as the centre"
    assert "larger batches" in other_center(4, 0.0)
