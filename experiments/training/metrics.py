"""What is recorded of a run: informations, clusters and their agreement with the labels, quality of features.

Everything is batched over leading axes and computed in float64; scikit-learn's values are reproduced.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

import theory
from experiments.data.labels import clusters_in_use, normalized_mutual_information, shares


def information_records(log_p: Tensor, log_r: Tensor, log_q: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Objective, informations and clusters of teacher p, constrained teacher r and student q; each [...].

    loss Σ w H(rₙ, qₙ), kl Σ w KL(rₙ‖qₙ); mean entropies teacher_entropy (r), student_entropy (q);
    entropies of the cluster priors prior_entropy (P), teacher_prior_entropy (r̄), student_prior_entropy (q̄);
    I(X;K) of p, r, q: mutual_information, teacher_information, student_information; L(X;K) of p; all in nats.
    clusters_in_use, effective_clusters and nmi are those of the student's argmax.

    log_p, log_r, log_q: [..., N, K].  labels: [..., N].
    """
    clusters = log_q.argmax(dim=-1)
    share = shares(clusters, log_q.shape[-1])
    p, r, q = (on_host(x) for x in (log_p, log_r, log_q))
    objective = theory.evaluate(r, q)
    records = {
        "loss": objective.cross_entropy,
        "kl": objective.kl,
        "teacher_entropy": objective.teacher_entropy,
        "student_entropy": theory.entropy(q).mean(-1),
        "prior_entropy": theory.entropy(theory.log_prior(p)),
        "teacher_prior_entropy": objective.teacher_prior_entropy,
        "student_prior_entropy": objective.student_prior_entropy,
        "mutual_information": theory.mutual_information(p),
        "lautum_information": theory.lautum_information(p),
        "teacher_information": objective.teacher_information,
        "student_information": objective.student_information,
    }
    return {name: torch.as_tensor(value) for name, value in records.items()} | {
        "clusters_in_use": clusters_in_use(share),
        "effective_clusters": theory.entropy(share.log()).exp(),
        "nmi": normalized_mutual_information(labels.expand(clusters.shape), clusters),
    }


def on_host(x: Tensor) -> Any:
    """The same memory as a NumPy array, where it is the host's: `theory` is fastest on those."""
    return x.numpy() if x.device.type == "cpu" else x


def knn_accuracy(
    train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor, *, k: int = 20
) -> Tensor:
    """Share of test points whose k nearest training points, by cosine, vote for their label: [...].

    Ties go to the smallest label, as in scikit-learn.
    train: [..., N, F].  test: [..., M, F].  labels: [N] and [M], or with the leading axes.
    """
    if not 1 <= k <= train.shape[-2]:
        raise ValueError(f"`k` must be in [1, N = {train.shape[-2]}], got {k}.")
    lead = train.shape[:-2]
    unit_train, unit_test = (torch.nn.functional.normalize(x, dim=-1) for x in (train, test))
    train_labels = train_labels.expand(*lead, train.shape[-2])
    classes = int(train_labels.max()) + 1
    accuracy = torch.empty(lead, dtype=torch.float64, device=train.device)
    # one ensemble at a time: the N × M similarities of all of them would not fit into the cache
    for index in np.ndindex(*lead):
        similarity = unit_test[index] @ unit_train[index].mT
        votes = train_labels[index][similarity.topk(k, dim=-1).indices]
        count = torch.nn.functional.one_hot(votes, classes).sum(dim=-2)
        accuracy[index] = (count.argmax(dim=-1) == test_labels.expand(*lead, -1)[index]).double().mean()
    return accuracy


def linear_probe(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> Tensor:
    """Held-out accuracy of a multinomial logistic regression on standardised features: [...].

    Arguments as in `knn_accuracy`; scikit-learn's default penalty, one fit for each ensemble.
    """
    lead = train.shape[:-2]
    accuracy = torch.empty(lead, dtype=torch.float64)
    for index in np.ndindex(*lead):
        x, y = train[index].double().numpy(), train_labels.expand(*lead, -1)[index].numpy()
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, y)
        expected = test_labels.expand(*lead, -1)[index].numpy()
        accuracy[index] = probe.score(test[index].double().numpy(), expected)
    return accuracy
