"""The knobs of a run: what was said, and where that is silent what a published system sets."""

from __future__ import annotations

from typing import Any

from theory.systems import System
from theory.systems.own import teacher_of

__all__: list[str] = []


def known_knobs(system: System | None, **given: Any) -> dict[str, Any]:
    """Teacher, temperatures and momenta by name, None where neither knows; τ_t is that before the warm-up."""
    published: dict[str, Any] = {"teacher": "centering"}
    if system is not None:
        published = {
            "teacher": teacher_of(system),
            "temperature": system.teacher_temperature,
            "student_temperature": system.student_temperature,
            "teacher_momentum": system.teacher_momentum,
            "center_momentum": system.center_momentum,
        }
    known = {name: published.get(name) if value is None else value for name, value in given.items()}
    if known["temperature"] is None:
        raise ValueError("`temperature` must be given, or `like` a system that publishes one, got None.")
    return known
