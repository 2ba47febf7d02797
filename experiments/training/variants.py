"""What differs from run to run of one training loop, as tensors and modules over [variant]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from theory.nn.normalizer import TeacherNormalizer
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


class Teachers:
    """The normalisers of all variants, one module for each group of one teacher."""

    def __init__(
        self, variants: Sequence[Variant], *, seeds: int, clusters: int, device: str | torch.device
    ) -> None:
        groups: dict[tuple[Any, ...], list[int]] = {}
        for i, v in enumerate(variants):
            groups.setdefault((v.teacher, v.order, v.rounds, v.center_momentum is None), []).append(i)
        self._groups: list[tuple[slice | list[int], TeacherNormalizer]] = []
        for index in groups.values():
            members = [variants[i] for i in index]
            whole = index == list(range(index[0], index[-1] + 1))
            normalizer = _normalizer(members, seeds=seeds, clusters=clusters)
            self._groups.append((slice(index[0], index[-1] + 1) if whole else index, normalizer.to(device)))

    def __call__(self, logits: Tensor, temperature: Tensor, *, training: bool) -> Tensor:
        """log r [A, S, N, K] of the teachers' raw logits. `training`: the moving averages see them."""
        log_r = torch.empty_like(logits)
        for index, normalizer in self._groups:
            normalizer.train(training)
            log_r[index] = normalizer(logits[index], temperature=temperature[index])
        return log_r

    def update(self) -> None:
        """Moves the moving averages, once after each optimiser step."""
        for _, normalizer in self._groups:
            normalizer.update()


def _normalizer(members: Sequence[Variant], *, seeds: int, clusters: int) -> TeacherNormalizer:
    first, log_target, momentum = members[0], None, None
    for v in members:
        if v.target is not None and len(v.target) != clusters:
            raise ValueError(
                f"`target` of variant {v.name!r} must have {clusters} entries, one for each cluster, "
                f"got {len(v.target)}."
            )
    if any(v.target is not None for v in members):
        rows = [v.target or (1 / clusters,) * clusters for v in members]
        log_target = torch.tensor(rows, dtype=torch.float64)[:, None].log()
    if first.center_momentum is not None:
        momentum = torch.tensor([v.center_momentum for v in members], dtype=torch.float64)[:, None, None]
    return TeacherNormalizer(
        first.teacher,
        clusters=clusters,
        order=first.order,
        rounds=first.rounds,
        momentum=momentum,
        log_target=log_target,
        batch_shape=(len(members), seeds),
        manual_update=True,
    )
