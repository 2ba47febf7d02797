"""What the ranks of a distributed run know together; without torch.distributed there is one rank."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["gather", "gather_rows", "world_size"]


def world_size(group: Any = None) -> int:
    """The number of ranks in `group`, of all where None.

    Examples
    --------
    >>> from theory.nn.ranks import world_size
    >>> world_size()
    1
    """
    distributed = torch.distributed
    ready = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size(group) if ready else 1


def gather(x: Tensor, group: Any = None) -> list[Tensor]:
    """x of every rank, in the order of the ranks; without gradient.

    Parameters
    ----------
    x
        Of one shape and dtype on all ranks.
    group
        A process group; all ranks where None.

    Returns
    -------
    list of tensors
        One for each rank, in a single process x itself.

    Examples
    --------
    >>> import torch
    >>> from theory.nn.ranks import gather
    >>> gather(torch.tensor([1.0, 2.0]))
    [tensor([1., 2.])]
    """
    ranks = world_size(group)
    if ranks == 1:
        return [x]
    x = x.contiguous()
    parts = [torch.empty_like(x) for _ in range(ranks)]
    torch.distributed.all_gather(parts, x, group=group)
    return parts


def gather_rows(x: Tensor, group: Any = None) -> Tensor:
    """x [..., n, K] of all ranks one under another, in their order; n may differ; without gradient.

    Parameters
    ----------
    x
        Of one shape and dtype on all ranks but for axis −2.
    group
        A process group; all ranks where None.

    Returns
    -------
    Tensor, [..., Σ n, K]
        The same on every rank, in a single process x itself.

    Examples
    --------
    >>> import torch
    >>> from theory.nn.ranks import gather_rows
    >>> gather_rows(torch.zeros(3, 2)).shape
    torch.Size([3, 2])
    """
    if world_size(group) == 1:
        return x
    count = torch.tensor([x.shape[-2]], device=x.device)
    counts = [int(n) for n in gather(count, group)]
    padded = x.new_zeros(*x.shape[:-2], max(counts), x.shape[-1])
    padded[..., : x.shape[-2], :] = x
    return torch.cat(
        [rows[..., :n, :] for rows, n in zip(gather(padded, group), counts, strict=True)], dim=-2
    )
