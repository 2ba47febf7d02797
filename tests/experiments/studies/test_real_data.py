"""The experiment on digits: pairing, references, and what needs no training to be known."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.engine import sweep
from experiments.studies import real_data
from experiments.studies.shared import only


@pytest.fixture(scope="module")
def settings():
    return real_data.Settings(seeds=2, steps=2, batch_size=16, clusters=6)


def measures(settings, method):
    with sweep.reproducible():
        return real_data.work(only(real_data.Chunk, settings, method=method))


@pytest.fixture(scope="module")
def found(settings):
    methods = ("moving_centering", "unconstrained", "k-means", "untrained network", "pixels")
    return {method: measures(settings, method) for method in methods}


def test_every_method_has_the_same_measures_of_every_seed(found):
    for dataset in found.values():
        assert dict(dataset.sizes) == {"seed": 2}
        assert set(dataset) == set(real_data.MEASURES)


def test_pixels_have_no_clusters_and_no_seeds(found):
    assert found["pixels"][["nmi", "clusters_in_use"]].isnull().all().to_array().all()
    np.testing.assert_array_equal(found["pixels"].knn_accuracy.diff("seed"), 0)


def test_k_means_tells_digits_apart_better_than_random_weights(found):
    assert (found["k-means"].nmi > 0.2 + found["untrained network"].nmi).all()


def test_runs_of_a_seed_start_from_one_network(found, settings):
    still = replace(settings, learning_rate=0.0)
    untrained = found["untrained network"]
    for method in ("unconstrained", "projected"):
        np.testing.assert_array_equal(measures(still, method).probe_accuracy, untrained.probe_accuracy)


@pytest.mark.parametrize("name", ["seeds", "steps"])
def test_an_empty_experiment_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1, got 0"):
        real_data.Settings(**{name: 0})
