"""Counting splits and merges, and which teachers meet a target on live runs."""

import numpy as np
import pytest
import torch

from experiments.engine import sweep
from experiments.studies import target_prior
from experiments.studies.target_prior import splits_and_merges
from tests.claims.ledger import at_most

LABELS = torch.arange(4).repeat_interleave(25)
# ten of the third component's 25 in a cluster of their own, and the fourth in with the second
ONE_IN_TWO = torch.where(LABELS == 3, 1, LABELS + (LABELS == 2) * (torch.arange(100) % 5 < 2))


@pytest.fixture(scope="module")
def found():
    settings = target_prior.Settings(
        seeds=2, zipf=(1.0,), exponents=(0.0, 1.0), steps=10, batch_size=32, evaluation_size=256, components=4
    )
    with sweep.reproducible():
        return target_prior.run(settings)


@pytest.mark.parametrize(
    "clusters, split, merged, splitting, merging",
    [
        (LABELS, 0, 0, 0.0, 0.0),
        (3 - LABELS, 0, 0, 0.0, 0.0),  # names do not matter
        (LABELS.clamp(max=2), 0, 1, 0.0, np.log(2) / 2),
        (ONE_IN_TWO, 1, 1, -0.1 * np.log(0.4) - 0.15 * np.log(0.6), np.log(2) / 2),
        (torch.zeros(100, dtype=torch.int64), 0, 3, 0.0, np.log(4)),
    ],
    ids=["found", "renamed", "two in one", "one in two, two in one", "all in one"],
)
def test_components_split_and_merged_are_counted(clusters, split, merged, splitting, merging):
    counts = splits_and_merges(LABELS, clusters, 4)
    assert (int(counts["split"]), int(counts["merged"])) == (split, merged)
    np.testing.assert_allclose(float(counts["splitting"]), splitting, atol=1e-12)
    np.testing.assert_allclose(float(counts["merging"]), merging, atol=1e-12)


@pytest.mark.claim("T3")
def test_the_projected_teacher_meets_every_target(found):
    at_most(found.prior_error.sel(teacher="projected").values, 1e-4)


@pytest.mark.control("T3")
def test_the_closed_forms_do_not(found):
    # at the uniform start they do, to first order (D1): here it has been left
    assert (found.prior_error.sel(teacher=["centering", "inverse_prior"]) > 1e-4).all()


def test_the_components_can_be_told_apart_and_every_direction_grows():
    settings = target_prior.Settings(seeds=1)
    for zipf in settings.zipf:
        known = target_prior._of_the_mixture(settings, zipf)
        assert float(known.posterior_nmi.min()) > 0.99
        assert float(known.correlation) > settings.teacher_temperature / settings.student_temperature


def test_only_the_true_target_allows_a_perfect_score(found):
    np.testing.assert_allclose(found.ceiling.sel(exponent=1.0), 1, atol=1e-6)
    assert (found.ceiling.sel(exponent=0.0) < 0.99).all()


def test_targets_without_the_true_one_are_refused():
    with pytest.raises(ValueError, match=r"`exponents` must hold 1"):
        target_prior.Settings(exponents=(0.0, 0.5))
