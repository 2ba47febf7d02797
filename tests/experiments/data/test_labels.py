"""Labels and clusters, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score

from experiments.data import labels


def integers(seed, high, *shape):
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("classes, clusters", [(3, 5), (7, 2), (1, 4), (4, 1), (1, 1)])
def test_nmi_is_scikit_learns(classes, clusters):
    truth, found = integers(0, classes, 2, 3, 40), integers(1, clusters, 2, 3, 40)
    score = labels.normalized_mutual_information(truth, found)
    for index in np.ndindex(2, 3):
        expected = normalized_mutual_info_score(truth[index], found[index])
        assert score[index].item() == pytest.approx(expected, abs=1e-12)


def test_nmi_of_a_relabelling_is_one():
    truth = integers(0, 6, 50)
    assert labels.normalized_mutual_information(truth, 5 - truth).item() == pytest.approx(1.0)


def test_a_cluster_is_in_use_from_a_tenth_of_its_even_share():
    share = torch.tensor([[0.94, 0.025, 0.024, 0.011], [1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    assert labels.clusters_in_use(share).tolist() == [2.0, 1.0]
    assert labels.shares(torch.tensor([0, 0, 2, 0]), 4).tolist() == [0.75, 0.0, 0.25, 0.0]


def test_shares_are_counted_in_float64():
    """In float32 a count stops at 2²⁴, and a third keeps seven digits."""
    found = labels.shares(torch.tensor([0, 1, 1]), 2)
    assert found.dtype == torch.float64
    assert found.tolist() == [1 / 3, 2 / 3]
