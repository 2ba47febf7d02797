"""Logits too large to be worked on whole: one pass over all rows, and a drawn sample of them for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from theory.checks import on_host
from theory.diagnosis.shards import summary_of_shards
from theory.files.opened import files_of, listed, opened
from theory.files.rows import Rows
from theory.logspace import Array, constant
from theory.summary import Summary, summarize
from theory.summary.sources import is_named, parts_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__: list[str] = []

LARGE = 1 << 24
"""Elements above which a sample is drawn: some twenty arrays of that many float64 are 2.5 GiB."""
DRAWN = 1 << 21
"""Elements of the sample."""
READ_AGAIN = 1 << 25
"""Elements, of rows drawn for it, from which it is told what the constraint makes of the network."""
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
    weights : [n] or None
        Of these rows, of sum 1; None where they weigh the same.
    whole : Summary or None
        Of all N rows, where `rows` are a sample of them.
    index : [n] or None
        Which rows of all they are, in order; None where they are all.
    total : int
        How many there are in all, those of weight 0 among them.
    everything : array [N, K], Rows or None
        All logits, where they can be read again.
    all_weights : [N] or None
        Of all rows.
    """

    rows: Array
    weights: Float[np.ndarray, " n"] | None = None
    whole: Summary | None = None
    index: Int[np.ndarray, " n"] | None = None
    total: int = 0
    everything: Array | Rows | None = None
    all_weights: Float[np.ndarray, " N"] | None = None

    def under(self, shift: Float[np.ndarray, " K"], temperature: float) -> Summary | None:
        """Of softmax((z + shift)/τ) for rows drawn for it, more than `rows`; None if only these are left."""
        if self.everything is None:
            return None
        total, clusters = self.everything.shape
        many = max(len(self.rows), READ_AGAIN // clusters)
        index = None if many >= total else _chosen(total, many)

        def blocks() -> Iterator[Any]:
            for start, rows in _blocks(self.everything, index):
                shifted = rows + shift.astype(rows.dtype)
                if self.all_weights is None:
                    yield shifted
                else:
                    at = slice(start, start + len(rows))
                    yield shifted, self.all_weights[at if index is None else index[at]]

        return summarize(blocks(), temperature=temperature)

    def of(self, name: str, other: Any, key: str | None = None) -> Any:
        """The same rows of an array that goes with these logits, [N, K] or a file of one."""
        other = _flat(opened(name, other, key) if is_named(other) else other)
        known = self.index is not None and getattr(other, "ndim", 0) == 2 and other.shape[0] == self.total
        if isinstance(other, Rows):
            return other.take(self.index) if known and self.index is not None else other.whole()
        return other[self.index] if known else other  # another number is refused at the door


def source_of(
    logits: Any,
    temperature: float,
    weights: Any = None,
    key: str | None = None,
    scheduler: str | None = None,
) -> Source:
    """The logits themselves, or a summary and a sample where they are large or summed up on a cluster."""
    if scheduler is not None and not is_named(logits):
        raise ValueError("`scheduler` must go with the paths of files, got no path as `logits`.")
    if scheduler is not None and weights is not None:
        raise ValueError("`scheduler` must be None where `weights` are given: shards are summed up without.")
    array = _flat(opened("logits", logits, key) if is_named(logits) else logits)
    if isinstance(array, Rows) or array_api_compat.is_array_api_obj(array):
        shape = tuple(array.shape)
        if len(shape) != 2 or 0 in shape:
            return Source(rows=array)  # refused at the door
        w = None if weights is None else _share(weights, shape[:1])
        if scheduler is not None:
            paths = [file for name in listed(logits) for file in files_of(name)]
            whole = summary_of_shards(paths, temperature=temperature, key=key, scheduler=scheduler)
            return _drawn_from(array, w, whole)
        if shape[0] * shape[1] > LARGE:
            return _drawn_from(array, w, summarize(array, temperature=temperature, weights=w))
        rows = array.whole() if isinstance(array, Rows) else array
        if w is None or (w > 0).all():
            return Source(rows=rows, weights=w, total=len(rows))
        index = np.flatnonzero(w > 0)
        return Source(rows=rows[index], weights=w[index], index=index, total=len(rows))
    if isinstance(array, Iterable) and not isinstance(array, str | bytes | dict | list | tuple):
        if weights is not None:
            raise ValueError("`weights` must go with an array or a file, got an iterable of blocks.")
        tap = _Tap(array)
        whole = summarize(tap, temperature=temperature)
        return Source(rows=tap.rows, whole=whole if whole.samples > len(tap.rows) else None)
    return Source(rows=array)


def _drawn_from(array: Any, weights: np.ndarray | None, whole: Summary) -> Source:
    total, clusters = array.shape
    used = None if weights is None else np.flatnonzero(weights > 0)
    index = _chosen(
        total if used is None else len(used), _drawn(total if used is None else len(used), clusters)
    )
    index = index if used is None else used[index]
    return Source(
        rows=_taken(array, index),
        weights=None if weights is None else weights[index] / weights[index].sum(),
        whole=whole,
        index=index,
        total=total,
        everything=array,
        all_weights=weights,
    )


def _taken(array: Any, index: np.ndarray) -> Any:
    return array.take(index) if isinstance(array, Rows) else array[index]


def _flat(array: Any) -> Any:
    """[B, P, K], patch tokens of several images, as rows [B · P, K]."""
    many = array_api_compat.is_array_api_obj(array) and array.ndim > 2
    return array.reshape((-1, array.shape[-1])) if many else array


def _blocks(array: Any, index: np.ndarray | None) -> Iterator[tuple[int, np.ndarray]]:
    """Rows of all, or those of the index, a few at a time, with the number of the first among them."""
    clusters, start = array.shape[1], 0
    if index is None:
        for rows, _ in parts_of(array, None, SHIFTED):
            yield start, rows
            start += len(rows)
        return
    size = max(1, SHIFTED // clusters)
    for start in range(0, len(index), size):
        some = index[start : start + size]
        yield start, np.asarray(_widened(_taken(array, some)))


def _share(weights: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Weights of all rows over their sum."""
    w = on_host("weights", weights).reshape(-1)
    if w.shape != shape:
        raise ValueError(f"`weights` must have shape {shape}, one for each row, got shape {w.shape}.")
    bad = ~(np.isfinite(w) & (w >= 0))
    if bad.any() or not w.sum() > 0:
        got = w[bad.argmax()] if bad.any() else w.sum()
        raise ValueError(f"`weights` must be finite, not negative, and of a positive sum, got {got:g}.")
    return w / w.sum()


def _chosen(samples: int, many: int) -> Int[np.ndarray, " n"]:
    return np.sort(np.random.default_rng(SEED).choice(samples, many, replace=False))


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
