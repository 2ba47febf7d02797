"""The experiment `growth`: rates read off training runs are those predicted (D1, D2)."""

import numpy as np
import pytest

from experiments.studies import growth
from experiments.studies.shared import only
from tests.claims.ledger import equal

SETTINGS = growth.Settings(seeds=2, batch_size=512, folds=1.0, step_size=0.08)


@pytest.fixture(scope="module")
def rates():
    return growth.work(only(growth.Chunk, SETTINGS, ratio=0.3, teacher_momentum=0.0))


@pytest.mark.claim("D2")
def test_minibatch_training_grows_at_the_rates_of_the_population_moments(rates):
    predicted, measured = rates.predicted.mean("seed"), rates.measured.mean("seed")
    slowest = 0.2 * float(predicted.max())
    equal((measured / predicted).to_numpy()[np.abs(predicted) > slowest], 1.0, rtol=0.05)


@pytest.mark.claim("D1")
def test_the_five_constrained_teachers_grow_alike(rates):
    constrained = rates.measured[1:].to_numpy()
    equal(constrained[1:], np.broadcast_to(constrained[:1], constrained[1:].shape), rtol=1e-3, atol=1e-5)


@pytest.mark.control("D1")
def test_the_unconstrained_teacher_grows_otherwise(rates):
    assert abs(rates.measured[0] - rates.measured[1]).max() > 0.1 * rates.measured[1].max()
