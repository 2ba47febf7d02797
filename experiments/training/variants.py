"""What differs from run to run of one training loop: settings, and their values as tensors over [variant]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from theory.nn.schedules import Schedule, value_at

RATES = ("teacher_temperature", "student_temperature", "teacher_momentum", "learning_rate")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Settings of one run.

    teacher, order, rounds: the teacher, as in `TeacherNormalizer`.
    center_momentum: of the moving average that normalises the teacher; None takes the batch's own statistic.
    teacher_momentum: m; 0 makes the teacher the student of the last step, 1 leaves it as it was at the start.
    target: required prior π, [K]; None means uniform.
    """

    name: str
    teacher: str = "centering"
    order: float | None = None
    rounds: int | None = None
    center_momentum: float | None = 0.9
    teacher_temperature: float | Schedule = 0.04
    student_temperature: float | Schedule = 0.1
    teacher_momentum: float | Schedule = 0.99
    learning_rate: float | Schedule = 0.1
    target: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name, low, high in (
            ("teacher_temperature", math.ulp(0.0), math.inf),
            ("student_temperature", math.ulp(0.0), math.inf),
            ("teacher_momentum", 0.0, 1.0),
            ("learning_rate", 0.0, math.inf),
        ):
            value = getattr(self, name)
            ends = (value.start, value.end) if isinstance(value, Schedule) else (value,)
            if not all(low <= end <= high and math.isfinite(end) for end in ends):
                span = "positive" if low > 0 else "in [0, 1]" if high == 1 else "not negative"
                raise ValueError(f"`{name}` of variant {self.name!r} must be {span}, got {value}.")


class Rates:
    """Temperatures, momentum and learning rate of every variant at a step, [A, 1, 1, 1] each."""

    def __init__(
        self, variants: Sequence[Variant], *, dtype: torch.dtype, device: str | torch.device
    ) -> None:
        self._variants, self._dtype, self._device = variants, dtype, device
        self._moves = any(isinstance(getattr(v, f.name), Schedule) for v in variants for f in fields(v))
        self._constant = self._evaluate(0)

    def at(self, step: int) -> dict[str, Tensor]:
        """The values by name (`RATES`)."""
        return self._evaluate(step) if self._moves else self._constant

    def _evaluate(self, step: int) -> dict[str, Tensor]:
        values = {name: [value_at(getattr(v, name), step) for v in self._variants] for name in RATES}
        return {
            name: torch.tensor(column, dtype=self._dtype, device=self._device).reshape(-1, 1, 1, 1)
            for name, column in values.items()
        }
