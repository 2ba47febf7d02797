"""Results on disk: one netCDF file per experiment that says by itself what made it.

The same data give the same bytes. Files are netCDF 3 (no compression, no library version, no clock inside),
and what is recorded beside the data is a function of settings, code and environment only. So there is no
time of creation: `git_date` is the date of the commit the code was at, and two runs of one commit agree.

`digest` covers the data and the settings but not the provenance: it changes when the result does. `checksum`
covers everything beside itself, and is not asked of a file that has none.
netCDF 3 knows int32, float32, float64 and text: int64 comes back as int32, and one too large is refused.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import platform
import subprocess
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import xarray as xr

from experiments.engine.disk import reason, shown, write_atomically
from experiments.engine.registry import ROOT

__all__ = ["shown", "write_atomically"]

CODE = ("theory", "experiments", "constraints.txt")
DISTRIBUTIONS = ("numpy", "scipy", "scikit-learn", "torch", "xarray")
PROVENANCE = (
    *("threads", "platform", "versions", "sources", "git_commit", "git_date", "git_state"),
    *("digest", "checksum"),
)
NOT_COMPARED = ("device",)  # where it ran, not what was asked


class Damaged(ValueError):
    """A file is not, or no longer, what `save` wrote."""


class SettingsMismatch(ValueError):
    """A results file answers another question than the one the code now asks."""


def to_json(settings: Any) -> str:
    """Canonical JSON of a settings dataclass: the record, and what chunks are named by."""
    if not is_dataclass(settings) or isinstance(settings, type):
        raise TypeError(f"`settings` must be a dataclass instance, got {type(settings).__name__}.")
    return json.dumps(asdict(settings), ensure_ascii=False)


def settings_of(dataset: xr.Dataset) -> dict[str, Any]:
    """The settings a dataset was made with."""
    if "settings" not in dataset.attrs:
        raise SettingsMismatch("the dataset has no attribute `settings`: it was not made by an experiment.")
    return json.loads(dataset.attrs["settings"])


def stamp(dataset: xr.Dataset, *, experiment: str, settings: Any, threads: int = 1) -> xr.Dataset:
    """The dataset with its record in the attributes: settings, seeds, threads, versions, git commit."""
    record = {
        "experiment": experiment,
        "settings": to_json(settings),
        "threads": threads,
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": json.dumps(versions()),
    }
    if hasattr(settings, "seeds"):
        record["seeds"] = json.dumps(settings.seeds)
    return dataset.assign_attrs(record | _git())


def check(dataset: xr.Dataset, settings: Any, *, experiment: str | None = None) -> None:
    """Refuse a dataset made with other settings, or of another experiment where that is asked.

    Raises SettingsMismatch: for each setting that differs, what the file has and what the code has.
    """
    if experiment is not None and dataset.attrs.get("experiment") != experiment:
        made = dataset.attrs.get("experiment", "no experiment")
        raise SettingsMismatch(f"the results are those of {made}, not of {experiment}")
    sides = {"file": settings_of(dataset), "code": json.loads(to_json(settings))}
    changed = [
        name
        for name in sides["file"] | sides["code"]
        if name not in NOT_COMPARED and sides["file"].get(name, ...) != sides["code"].get(name, ...)
    ]
    if changed:
        lines = ["the results were made with other settings:"]
        for name in changed:
            values = (
                f"{json.dumps(s[name]) if name in s else 'nothing'} in the {w}" for w, s in sides.items()
            )
            lines.append(f"  {name}: {', '.join(values)}")
        raise SettingsMismatch("\n".join(lines))


def digest(dataset: xr.Dataset) -> str:
    """SHA-256 of the data, coordinates, their attributes and the settings, without the provenance."""
    bare = dataset.assign_attrs()
    bare.attrs = {name: value for name, value in dataset.attrs.items() if name not in PROVENANCE}
    return hashlib.sha256(_serialise(bare)).hexdigest()


def checksum(dataset: xr.Dataset) -> str:
    """SHA-256 of all that a file holds: data, settings and provenance."""
    bare = dataset.assign_attrs()
    bare.attrs = {name: value for name, value in dataset.attrs.items() if name != "checksum"}
    return hashlib.sha256(_serialise(bare)).hexdigest()


def pack(dataset: xr.Dataset) -> bytes:
    """The bytes of the file `save` writes."""
    dataset = dataset.assign_attrs(digest=digest(dataset))
    return _serialise(dataset.assign_attrs(checksum=checksum(dataset)))


def unpack(data: bytes) -> xr.Dataset:
    """The dataset of `pack`. Raises Damaged where the content is not the one that was packed."""
    try:
        dataset = _parse(data)
        found = {"digest": digest(dataset)}
        if "checksum" in dataset.attrs:
            found["checksum"] = checksum(dataset)
    except Exception as error:  # a reader of bytes that mean nothing may raise anything
        raise Damaged(f"not a results file: {type(error).__name__}: {error}") from error
    for name, value in found.items():
        if dataset.attrs.get(name) != value:
            raise Damaged(f"the content does not have the {name} that it carries")
    return dataset


def save(dataset: xr.Dataset, path: Path) -> None:
    """Write a results file, whole or not at all. Raises CannotWrite."""
    write_atomically(path, pack(dataset))


def load(path: Path) -> xr.Dataset:
    """Read a results file into memory and check its digest. Raises FileNotFoundError, or Damaged."""
    try:
        return unpack(Path(path).read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"{shown(path)} is not there") from None
    except OSError as error:
        raise Damaged(f"{shown(path)} cannot be read: {reason(error)}") from error
    except Damaged as error:
        raise Damaged(f"{shown(path)}: {error}") from error


def origin(dataset: xr.Dataset) -> str:
    """Which code made it and how old that is: `the code of 2026-05-01 (3 d ago, commit 1a2b3c4)`."""
    commit, date = dataset.attrs.get("git_commit", "unknown"), dataset.attrs.get("git_date", "unknown")
    if date == "unknown":
        return "code outside a git checkout (age unknown)"
    days = max((datetime.now(UTC) - datetime.fromisoformat(date)).days, 0)
    changed = "" if dataset.attrs["git_state"] == "clean" else " with uncommitted changes"
    return f"the code of {date[:10]} ({days} d ago, commit {commit[:7]}{changed})"


@cache
def versions() -> dict[str, str]:
    """Python and the libraries that the numbers pass through."""
    return {"python": platform.python_version()} | {d: importlib.metadata.version(d) for d in DISTRIBUTIONS}


def _serialise(dataset: xr.Dataset) -> bytes:
    # Twice: netCDF 3 narrows types (int64 to int32, a list of one number to the number), and what is read
    # back must again give these bytes.
    return _encode(_parse(_encode(dataset)))


def _encode(dataset: xr.Dataset) -> bytes:
    ordered = xr.Dataset(
        {name: dataset.data_vars[name] for name in sorted(dataset.data_vars, key=str)},
        coords={name: dataset.coords[name] for name in sorted(dataset.coords, key=str)},
        attrs=dict(sorted(dataset.attrs.items())),
    )
    return bytes(ordered.drop_encoding().to_netcdf(engine="scipy", format="NETCDF3_64BIT"))


def _parse(data: bytes) -> xr.Dataset:
    return xr.load_dataset(io.BytesIO(data), engine="scipy").drop_encoding()


@cache
def _git() -> dict[str, str]:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        commit, date = git("log", "-1", "--format=%H %cI", "--", *CODE).split()
        state = "modified" if git("status", "--porcelain", "--", *CODE) else "clean"
    except (OSError, ValueError, subprocess.CalledProcessError):  # ValueError: no commit has this code
        commit = date = state = "unknown"
    return {"git_commit": commit, "git_date": date, "git_state": state}
