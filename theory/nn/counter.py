"""A number that belongs to a run's state and to no device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Counter"]


class Counter(nn.Module):
    """A whole number that is saved with its owner and kept on the host: to read it waits for no device.

    A buffer would follow its owner to the GPU, and each look at it (which step is it?) would make the host
    wait for all that was queued there. Extra state is saved and restored alike. It is held in a tensor, so
    that a compiled step may count without being compiled anew for every number.

    Attributes
    ----------
    value : int
        The number, 0 at first.

    Examples
    --------
    >>> from theory.nn.counter import Counter
    >>> steps, restored = Counter(), Counter()
    >>> steps.add(3)
    >>> restored.load_state_dict(steps.state_dict())
    <All keys matched successfully>
    >>> restored.value
    3
    """

    def __init__(self) -> None:
        super().__init__()
        self._count = torch.zeros((), dtype=torch.int64)

    @property
    def value(self) -> int:
        return int(self._count)

    def add(self, more: int) -> None:
        """value ← value + more."""
        self._count.add_(more)

    def get_extra_state(self) -> Tensor:
        return self._count.clone()

    def set_extra_state(self, state: Tensor) -> None:
        self._count.fill_(int(state))
