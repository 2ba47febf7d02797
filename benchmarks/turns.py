"""Contenders that take turns on one problem, so that a busy machine slows them alike."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Contender", "Measured", "Row", "take_turns"]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to do the work: what runs, how wrong its answer is, and the memory that it takes at most."""

    name: str
    run: Callable[[], Any]
    error: Callable[[Any], float] | None = None
    peak: Callable[[], float] | None = None
    """MiB beyond the input, measured apart from the time."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Median seconds of one contender, and its ratio to the peer that the goal is stated against."""

    name: str
    seconds: float
    ratio: float
    error: float | None = None
    peak_mib: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the goals: what was to be reached, and what was.

    `goal` is the largest allowed ratio of `ours` to `against`, inf where none is set; `peak_goal` the most
    MiB that ours may take.
    """

    group: str
    problem: str
    ours: str
    against: str
    goal: float
    measured: tuple[Measured, ...]
    peak_goal: float | None = None
    absent: tuple[tuple[str, str], ...] = ()
    """Peers that could not be had, with the reason."""


def take_turns(contenders: Sequence[Contender], *, against: str, repeat: int) -> tuple[Measured, ...]:
    """Each contender `repeat` times in turn after one untimed turn; medians, ratios to `against`."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    answers = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peers warn where they stop early; the error says so
        for turn in range(repeat + 1):
            for contender in contenders:
                begin = time.perf_counter()
                answers[contender.name] = contender.run()
                if turn:
                    seconds[contender.name].append(time.perf_counter() - begin)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    return tuple(
        Measured(
            name=contender.name,
            seconds=medians[contender.name],
            ratio=medians[contender.name] / medians[against],
            error=None if contender.error is None else contender.error(answers[contender.name]),
            peak_mib=None if contender.peak is None else contender.peak(),
        )
        for contender in contenders
    )
