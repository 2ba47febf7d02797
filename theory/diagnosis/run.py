"""What is known of a run, checked: the teacher's output and its constraint, and the knobs of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from theory.checks import Ensemble
from theory.feasibility import check_feasible
from theory.teachers import Batch, Settings, Teacher
from theory.tilts import tilt_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Knobs", "Run"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A teacher network's output, and the constraint that the run puts on it.

    Attributes
    ----------
    batch : Batch
        z [N, K] and τ_t, with log p, the weights 1/N and log π: float64, on the host.
    teacher, settings : Teacher, Settings
        The constraint.
    center : [K] or None
        The moving centre as it was applied; None where λ is that of the batch itself.
    """

    batch: Batch
    teacher: Teacher
    settings: Settings
    center: Float[np.ndarray, " K"] | None

    @property
    def temperature(self) -> float:
        """τ_t."""
        return float(self.batch.temperature)


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What theory judges once the student's temperature is known.

    Attributes
    ----------
    teacher_temperature, student_temperature : float
        τ_t and τ_s.
    clusters : int
        K.
    teacher_momentum : float or None
        m_t per step, if given.
    center_momentum : float or None
        m_c per step; None where no centre moves, or none was given.
    learning_rate : float or None
        η, if given.
    features : tuple of [M, D]
        Views of what the last layer sees; empty if not given.
    """

    teacher_temperature: float
    student_temperature: float
    clusters: int
    teacher_momentum: float | None
    center_momentum: float | None
    learning_rate: float | None
    features: tuple[Float[np.ndarray, "M D"], ...]

    @property
    def sharpened(self) -> bool:
        """τ_t < τ_s."""
        return self.teacher_temperature < self.student_temperature


def constrain(run: Run) -> Ensemble:
    """log r of the teacher under its constraint, with weights and target as they were."""
    log_p, weights, log_pi, xp = run.batch.ensemble
    if run.teacher.exact:
        check_feasible(run.batch.ensemble, name="logits")
    with np.errstate(invalid="ignore", over="ignore"):  # said below, in words
        if run.center is not None:
            log_tilt = run.teacher.applied(run.center, run.temperature, log_pi)
        else:
            log_tilt = run.teacher.log_tilt_of(run.batch, run.settings)
    bad = ~np.isfinite(log_tilt)
    if bad.any():
        name = "logits" if run.center is None else "center"
        who = f"teacher {run.teacher.name!r}"
        who += " without `center`" if run.teacher.in_logits and run.center is None else ""
        where = int(bad.argmax())
        raise ValueError(
            f"`{name}` over `temperature` must be finite for {who}, got a mean of "
            f"{(log_pi - log_tilt)[where]:g} in cluster {where}."
        )
    return Ensemble(tilt_kernel(log_p, log_tilt, xp), weights, log_pi, xp)
