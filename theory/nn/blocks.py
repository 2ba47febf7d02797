"""Rows of [B, N, K] in blocks that stay in the caches of the cores at work, with buffers to work in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

BLOCK = 1 << 17
"""Numbers in a block for each core: half a megabyte in float32, its share of the cache."""


def in_blocks(x: Tensor) -> bool:
    """On the host; other devices, and compilers, make their own blocks of whole operations."""
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def blocks(shape: Sequence[int]) -> Iterator[tuple[slice, slice]]:
    """Slices of ensembles and samples of [B, N, K]: whole ensembles, or rows of one, at least a row."""
    b, n, k = shape
    some, rows = max(1, _size() // (n * k)), max(1, _size() // k)
    for i in range(0, b, some):
        for j in range(0, n, rows):
            yield slice(i, i + some), slice(j, j + rows)


def buffers(x: Tensor, count: int) -> list[Tensor]:
    """Room for a block of x [B, …, N, K], that many times."""
    n, k = x.shape[-2:]
    return [x.new_empty(max(k, min(_size(), x.shape[0] * n * k))) for _ in range(count)]


def like(buffer: Tensor, block: Tensor) -> Tensor:
    """The buffer in the shape of the block."""
    return buffer[: block.numel()].view(block.shape)


def scaled(z: Tensor, temperature: float | Tensor, buffer: Tensor) -> Tensor:
    """z/τ in the dtype of the buffer."""
    out = like(buffer, z)
    if z.dtype == out.dtype:
        return torch.div(z, temperature, out=out)
    return out.copy_(z).div_(temperature)


def _size() -> int:
    return BLOCK * torch.get_num_threads()
