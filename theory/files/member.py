"""One array of a file, as its header describes it: nothing is read before it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__: list[str] = []

IN_MEMORY = 1 << 26
"""Bytes up to which a member of an archive is read whole, its checksum tested; a larger one is mapped."""
UNPACKED = 1 << 31
"""Bytes that a compressed member may unpack to: it cannot be mapped."""


class Unreadable(ValueError):
    """A file that is damaged, of another kind, or not of plain numbers; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """An array in a file.

    Attributes
    ----------
    name : str
        In the file; empty where the file is that array.
    shape : tuple of int
        As declared.
    dtype : str
        As NumPy, or the format, calls it.
    open : callable
        The array, mapped if it is large, or `Rows`; a number or a string of a file that holds such.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    open: Callable[[], Any]

    @property
    def floating(self) -> bool:
        """Of floating-point numbers."""
        return self.dtype in ("float16", "float32", "float64", "bfloat16", ">f2", ">f4", ">f8")

    def __str__(self) -> str:
        return f"{self.name or 'one array'} {list(self.shape)} {self.dtype}"
