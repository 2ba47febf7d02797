"""Batches against E1: bias, spread, and the batch size where noise costs what Jensen costs."""

import numpy as np
import pytest

from experiments.studies import batch_size
from experiments.studies.batch_size import Settings
from figures.draw import batch_size as figure
from figures.draw import batch_size_noise, batch_size_training
from tests.claims.ledger import at_most, equal


@pytest.fixture(scope="module")
def measured():
    return batch_size.run(
        Settings(
            seeds=2,
            clusters=(4, 16),
            population=256,
            batch_sizes=(4, 64, 1024),
            batches=128,
            temperatures=(0.16, 0.64),
            crossing_batches=8,
            training_batch_sizes=(4, 8),
            steps=6,
        )
    )


@pytest.mark.claim("E1")
def test_bias_and_spread_of_large_batches_are_those_predicted(measured):
    small = measured.sel(bin=slice(0, 0.05), batch_size=1024)
    for ratio in (small.bias_ratio, small.spread_ratio):
        middle = float(ratio.median())
        equal(middle, 1.0, atol=0.15)
    at_most(measured.bias, 0.0)


@pytest.mark.claim("E1")
def test_bias_never_exceeds_the_lautum_information_that_centering_pays(measured):
    at_most(-measured.bias.min("batch_size"), measured.mean_gap)


@pytest.mark.claim("E1")
def test_noise_meets_the_jensen_error_near_the_predicted_batch_size(measured):
    hot = measured.isel(temperature=-1)
    equal(float((hot.crossing_measured / hot.crossing_predicted).median()), 1.0, atol=0.3)


def test_meeting_interpolates_in_the_logarithm():
    sizes = np.array([1, 4, 16])
    equal(batch_size._meeting(sizes, 8.0 / sizes, 1.0), 8.0)
    assert np.isnan(batch_size._meeting(sizes, 8.0 / sizes, 100.0))
    assert np.isnan(batch_size._meeting(sizes, 8.0 / sizes, 0.1))


def test_three_figures_draw_all_parts(measured):
    for module in (figure, batch_size_noise, batch_size_training):
        assert [bool(axis.lines) for axis in module.draw(measured).axes] == [True, True]


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="`batch_sizes` must hold increasing positive numbers"):
        Settings(batch_sizes=(64, 4))
