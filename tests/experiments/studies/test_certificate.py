"""The no-collapse certificate along training."""

import numpy as np
import pytest
import xarray as xr

from experiments.studies import certificate
from experiments.studies.certificate import Settings
from figures.draw import certificate as figure
from tests.claims.ledger import at_most


@pytest.fixture(scope="module")
def measured():
    return certificate.run(Settings(seeds=1, steps=60, records=6, batch_size=32, evaluation_size=64))


@pytest.mark.claim("O5")
def test_student_prior_stays_as_near_as_certified_at_every_step(measured):
    at_most(measured.prior_kl, measured.kl, slack=1e-6)
    at_most(measured.prior_distance, measured.prior_distance_bound, slack=1e-6)
    np.testing.assert_array_equal(measured.certified > 0, measured.kl < measured.teacher_information)


def test_first_certified_step_is_the_first_with_kl_below_the_information(measured):
    below = measured.kl < measured.teacher_information
    for index in np.ndindex(*measured.certified_at.shape):
        steps = measured.step.values[below.values[index]]
        expected = steps[0] if len(steps) else np.nan
        np.testing.assert_equal(float(measured.certified_at.values[index]), float(expected))


def test_lasting_certificate_begins_after_the_last_step_without_one():
    steps = [0, 1, 2, 3, 4]
    row = xr.DataArray([False, True, False, True, True], dims="step", coords={"step": steps})
    assert certificate._first(row) == 1
    assert certificate._lasting(row) == 3
    assert np.isnan(certificate._lasting(row & False))


def test_figure_draws_every_run(measured):
    assert all(len(axis.lines) >= len(certificate.RUNS) for axis in figure.draw(measured).axes)
