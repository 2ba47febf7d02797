"""Buffers that keep their digits: whatever a module is cast to, float32 at least."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Wide"]


class Wide(nn.Module):
    """A module whose own buffers `.half()`, `.bfloat16()` and `.to(dtype)` leave in float32.

    What is added up over thousands of steps has no use for eight bits: at a momentum of .999 a bfloat16
    average stands still. `.double()` raises them.

    Examples
    --------
    >>> import torch
    >>> from theory.nn.precision import Wide
    >>> module = Wide()
    >>> module.register_buffer("mean", torch.zeros(2))
    >>> module.bfloat16().mean.dtype, module.double().mean.dtype
    (torch.float32, torch.float64)
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        before = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, now in self._buffers.items():
            was = before[name]
            if was is not None and now is not None and now.is_floating_point():
                wide = torch.promote_types(now.dtype, torch.float32)
                if now.dtype != wide:
                    self._buffers[name] = was.to(now.device, wide)
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *given: Any) -> None:
        for name, buffer in self._buffers.items():
            saved = state_dict.get(prefix + name)
            if buffer is not None and saved is not None and saved.is_floating_point():
                state_dict[prefix + name] = saved.to(torch.promote_types(saved.dtype, torch.float32))
        super()._load_from_state_dict(state_dict, prefix, *given)
