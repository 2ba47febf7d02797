"""The Jensen gap of a trained network at every temperature."""

import numpy as np
import pytest

from experiments.studies import jensen_gap
from experiments.studies.jensen_gap import Settings
from figures.draw import jensen_gap as figure
from tests.claims.ledger import at_most, equal


@pytest.fixture(scope="module")
def measured():
    return jensen_gap.run(Settings(seeds=2, clusters=8, samples=64, steps=8, temperatures=9))


@pytest.mark.claim("J1", "J6")
def test_bounds_hold_and_keep_their_order_on_logits_of_a_network(measured):
    at_most(0.0, measured.gap)
    at_most(measured.gap, measured.specht * (1 + 1e-5))
    at_most(measured.specht, measured.hoeffding * (1 + 1e-5))
    at_most(measured.specht, measured.range)
    at_most(abs(measured.gap - measured.half_variance), measured.remainder + 1e-5 * measured.gap)


@pytest.mark.claim("J10")
def test_gap_falls_quadratically_when_hot_and_linearly_when_cold(measured):
    tau = measured.temperature
    unbiased = measured.drop_sel(network="biased")  # whose logits spread as widely as the hottest temperature
    hot = (unbiased.gap * tau**2).isel(temperature=-1)
    equal(hot.transpose(*unbiased.hot_limit.dims).values, unbiased.hot_limit.values, rtol=0.02)
    cold = (unbiased.gap * tau).isel(temperature=0)
    at_most(cold, unbiased.cold_limit)  # from below: the normalisers of the samples are still soft
    assert float((cold / unbiased.cold_limit).median()) > 0.4


def test_bounds_fall_silent_in_order(measured):
    assert (measured.hoeffding_silent_below <= measured.second_order_silent_below).all()
    one = measured.isel(data=0, network=0, seed=0)
    quiet = one.sel(temperature=float(one.hoeffding_silent_below), method="nearest")
    assert float(quiet.hoeffding.median()) > float(quiet.range.median())


def test_figure_draws_what_was_measured(measured):
    axes = figure.draw(measured).axes
    gap = next(line for line in axes[0].lines if line.get_label().startswith("Jensen"))
    shown = measured.gap.isel(data=0).sel(network="inverse_prior").median(("seed", "cluster"))
    np.testing.assert_allclose(gap.get_ydata(), shown)
    others = [line for line in axes[0].lines if line.get_linewidth() == 0.5]
    assert len(others) == measured.sizes["network"] - 1


def test_bad_temperatures_are_named():
    with pytest.raises(ValueError, match="`coldest` must be positive and below `hottest`"):
        Settings(coldest=2.0, hottest=1.0)
