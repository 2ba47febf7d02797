"""A diagnosis of logits on disk, against reading them with one exponential an element.

float32 logits N(0, 1), K = 4096, written to a temporary folder; the pages that the system holds of the file
are given back before each turn, so that every contender reads the disk. Temperature 0.1; no moving centre is
given: that of all rows is known after a first pass, and what it makes of the rows takes a second.
"""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

import theory
from benchmarks import memory
from benchmarks.turns import Contender, Row, take_turns

CLUSTERS, PART = 4096, 4096
READ, ALLOCATED = "read, np.exp(block, out=buffer)", "read, np.exp(block)"


def rows(*, repeat: int, quick: bool) -> Iterator[Row]:
    yield of_size(2_000 if quick else 100_000, repeat=repeat)


def of_size(samples: int, *, repeat: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "logits.npy"
        _write(path, samples)
        contenders = [
            _contender("theory.diagnose", diagnose, path),
            _contender("theory.summarize", summarize, path),
            _contender(ALLOCATED, read_allocating, path),
            _contender(READ, read, path),
        ]
        return Row(
            group="Logits on disk",
            problem=f"{samples:,} × {CLUSTERS}, float32, {path.stat().st_size / 2**30:.2f} GiB",
            ours="theory.diagnose",
            against=ALLOCATED,
            goal=1.5,
            measured=take_turns(contenders, against=ALLOCATED, repeat=repeat),
        )


def _contender(name: str, work: Callable[[Path], None], path: Path) -> Contender:
    def run() -> None:
        forget(path)
        work(path)

    peak = partial(memory.in_fresh_process, _peak, work, path) if memory.COUNTED else None
    return Contender(name=name, run=run, peak=peak)


def _peak(work: Callable[[Path], None], path: Path) -> float:
    """Anonymous memory: pages of the file that the system maps in are its own."""
    tracemalloc.start()
    work(path)
    return tracemalloc.get_traced_memory()[1] / 2**20


def diagnose(path: Path) -> None:
    theory.diagnose(path, temperature=0.1)


def summarize(path: Path) -> None:
    theory.summarize(path, temperature=0.1)


def read(path: Path) -> None:
    logits, buffer = np.load(path, mmap_mode="r"), np.empty((PART, CLUSTERS), np.float32)
    for start in range(0, len(logits), PART):
        block = logits[start : start + PART]
        np.exp(block, out=buffer[: len(block)])


def read_allocating(path: Path) -> None:
    logits = np.load(path, mmap_mode="r")
    for start in range(0, len(logits), PART):
        np.exp(logits[start : start + PART])


def forget(path: Path) -> None:
    """Let the system give back the pages that it holds of the file."""
    if not hasattr(os, "posix_fadvise"):
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _write(path: Path, samples: int) -> None:
    rng = np.random.default_rng(0)
    logits = np.lib.format.open_memmap(path, "w+", np.float32, (samples, CLUSTERS))
    for start in range(0, samples, PART):
        logits[start : start + PART] = rng.standard_normal((min(PART, samples - start), CLUSTERS), np.float32)
    logits.flush()
