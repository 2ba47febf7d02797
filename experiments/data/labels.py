"""Labels and clusters as integers: shares, agreement, what is split and what is merged.

Everything is batched over leading axes and computed in float64; scikit-learn's values are reproduced.
"""

from __future__ import annotations

import torch
from torch import Tensor

import theory

IN_USE = 0.1


def shares(clusters: Tensor, count: int) -> Tensor:
    """Share of the N samples in each cluster, float64: [..., N] → [..., count]."""
    ones = torch.ones_like(clusters, dtype=torch.float64)
    total = torch.zeros(*clusters.shape[:-1], count, dtype=torch.float64, device=clusters.device)
    return total.scatter_add_(-1, clusters, ones) / clusters.shape[-1]


def joint_shares(labels: Tensor, clusters: Tensor, count: int) -> Tensor:
    """Share of the samples with each label, in each cluster: [..., N], below count → [..., count, count]."""
    return shares(labels * count + clusters, count * count).unflatten(-1, (count, count))


def clusters_in_use(share: Tensor) -> Tensor:
    """Number of clusters with at least a tenth of the even share, 1/(10 K): [..., K] → [...]."""
    return (share >= IN_USE / share.shape[-1]).sum(dim=-1).to(torch.float64)


def normalized_mutual_information(labels: Tensor, clusters: Tensor) -> Tensor:
    """NMI = 2 I(A;B)/(H(A) + H(B)) of two labelings [..., N]; 1 where both are constant, 0 where one is.

    Source: `sklearn.metrics.normalized_mutual_info_score` with its default, arithmetic mean.
    """
    rows, columns = int(labels.max()) + 1, int(clusters.max()) + 1
    joint = shares(labels * columns + clusters, max(rows * columns, 2))
    table = joint[..., : rows * columns].unflatten(-1, (rows, columns))
    one, other = (_entropy_of(table.sum(dim=axis)) for axis in (-1, -2))
    both = _entropy_of(joint)
    total = one + other
    score = 2 * (total - both) / torch.where(total > 0, total, 1.0)
    return torch.where(total > 0, score.clamp(min=0.0), 1.0)


def splits_and_merges(labels: Tensor, clusters: Tensor, count: int) -> dict[str, Tensor]:
    """Conditional entropies and counts of split and merged components, [...].

    splitting H(cluster|component), merging H(component|cluster), nats. A cluster in use belongs to the
    component that has most of its samples; split: components with two or more, merged: with none.
    labels, clusters: [..., N], in 0 … count − 1.
    """
    joint = joint_shares(labels, clusters, count)
    entropy = theory.entropy(joint.flatten(-2).log())
    share = joint.sum(dim=-2)
    owner = torch.nn.functional.one_hot(joint.argmax(dim=-2), count)
    in_use = share >= IN_USE / count
    owned = (owner * in_use[..., None]).sum(dim=-2)
    return {
        "splitting": entropy - theory.entropy(joint.sum(dim=-1).log()),
        "merging": entropy - theory.entropy(share.log()),
        "split": (owned >= 2).sum(dim=-1).double(),
        "merged": (owned == 0).sum(dim=-1).double(),
    }


def _entropy_of(share: Tensor) -> Tensor:
    """H of shares [..., K], also for a single class, which has none."""
    if share.shape[-1] == 1:
        return torch.zeros(share.shape[:-1], dtype=share.dtype, device=share.device)
    return theory.entropy(share.log())
