"""Metrics against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

import theory
from experiments.training import metrics


def integers(seed, high, *shape):
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(seed))


def test_knn_accuracy_is_scikit_learns():
    generator = torch.Generator().manual_seed(0)
    train, test = (torch.randn(2, 2, n, 4, generator=generator, dtype=torch.float64) for n in (60, 30))
    labels, test_labels = integers(1, 3, 60), integers(2, 3, 30)
    train[..., :3] += 2 * torch.nn.functional.one_hot(labels, 3)
    test[..., :3] += 2 * torch.nn.functional.one_hot(test_labels, 3)
    accuracy = metrics.knn_accuracy(train, labels, test, test_labels, k=7)
    for index in np.ndindex(2, 2):
        expected = (
            KNeighborsClassifier(7, metric="cosine").fit(train[index], labels).score(test[index], test_labels)
        )
        assert accuracy[index].item() == pytest.approx(expected)


def test_linear_probe_finds_what_is_linear():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 300, 4, generator=generator), integers(1, 3, 300)
    x[0, :, :3] += 4 * torch.nn.functional.one_hot(y, 3)
    accuracy = metrics.linear_probe(x[:, :200], y[:200], x[:, 200:], y[200:])
    assert accuracy[0] > 0.95
    assert accuracy[1] < 0.5


def test_records_of_the_two_collapses():
    one = torch.full((1, 6, 4), -torch.inf, dtype=torch.float64)
    one[..., 2] = 0.0
    uniform = torch.full((1, 6, 4), 0.25, dtype=torch.float64).log()
    labels = integers(0, 3, 1, 6)
    fell = metrics.information_records(one, one, one, labels)
    spread = metrics.information_records(uniform, uniform, uniform, labels)
    assert fell["loss"] == fell["kl"] == fell["student_prior_entropy"] == fell["mutual_information"] == 0
    assert fell["clusters_in_use"] == fell["effective_clusters"] == 1
    assert spread["kl"] == spread["mutual_information"] == spread["student_information"] == 0
    for name in ("loss", "student_prior_entropy", "teacher_entropy", "student_entropy"):
        assert spread[name].item() == pytest.approx(np.log(4))


@pytest.mark.claim("J5")
def test_recorded_informations_add_up():
    generator = torch.Generator().manual_seed(0)
    log_p, log_r, log_q = torch.randn(3, 2, 20, 5, generator=generator, dtype=torch.float64).log_softmax(-1)
    found = metrics.information_records(log_p, log_r, log_q, integers(0, 3, 2, 20))
    torch.testing.assert_close(found["loss"], found["teacher_entropy"] + found["kl"])
    torch.testing.assert_close(
        found["mutual_information"] + found["lautum_information"], theory.jeffreys_information(log_p)
    )
    torch.testing.assert_close(
        found["student_information"], found["student_prior_entropy"] - found["student_entropy"]
    )


def test_k_beyond_the_gallery_is_refused():
    x, y = torch.zeros(5, 2), torch.zeros(5, dtype=torch.int64)
    with pytest.raises(ValueError, match="`k`"):
        metrics.knn_accuracy(x, y, x, y, k=6)
