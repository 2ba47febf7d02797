"""Rows [N, K] that are read a few at a time: of several files, or of numbers that NumPy has no type for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__: list[str] = []


class Rows:
    """Arrays [n, K], one under another; as floating-point numbers of this machine once they are read.

    bfloat16: the arrays are of uint16, which hold the upper halves of float32.
    """

    def __init__(self, parts: Sequence[np.ndarray], *, bfloat16: bool = False) -> None:
        self.parts, self.bfloat16 = tuple(parts), bfloat16
        self.shape = sum(len(part) for part in self.parts), self.parts[0].shape[1]
        self.ndim = 2
        self._starts = np.cumsum([0, *(len(part) for part in self.parts)])

    @property
    def dtype(self) -> np.dtype:
        """Of the numbers as they are read."""
        return np.dtype(np.float32) if self.bfloat16 else self.parts[0].dtype.newbyteorder("=")

    def __len__(self) -> int:
        return self.shape[0]

    def blocks(self, elements: int) -> Iterator[Float[np.ndarray, "n K"]]:
        """All rows in order, so many elements at a time, at least a row."""
        size = max(1, elements // self.shape[1])
        for part in self.parts:
            for start in range(0, len(part), size):
                yield self._read(part[start : start + size])

    def take(self, index: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n K"]:
        """These rows; the index is sorted."""
        cuts = np.searchsorted(index, self._starts)
        chosen = [
            self._read(part[index[a:b] - start])
            for part, start, a, b in zip(self.parts, self._starts[:-1], cuts[:-1], cuts[1:], strict=True)
        ]
        return np.concatenate(chosen)

    def whole(self) -> Float[np.ndarray, "N K"]:
        """All rows, in memory."""
        return np.concatenate([self._read(part) for part in self.parts])

    def under(self, other: Rows) -> Rows:
        """These rows and then the others, of the same K and kind of number."""
        return Rows([*self.parts, *other.parts], bfloat16=self.bfloat16)

    def _read(self, part: np.ndarray) -> np.ndarray:
        if self.bfloat16:
            return (part.astype(np.uint32) << 16).view(np.float32)
        return part.astype(self.dtype, copy=False)
