"""Files that are whole or not there, locks, and what a disk refuses, said in one line."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.engine.registry import Refused

PARTIAL = re.compile(r"\..*\.(\d+)\.partial")
GOES_ON = "the same command goes on where it was"


class CannotWrite(Refused, OSError):
    """The disk refuses a file: it is full, the folder is read-only, the name is too long."""


class Busy(Refused):
    """Another process is at the same work."""

    status = 2


def shown(path: Path) -> str:
    """A path as messages show it: relative to where the user stands, where that is possible."""
    path = Path(os.path.realpath(path))
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def reason(error: OSError) -> str:
    """What the system says of an error, without its number and the path."""
    return error.strerror or str(error)


def check_writable(path: Path) -> None:
    """A file of that name can be written there; nothing is left of the attempt. Raises CannotWrite."""
    with _refused(path, begun=False):
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = _partial(target)
        partial.open("wb").close()
        partial.unlink()


def write_atomically(path: Path, data: bytes) -> None:
    """At every moment, whatever is killed, `path` holds either what it held before or all of `data`.

    A link stays one: what it points to is replaced. Raises CannotWrite.
    """
    with _refused(path):
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = _partial(target)
        try:
            with open(partial, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
        finally:
            with contextlib.suppress(OSError):  # the error of the write is the one to tell
                partial.unlink(missing_ok=True)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name itself, not only the content
        finally:
            os.close(folder)


def sweep_partial(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left in a folder."""
    for file in folder.glob(".*.partial"):
        writer = PARTIAL.fullmatch(file.name)
        if writer and not _lives(int(writer[1])):
            with contextlib.suppress(OSError):  # another start was faster, or it is not ours to remove
                file.unlink()


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Inside, no other process is here with the same lock file, which is removed afterwards.

    Raises Busy, with `what` is under way, where another one is; CannotWrite.
    """
    handle = _locked(lock, what, wait=False)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # before it is released: who waits for it sees that it has gone
        os.close(handle)


@contextmanager
def in_turn(lock: Path) -> Iterator[None]:
    """As `alone`, but it waits for its turn: for what takes a moment."""
    handle = _locked(lock, "", wait=True)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def _locked(lock: Path, what: str, *, wait: bool) -> int:
    """A handle on the lock file that is there now, held by this process alone."""
    while True:
        with _refused(lock):
            lock.parent.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:  # whoever ended just now took the folder along
                continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode() or "another process"
            os.close(handle)
            raise Busy(f"{what} is under way already, by {holder}: wait for it, or stop it") from None
        except OSError as error:  # some network file systems have no locks
            print(f"{shown(lock)}: {reason(error)}; no other process may be at this work", file=sys.stderr)
            return handle
        if _is(lock, handle):
            os.truncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()}".encode(), 0)
            return handle
        os.close(handle)  # it was removed while this process waited for it


def _is(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _target(path: Path) -> Path:
    """Where a write to `path` ends up: the file a link points to. Raises OSError for a folder or a loop."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat() and path.is_dir():
            raise IsADirectoryError("it is a directory")
    return Path(os.path.realpath(path))


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.partial")


@contextmanager
def _refused(path: Path, *, begun: bool = True) -> Iterator[None]:
    """An error of the system becomes a line that names the file, and what to do once work has begun."""
    try:
        yield
    except OSError as error:
        then = f"; {GOES_ON}" if begun else ""
        raise CannotWrite(f"{shown(path)} cannot be written: {reason(error)}{then}") from error
