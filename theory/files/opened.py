"""What files hold, and the one array that is wanted of them: by its name, or the only one that it can be."""

from __future__ import annotations

import glob
import os
import stat
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from theory.files.member import Member, Unreadable
from theory.files.numpy_files import npy_members, npz_members
from theory.files.rows import Rows
from theory.files.safetensors_files import safetensors_members
from theory.files.torch_files import torch_members

__all__: list[str] = []

PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
BITS = ("uint16", "int16", "|V2")
KINDS = ".npy, .npz, .pt, .pth or .safetensors"


def members(path: Path) -> dict[str, Member]:
    """What a file holds, by name, from its headers. Raises FileNotFoundError, `Unreadable`."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{path} is not there.") from None
    except (OSError, ValueError) as failure:  # a name too long, a loop of links, a zero byte
        raise Unreadable(
            f"{path} cannot be opened: {getattr(failure, 'strerror', None) or failure}."
        ) from None
    if not stat.S_ISREG(mode):
        raise Unreadable(f"{path} is not a file.")
    return {member.name: member for member in _members(path)}


def files_of(given: str | os.PathLike[str]) -> list[Path]:
    """The file of that name, else those that the pattern matches, in order of their names."""
    path = Path(given)
    if os.path.lexists(path) or not glob.has_magic(str(given)):
        return [path]
    found = sorted(glob.glob(str(given)), key=_natural)
    if not found:
        raise FileNotFoundError(f"{given} matches no file.")
    return [Path(name) for name in found]


def listed(given: Any) -> list[Any]:
    """One path, or several, as a list."""
    return [given] if isinstance(given, str | os.PathLike) else list(given)


def opened(name: str, given: Any, key: str | None = None) -> np.ndarray | Rows:
    """The array `name` of a file, of all files of a pattern, or of a list of files, one under another."""
    files = [file for path in listed(given) for file in files_of(path)]
    arrays = [_floating(chosen(members(file), file, name, key), file).open() for file in files]
    if len(arrays) > 1:
        return stacked(name, arrays, files)
    native = isinstance(arrays[0], Rows) or arrays[0].dtype.isnative
    return arrays[0] if native else _as_rows(name, arrays[0], files[0])


def chosen(held: dict[str, Member], path: Path, name: str, key: str | None = None) -> Member:
    """The member called `key`; else `name`; else the only one that has rows of floating-point numbers."""
    if key is not None and key in held:
        return held[key]
    if key is not None:
        raise Unreadable(f"{path} holds no `{key}`, but {_listed(held.values())}.")
    if list(held) == [""] or name in held:
        return held["" if list(held) == [""] else name]
    likely = [member for member in held.values() if member.floating and len(member.shape) >= 2]
    if len(likely) == 1:
        return likely[0]
    raise Unreadable(
        f"{path} must hold an array named `{name}`, or one that it can be; `key` names one of "
        f"{_listed(held.values())}."
    )


def _floating(member: Member, path: Path) -> Member:
    if not member.floating:
        bits = "" if member.dtype not in BITS else "; if these are the bits of bfloat16, write z.float()"
        raise Unreadable(f"{path} must hold floating-point numbers, got {member}{bits}.")
    return member


def stacked(name: str, arrays: Sequence[Any], files: Sequence[Path]) -> Rows:
    """Shards, one under another."""
    parts = [
        array if isinstance(array, Rows) else _as_rows(name, array, file)
        for array, file in zip(arrays, files, strict=True)
    ]
    first = parts[0]
    for part, file in zip(parts, files, strict=True):
        if (part.shape[1], part.bfloat16, part.dtype) != (first.shape[1], first.bfloat16, first.dtype):
            raise Unreadable(
                f"`{name}` must be of one K and one type in all files, got {first.shape[1]} of {first.dtype} "
                f"in {files[0]} and {part.shape[1]} of {part.dtype} in {file}."
            )
    return Rows([array for part in parts for array in part.parts], bfloat16=first.bfloat16)


def _as_rows(name: str, array: Any, file: Path) -> Rows:
    if isinstance(array, Rows):
        return array
    if array.ndim < 2 or 0 in array.shape:
        raise Unreadable(
            f"`{name}` must have shape [..., N, K] in every file, got {list(array.shape)} in {file}."
        )
    return Rows([array.reshape(-1, array.shape[-1])])


def _members(path: Path) -> Iterable[Member]:
    with path.open("rb") as file:
        start = file.read(16)
    if start[:6] == b"\x93NUMPY":
        return list(npy_members(path))
    if start[:4] == b"PK\x03\x04" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if not any(name.endswith("data.pkl") for name in archive.namelist()):
                return list(npz_members(path, archive))
        return list(torch_members(path))
    if start[:2] in PICKLE:
        return list(torch_members(path))
    if path.suffix == ".safetensors" or start[8:9] == b"{":
        return list(safetensors_members(path))
    raise Unreadable(f"{path} must be a file of plain numbers, {KINDS}.")


def _listed(held: Iterable[Member]) -> str:
    names = [str(member) for member in held]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"


def _natural(name: str) -> list[Any]:
    """rank_10 after rank_9."""
    parts: list[Any] = []
    for digits, letters in _runs(name):
        parts.append((0, int(digits), "") if digits else (1, 0, letters))
    return parts


def _runs(name: str) -> Iterable[tuple[str, str]]:
    at = 0
    while at < len(name):
        end, digit = at, name[at].isdecimal()
        while end < len(name) and name[end].isdecimal() == digit:
            end += 1
        yield (name[at:end], "") if digit else ("", name[at:end])
        at = end
