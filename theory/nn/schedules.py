"""Values that change during training: temperatures, teacher momentum, learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from theory.checks import check_count, check_number

__all__ = ["Schedule", "value_at"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    r"""v(t) = start + (end − start) · f(min(t/steps, 1)), f(u) = u ("linear") or (1 − cos πu)/2 ("cosine").

    .. math::
        \begin{gathered}
        v(t) = v_0 + (v_1 - v_0)\, f\bigl(\min(t/T, 1)\bigr), \\
        f(u) = u \quad\text{or}\quad f(u) = \frac{1 - \cos \pi u}{2}
        \end{gathered}

    A function of the step t = 0, 1, …; :math:`v_0` is `start`, :math:`v_1` is `end`, T is `steps`.

    Attributes
    ----------
    start : float
        The first value.
    end : float
        The last.
    steps : int
        How long the change takes; afterwards the value stays at `end`.
    shape : {"linear", "cosine"}
        What f is.

    Raises
    ------
    TypeError, ValueError
        A value that is not a finite number, `steps` below 1, an unknown `shape`.

    Examples
    --------
    DINO's warm-up of the teacher's temperature, in steps:

    >>> from theory.nn import Schedule
    >>> warm_up = Schedule(start=0.04, end=0.07, steps=300)
    >>> [round(warm_up(step), 4) for step in (0, 150, 300, 900)]
    [0.04, 0.055, 0.07, 0.07]
    """

    start: float
    end: float
    steps: int
    shape: Literal["linear", "cosine"] = "linear"

    def __post_init__(self) -> None:
        check_number("start", self.start)
        check_number("end", self.end)
        check_count("steps", self.steps)
        if self.shape not in ("linear", "cosine"):
            raise ValueError(f"`shape` must be 'linear' or 'cosine', got {self.shape!r}.")

    def __call__(self, step: int) -> float:
        """The value at `step`, 0 being the first."""
        done = min(step / self.steps, 1.0)
        return self.start + (self.end - self.start) * (
            done if self.shape == "linear" else (1 - math.cos(math.pi * done)) / 2
        )


def value_at(value: float | Callable[[int], float], step: int) -> float:
    """The value of a constant or of a schedule (any function of the step).

    Examples
    --------
    >>> from theory.nn.schedules import Schedule, value_at
    >>> value_at(0.1, 7), value_at(Schedule(start=0.0, end=1.0, steps=10), 7)
    (0.1, 0.7)
    """
    return value(step) if callable(value) else value
