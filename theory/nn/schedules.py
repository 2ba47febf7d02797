"""Values that change during training: temperatures, teacher momentum, learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """v(t) = start + (end − start) · f(min(t/steps, 1)), f(u) = u ("linear") or (1 − cos πu)/2 ("cosine").

    steps: how long the change takes; afterwards the value stays at `end`.
    """

    start: float
    end: float
    steps: int
    shape: Literal["linear", "cosine"] = "linear"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"`steps` must be at least 1, got {self.steps}.")
        if self.shape not in ("linear", "cosine"):
            raise ValueError(f"`shape` must be 'linear' or 'cosine', got {self.shape!r}.")

    def __call__(self, step: int) -> float:
        done = min(step / self.steps, 1.0)
        return self.start + (self.end - self.start) * (
            done if self.shape == "linear" else (1 - math.cos(math.pi * done)) / 2
        )


def value_at(value: float | Callable[[int], float], step: int) -> float:
    """The value of a constant or of a schedule (any function of the step)."""
    return value(step) if callable(value) else value
