"""Means of statistics [..., K]: over accumulated batches, over time and over ranks, one operation.

A teacher that pools has for its statistic the log of a mean of order s over samples (`Teacher.average_order`;
s = 0 is the arithmetic mean of logs). The mean of order s of such means, each with the share of its samples,
is that of all samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from array_api_compat import torch as xp
from torch import Tensor

from theory.ensembles import power_mean_kernel
from theory.nn.door import check_average, warn_of_skipped
from theory.nn.precision import Wide
from theory.nn.ranks import gather, world_size

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Averaging", "MovingMean", "mean_of_order", "mean_over_ranks"]

LARGEST = 2.0**64
"""No statistic of a batch that is to be averaged reaches it: its square is beyond float32."""


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


class MovingMean(Wide):
    """S ← m S + (1 − m) · (the mean of what was added since the last update), both means of order s.

    Its state is saved with its owner. The buffers live on the owner's device and no step waits for them; cast
    to half precision, where 1 − m would be rounded away, they stay float32.

    A statistic that is no number (NaN, +inf, beyond 2⁶⁴) is not added: one batch that overflowed would be in
    the average for ever. −inf, the log of a mean of zeros, is a number where a mean of order s > 0 takes it.

    Parameters
    ----------
    start
        S at first, [..., K].
    momentum
        m in [0, 1], a number or a tensor that broadcasts to [..., 1].
    order
        s.
    of
        What S is of, in words; a state that was saved with other words is refused.

    Attributes
    ----------
    average : Float[Tensor, "*batch K"]
        S, a buffer.
    pending : Float[Tensor, "*batch K"]
        The mean of what was added since the last update, a buffer.
    seen : Int[Tensor, "*batch"]
        The samples in `pending`, a buffer.
    skipped : Int[Tensor, ""]
        How many statistics were not added, a buffer.

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
    >>> center.add(torch.tensor([torch.inf, 0.0]), samples=2)
    >>> center.update()
    >>> center.average, center.skipped
    (tensor([0.2000, 0.1000]), tensor(1))
    """

    average: Tensor
    pending: Tensor
    seen: Tensor
    skipped: Tensor
    momentum: float | Tensor

    def __init__(
        self, start: Float[Tensor, "*batch K"], *, momentum: float | Tensor, order: float, of: str = ""
    ) -> None:
        super().__init__()
        self.order, self.of, self.waits, self.holds = order, of, False, False
        self.register_buffer("average", start)
        self.register_buffer("pending", torch.zeros_like(start))
        self.register_buffer("seen", torch.zeros(start.shape[:-1], dtype=torch.int64))
        self.register_buffer("skipped", torch.zeros((), dtype=torch.int64))
        if isinstance(momentum, Tensor):
            self.register_buffer("momentum", momentum, persistent=False)
        else:
            self.momentum = momentum

    @torch.no_grad()
    def add(self, statistic: Float[Tensor, "*batch K"], *, samples: int | Tensor) -> None:
        """The statistic of one more batch, of that many samples, counts in the next update."""
        statistic = statistic.to(self.pending.dtype)
        sound = self._is_sound(statistic)
        self.skipped.add_((~sound).sum() * (samples > 0))
        statistic = torch.where(sound[..., None], statistic, self.pending)
        added = sound * samples
        if self.waits:  # the first since an update needs no mean
            seen = self.seen.to(self.average.dtype)
            share = (seen / (seen + added).clamp(min=1.0))[..., None]
            statistic = mean_of_order([self.pending, statistic], [share, 1 - share], self.order)
        self.pending.copy_(statistic)
        self.seen.add_(added)
        self.waits, self.holds = True, self.holds or isinstance(samples, Tensor) or samples > 0

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
        self.average.copy_(torch.where(self.seen[..., None] > 0, moved, self.average))
        self.seen.zero_()
        self.waits = self.holds = False

    def extra_repr(self) -> str:
        return f"momentum={self.momentum}, order={self.order:g}"

    def get_extra_state(self) -> Tensor:
        """What S is of, as a tensor of UTF-8: what every format of checkpoints can hold."""
        return torch.tensor(list(self.of.encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Nothing: it is compared before anything is loaded."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *given: Any) -> None:
        """Refused where S is of something else, which older states do not say, or no number."""
        state_dict.setdefault(prefix + "_extra_state", self.get_extra_state())
        state_dict.setdefault(prefix + "skipped", torch.zeros_like(self.skipped))
        if (saved := bytes(state_dict[prefix + "_extra_state"].tolist()).decode()) != self.of:
            raise ValueError(f"`state_dict` must hold an average of teacher {self.of}, got one of {saved}.")
        if (average := state_dict.get(prefix + "average")) is not None:
            self.check_sound("state_dict", average)
        if (seen := state_dict.get(prefix + "seen")) is not None and not seen.ndim:
            state_dict[prefix + "seen"] = seen.expand(self.seen.shape).clone()  # once it was one for all
        super()._load_from_state_dict(state_dict, prefix, *given)
        self.waits = self.holds = bool((self.seen > 0).any())

    def check_sound(self, name: str, average: Tensor) -> None:
        """An average from outside is one that no skipped batch has left: it would never be a number again."""
        if not bool(self._is_sound(average).all()):
            raise ValueError(f"`{name}` must hold a finite average for this teacher, got NaN or inf in it.")

    def _is_sound(self, statistic: Tensor) -> Tensor:
        """Which ensembles [...] have a statistic that may be averaged."""
        small = statistic.abs() < LARGEST
        return (small | (statistic == -math.inf) if self.order > 0 else small).all(dim=-1)

    def _share(self, value: float | Tensor) -> Tensor:
        """A number as a tensor beside the average, written there by the device itself."""
        if isinstance(value, Tensor):
            return value.to(self.average.dtype)
        return torch.full((), value, dtype=self.average.dtype, device=self.average.device)


class Averaging(Wide):
    """A module that may have a moving average, and what its user does with that."""

    moving: MovingMean | None

    def __init__(self) -> None:
        super().__init__()
        self._told = False

    def update(self) -> None:
        """Moves the average by the batches since the last update, if there is one to move.

        Raises
        ------
        RuntimeError
            No batch was seen since.
        """
        if self.moving is not None:
            self.moving.update()

    @property
    def skipped(self) -> int:
        """Batches that were not finite and left out; a look waits for the device, the first at some warns."""
        count = 0 if self.moving is None else int(self.moving.skipped)
        if count and not self._told:
            self._told = True
            warn_of_skipped(count)
        return count

    @torch.no_grad()
    def load_average(self, average: Tensor) -> None:
        """The moving average goes on from this one; leading axes of 1 are left out.

        Parameters
        ----------
        average
            S, of the shape of `moving.average` but for leading axes of 1.

        Raises
        ------
        TypeError, ValueError
            No tensor, of another size, not finite; or no moving average to load it into.

        Examples
        --------
        >>> import torch
        >>> from theory.nn import TeacherNormalizer
        >>> normalizer = TeacherNormalizer("centering", clusters=2, momentum=0.9)
        >>> normalizer.load_average(torch.tensor([[[0.5, 0.0]]]))  # as lightly stores it
        >>> normalizer.moving.average
        tensor([0.5000, 0.0000])
        """
        if self.moving is None:
            raise ValueError("`average` must have one to go to: `momentum` is None.")
        found = check_average(average, tuple(self.moving.average.shape))
        self.moving.check_sound("average", found)
        self.moving.average.copy_(found)
