"""How an array [..., N, K] is walked: blocks of rows that stay in cache, with room to work in.

A kernel written for any array library makes some twenty arrays as large as its input and reads memory as
often. On NumPy arrays its plain form is evaluated here instead, a block at a time, with one exponential an
element; where that form would lose digits, in those columns or rows only, the kernel itself is called.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

Array = Any
Namespace = Any
Exact = Callable[..., Any]

BLOCK = 1 << 17
"""Elements of a block, 1 MiB in float64: the second- or third-level cache holds what is made of it."""
ROWS = 8
"""Of a block at least, however many clusters: fewer would spend the time on calls."""
GATHERED = 1 << 17
"""Elements handed to the exact form together: it makes some twenty arrays of that size, 1 MiB each."""
PAGE = 4096
"""Bytes."""
FLOATS = (np.float16, np.float32, np.float64)


def in_blocks(plain: Callable[..., Any]) -> Callable[[Exact], Exact]:
    """The kernel below, but on NumPy arrays `plain`, which is given the kernel for what it cannot do.

    A kernel's first argument is an array and its namespace `xp` one of the arguments.
    """

    def decorate(exact: Exact) -> Exact:
        @functools.wraps(exact)
        def kernel(x: Array, *arguments: Any) -> Any:
            if isinstance(x, np.ndarray) and x.dtype in FLOATS and x.size:
                with np.errstate(all="ignore"):  # what overflows or is 0 · ∞ is found by its value
                    return plain(exact, x, *arguments)
            return exact(x, *arguments)

        return kernel

    return decorate


class Walk:
    """An array [..., N, K] as [B, N, K], its blocks, and buffers of the size of one.

    Attributes
    ----------
    x : [B, N, K]
        The array itself, not a copy where its memory allows.
    shape : tuple of int
        B, N, K.
    batch : tuple of int
        The leading axes as they came.
    """

    def __init__(self, x: Float[np.ndarray, "*batch N K"]) -> None:
        self.batch = x.shape[:-2]
        self.dtype = x.dtype
        self.x = x.reshape((-1, *x.shape[-2:]))
        self.shape = self.x.shape
        self._buffers: dict[tuple[int, type], np.ndarray] = {}

    @property
    def single(self) -> bool:
        """Elements are computed in float32, if added in float64."""
        return self.dtype != np.float64

    def blocks(self) -> Iterator[tuple[slice, slice, np.ndarray]]:
        """Slices of B and N, and the block there: [b, n, K]."""
        for i, j in parts(self.shape):
            block = self.x[i, j]
            if self.dtype == np.float16:
                block = block.astype(np.float32)
            yield i, j, block

    def buffer(self, number: int, like: np.ndarray, dtype: type = np.float64) -> np.ndarray:
        """Room of the shape of that block, its contents undefined; the same for the same number and dtype."""
        held = self._buffers.get((number, dtype))
        if held is None or held.size < like.size:
            held = self._buffers[number, dtype] = _apart(len(self._buffers), like.size, dtype)
        return held[: like.size].reshape(like.shape)

    def exp(self, x: np.ndarray, number: int) -> np.ndarray:
        """eˣ in the precision of x, widened to float64."""
        if x.dtype == np.float64:
            return np.exp(x, out=self.buffer(number, x))
        return self.wide(np.exp(x, out=self.buffer(number, x, np.float32)), number)

    def wide(self, x: np.ndarray, number: int) -> np.ndarray:
        """x in float64: itself, or a copy in that buffer."""
        if x.dtype == np.float64:
            return x
        wide = self.buffer(number, x)
        np.copyto(wide, x)
        return wide

    def weights(self, weights: Float[np.ndarray, "*batch N"]) -> Float[np.ndarray, "B N"]:
        """w in float64 for every ensemble, of sum 1 to the last digit."""
        w = np.broadcast_to(weights.astype(np.float64), (*self.batch, self.shape[1]))
        return (w / w.sum(-1, keepdims=True)).reshape(self.shape[:2])

    def back(self, value: np.ndarray, *axes: int) -> np.ndarray:
        """[B, …] as [*batch, …] in the dtype that came."""
        return value.reshape((*self.batch, *axes)).astype(self.dtype, copy=False)[()]

    def exact_columns(
        self, exact: Exact, value: np.ndarray, where: np.ndarray, weights: np.ndarray, xp: Namespace
    ) -> np.ndarray:
        """`value` [B, K] with the exact form put in wherever a column is named by `where` [B, K]."""
        chosen = np.flatnonzero(where.any(0))
        w = np.broadcast_to(weights, (*self.batch, self.shape[1])).reshape(self.shape[:2])
        for columns in split(chosen, GATHERED // (self.shape[0] * self.shape[1])):
            value[:, columns] = exact(self.x[:, :, columns], w, xp)
        return value


def _apart(number: int, size: int, dtype: type) -> np.ndarray:
    """Room that starts at another place in its page than buffers of other numbers.

    Large arrays all start at one place, and a processor takes a load from where a store was made 4096 bytes
    further for a load of what is being stored: a third of the time went there.
    """
    room: np.ndarray = np.empty(size + PAGE // np.dtype(dtype).itemsize, dtype)
    wanted = (1024 + number * 832) % PAGE
    start = (wanted - room.ctypes.data) % PAGE // room.itemsize
    return room[start : start + size]


def parts(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Slices of B and N that cover [B, N, K] in blocks."""
    b, n, k = shape
    if n * k <= BLOCK:
        step = max(1, BLOCK // (n * k))
        for i in range(0, b, step):
            yield slice(i, i + step), slice(0, n)
        return
    rows = max(ROWS, BLOCK // k)
    for i in range(b):
        for j in range(0, n, rows):
            yield slice(i, i + 1), slice(j, j + rows)


def split(indices: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Runs of at most `size` indices, of one at least; a run without gaps as a slice would be."""
    size = max(1, size)
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
