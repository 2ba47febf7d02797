"""The map of the plane: numbers of clusters matched to the components."""

import numpy as np
import torch

from experiments.engine import sweep
from experiments.studies import assignments


def test_clusters_are_numbered_like_the_components_they_overlap_most():
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    clusters = torch.tensor([2, 2, 1, 0, 0, 1, 1, 1])
    order = assignments._matching(labels, clusters, 3)
    assert order[clusters].tolist() == [0, 0, 2, 1, 1, 2, 2, 2]


def test_the_experiment_maps_every_teacher(tmp_path):
    settings = assignments.Settings(seeds=1, steps=2, batch_size=8, hidden=(4,), resolution=11, points=7)
    dataset = assignments.run(settings, context=sweep.Context(scratch=tmp_path))
    assert dataset.region.dims == ("zipf", "teacher", "y", "x")
    assert dataset.region.shape == (2, 5, 11, 11)
    assert set(np.unique(dataset.true_region)) == set(range(6))
    assert dataset.point.sizes == {"zipf": 2, "sample": 7, "axis": 2}
