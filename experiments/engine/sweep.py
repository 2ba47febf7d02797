"""Sweeps: a grid in chunks that survive a crash, here, on all cores, or on a Dask cluster.

A chunk is a frozen dataclass that holds everything its numbers depend on. `sweep` names a finished chunk by
work, chunk, library versions and all code that the work reaches, and puts it on disk before the next one
starts. Killed at any moment and run again, it loads what is finished, repeats the rest, and ends with the
same bytes; with a larger grid it computes what is new. With other code nothing old is loaded.

Same settings, same machine, same bits: threads are fixed (one by default, however many cores there are:
`jobs` is what uses them) and torch is told to refuse algorithms that are not deterministic.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro
import xarray as xr
from joblib import Parallel, delayed, parallel_config

from experiments.engine import fingerprints, progress, store
from experiments.engine.disk import GOES_ON
from experiments.engine.registry import Refused

Chunk = TypeVar("Chunk")
CONNECT_SECONDS = 10
LOOK_SECONDS = 10
"""Between two looks whether the scheduler has workers."""
IN_CHUNK = "in chunk "


class NoCluster(Refused):
    """Dask is not installed, or no scheduler answers."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """How it is carried out: nothing here changes a number, except the threads in the last bits."""

    scratch: Annotated[Path | None, tyro.conf.Suppress] = None
    """Folder for finished chunks; None keeps them in memory only."""
    jobs: int = 1
    """Chunks computed at once, each in a process of its own if more than one."""
    scheduler: Annotated[str | None, tyro.conf.arg(metavar="tcp://HOST:PORT")] = None
    """Dask scheduler that computes the chunks instead of this machine."""
    threads: int = 1
    """Threads of the linear algebra inside one chunk."""

    def __post_init__(self) -> None:
        for name in ("jobs", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.scheduler is not None and "://" not in self.scheduler:
            raise ValueError(f"`scheduler` must look like tcp://HOST:PORT, got {self.scheduler!r}.")

    @cached_property
    def used(self) -> set[Path]:
        """The files of all chunks that were asked for."""
        return set()


def sweep(
    work: Callable[[Chunk], xr.Dataset],
    chunks: Sequence[Chunk],
    *,
    context: Context | None = None,
) -> list[xr.Dataset]:
    """[work(chunk) for chunk in chunks], in that order, each on disk as soon as it has arrived.

    One at a time, that is before the next starts. Only the calling process writes: workers need not share a
    disk with it.

    work: a top-level function, pure in its chunk. chunks: frozen dataclasses of plain values, all different.
    """
    context = context or Context()
    tasks = {_name(work, chunk, context.threads): chunk for chunk in chunks}
    if len(tasks) < len(chunks):
        raise ValueError("`chunks` must all be different.")
    paths = {name: context.scratch / f"{name}.nc" for name in tasks} if context.scratch else {}
    context.used.update(paths.values())
    done = {name: dataset for name, path in paths.items() if (dataset := _finished(path)) is not None}
    title = work.__module__.rpartition(".")[2]
    if done:
        print(f"{title}: {len(done)} of {len(tasks)} chunks were finished before", file=sys.stderr)
    todo = {name: chunk for name, chunk in tasks.items() if name not in done}
    with progress.bar(title, len(todo), lines=True) as advance:
        for name, data in _carry_out(work, todo, context):
            if paths:
                store.write_atomically(paths[name], data)
            done[name] = store.unpack(data)
            advance()
    return [done[name] for name in tasks]


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
    return hashlib.sha256(repr((fingerprints.fingerprints(module), store.versions())).encode()).hexdigest()


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
    what = f"{work.__module__}.{work.__qualname__}", type(chunk).__qualname__, store.to_json(chunk)
    parts = "\n".join([*what, str(threads), code_digest(work.__module__)])
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def _finished(path: Path) -> xr.Dataset | None:
    try:
        return store.load(path)
    except FileNotFoundError:
        return None
    except store.Damaged as error:  # the disk's fault: a finished chunk is whole when it gets its name
        print(f"{error}; the chunk is computed again", file=sys.stderr)
        return None


def _carry_out(
    work: Callable[[Chunk], xr.Dataset], todo: Mapping[str, Chunk], context: Context
) -> Iterator[tuple[str, bytes]]:
    """Name and packed result of each chunk, as they are finished."""
    away = bool(context.scheduler) or context.jobs > 1
    code = code_digest(work.__module__)
    tasks = (delayed(_finish)(name, work, chunk, context.threads, code, away) for name, chunk in todo.items())
    backend = "dask" if context.scheduler else "loky"  # which is this process itself for one job
    jobs = None if context.scheduler else context.jobs
    with (
        reproducible(context.threads),
        _client(context.scheduler) as client,
        _watched(client),
        parallel_config(backend, n_jobs=jobs),
    ):
        try:
            for found in Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="all")(tasks):
                if not (isinstance(found, tuple) and isinstance(found[1], bytes)):
                    raise CancelledError  # what Dask leaves of a chunk whose scheduler has gone
                yield found
        except Exception as error:
            of_the_work = any(note.startswith(IN_CHUNK) for note in getattr(error, "__notes__", ()))
            if client is None or of_the_work or not _is_lost(client, error):
                raise
            raise NoCluster(f"the Dask scheduler at {context.scheduler} was lost; {GOES_ON}") from error


def _client(scheduler: str | None) -> AbstractContextManager[Any]:
    if not scheduler:
        return nullcontext()
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise NoCluster("a scheduler needs Dask: pip install --group dask") from error
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL + 1)  # what is lost is said once, here
    try:
        return Client(scheduler, timeout=CONNECT_SECONDS)
    except OSError as error:
        raise NoCluster(f"no Dask scheduler answers at {scheduler}") from error


@contextmanager
def _watched(client: Any) -> Iterator[None]:
    """Say that the scheduler has no worker, once each time: without one Dask waits and says nothing."""
    if client is None:
        yield
        return
    ended = threading.Event()

    def look() -> None:
        had = True
        while not ended.wait(LOOK_SECONDS) and client.status == "running":
            try:
                has = bool(client.nthreads())
            except (OSError, RuntimeError):  # the scheduler is lost, or about to be: told where it is noticed
                return
            if had and not has:
                where = client.scheduler.address
                print(f"the Dask scheduler at {where} has no worker; waiting for one", file=sys.stderr)
            had = has

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _is_lost(client: Any, error: Exception) -> bool:
    return isinstance(error, CancelledError) or client.status != "running"


def _finish(
    name: str, work: Callable[[Chunk], xr.Dataset], chunk: Chunk, threads: int, code: str, away: bool
) -> tuple[str, bytes]:
    if away:
        if code_digest(work.__module__) != code:
            raise RuntimeError("The worker has other code or library versions than this machine.")
        progress.silence()
        _settle(threads)
    try:
        dataset = work(chunk)
    except Exception as error:
        error.add_note(f"{IN_CHUNK}{chunk}")
        raise
    if not isinstance(dataset, xr.Dataset):
        raise TypeError(f"`{work.__qualname__}` must return an xarray.Dataset, got {type(dataset).__name__}.")
    return name, store.pack(dataset)
