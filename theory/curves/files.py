"""Loss curves as trainers write them: CSV, one JSON object a line, or plain numbers, read line by line."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from theory.checks import Matrix

__all__: list[str] = []

LONGEST = 2**20
"""Characters of a line above which a file is no log."""
LOSSES = (
    "loss",
    "train_loss",
    "train/loss",
    "train_loss_step",
    "loss_step",
    "total_loss",
    "train_cls",
    "value",
)
STEPS = ("step", "global_step", "trainer/global_step", "iteration", "iter", "epoch")
MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def read_curve(path: Path, wanted: Mapping[str, str | None]) -> tuple[dict[str, Matrix], list[str]]:
    """Columns by role ("step", "loss", …), one entry a record that has a loss; and what was found how.

    Raises
    ------
    OSError, ValueError
        No file, no text, no numbers, a column that is not there; the message says which there are.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is {'not a file' if path.exists() else 'not there'}.")
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise ValueError(f"{path} is empty.")
    records = _objects(path, first, lines) if first.lstrip().startswith("{") else _table(path, first, lines)
    return _columns(path, records, wanted)


def column_among(path: Path, names: Sequence[str]) -> str | None:
    """The first of these names that the first record of a readable file has."""
    try:
        lines = _lines(path)
        first = next(lines, "")
        records = (
            _objects(path, first, lines) if first.lstrip().startswith("{") else _table(path, first, lines)
        )
        record = next(records, None) or {}
    except (OSError, ValueError):
        return None  # said where it is read
    return next((name for name in names if name in record), None)


def _lines(path: Path) -> Iterator[str]:
    """Those that are not blank; of a byte that is no UTF-8 a question mark remains."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    opened: Any = gzip.open if packed else open
    try:
        with opened(path, "rb") as file:
            head = file.read(4)
        encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
        with opened(path, "rt", encoding=encoding, errors="replace", newline=None) as text:
            while line := text.readline(LONGEST + 1):
                if len(line) > LONGEST or "\0" in line:
                    raise ValueError(f"{path} is no log: a CSV, JSON lines or plain numbers are read.")
                if line.strip():
                    yield line
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise ValueError(f"{path} is no log: what it packs is damaged.") from None


def _objects(path: Path, first: str, lines: Iterator[str]) -> Iterator[Mapping[str, object] | None]:
    for line in (first, *()):
        yield _object(line)
    for line in lines:
        yield _object(line)


def _object(line: str) -> Mapping[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _table(path: Path, first: str, lines: Iterator[str]) -> Iterator[Mapping[str, object] | None]:
    """Rows below a line of names, or of bare numbers: a loss, or a step and a loss."""
    mark = next((mark for mark in "\t;," if mark in first), None)

    def cells(line: str) -> list[str]:
        row = line.split() if mark is None else next(csv.reader([line], delimiter=mark), [])
        return [cell.strip().replace(",", ".") if mark == ";" else cell.strip() for cell in row]

    names = cells(first)
    bare = [_number(cell) is not None for cell in names]
    rows: Iterator[str] = lines
    if all(bare):
        if len(names) > 2:
            raise ValueError(f"{path} has {len(names)} columns without names: put a line of names first.")
        width = len(names)
        names = ["loss"] if width == 1 else ["step", "loss"]
        yield dict(zip(names, cells(first), strict=True))
    for line in rows:
        row = cells(line)
        yield dict(zip(names, row, strict=True)) if len(row) == len(names) else None


def _number(cell: object) -> float | None:
    """None of a cell that is empty or no number."""
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return None
    try:
        return float(cell)
    except (ValueError, OverflowError):
        return None


def _columns(
    path: Path, records: Iterator[Mapping[str, object] | None], wanted: Mapping[str, str | None]
) -> tuple[dict[str, Matrix], list[str]]:
    names: dict[str, str] = {}
    held: dict[str, array[float]] = {}
    skipped = 0
    for record in records:
        if record is None:
            skipped += 1
            continue
        if "loss" not in names:
            names = _named(path, record, wanted)
            held = {role: array("d") for role in names}
        loss = _number(record.get(names["loss"]))
        if loss is None:  # a row of another metric, as Lightning writes them
            skipped += record.get(names["loss"]) not in (None, "")
            continue
        for role, name in names.items():
            number = loss if role == "loss" else _number(record.get(name))
            held[role].append(np.nan if number is None else number)
    if not held or not len(held["loss"]):
        raise ValueError(f"{path} holds no number that could be a loss.")
    if skipped > len(held["loss"]):
        raise ValueError(f"{path} cannot be read: {skipped} of its lines are damaged or hold no number.")
    told = [
        f"the loss is column {names['loss']!r}"
        + (f", steps are {names['step']!r}" if "step" in names else "")
    ]
    if skipped:
        told.append(f"{skipped} damaged lines are left out")
    return {role: np.asarray(values, dtype=np.float64) for role, values in held.items()}, told


def _named(path: Path, record: Mapping[str, object], wanted: Mapping[str, str | None]) -> dict[str, str]:
    """Role → column: as wanted, else by the names that trainers use."""
    found = {}
    for role, name in wanted.items():
        if name is not None:
            if name not in record:
                raise ValueError(f"{path} has no column {name!r}: {', '.join(record)}.")
            found[role] = name
    lower = {name.lower().strip(): name for name in record}
    if "loss" not in found:
        best = (
            "train_cls" if {"train_cls", "train_patch"} <= lower.keys() else None
        )  # iBOT: loss is their sum
        best = best or next((name for name in LOSSES if name in lower), None)
        near = [name for name in lower if "loss" in name and not name.endswith(("__min", "__max"))]
        if best is None and len(near) == 1:
            best = near[0]
        if best is None:
            raise ValueError(
                f"{path} has no one column that must be the loss, name it with --column: {', '.join(record)}."
            )
        found["loss"] = lower[best]
    if "step" not in found:
        step = next((lower[name] for name in STEPS if name in lower), None)
        if step is not None and step != found["loss"]:
            found["step"] = step
    return found
