"""The experiment `hysteresis`: its data, and one window between the two temperatures (D3)."""

import numpy as np
import pytest

from experiments.studies import hysteresis
from experiments.studies.shared import only
from figures.draw.hysteresis import branch
from tests.claims.ledger import equal
from theory.dynamics import correlations, cross_view_moments

SETTINGS = hysteresis.Settings(seeds=1, ratios=(0.45, 0.52, 0.6), warm_up=60, steps=180, records=3)


def test_noisy_labels_have_the_moments_they_state():
    source = hysteresis.NoisyLabels([0, 1], classes=5, correlation=0.3)
    views = source.held_out(200_000).views.numpy()
    for s, stated in enumerate(source.moments):
        found = cross_view_moments(views[s, 0], views[s, 1])
        np.testing.assert_allclose(found.second(), stated.second(), atol=0.01)
        np.testing.assert_allclose(found.cross(), stated.cross(), atol=0.01)
        rho = correlations(stated.cross(bias=False), stated.second(bias=False), drop_singular=True)
        np.testing.assert_allclose(rho.values, 0.3)


@pytest.mark.claim("D3")
def test_between_the_two_temperatures_only_what_was_learnt_before_survives():
    chunk = only(hysteresis.Chunk, SETTINGS, clusters=4, batch="population")
    found = hysteresis.work(chunk).isel(step=-1, seed=0)
    kept = found.student_information.to_numpy()
    assert float(found.critical_ratio) == pytest.approx(0.5) and 0.52 < float(found.survival_ratio) < 0.6
    cold, warmed, learnt = kept
    assert cold[0] > 0.1 and cold[1] < 1e-3 and cold[2] < 1e-3
    assert min(warmed[1], learnt[1]) > 0.03 and max(warmed[2], learnt[2]) < 1e-3
    ratio, information = branch(0.5, 4)
    equal(learnt[0], np.interp(0.45, ratio, information), rtol=0.01)


def test_the_population_has_exactly_the_moments_it_states():
    source = hysteresis.NoisyLabels([0], classes=4, correlation=0.5, whole=True)
    views = source.draw(0).views[0].numpy()
    found = cross_view_moments(views[0], views[1])
    np.testing.assert_allclose(found.cross(), source.moments[0].cross(), atol=1e-14)
    with pytest.raises(ValueError, match=r"whole number, got 1\.71429"):
        hysteresis.NoisyLabels([0], classes=4, correlation=0.3, whole=True).draw(0)
