"""The family on live runs: monotone in the order, comparisons with both ends, and the cumulant's excess."""

import pytest
import torch

import theory
from experiments.engine import sweep
from experiments.studies import power_family
from tests.claims.ledger import at_most


@pytest.fixture(scope="module")
def found():
    settings = power_family.Settings(
        seeds=2, orders=(0.0, 0.5, 1.0, 4.0), steps=12, records=3, batch_size=32, evaluation_size=64
    )
    with sweep.reproducible():
        return power_family.run(settings)


@pytest.mark.claim("J9")
def test_on_live_runs_the_prior_does_not_fall_with_the_order(found):
    at_most(0.0, found.prior_growth.values, slack=1e-12)


@pytest.mark.control("J6")
def test_with_a_cold_teacher_half_the_variance_is_no_estimate_of_the_gap():
    logits = torch.randn(64, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    log_p = theory.log_softmax(logits, temperature=0.04)
    estimate = theory.log_prior(log_p, order=0.0) + theory.log_variance(log_p) / 2
    # of a number that is at most 0
    assert (estimate > 50).any()


def test_the_ends_do_not_differ_from_themselves(found):
    for end in ("0", "1"):
        for name in power_family.MEASURES:
            assert (found[f"{name}_difference"].sel(teacher=end, end=end) == 0).all()
            assert not found[f"{name}_better_than_both"].sel(teacher=end).any()


def test_a_run_that_never_gets_half_way_counts_with_all_steps(found):
    never = (found.nmi < (found.nmi.isel(step=0) + found.nmi.sel(teacher="1").isel(step=-1)) / 2).all("step")
    assert ((found.half_way_at == 12) | ~never).all()
    assert never.any()


def test_orders_without_both_ends_are_refused():
    with pytest.raises(ValueError, match=r"`orders` must increase and hold 0 and 1"):
        power_family.Settings(orders=(0.0, 0.5))
