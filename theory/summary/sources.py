"""Where logits come from: an array, a file mapped into memory, or blocks of rows one after another."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from theory.checks import check_plain
from theory.files.opened import opened
from theory.files.rows import Rows as FileRows
from theory.logspace import Array, constant

if TYPE_CHECKING:
    from jaxtyping import Float

__all__: list[str] = []

PART = 1 << 24
"""Elements of a part that is summed up before it is merged: what a merge costs, some fifty passes over K
clusters, is nothing beside it."""
FEW_ROWS = 256
"""Blocks of fewer rows are put together until they are as many, or a part's worth."""

Rows = tuple[np.ndarray, np.ndarray | None]


def parts_of(source: Any, weights: Array | None, size: int | None = None) -> Iterator[Rows]:
    """Rows [n, K], floating-point, with their weights [n] or None, in parts of `size` elements.

    Raises
    ------
    TypeError, ValueError
        No array, file or iterable of blocks; blocks of unlike K; a shape that is not [..., N, K].
    """
    if is_named(source):
        source = opened("logits", source)
    if isinstance(source, FileRows):
        yield from _of_rows(source, _weights(weights, (len(source),)), size or PART)
        return
    if array_api_compat.is_array_api_obj(source) and not isinstance(source, np.generic):
        yield from _cut(*_rows(source, weights), size or PART)
        return
    if not isinstance(source, Iterable) or isinstance(source, bytes | dict):
        raise TypeError(
            f"`logits` must be an array, a file or an iterable of blocks, got {type(source).__name__}."
        )
    if weights is not None:
        raise ValueError("`weights` must come with the blocks, as pairs (logits, weights), got an array.")
    for rows, w in _gathered(_blocks(source)):
        yield from _cut(rows, w, size or PART)


def is_named(source: Any) -> bool:
    """The path of a file, a pattern, or a list of them."""
    several = isinstance(source, list | tuple) and len(source) > 0
    return all(isinstance(item, str | PathLike) for item in (source if several else [source]))


def _of_rows(rows: FileRows, weights: np.ndarray | None, elements: int) -> Iterator[Rows]:
    start = 0
    for block in rows.blocks(elements):
        yield block, None if weights is None else weights[start : start + len(block)]
        start += len(block)


def _rows(array: Array, weights: Array | None) -> Rows:
    """[..., N, K] as [n, K] on the host, its precision kept (bfloat16 is widened to float32)."""
    z = _on_host("logits", array)
    if z.ndim < 2 or z.shape[-1] < 2 or 0 in z.shape:
        raise ValueError(f"`logits` must have shape [..., N, K] with K at least 2, got shape {z.shape}.")
    return z.reshape(-1, z.shape[-1]), _weights(weights, z.shape[:-1])


def _weights(weights: Array | None, shape: tuple[int, ...]) -> np.ndarray | None:
    if weights is None:
        return None
    w = _on_host("weights", weights).astype(np.float64)
    if w.shape != shape:
        raise ValueError(f"`weights` must have shape {shape}, one for each row, got shape {w.shape}.")
    return w.reshape(-1)


def _on_host(name: str, array: Array) -> np.ndarray:
    check_plain(name, array)
    array = constant(array)
    if hasattr(array, "cpu"):
        array = array.cpu()
        array = array.float() if "bfloat16" in str(array.dtype) else array
    try:
        if isinstance(array, str | dict):
            raise TypeError(name)
        host = np.asarray(array)
    except (TypeError, ValueError):
        raise TypeError(f"`{name}` must be an array of numbers, got {type(array).__name__}.") from None
    if host.dtype not in (np.float16, np.float32, np.float64):
        raise TypeError(f"`{name}` must be of float16, bfloat16, float32 or float64, got {host.dtype}.")
    return host


def _blocks(source: Iterable[Any]) -> Iterator[Rows]:
    clusters, pairs = None, None
    for item in source:
        pair = isinstance(item, tuple) and len(item) == 2
        if pairs not in (None, pair):
            raise ValueError(
                "`logits` must be an iterable of blocks or of pairs (logits, weights), got both."
            )
        pairs = pair
        rows, w = _rows(*item) if pair else _rows(item, None)
        if clusters not in (None, rows.shape[1]):
            raise ValueError(f"`logits` must be blocks of one K, got {clusters} and {rows.shape[1]}.")
        clusters = rows.shape[1]
        yield rows, w


def _gathered(blocks: Iterator[Rows]) -> Iterator[Rows]:
    """The same rows in blocks that are not small."""
    held: list[Rows] = []
    for block in blocks:
        held.append(block)
        if (rows := sum(len(z) for z, _ in held)) >= FEW_ROWS or rows * block[0].shape[1] >= PART:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(held: list[Rows]) -> Rows:
    if len(held) == 1:
        return held[0]
    weights = [w for _, w in held if w is not None]
    return np.concatenate([z for z, _ in held]), np.concatenate(weights) if weights else None


def _cut(
    rows: Float[np.ndarray, "N K"], weights: Float[np.ndarray, " N"] | None, elements: int
) -> Iterator[Rows]:
    size = max(1, elements // rows.shape[1])
    ask = _reader_ahead(rows)
    ask(rows[:size])
    for start in range(0, len(rows), size):
        stop = start + size
        ask(rows[stop : stop + size])
        yield rows[start:stop], None if weights is None else weights[start:stop]


def _reader_ahead(rows: np.ndarray) -> Callable[[np.ndarray], None]:
    """Asks the system to read a part of a mapped file while another is worked on."""
    held: Any = rows
    while isinstance(held, np.ndarray) and held.base is not None:
        held = held.base
    if not (isinstance(held, mmap.mmap) and hasattr(held, "madvise")):
        return lambda part: None
    mapped, first = held, np.frombuffer(held, np.uint8).ctypes.data

    def ask(part: np.ndarray) -> None:
        if part.size:
            start = part.ctypes.data - first
            page = start - start % mmap.PAGESIZE
            mapped.madvise(mmap.MADV_WILLNEED, page, start + part.nbytes - page)

    return ask
