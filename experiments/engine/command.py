"""How a command line ends."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Callable
from typing import NoReturn


def exit_with(main: Callable[[], int]) -> NoReturn:
    """Exit with the status of `main`; without a word where the reader of its output has gone (`| head`)."""
    try:
        sys.exit(main())
    finally:  # also after `--help`, which leaves by SystemExit
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        output = select.poll()
        output.register(sys.stdout, 0)
        if output.poll(0):  # asked of the output itself: a broken pipe of the work is another thing
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
