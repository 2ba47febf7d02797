"""Arguments of `theory.diagnose` from files: arrays and knobs by their names, headers before all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from theory.files.member import Member, Unreadable
from theory.files.opened import chosen, files_of, members

__all__: list[str] = []

NAMED = {
    "student_logits": "[N, K], the student's, of other views of the same samples",
    "earlier_logits": "[N, K], the same teacher's at an earlier step",
    "center": "[K], the moving centre as it was applied",
    "weights": "[N], of the samples",
    "log_target": "[K], log π",
}
"""Arrays beside the logits, and what they are."""
LIKE_LOGITS = ("student_logits", "earlier_logits")
NUMBERS = (
    "temperature", "order", "student_temperature", "teacher_momentum", "center_momentum", "learning_rate",
    "loss",
)  # fmt: skip
COUNTS = ("rounds", "batch_size")
WORDS = ("teacher", "like", "loss_is")
SMALL = 1 << 28
"""Bytes that an array other than the logits, and not in step with them, may have."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Arguments for `theory.diagnose`, and in a line what was read."""

    arguments: dict[str, Any]
    told: str


def gathered(
    logits: Sequence[str], *, key: str | None, features: Sequence[str] | None, **given: Any
) -> Gathered:
    """Of the files, and of what the command line says, which goes first; None there means not said."""
    files = [file for name in logits for file in files_of(name)]
    held = members(files[0])
    member = chosen(held, files[0], "logits", key)
    arguments: dict[str, Any] = {"logits": list(files) if len(files) > 1 else files[0]}
    arguments |= {} if member.name in ("", "logits") else {"key": member.name}
    taken = {member.name}
    if len(files) == 1:
        found = _beside(held, member, files[0])
        taken |= set(found) | {name for name in held if _number(name)}
        arguments |= found
    for name in NAMED:
        if given.get(name) is not None:
            if name in arguments:
                raise ValueError(f"`{name}` is given twice, in {files[0]} and as {given[name]}.")
            if name in LIKE_LOGITS and given.get("scheduler") is None:  # else a worker alone may have it
                members(files_of(given[name])[0])  # headers alone: whether it is there, and of a known kind
            arguments[name] = given[name] if name in LIKE_LOGITS else _small(Path(given[name]), name)
    if features is not None:
        arguments["features"] = [
            *arguments.get("features", ()),
            *(_small(Path(name), "features") for name in features),
        ]
    said = {name: value for name, value in given.items() if name not in NAMED and value is not None}
    told = _told(files, member, held, taken - set(said), arguments)
    return Gathered(arguments=arguments | said, told=told)


def _beside(held: dict[str, Member], logits: Member, path: Path) -> dict[str, Any]:
    """The other arguments that a file of named arrays holds."""
    others = {name: member for name, member in held.items() if name != logits.name}
    found: dict[str, Any] = {name: _open(others[name], path) for name in NAMED if name in others}
    for name in (*NUMBERS, *COUNTS, *WORDS):
        if name in others and others[name].shape == ():
            value = np.asarray(others[name].open()).item()
            found[name] = value if name in WORDS else int(value) if name in COUNTS else float(value)
    views = views_in(others, path)
    return found | ({"features": views} if views else {})


def views_in(held: dict[str, Member], path: Path) -> list[Any]:
    """features_1, features_2, … of a file, in the order of their numbers."""
    names = sorted((name for name in held if _number(name)), key=_number)
    return [_open(held[name], path) for name in names]


def _number(name: str) -> int:
    """1 of features_1, and so on; 0 of other names."""
    tail = name.removeprefix("features_")
    return int(tail) if tail != name and tail.isascii() and tail.isdecimal() else 0


def _small(path: Path, name: str) -> Any:
    return _open(chosen(members(path), path, name), path)


def _open(member: Member, path: Path) -> Any:
    size = 8
    for length in member.shape:
        size *= length
    if len(member.shape) == 1 and size > SMALL:
        raise Unreadable(
            f"{path} holds `{member.name}` of {member.shape[0]:,} numbers: more than clusters or samples."
        )
    array = member.open()
    return array.whole() if hasattr(array, "whole") else array


def _told(
    files: Sequence[Path], logits: Member, held: dict[str, Member], taken: set[str], arguments: dict[str, Any]
) -> str:
    where = str(files[0]) if len(files) == 1 else f"{len(files)} files, {files[0]} to {files[-1]}"
    name = "" if logits.name in ("", "logits") else f"`{logits.name}` of "
    text = f"{name}{where}, {logits.dtype} {' × '.join(map(str, logits.shape))}"
    if len(files) > 1:
        text += " in the first"
    if len(logits.shape) > 2:
        text += ", taken as rows"
    inside = [name for name in (*NAMED, *NUMBERS, *COUNTS, *WORDS) if name in taken]
    inside += ["features"] if "features" in arguments and any(map(_number, held)) else []
    alone = sorted(name for name in held if name not in taken)
    text += f"; with it {', '.join(inside)}" if inside else ""
    return text + (f"; left alone: {', '.join(alone[:8])}{' …' if len(alone) > 8 else ''}" if alone else "")
