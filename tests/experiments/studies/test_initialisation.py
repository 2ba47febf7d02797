"""The experiment `initialisation`: the linear rate near uniform, and not elsewhere (D2)."""

import pytest

from experiments.studies import initialisation
from experiments.studies.shared import only
from tests.claims.ledger import equal

SETTINGS = initialisation.Settings(seeds=2, steps=10, batch_size=512)


def rate(size):
    found = initialisation.work(only(initialisation.Chunk, SETTINGS, size=size))
    return found.rate.mean("seed").to_numpy() / initialisation.predicted_rate(SETTINGS)


@pytest.mark.claim("D2")
def test_small_logits_grow_at_the_predicted_rate():
    equal(rate(0.01), 1.0, rtol=0.06)


@pytest.mark.control("D2")
def test_logits_of_the_size_of_the_temperature_hardly_grow():
    assert (rate(3.0) < 0.3).all()
