"""What the command lines share: tyro over a dataclass, and one line where the arguments are wrong."""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

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


def exit_with(main: Callable[[], int]) -> NoReturn:
    """Exit with the status of `main`; without a word where the reader of its output has gone (`| head`)."""
    try:
        try:
            status = main()
        finally:  # `--help` leaves by SystemExit
            sys.stdout.flush()
    except BrokenPipeError:
        output = sys.stdout.fileno()
        poll = select.poll()
        poll.register(output, 0)
        if not poll.poll(0):  # the output can still be written to: it was a pipe of the work
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
        status = 1
    sys.exit(status)


def _one_line(box: str) -> str:
    """tyro's message without title, frame and colours: what is wrong, and what was perhaps meant."""
    blocks: list[list[str]] = [[]]
    for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()[1:]:
        if set(line) <= set("│╭╮╰╯─- "):
            blocks.append([])
        else:
            blocks[-1].append(line.strip("│ "))
    first, *others = [block for block in blocks if block] or [[box.strip()]]
    meant = [block[1] for block in others if block[0].startswith("Perhaps you meant")]
    message = " ".join(first).removeprefix("Error parsing settings: ").rstrip(".")
    return message + "".join(f"; did you mean {option}?" for option in meant)
