"""The knobs that a published system sets, as arguments of `theory.diagnose`."""

from __future__ import annotations

from typing import Any

from theory.systems import System
from theory.systems.own import teacher_of

__all__: list[str] = []


def knobs_of(system: System) -> dict[str, Any]:
    """Its own teacher, temperatures and momenta; τ_t is that before the warm-up."""
    return {
        "teacher": teacher_of(system),
        "temperature": system.teacher_temperature,
        "student_temperature": system.student_temperature,
        "teacher_momentum": system.teacher_momentum,
        "center_momentum": system.center_momentum,
    }
