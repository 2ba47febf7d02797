"""Progress with the time left: a bar on a terminal once 5 s have passed, silence elsewhere.

Loops nest (chunks of a sweep, steps of a training run) and share one display. Worker processes show nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")
DELAY = 5.0  # seconds

_display = Progress(
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TextColumn("spent,"),
    TimeRemainingColumn(),
    TextColumn("left"),
    console=Console(stderr=True),
    transient=True,
    speed_estimate_period=1e9,  # rich would forget what took over half a minute, as chunks do
)


def silence() -> None:
    """Show nothing from this process any more (called in workers)."""
    _display.disable = True


def track(items: Iterable[Item], *, description: str, total: int | None = None) -> Iterator[Item]:
    """The items, one by one, with a bar. `total` where `items` has no length."""
    with bar(description, len(items) if total is None and isinstance(items, Sized) else total) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def bar(description: str, total: int | None, *, lines: bool = False) -> Iterator[Callable[[], None]]:
    """A function that advances the bar by one. `lines`: off a terminal, print a line for each advance."""
    number = _display.add_task(description, total=total)
    _display.advance(number, 0)  # the speed is measured from here, not from the end of the first step

    def advance() -> None:
        _display.advance(number)
        outer = _display.tasks[0]
        if _display.disable or (outer.elapsed or 0.0) < DELAY:
            return
        if _display.console.is_terminal:
            _display.start()
        elif lines:
            task = next(task for task in _display.tasks if task.id == number)
            spent, left = (timedelta(seconds=round(t or 0.0)) for t in (task.elapsed, task.time_remaining))
            _display.console.print(
                f"{description}: {task.completed:.0f} of {total}, {spent} spent, {left} left"
            )

    try:
        yield advance
    finally:
        _display.remove_task(number)
        if not _display.tasks and _display.live.is_started:
            _display.stop()
