"""Sweeps: a grid in chunks that survive a crash, here, on all cores, or on a Dask cluster.

A chunk is a frozen dataclass that holds everything its numbers depend on. `sweep` names a finished chunk by
work, chunk, library versions and all code that the work reaches, and puts it on disk before the next one
starts. Killed at any moment and run again, it loads what is finished, repeats the rest, and ends with the
same bytes. With other code or other settings nothing old is loaded.

Same settings, same machine, same bits: threads are fixed (one by default, however many cores there are:
`jobs` is what uses them) and torch is told to refuse algorithms that are not deterministic.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import xarray as xr

from experiments.engine import progress, registry, store

Chunk = TypeVar("Chunk")
CONNECT_SECONDS = 10


class NoCluster(RuntimeError):
    """Dask is not installed, or no scheduler answers."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """How a sweep is carried out; nothing here changes a number, except `threads` in the last bits."""

    scratch: Path | None = None
    """Folder for finished chunks; None keeps them in memory only."""
    jobs: int = 1
    """Chunks computed at once on this machine, each in its own process if more than one."""
    scheduler: str | None = None
    """Address of a Dask scheduler, tcp://HOST:PORT, that computes the chunks instead."""
    threads: int = 1
    """Threads of the linear algebra inside one chunk."""

    def __post_init__(self) -> None:
        for name in ("jobs", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.scheduler is not None and "://" not in self.scheduler:
            raise ValueError(f"`scheduler` must look like tcp://HOST:PORT, got {self.scheduler!r}.")


def sweep(
    work: Callable[[Chunk], xr.Dataset],
    chunks: Sequence[Chunk],
    *,
    context: Context | None = None,
) -> list[xr.Dataset]:
    """[work(chunk) for chunk in chunks], in that order, each one on disk before the next starts.

    work: a top-level function, pure in its chunk. chunks: frozen dataclasses of plain values, all different.
    """
    context = context or Context()
    names = [_name(work, chunk, context.threads) for chunk in chunks]
    if len(set(names)) < len(names):
        raise ValueError("`chunks` must all be different.")
    paths = [context.scratch / f"{name}.nc" if context.scratch else None for name in names]
    found = [_finished(path) if path else None for path in paths]
    done = {i: dataset for i, dataset in enumerate(found) if dataset is not None}
    todo = [i for i in range(len(chunks)) if i not in done]
    title = work.__module__.rpartition(".")[2]
    if done:
        print(
            f"{title}: {len(done)} of {len(chunks)} chunks were finished before",
            file=sys.stderr,
        )
    carry_out = _on_dask if context.scheduler else _on_cores if context.jobs > 1 else _here
    with progress.bar(title, len(todo), lines=True) as advance:
        for i, data in carry_out(work, {i: (chunks[i], paths[i]) for i in todo}, context):
            done[i] = store.unpack(data)
            advance()
    return [done[i] for i in range(len(chunks))]


@contextmanager
def reproducible(threads: int = 1) -> Iterator[None]:
    """Inside, torch and BLAS use that many threads and deterministic algorithms; afterwards as before."""
    import torch

    before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    limits = _settle(threads)
    try:
        yield
    finally:
        limits.restore_original_limits()
        torch.set_num_threads(before[0])
        torch.set_deterministic_debug_mode(before[1])


@cache
def code_digest(module: str) -> str:
    """SHA-256 of the code that a module reaches and of the versions of the libraries."""
    return hashlib.sha256(repr((registry.fingerprints(module), store.versions())).encode()).hexdigest()


def _settle(threads: int) -> Any:
    import torch  # here, not above: listing the experiments need not wait for it
    from threadpoolctl import threadpool_limits

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by cuBLAS to be deterministic
    limits = threadpool_limits(threads)
    torch.set_num_threads(threads)
    # As `use_deterministic_algorithms(True)`, which in 2.13 also imports the compiler: 3 s for nothing here.
    torch.set_deterministic_debug_mode("error")
    return limits


def _name(work: Callable[..., Any], chunk: Any, threads: int) -> str:
    parts = (
        f"{work.__module__}.{work.__qualname__}",
        type(chunk).__qualname__,
        store.to_json(chunk),
    )
    return hashlib.sha256(
        "\n".join([*parts, str(threads), code_digest(work.__module__)]).encode()
    ).hexdigest()[:32]


def _finished(path: Path) -> xr.Dataset | None:
    try:
        return store.load(path)
    except FileNotFoundError:
        return None
    except store.Damaged as error:  # the disk's fault: a finished chunk is whole when it gets its name
        print(f"{error}; the chunk is computed again", file=sys.stderr)
        return None


def _finish(work: Callable[[Chunk], xr.Dataset], chunk: Chunk, path: Path | None) -> bytes:
    try:
        dataset = work(chunk)
    except Exception as error:
        error.add_note(f"in chunk {chunk}")
        raise
    if not isinstance(dataset, xr.Dataset):
        raise TypeError(f"`{work.__qualname__}` must return an xarray.Dataset, got {type(dataset).__name__}.")
    data = store.pack(dataset)
    if path is not None:
        store.write_atomically(path, data)
    return data


def _finish_in_worker(
    work: Callable[[Chunk], xr.Dataset],
    chunk: Chunk,
    path: Path | None,
    threads: int,
    code: str,
) -> bytes:
    if code_digest(work.__module__) != code:
        raise RuntimeError("The worker has other code or library versions than this machine.")
    progress.silence()
    _settle(threads)
    return _finish(work, chunk, path)


Tasks = dict[int, tuple[Any, Path | None]]
Results = Iterator[tuple[int, bytes]]


def _here(work: Callable[..., xr.Dataset], tasks: Tasks, context: Context) -> Results:
    with reproducible(context.threads):
        for i, (chunk, path) in tasks.items():
            yield i, _finish(work, chunk, path)


def _on_cores(work: Callable[..., xr.Dataset], tasks: Tasks, context: Context) -> Results:
    from joblib import Parallel, delayed

    how = context.threads, code_digest(work.__module__)
    parallel = Parallel(
        n_jobs=context.jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs"
    )
    yield from parallel(delayed(_numbered)(i, work, *task, *how) for i, task in tasks.items())


def _numbered(i: int, *arguments: Any) -> tuple[int, bytes]:
    return i, _finish_in_worker(*arguments)


def _on_dask(work: Callable[..., xr.Dataset], tasks: Tasks, context: Context) -> Results:
    try:
        from distributed import Client, as_completed
    except ModuleNotFoundError as error:
        raise NoCluster("a scheduler needs Dask: pip install --group dask") from error
    try:
        client = Client(context.scheduler, timeout=CONNECT_SECONDS)
    except OSError as error:
        raise NoCluster(f"no Dask scheduler answers at {context.scheduler}") from error
    how = context.threads, code_digest(work.__module__)
    with client:
        futures = {
            client.submit(_finish_in_worker, work, chunk, None, *how, pure=False): i
            for i, (chunk, _) in tasks.items()
        }
        for future, data in as_completed(futures, with_results=True):
            i = futures[future]
            path = tasks[i][1]
            if path is not None:  # the workers need not share a disk with this machine
                store.write_atomically(path, data)
            yield i, data
