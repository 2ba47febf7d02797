"""J5 along live runs, and what it does not say of other means."""

import numpy as np
import pytest
import torch

import theory
from experiments.engine import sweep
from experiments.studies import price_of_centering
from tests.claims.ledger import at_most, equal


@pytest.fixture(scope="module")
def found():
    settings = price_of_centering.Settings(
        seeds=2, steps=12, records=4, batch_size=32, evaluation_size=64, clusters=6
    )
    with sweep.reproducible():
        return price_of_centering.run(settings)


@pytest.mark.claim("J5")
def test_at_every_step_centering_pays_the_lautum_information(found):
    at_most(found.identity_error.values, 1e-12)
    equal(
        found.centred_log_ratio.values,
        (found.mutual_information + found.lautum_information).values,
        rtol=1e-6,
    )
    # not because there is nothing to pay
    assert (found.lautum_information > found.mutual_information).all()


@pytest.mark.control("J5")
def test_another_mean_in_place_of_the_geometric_does_not_pay_it():
    log_p = theory.log_softmax(torch.randn(4, 32, 6, generator=torch.Generator().manual_seed(0)).double())
    other = theory.log_prior(log_p, order=0.5)
    price = (log_p.exp() * (log_p - other[..., None, :])).sum(dim=-1).mean(dim=-1)
    assert (price < 0.95 * theory.jeffreys_information(log_p)).all()


@pytest.mark.claim("J7")
def test_centred_and_inverse_prior_teachers_of_a_run_are_within_the_bound(found):
    at_most(found.tv_max.values, found.tv_bound.values, slack=1e-6)  # kept in float32


def test_only_the_projected_teacher_gives_up_none_of_the_prior(found):
    deficit = found.deficit_of_teacher
    assert (deficit.sel(aside="projected") < 1e-12).all()
    assert (deficit.sel(aside=["centering", "inverse_prior"]) > 1e-4).all()


def test_differences_are_centred_less_the_other_run(found):
    last = found.nmi.isel(step=-1)
    expected = (last.sel(run="centering") - last).mean("seed")
    np.testing.assert_allclose(found.nmi_difference.sel(bound="mean"), expected, atol=1e-6)


def test_more_records_than_steps_are_refused():
    with pytest.raises(ValueError, match=r"`records` must be between 2 and `steps`, got 9"):
        price_of_centering.Settings(steps=5, records=9)
