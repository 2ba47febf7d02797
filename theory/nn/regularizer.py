"""MSN's mean-entropy maximisation: the student's cluster prior is drawn to a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from theory.nn.ranks import gather, world_size

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["prior_divergence"]


def prior_divergence(
    students: Sequence[Float[Tensor, "*batch N K"]],
    temperature: float | Tensor,
    log_target: Float[Tensor, "*#batch K"],
    weights: Float[Tensor, " N"] | None = None,
    group: Any = None,
) -> Float[Tensor, "*batch"]:
    """KL(q̄ ‖ π), q̄ the mean of softmax(z/τ) over views, samples and ranks; log K − H(q̄) if π is uniform.

    Its gradient on a rank is that of q̄ with respect to this rank's outputs, times the number of ranks: what
    is right once the gradients of all ranks are averaged, as DistributedDataParallel does.

    Parameters
    ----------
    students
        Raw logits of the views, each [..., N, K].
    temperature
        τ > 0.
    log_target
        log π, [..., K], finite.
    weights
        Of the samples, [N], of any positive sum; even where None.
    group
        A process group; all ranks where None.

    Returns
    -------
    Float[Tensor, "*batch"]
        In nats.

    Examples
    --------
    >>> import math, torch
    >>> from theory.nn.regularizer import prior_divergence
    >>> one = torch.tensor([[9.0, 0.0], [9.0, 0.0]])
    >>> print(f"{prior_divergence([one], 0.1, torch.full((2,), -math.log(2))):.4f}")
    0.6931
    """
    wide = [z.to(torch.promote_types(z.dtype, torch.float32)) for z in students]
    q = torch.stack([torch.softmax(z / temperature, dim=-1) for z in wide]).mean(dim=0)
    if weights is None:
        mean = q.mean(dim=-2)
    else:
        w = weights.to(q.dtype)
        mean = (q * (w / w.sum())[:, None]).sum(dim=-2)
    if (ranks := world_size(group)) > 1:
        mean = mean + (sum(gather(mean.detach(), group)) / ranks - mean.detach())
    used = torch.where(mean > 0, mean, 1.0)
    return (mean * (used.log() - log_target.to(mean.dtype))).sum(dim=-1)
