"""What the command lines share: tyro over a dataclass, and one line where the arguments are wrong."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import TypeVar

import tyro

Command = TypeVar("Command")


class BadCommand(Exception):
    """What was typed cannot be understood; the message is one line."""


def parse(
    command: type[Command], arguments: Sequence[str], *, program: str, description: str, default: Command
) -> Command:
    """The dataclass that the arguments describe. Raises BadCommand; `--help` prints and exits."""
    box = io.StringIO()
    try:
        with contextlib.redirect_stderr(box):
            return tyro.cli(
                command,
                args=arguments,
                prog=program,
                description=description,
                default=default,
                config=(tyro.conf.OmitArgPrefixes,),
            )
    except ValueError as error:
        raise BadCommand(str(error)) from error
    except SystemExit as end:
        if not end.code:
            raise
        raise BadCommand(_one_line(box.getvalue())) from None


def _one_line(box: str) -> str:
    """tyro's message without its frame: what is wrong, and what was perhaps meant."""
    parts: list[list[str]] = [[]]
    for line in (line.strip("│ ") for line in box.splitlines() if line.startswith("│")):
        if set(line) <= {"─"}:
            parts.append([])
        else:
            parts[-1].append(line)
    message = " ".join(parts[0]).replace("Error parsing settings: ", "").rstrip(".")
    meant = [part[1] for part in parts if part and part[0].startswith("Perhaps you meant")]
    return message + (f"; did you mean {meant[0]}?" if meant else "") if message else box.strip()
