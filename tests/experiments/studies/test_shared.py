"""Student's interval of paired differences."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from experiments.studies.shared import paired_difference


def test_the_interval_is_that_of_the_paired_t_test():
    generator = np.random.default_rng(0)
    shared = generator.normal(size=(1, 12))
    values = xr.DataArray(shared + generator.normal(0.1, 0.1, size=(3, 12)), dims=("teacher", "seed"))
    found = paired_difference(values, xr.DataArray(shared[0], dims="seed"), level=0.9)
    expected = stats.ttest_1samp(values.values - shared, 0, axis=-1).confidence_interval(0.9)
    np.testing.assert_allclose(found.sel(bound="mean"), (values.values - shared).mean(axis=-1))
    np.testing.assert_allclose(found.sel(bound="low"), expected.low)
    np.testing.assert_allclose(found.sel(bound="high"), expected.high)


def test_pairing_removes_what_the_seeds_share():
    seeds = xr.DataArray(np.linspace(0, 100, 8), dims="seed")
    found = paired_difference(seeds + 1, seeds)
    np.testing.assert_allclose(found, 1)


def test_one_seed_has_no_interval():
    one = xr.DataArray([0.5], dims="seed")
    found = paired_difference(one, one - 1)
    assert found.sel(bound="mean") == 1
    assert np.isnan(found.sel(bound=["low", "high"])).all()


def test_a_level_outside_0_and_1_is_refused():
    one = xr.DataArray([0.5], dims="seed")
    with pytest.raises(ValueError, match=r"`level` must be between 0 and 1, got 95"):
        paired_difference(one, one, level=95)
