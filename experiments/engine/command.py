"""How a command line ends: with a status, and in one line where it cannot do what it was asked."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
from collections.abc import Callable
from typing import NoReturn

from experiments.engine.disk import GOES_ON
from experiments.engine.registry import Refused

ENVIRONMENT = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
"""What is the machine's fault wherever it happens: no space, a read-only disk, too many files."""
STOPPED = "stopped; the same command goes on with the first unfinished chunk"


def exit_with(main: Callable[[], int], program: str) -> NoReturn:
    """Exit with the status of `main`; without a word where the reader of its output has gone (`| head`)."""
    try:
        sys.exit(main())
    except Refused as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        if error.errno not in ENVIRONMENT:
            raise
        print(f"{program}: {error}; {GOES_ON}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"\n{program}: {STOPPED}", file=sys.stderr)
        sys.exit(130)
    finally:  # also after `--help`, which leaves by SystemExit
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        output = select.poll()
        output.register(sys.stdout, 0)
        if output.poll(0):  # asked of the output itself: a broken pipe of the work is another thing
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
