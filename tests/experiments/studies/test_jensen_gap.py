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
    equal((measured.gap * tau**2).isel(temperature=-1).values, measured.hot_limit.values, rtol=0.02)
    cold = (measured.gap * tau).isel(temperature=0)
    at_most(cold, measured.cold_limit)  # from below: the normalisers of the samples are still soft
    assert float((cold / measured.cold_limit).median()) > 0.4


def test_bounds_fall_silent_in_order(measured):
    assert (measured.hoeffding_silent_below <= measured.second_order_silent_below).all()
    quiet = measured.isel(data=0, seed=0).sel(
        temperature=float(measured.hoeffding_silent_below[0, 0]), method="nearest"
    )
    assert float(quiet.hoeffding.median()) > float(quiet.range.median())


def test_figure_draws_what_was_measured(measured):
    axes = figure.draw(measured).axes
    gap = next(line for line in axes[0].lines if line.get_label().startswith("Jensen"))
    np.testing.assert_allclose(gap.get_ydata(), measured.gap.isel(data=0).median(("seed", "cluster")))


def test_bad_temperatures_are_named():
    with pytest.raises(ValueError, match="`coldest` must be positive and below `hottest`"):
        Settings(coldest=2.0, hottest=1.0)
