"""Forked processes, a few at a time, each with a time limit: what one of them does is gone with it."""

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

GRACE = 10.0
"""Seconds of a processor that a test may take beyond ten times its own, unless told otherwise."""
WALL = 4.0
"""How much longer than that it may take by the clock."""


@dataclass
class Child:
    """One at work."""

    task: object
    pid: int
    folder: str
    deadline: float
    begin: float = field(default_factory=time.monotonic)
    said: bytes = b""


def each(
    tasks: Iterable[tuple[object, float]],
    work: Callable[[object], dict],
    *,
    jobs: int = 1,
    enough: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[object, dict]]:
    """(task, what `work` returned) for each (task, seconds it should take), as they end.

    A child that is stopped by the clock or by its own timer gives {"verdict": "timeout"}, one that dies of
    anything else {"verdict": "killed", "by": "signal …"}. Once there is `enough`, all are ended.
    """
    waiting, at_work = iter(tasks), {}
    try:
        while True:
            if enough():
                return
            while len(at_work) < jobs:
                task, seconds = next(waiting, (None, 0.0))
                if task is None:
                    break
                pipe, child = _start(task, work, seconds)
                at_work[pipe] = child
            if not at_work:
                return
            ready, _, _ = select.select(list(at_work), [], [], 0.5)
            for pipe in list(at_work):
                child = at_work[pipe]
                late = time.monotonic() > child.deadline
                if late:
                    _stop(child)
                elif pipe not in ready:
                    continue
                elif part := os.read(pipe, 1 << 16):
                    child.said += part
                    continue
                del at_work[pipe]
                yield child.task, _end(pipe, child, late)
    finally:
        for pipe, child in at_work.items():
            _stop(child)
            _end(pipe, child, True)


def _start(task, work, seconds):
    reading, writing = os.pipe()
    folder = tempfile.mkdtemp(prefix="mutant-")
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_child(task, work, writing, folder)
    os.close(writing)
    return reading, Child(task, pid, folder, time.monotonic() + WALL * (60.0 + 10 * seconds))


def _be_child(task, work, writing, folder):
    """Never returns."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        os.environ |= {"TMPDIR": folder, "PYTEST_DEBUG_TEMPROOT": folder}
        tempfile.tempdir = None
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        told = work(task)
    except BaseException:  # whatever it is, the parent says it
        told = {"verdict": "broken", "why": traceback.format_exc()}
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(told).encode())
    finally:
        os._exit(0)


def allow(seconds: float) -> None:
    """Ends this process once it has used that much more of a processor; 0 takes it back."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _stop(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:  # before it has a group of its own
        os.kill(child.pid, signal.SIGKILL)


def _end(pipe, child, late):
    os.close(pipe)
    _, status = os.waitpid(child.pid, 0)
    shutil.rmtree(child.folder, ignore_errors=True)
    if late or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF):
        told = {"verdict": "timeout"}
    elif child.said:
        told = json.loads(child.said)
    else:
        told = {"verdict": "killed", "by": f"signal {os.WTERMSIG(status)}"}
    return told | {"seconds": round(time.monotonic() - child.begin, 2)}
