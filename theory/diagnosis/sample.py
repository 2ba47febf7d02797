"""Logits too large to be worked on whole: one pass over all rows, and a drawn sample of them for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from theory.logspace import Array, constant
from theory.summary import Summary, summarize
from theory.summary.sources import mapped, parts_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__: list[str] = []

LARGE = 1 << 24
"""Elements above which a sample is drawn: some twenty arrays of that many float64 are 2.5 GiB."""
DRAWN = 1 << 22
"""Elements of the sample."""
ROWS = 64
"""Of the sample at least: twice what a fate takes."""
SHIFTED = 1 << 21
"""Elements that are copied together where a shift is added: 16 MiB in float64."""
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows to work on, and what is known of those that they stand for.

    Attributes
    ----------
    rows : array [n, K]
        All logits, or the sample.
    whole : Summary or None
        Of all N rows, where `rows` are a sample of them.
    index : [n] or None
        Which rows of all they are, in order.
    everything : array [N, K] or None
        All logits, where they can be read again.
    """

    rows: Array
    whole: Summary | None = None
    index: Int[np.ndarray, " n"] | None = None
    everything: Array | None = None

    def under(self, shift: Float[np.ndarray, " K"], temperature: float) -> Summary | None:
        """Of softmax((z + shift)/τ) for all N rows, read once more; None where only `rows` are left."""
        if self.everything is None:
            return None
        shifted = (rows + shift.astype(rows.dtype) for rows, _ in parts_of(self.everything, None, SHIFTED))
        return summarize(shifted, temperature=temperature)

    def of(self, other: Any) -> Any:
        """The same rows of an array that goes with these logits, [N, K] or the path of one."""
        other = _opened(other)
        if self.index is None or getattr(other, "ndim", 0) != 2 or self.whole is None:
            return other
        if other.shape[0] != self.whole.samples:
            return other  # refused at the door, where shapes are compared
        return other[self.index]


def source_of(logits: Any, temperature: float) -> Source:
    """The logits themselves, or a summary and a sample where they are large."""
    array = _opened(logits)
    if array_api_compat.is_array_api_obj(array):
        shape = tuple(array.shape)
        if len(shape) != 2 or shape[0] * shape[1] <= LARGE:
            return Source(rows=array)
        index = np.sort(np.random.default_rng(SEED).choice(shape[0], _drawn(*shape), replace=False))
        whole = summarize(array, temperature=temperature)
        return Source(rows=array[index], whole=whole, index=index, everything=array)
    if isinstance(array, Iterable) and not isinstance(array, str | bytes | dict | list | tuple):
        tap = _Tap(array)
        whole = summarize(tap, temperature=temperature)
        return Source(rows=tap.rows, whole=whole if whole.samples > len(tap.rows) else None)
    return Source(rows=array)


def _opened(given: Any) -> Any:
    return mapped(given) if isinstance(given, str | PathLike) else given


def _drawn(samples: int, clusters: int) -> int:
    return min(samples, max(ROWS, DRAWN // clusters))


class _Tap:
    """Blocks of rows as they pass, of which a sample stays: the rows with the smallest of random keys."""

    def __init__(self, blocks: Iterable[Array]) -> None:
        self.blocks, self.rng = blocks, np.random.default_rng(SEED)
        self.rows: Float[np.ndarray, "n K"] = np.empty((0, 0))
        self.keys: Float[np.ndarray, " n"] = np.empty(0)

    def __iter__(self) -> Any:
        for block in self.blocks:
            if not array_api_compat.is_array_api_obj(block):
                kind = type(block).__name__
                raise TypeError(f"`logits` must be a generator of arrays [n, K], got a {kind} from it.")
            yield block
            self._keep(np.asarray(_widened(block)))

    def _keep(self, block: np.ndarray) -> None:
        keys = self.rng.random(len(block))
        if len(self.rows) >= _drawn(len(self.rows) + 1, block.shape[1]):
            likely = keys < self.keys.max()
            block, keys = block[likely], keys[likely]
        keys = np.concatenate([self.keys, keys])
        rows = np.concatenate([self.rows, block]) if len(self.rows) else block
        chosen = np.sort(np.argsort(keys, kind="stable")[: _drawn(len(keys), block.shape[1])])
        self.rows, self.keys = rows[chosen], keys[chosen]


def _widened(block: Array) -> Array:
    block = constant(block)
    block = block.cpu() if hasattr(block, "cpu") else block
    return block.float() if "bfloat16" in str(block.dtype) else block
