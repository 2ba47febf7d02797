"""A diagnosis of logits on disk, against reading them with one exponential an element.

float32 logits N(0, 1), written to a temporary folder; the pages that the system holds of the file are given
back before each turn, so that every contender reads the disk. Temperature 0.1; no moving centre is given:
that of all rows is known after the pass over them; what it makes of the rows is told from 2²⁵ logits.
"""

from __future__ import annotations

import math
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

PART = 1 << 24
"""Elements of a block of the plain loop."""
READ, ALLOCATED = "read, np.exp(block, out=buffer)", "read, np.exp(block)"


def rows(*, repeat: int, quick: bool) -> Iterator[Row]:
    yield of_size(2_000 if quick else 200_000, repeat=repeat, peak_goal=1024)
    yield of_size(64 if quick else 1_024, clusters=1 << 18, repeat=repeat, goal=math.inf, peak_goal=2048)


def of_size(
    samples: int,
    *,
    clusters: int = 4096,
    repeat: int,
    goal: float = 1.5,
    peak_goal: float | None = None,
) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "logits.npy"
        _write(path, samples, clusters)
        contenders = [
            _contender("theory.diagnose", diagnose, path),
            _contender("theory.summarize", summarize, path),
            _contender(ALLOCATED, read_allocating, path),
            _contender(READ, read, path),
        ]
        return Row(
            group="Logits on disk",
            problem=f"{samples:,} × {clusters:,}, float32, {path.stat().st_size / 2**30:.2f} GiB",
            ours="theory.diagnose",
            against=ALLOCATED,
            goal=goal,
            peak_goal=peak_goal,
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
    logits = np.load(path, mmap_mode="r")
    size = PART // logits.shape[1]
    buffer = np.empty((size, logits.shape[1]), np.float32)
    for start in range(0, len(logits), size):
        block = logits[start : start + size]
        np.exp(block, out=buffer[: len(block)])


def read_allocating(path: Path) -> None:
    logits = np.load(path, mmap_mode="r")
    size = PART // logits.shape[1]
    for start in range(0, len(logits), size):
        np.exp(logits[start : start + size])


def forget(path: Path) -> None:
    """Let the system give back the pages that it holds of the file."""
    if not hasattr(os, "posix_fadvise"):
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _write(path: Path, samples: int, clusters: int) -> None:
    rng, size = np.random.default_rng(0), PART // clusters
    logits = np.lib.format.open_memmap(path, "w+", np.float32, (samples, clusters))
    for start in range(0, samples, size):
        logits[start : start + size] = rng.standard_normal((min(size, samples - start), clusters), np.float32)
    logits.flush()
