"""One experiment from settings to a results file; what can be wrong is checked before the work starts."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro
import xarray as xr

from experiments.engine import checksums, disk, store, sweep
from experiments.engine.fingerprints import fingerprints
from experiments.engine.registry import ROOT, Entry, Refused

RESULTS = ROOT / "results"


class CannotRun(Refused):
    """Something that was asked for is not possible here; known before any work."""


@dataclass(frozen=True, kw_only=True)
class Execution(sweep.Context):
    """How it is run: nothing here changes a number, except the threads in the last bits."""

    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """Take the defaults of the small variant, which takes less than half a minute of one core."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE.nc")] = None
    """Results file. If not given, results/NAME.nc for the default settings, else a folder git ignores."""


def destination(entry: Entry, settings: Any) -> Path:
    """Where results go: NAME.nc is kept for the settings in the code, which the figures are drawn with.

    The quick variant goes to quick/NAME.nc, any other settings to custom/NAME-HASH.nc; git ignores both.
    """
    if settings == entry.module.Settings():
        return RESULTS / f"{entry.name}.nc"
    if settings == entry.module.Settings.quick():
        return RESULTS / "quick" / f"{entry.name}.nc"
    name = hashlib.sha256(store.to_json(settings).encode()).hexdigest()[:8]
    return RESULTS / "custom" / f"{entry.name}-{name}.nc"


def run(entry: Entry, settings: Any, path: Path, context: sweep.Context | None = None) -> xr.Dataset:
    """Run an experiment and write its results file; run again after a crash, it goes on where it was.

    Chunks of all settings share a folder, so that a larger grid finds those of a smaller one. Raises
    CannotRun for a device that is not there, CannotWrite for a path that cannot be written, and Busy where
    another process runs the same experiment, all before any work.
    """
    _check_path(path)
    home = RESULTS if path.resolve().is_relative_to(RESULTS) else path.parent
    scratch = home / "partial" / entry.name
    for folder in (path.parent, scratch):
        disk.sweep_partial(folder)
    context = replace(context or sweep.Context(), scratch=scratch)
    if getattr(settings, "seeds", 1) < 1:
        raise CannotRun(f"`seeds` must be at least 1, got {settings.seeds}.")
    if context.scheduler is None and hasattr(settings, "device"):
        _check_device(settings.device)
    try:
        with disk.alone(scratch.with_name(f".{entry.name}.lock"), f"the experiment {entry.name}"):
            return _run(entry, settings, path, context)
    finally:
        with contextlib.suppress(OSError):  # other experiments are under way
            scratch.parent.rmdir()


def _run(entry: Entry, settings: Any, path: Path, context: sweep.Context) -> xr.Dataset:
    sources = json.dumps(fingerprints(entry.qualified_name))  # before the work: of the code that does it
    with sweep.reproducible(context.threads):
        dataset = entry.module.run(settings, context=context).assign_attrs(sources=sources)
    dataset = store.stamp(dataset, experiment=entry.name, settings=settings, threads=context.threads)
    store.save(dataset, path)
    if path.parent.resolve() == RESULTS.resolve():
        checksums.record(path)
    _clear(context.used)  # only now: killed before this line, nothing is computed twice
    return store.load(path)


def changed_since(entry: Entry, dataset: xr.Dataset) -> list[str]:
    """The source files that make this result and have changed since, in more than comments."""
    then, now = json.loads(dataset.attrs.get("sources", "{}")), fingerprints(entry.qualified_name)
    return [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]


def _clear(chunks: Iterable[Path]) -> None:
    """Remove these chunks, what a killed process left of them, and the folder with its last."""
    for chunk in chunks:
        with contextlib.suppress(OSError):  # more chunks are there, or they are not ours to remove
            for file in chunk.parent.glob(f"*{chunk.name}*"):
                file.unlink(missing_ok=True)
            chunk.parent.rmdir()


def _check_path(path: Path) -> None:
    if path.suffix != ".nc":
        raise CannotRun(f"the output must be a file that ends in .nc, got {store.shown(path)}")
    disk.check_writable(path)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(0, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:  # AssertionError: "Torch not compiled with CUDA enabled"
        reason = str(error).partition("\n")[0]
        raise CannotRun(f"there is no device {device!r} here: {reason}") from error
