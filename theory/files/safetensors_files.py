"""Members of a .safetensors file: a JSON header of names, types and places, then the bytes; all mapped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from theory.files.member import Member, Unreadable
from theory.files.rows import Rows

__all__: list[str] = []

HEADER = 100_000_000
"""Bytes of the header at most, as in the reference implementation."""
TYPES = {
    "F16": ("float16", "<f2"), "F32": ("float32", "<f4"), "F64": ("float64", "<f8"),
    "BF16": ("bfloat16", "<u2"),
    "I8": ("int8", "i1"), "I16": ("int16", "<i2"), "I32": ("int32", "<i4"), "I64": ("int64", "<i8"),
    "U8": ("uint8", "u1"), "U16": ("uint16", "<u2"), "U32": ("uint32", "<u4"), "U64": ("uint64", "<u8"),
    "BOOL": ("bool", "?"),
}  # fmt: skip
"""Type in the header → its name, and NumPy's for the bytes; others (8-bit floats) are passed over."""


def safetensors_members(path: Path) -> Iterator[Member]:
    """Those of a .safetensors file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(HEADER, size - 8):
            raise Unreadable(f"{path} is no .safetensors file, or cut short: its header is {length:,} bytes.")
        text = file.read(length)
    try:
        header = json.loads(text)
        items = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
        found = [_member(path, name, entry, 8 + length, size) for name, entry in items]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as failure:
        if isinstance(failure, Unreadable):
            raise
        raise Unreadable(f"{path} is no .safetensors file: its header cannot be read.") from None
    yield from (member for member in found if member is not None)


def _member(path: Path, name: str, entry: Any, data: int, size: int) -> Member | None:
    shape, (start, end) = tuple(int(length) for length in entry["shape"]), entry["data_offsets"]
    if entry["dtype"] not in TYPES:
        return None
    called, dtype = TYPES[entry["dtype"]]
    needed = np.dtype(dtype).itemsize
    for length in shape:
        needed *= length
    if min(shape, default=1) < 0 or not 0 <= start <= end <= size - data or end - start != needed:
        raise Unreadable(f"{path} is damaged: `{name}` {list(shape)} is said to be at {start} to {end}.")
    read = partial(_mapped, path, dtype, data + start, shape, bfloat16=called == "bfloat16")
    return Member(name=name, shape=shape, dtype=called, open=read)


def _mapped(path: Path, dtype: str, start: int, shape: tuple[int, ...], *, bfloat16: bool) -> Any:
    if 0 in shape:
        return np.empty(shape, np.float32)
    array = np.memmap(path, np.uint8, "r", start, int(np.prod(shape)) * np.dtype(dtype).itemsize)
    values = array.view(dtype).reshape(shape)  # offsets need not be multiples of the size of a number
    if not bfloat16:
        return values
    return Rows([values], bfloat16=True) if values.ndim == 2 else widened(values)


def widened(values: np.ndarray) -> np.ndarray:
    """float32 of the upper halves that bfloat16 keeps."""
    return (values.astype(np.uint32) << 16).view(np.float32)
