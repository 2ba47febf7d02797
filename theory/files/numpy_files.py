"""Members of .npy and .npz files, by their headers; large ones that are not compressed are mapped."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from theory.files.member import IN_MEMORY, UNPACKED, Member, Unreadable

__all__: list[str] = []

DAMAGED: tuple[type[Exception], ...] = (ValueError, EOFError, OSError, SyntaxError, RecursionError, KeyError)
DAMAGED += (struct.error, tokenize.TokenError, zlib.error, zipfile.BadZipFile, NotImplementedError)
DAMAGED += (RuntimeError, OverflowError)
"""What NumPy and zipfile let through of a file that is damaged or made to hurt: NotImplementedError where a
member is packed in a way that zipfile does not know, RuntimeError where it wants a password."""
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
LOCAL_HEADER = struct.Struct("<4s2H3H3I2H")
WRITE = "np.savez('run.npz', logits=z.float().cpu().numpy()) writes one"


def npy_members(path: Path) -> Iterator[Member]:
    """The one of a .npy file."""
    with path.open("rb") as file:
        shape, fortran, dtype, start = _header(path, "", file)
    _check_size(path, "", shape, dtype, path.stat().st_size - start)
    opened: Callable[[], Any] = partial(np.memmap, path, dtype, "r", start, shape, "F" if fortran else "C")
    if 0 in shape:
        opened = partial(np.empty, shape, dtype)
    yield Member(name="", shape=shape, dtype=_name(dtype), open=opened)


def npz_members(path: Path, archive: zipfile.ZipFile) -> Iterator[Member]:
    """Those of a .npz file."""
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name == info.filename or info.flag_bits & 1:
            raise Unreadable(f"{path} must hold .npy members only, got `{info.filename}`.")
        with _guarded(path), archive.open(info) as file:
            shape, fortran, dtype, start = _header(path, name, file)
        size = info.file_size - start
        _check_size(path, name, shape, dtype, size)
        if info.compress_type == zipfile.ZIP_STORED and size > IN_MEMORY:
            offset = _offset(path, info) + start
            opened: Callable[[], Any] = partial(
                np.memmap, path, dtype, "r", offset, shape, "F" if fortran else "C"
            )
        elif size > UNPACKED:
            opened = partial(_refuse_packed, path, name, size)
        else:
            opened = partial(_unpacked, path, info.filename)
        yield Member(name=name, shape=shape, dtype=_name(dtype), open=opened)


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    """Whatever a damaged file raises, in one line."""
    try:
        yield
    except (Unreadable, FileNotFoundError):
        raise
    except DAMAGED:
        raise Unreadable(f"{path} must be a .npy or .npz file of plain numbers: {WRITE}.") from None


def _header(path: Path, name: str, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, order, type and start of the data."""
    with _guarded(path):
        version = np.lib.format.read_magic(file)
        if version not in HEADERS:
            raise ValueError(version)
        shape, fortran, dtype = HEADERS[version](file)
    if dtype.hasobject or dtype.names or dtype.subdtype:
        raise Unreadable(f"{path} must hold plain numbers, got `{name or 'an array'}` of {dtype}.")
    return shape, fortran, dtype, file.tell()


def _check_size(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype, size: int) -> None:
    needed = dtype.itemsize
    for length in shape:
        needed *= length
    if min(shape, default=1) < 0 or needed > size:
        raise Unreadable(
            f"{path} is cut short or damaged: `{name or 'the array'}` declares shape {list(shape)} of "
            f"{dtype}, {needed:,} bytes, and has {size:,}."
        )


def _offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: after its own header, with a name and an extra field."""
    with path.open("rb") as file, _guarded(path):
        file.seek(info.header_offset)
        fields = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    return info.header_offset + LOCAL_HEADER.size + fields[-2] + fields[-1]


def _unpacked(path: Path, member: str) -> np.ndarray:
    with _guarded(path), zipfile.ZipFile(path) as archive, archive.open(member) as file:
        found: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        return found


def _refuse_packed(path: Path, name: str, size: int) -> Any:
    raise Unreadable(
        f"{path} holds `{name}` compressed, {size / 2**30:.1f} GiB unpacked: np.savez writes it so that it "
        "is mapped and read in parts."
    )


def _name(dtype: np.dtype) -> str:
    return dtype.name if dtype.isnative else dtype.str
