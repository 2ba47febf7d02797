"""Distances of the teachers of a trained network, measured and certified."""

import numpy as np
import pytest

from experiments.studies import teacher_distance
from experiments.studies.teacher_distance import Settings
from experiments.training.trained_logits import TrainedLogits
from figures.draw import teacher_distance as figure
from figures.draw import teacher_distance_kl
from tests.claims.ledger import at_most, equal


@pytest.fixture(scope="module")
def measured():
    return teacher_distance.run(
        Settings(seeds=2, clusters=8, samples=64, steps=8, temperatures=9, rounds=(1, 2, 3, 10))
    )


@pytest.mark.claim("J7", "T5")
def test_no_teacher_is_further_than_certified(measured):
    at_most(measured.tv_max, measured.tv_bound, slack=1e-12)
    at_most(measured.kl_max, measured.kl_bound, slack=1e-12)
    at_most(measured.tv_max, measured.tv_of_tilt, slack=1e-12)


@pytest.mark.claim("T4")
def test_reference_is_certified_by_its_marginal_and_duality_gap(measured):
    at_most(measured.marginal_error, 1e-13)
    at_most(abs(measured.duality_gap), 1e-11)


@pytest.mark.claim("J10")
def test_each_sinkhorn_round_gains_two_orders_of_temperature(measured):
    near = measured.sel(temperature=slice(0.9, 40)).isel(temperature=[0, -1])
    fall = np.log(near.tv.isel(temperature=0) / near.tv.isel(temperature=-1))
    order = (fall / np.log(near.temperature.values[1] / near.temperature.values[0])).median(
        ("data", "network", "seed")
    )
    equal(order.sel(pair="centering, inverse_prior").item(), 2.0, atol=0.15)
    equal(order.sel(pair="centering").item(), 2.0, atol=0.15)
    equal(order.sel(pair="sinkhorn 1").item(), 3.0, atol=0.25)


def test_vacuous_temperature_is_where_the_certificate_says_nothing(measured):
    edge = measured.vacuous_below.sel(pair="sinkhorn 1").max()
    bound = measured.tv_bound.sel(pair="sinkhorn 1")
    beyond = bound.where(bound.temperature > edge + 1e-6, drop=True)
    assert beyond.size
    assert (beyond < 0.99).all()


def test_figures_draw_both_measures(measured):
    for module in (figure, teacher_distance_kl):
        assert len(module.draw(measured).axes) == 6


@pytest.mark.parametrize("rounds", [(), (2, 3), (1, 0)])
def test_bad_rounds_are_named(rounds):
    with pytest.raises(ValueError, match="`rounds` must start with 1"):
        Settings(rounds=rounds)


@pytest.mark.claim("T5", "T6")
def test_a_bias_moves_the_first_round_and_no_other_teacher(measured):
    """Centering and the projection ignore a bias per cluster, one round of inverse priors does not."""
    plain, biased = (measured.tv.sel(network=name) for name in ("inverse_prior", "biased"))
    equal(biased.sel(pair="centering").values, plain.sel(pair="centering").values, rtol=1e-7, atol=1e-11)
    first = [x.sel(pair="sinkhorn 1", temperature=0.1) for x in (plain, biased)]
    assert (first[1] > first[0]).all()


@pytest.mark.parametrize("trainer", ["centering", "moving_centering", "projected"])
def test_what_trained_a_network_changes_its_distances(measured, trainer):
    other, own = (measured.tv.sel(network=name, pair="sinkhorn 1") for name in (trainer, "inverse_prior"))
    assert float(abs(other / own - 1).median()) > 1e-3


def test_an_unknown_trainer_is_named():
    with pytest.raises(ValueError, match=r"`network` must be one of inverse_prior, .*got 'none'"):
        TrainedLogits(data="mixture", network="none")
