"""One experiment from settings to a results file; what can be wrong is checked before the work starts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xarray as xr

from experiments.engine import fingerprints, store, sweep
from experiments.engine.registry import ROOT, Entry

RESULTS = ROOT / "results"
STOPPED = "stopped; the same command goes on with the first unfinished chunk"


class CannotRun(ValueError):
    """Something that was asked for is not possible here; known before any work, and said in one line."""


def destination(entry: Entry, settings: Any, *, results: Path | None = None) -> Path:
    """Where results go: NAME.nc is kept for the settings in the code, which the figures are drawn with.

    The quick variant goes to quick/NAME.nc, any other settings to custom/NAME-HASH.nc; git ignores both.
    """
    results = results or RESULTS
    if settings == entry.module.Settings():
        return results / f"{entry.name}.nc"
    if settings == entry.module.Settings.quick():
        return results / "quick" / f"{entry.name}.nc"
    return results / "custom" / f"{entry.name}-{_short_hash(settings)}.nc"


def run(
    entry: Entry,
    settings: Any,
    path: Path,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    threads: int = 1,
) -> xr.Dataset:
    """Run an experiment and write its results file; run again after a crash, it goes on where it was.

    Raises CannotRun for a device that is not there or a path that cannot be written, before any work.
    """
    folder = path.parent / "partial" / entry.name  # for chunks of any settings: a larger grid finds them
    try:
        context = sweep.Context(scratch=folder, jobs=jobs, scheduler=scheduler, threads=threads)
    except ValueError as error:
        raise CannotRun(str(error)) from error
    _check_path(path)
    if scheduler is None and hasattr(settings, "device"):
        _check_device(settings.device)
    with sweep.reproducible(threads):
        dataset = entry.module.run(settings, context=context)
    sources = json.dumps(fingerprints.fingerprints(entry.qualified_name))
    dataset = store.stamp(
        dataset.assign_attrs(sources=sources), experiment=entry.name, settings=settings, threads=threads
    )
    store.save(dataset, path)
    _clear(folder, context.used)  # only now: killed before this line, nothing is computed twice
    return store.load(path)


def changed_since(entry: Entry, dataset: xr.Dataset) -> list[str]:
    """The source files that make this result and have changed since, in more than comments."""
    then, now = (
        json.loads(dataset.attrs.get("sources", "{}")),
        fingerprints.fingerprints(entry.qualified_name),
    )
    return [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]


def _clear(folder: Path, chunks: Iterable[Path]) -> None:
    """Remove these chunks and what a killed process left of them; the folder with the last of its chunks."""
    for chunk in chunks:
        for file in folder.glob(f"*{chunk.name}*"):
            file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # chunks of other settings are there
        folder.rmdir()
        folder.parent.rmdir()


def _short_hash(settings: Any) -> str:
    return hashlib.sha256(store.to_json(settings).encode()).hexdigest()[:8]


def _check_path(path: Path) -> None:
    if path.suffix != ".nc" or path.is_dir():
        raise CannotRun(f"the output must be a file that ends in .nc, got {store.shown(path)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise CannotRun(f"nothing can be written in {store.shown(path.parent)}: {error.strerror}") from error


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(0, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:  # AssertionError: "Torch not compiled with CUDA enabled"
        reason = str(error).partition("\n")[0]
        raise CannotRun(f"there is no device {device!r} here: {reason}") from error
