"""Progress with the time left: a bar on a terminal once 5 s have passed, silence elsewhere.

Loops nest (chunks of a sweep, steps of a training run) and share one display. Worker processes show nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

Item = TypeVar("Item")
DELAY = 5.0  # seconds


class _TimeLeft(ProgressColumn):
    """From the mean over the whole loop: rich's own estimate forgets what took over half a minute."""

    def render(self, task: Task) -> Text:
        spent = task.elapsed or 0.0
        if not task.completed or task.remaining is None:
            return Text(f"{_clock(spent)} spent")
        return Text(f"{_clock(spent)} spent, {_clock(spent / task.completed * task.remaining)} left")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"


@dataclass(kw_only=True)
class _Display:
    console: Console = field(default_factory=lambda: Console(stderr=True))
    begun: float = field(default_factory=time.monotonic)
    depth: int = 0

    def __post_init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _TimeLeft())
        self.progress = Progress(
            *columns, console=self.console, transient=True, disable=not self.console.is_terminal
        )

    @property
    def late(self) -> bool:
        return time.monotonic() - self.begun > DELAY


_display: _Display | None = None
_silent = False


def silence() -> None:
    """Show nothing from this process any more (called in workers)."""
    global _silent
    _silent = True


def track(items: Iterable[Item], *, description: str, total: int | None = None) -> Iterator[Item]:
    """The items, one by one, with a bar. `total` where `items` has no length."""
    with bar(description, len(items) if total is None and isinstance(items, Sized) else total) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def bar(description: str, total: int | None, *, lines: bool = False) -> Iterator[Callable[[], None]]:
    """A function that advances the bar by one. `lines`: off a terminal, print a line for each advance."""
    global _display
    if _silent:
        yield lambda: None
        return
    display = _display = _display or _Display()
    display.depth += 1
    task = display.progress.add_task(description, total=total)
    begun, done = time.monotonic(), 0

    def advance() -> None:
        nonlocal done
        done += 1
        display.progress.advance(task)
        if display.late:
            display.progress.start()
            if lines and total and not display.console.is_terminal:
                spent = time.monotonic() - begun
                left = spent / done * (total - done)
                display.console.print(
                    f"{description}: {done} of {total}, {_clock(spent)} spent, {_clock(left)} left"
                )

    try:
        yield advance
    finally:
        display.depth -= 1
        display.progress.remove_task(task)
        if display.depth == 0:
            display.progress.stop()
            _display = None
