"""Means of statistics [..., K]: over accumulated batches, over time and over ranks, one operation.

A teacher that pools has for its statistic the log of a mean of order s over samples (`Teacher.average_order`;
s = 0 is the arithmetic mean of logs). The mean of order s of such means, each with the share of its samples,
is that of all samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from array_api_compat import torch as xp
from torch import Tensor, nn

from theory.ensembles import power_mean_kernel
from theory.nn.ranks import gather, world_size

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["MovingMean", "mean_of_order", "mean_over_ranks"]


def mean_of_order(
    statistics: Sequence[Float[Tensor, "*batch K"]], shares: Sequence[Tensor], order: float
) -> Float[Tensor, "*batch K"]:
    """(1/s) log Σᵢ wᵢ e^{s Sᵢ(k)}, Σᵢ wᵢ Sᵢ(k) for s = 0.

    Parameters
    ----------
    statistics
        S₁, S₂, …, each [..., K].
    shares
        w₁, w₂, … ≥ 0 of sum 1, each broadcasts to [..., 1].
    order
        s.

    Returns
    -------
    Float[Tensor, "*batch K"]
        Of the device and dtype of the statistics.

    Examples
    --------
    >>> import torch
    >>> from theory.nn.averages import mean_of_order
    >>> a, b, half = torch.tensor([0.2, 0.8]).log(), torch.tensor([0.6, 0.4]).log(), torch.tensor(0.5)
    >>> mean_of_order([a, b], [half, half], 1.0).exp()
    tensor([0.4000, 0.6000])
    """
    stacked = torch.stack(list(statistics), dim=-2)
    columns = [share.expand(*stacked.shape[:-2], 1) for share in shares]
    return power_mean_kernel(stacked, torch.cat(columns, dim=-1), order, xp)


def mean_over_ranks(
    statistic: Float[Tensor, "*batch K"], *, samples: int, order: float, group: Any = None
) -> tuple[Float[Tensor, "*batch K"], Tensor | int]:
    """The mean of order s of the statistics of all ranks, each with the share of its samples.

    Parameters
    ----------
    statistic
        This rank's, [..., K].
    samples
        How many it was computed from; a rank without any adds nothing, whatever its statistic.
    order
        s.
    group
        A process group; all ranks where None.

    Returns
    -------
    Float[Tensor, "*batch K"]
        The same on every rank; in a single process `statistic` itself.
    Tensor or int
        The samples of all ranks.

    Examples
    --------
    >>> import torch
    >>> from theory.nn.averages import mean_over_ranks
    >>> mean_over_ranks(torch.tensor([1.0, 2.0]), samples=8, order=0.0)
    (tensor([1., 2.]), 8)
    """
    if world_size(group) == 1:
        return statistic, samples
    counts = torch.stack(gather(statistic.new_full((1,), float(samples)), group))[:, 0]
    total = counts.sum()
    shares = counts / total.clamp(min=1.0)
    return mean_of_order(gather(statistic, group), list(shares), order), total.round().long()


class MovingMean(nn.Module):
    """S ← m S + (1 − m) · (the mean of what was added since the last update), both means of order s.

    Its state is saved with its owner. The buffers live on the owner's device and no step waits for them.

    Parameters
    ----------
    start
        S at first, [..., K].
    momentum
        m in [0, 1], a number or a tensor that broadcasts to [..., 1].
    order
        s.

    Attributes
    ----------
    average : Float[Tensor, "*batch K"]
        S, a buffer.
    pending : Float[Tensor, "*batch K"]
        The mean of what was added since the last update, a buffer.
    seen : Tensor
        The samples in `pending`, a buffer.

    Examples
    --------
    >>> import torch
    >>> from theory.nn.averages import MovingMean
    >>> center = MovingMean(torch.zeros(2), momentum=0.9, order=0.0)
    >>> center.add(torch.tensor([1.0, 0.0]), samples=2)
    >>> center.add(torch.tensor([4.0, 3.0]), samples=1)
    >>> center.update()
    >>> center.average
    tensor([0.2000, 0.1000])
    """

    average: Tensor
    pending: Tensor
    seen: Tensor
    momentum: float | Tensor

    def __init__(self, start: Float[Tensor, "*batch K"], *, momentum: float | Tensor, order: float) -> None:
        super().__init__()
        self.order, self.waits = order, False
        self.register_buffer("average", start)
        self.register_buffer("pending", torch.zeros_like(start))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        if isinstance(momentum, Tensor):
            self.register_buffer("momentum", momentum, persistent=False)
        else:
            self.momentum = momentum

    @torch.no_grad()
    def add(self, statistic: Float[Tensor, "*batch K"], *, samples: int | Tensor) -> None:
        """The statistic of one more batch, of that many samples, counts in the next update."""
        statistic = statistic.to(self.pending.dtype)
        if self.waits:  # the first since an update needs no mean
            seen = self.seen.to(self.average.dtype)
            share = seen / (seen + samples).clamp(min=1.0)
            statistic = mean_of_order([self.pending, statistic], [share, 1 - share], self.order)
        self.pending.copy_(statistic)
        self.seen.add_(samples)
        self.waits = True

    @torch.no_grad()
    def update(self) -> None:
        """S ← m S + (1 − m)·pending; where no rank had a sample S stays.

        Raises
        ------
        RuntimeError
            Nothing was added since the last one.
        """
        if not self.waits:
            raise RuntimeError("`update` was called without a forward in training mode since the last one.")
        kept = self._share(self.momentum)
        moved = mean_of_order([self.average, self.pending], [kept, 1 - kept], self.order)
        self.average.copy_(torch.where(self.seen > 0, moved, self.average))
        self.seen.zero_()
        self.waits = False

    def extra_repr(self) -> str:
        return f"momentum={self.momentum}, order={self.order:g}"

    def _load_from_state_dict(self, *given: Any) -> None:
        super()._load_from_state_dict(*given)
        self.waits = bool(self.seen > 0)

    def _share(self, value: float | Tensor) -> Tensor:
        """A number as a tensor beside the average, written there by the device itself."""
        if isinstance(value, Tensor):
            return value.to(self.average.dtype)
        return torch.full((), value, dtype=self.average.dtype, device=self.average.device)
