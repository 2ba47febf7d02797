"""The experiment `center_momentum`: the grid of biases and the turns they take (D4)."""

import numpy as np
import pytest

from experiments.studies import center_momentum
from tests.claims.ledger import equal
from theory.dynamics import center_stability, critical_center_momentum

SETTINGS = center_momentum.Settings(fine=7, fine_steps=4000)


@pytest.mark.claim("D4")
def test_biases_grow_where_the_spectral_radius_exceeds_one():
    found = center_momentum._bias(SETTINGS)
    clear = np.abs(np.log(found.spectral_radius.to_numpy())) * SETTINGS.fine_steps > 5
    grown = found.bias_spread.to_numpy() > 1
    assert clear.mean() > 0.8
    assert (grown == (found.spectral_radius.to_numpy() > 1))[clear].all()


@pytest.mark.claim("D4")
def test_clusters_take_turns_with_the_predicted_period():
    mu = np.array(SETTINGS.series_rate)
    kw = center_momentum._temperatures(SETTINGS)
    critical = 1 - critical_center_momentum(
        gain=center_momentum.gain(SETTINGS), teacher_momentum=1 - mu, **kw
    )
    law = center_stability(
        gain=center_momentum.gain(SETTINGS), teacher_momentum=1 - mu, center_momentum=1 - critical, **kw
    )
    share = center_momentum.bias_path(SETTINGS, teacher_rate=mu, center_rate=critical, steps=6000, size=1e-3)[
        :, 0
    ]
    upward = np.flatnonzero((share[:-1] < 0.25) & (share[1:] >= 0.25))[1:]
    equal(5 * np.diff(upward).mean(), law.period, rtol=0.03)


@pytest.mark.control("D4")
def test_a_centre_far_below_the_line_lets_one_cluster_take_nearly_all():
    share = center_momentum.bias_path(SETTINGS, teacher_rate=0.01, center_rate=0.002, steps=3000, size=1e-3)
    assert share.max() > 0.95
