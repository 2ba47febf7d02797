"""The teacher of a system as a row like those of `theory.TEACHERS`, where the table has none of that kind."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from theory.systems.scalings import scores_log_tilt_kernel
from theory.systems.settings import System
from theory.teachers import TEACHERS, Teacher

__all__: list[str] = []

SCORES_SINKHORN = Teacher(
    name="sinkhorn on scores",
    label="Sinkhorn on e^{z/τ}",
    settings=("rounds",),
    of_scores=True,
    ignores=frozenset({"cluster bias"}),
    log_tilt_kernel=scores_log_tilt_kernel,
)
"""DINOv2's and SwAV's: clusters first, so that the first λ is that of the softmax over the batch.  [T5]"""

OWN: Mapping[str, Teacher] = MappingProxyType(dict.fromkeys(("dinov2", "swav", "capi"), SCORES_SINKHORN))
"""By `System.function`; CAPI's for the samples of one position."""


def teacher_of(system: System) -> Teacher:
    """The constraint that the system's code puts on its teacher."""
    return OWN.get(system.function) or TEACHERS[system.teacher]
