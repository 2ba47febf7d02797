"""What every loss of clusters has: a teacher with its moving average, two temperatures, a count of steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from theory.checks import check_number
from theory.nn.counter import Counter
from theory.nn.normalizer import TeacherNormalizer
from theory.nn.schedules import value_at
from theory.systems import SYSTEMS, System
from theory.systems.own import teacher_of
from theory.teachers import Teacher

__all__: list[str] = []

ROUNDS = 3
"""Of Sinkhorn in DINOv2, SwAV and MSN."""


class Criterion(nn.Module):
    """The teacher's side of a loss; `ClusterDistillationLoss` and `MaskedPatchLoss` have the student's."""

    scheduled: Tensor

    def __init__(
        self,
        teacher: str | Teacher,
        *,
        clusters: int,
        momentum: float | Tensor | None,
        teacher_temperature: float | Callable[[int], float],
        student_temperature: float | Callable[[int], float],
        manual_update: bool,
        **options: Any,
    ) -> None:
        super().__init__()
        self.steps = Counter()
        self.teacher_temperature, self.student_temperature = teacher_temperature, student_temperature
        for name in ("teacher_temperature", "student_temperature"):
            self._temperature(name)
        self.normalizer = TeacherNormalizer(
            teacher, clusters=clusters, momentum=momentum, manual_update=True, **options
        )
        self.manual_update = manual_update
        self.register_buffer("scheduled", torch.tensor(self.temperatures), persistent=False)
        self.register_load_state_dict_post_hook(lambda module, keys: module._refresh())

    @torch.no_grad()
    def update(self) -> None:
        """Moves the average and counts a step; once for each optimiser step.

        Raises
        ------
        RuntimeError
            No batch was seen since the last one.
        """
        self.normalizer.update()
        self.steps.add(1)
        self._refresh()

    @torch.no_grad()
    def load_center(self, center: Tensor) -> None:
        """The moving average goes on from this one: DINO's `dino_loss.center`, lightly's `center.value`.

        Parameters
        ----------
        center
            [K], or with leading axes of 1 as DINO ([1, K]) and lightly ([1, 1, K]) store it: the statistic
            that the teacher keeps, for "centering" the mean of raw logits.

        Raises
        ------
        TypeError, ValueError
            No tensor, of another size, not finite; or a teacher without a moving average.
        """
        self.normalizer.load_average(center)

    @property
    def skipped(self) -> int:
        """Batches that were left out of the average, as `TeacherNormalizer.skipped`."""
        return self.normalizer.skipped

    @property
    def temperatures(self) -> tuple[float, float]:
        """τ_t and τ_s of the present step."""
        return self._temperature("teacher_temperature"), self._temperature("student_temperature")

    def _temperature(self, name: str) -> float:
        value = value_at(getattr(self, name), self.steps.value)
        return check_number(name, value, low=0.0, open_low=True)

    def _temperatures(self) -> tuple[float | Tensor, float | Tensor]:
        """Those of a forward; a schedule's as tensors where a step is compiled, which is done once."""
        if not torch.compiler.is_compiling():
            return self.temperatures
        given = self.teacher_temperature, self.student_temperature
        if any(callable(value) for value in given) and not self.manual_update and self.training:
            raise RuntimeError("torch.compile with a schedule needs manual_update=True.")
        tau_t, tau_s = (now if callable(x) else x for x, now in zip(given, self.scheduled, strict=True))
        return tau_t, tau_s

    def _refresh(self) -> None:
        """The temperatures of a compiled step follow their schedules."""
        if not torch.compiler.is_compiling() and (
            callable(self.teacher_temperature) or callable(self.student_temperature)
        ):
            given = self.teacher_temperature, self.student_temperature  # checked when they are used
            self.scheduled.copy_(torch.tensor([value_at(value, self.steps.value) for value in given]))

    def _updated(self) -> None:
        """After a forward, where updates are not the caller's."""
        if self.training and not self.manual_update:
            self.update()


def settings_of(like: str, given: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a criterion that are those of a published system, where `given` has none."""
    if like not in SYSTEMS:
        raise ValueError(f"`like` must be one of {', '.join(SYSTEMS)}, got {like!r}.")
    system: System = SYSTEMS[like]
    teacher = teacher_of(system)
    published: dict[str, Any] = {
        "teacher": teacher,
        "clusters": system.clusters,
        "momentum": system.center_momentum if teacher.in_logits else None,
        "teacher_temperature": system.teacher_temperature,
        "student_temperature": system.student_temperature,
    }
    if "rounds" in teacher.settings:
        published["rounds"] = ROUNDS
    return published | given
