"""What is known of a run, checked: the teacher's output and its constraint, and the knobs of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from theory.checks import Ensemble
from theory.diagnosis.sample import Source
from theory.feasibility import check_feasible
from theory.summary import Summary
from theory.summary.one_pass import Part
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
    source : Source
        Where the rows of the batch come from: they may be a sample of more.
    key : str or None
        The name of the array that is wanted of each file.
    """

    batch: Batch
    teacher: Teacher
    settings: Settings
    center: Float[np.ndarray, " K"] | None
    source: Source
    key: str | None = None

    @property
    def temperature(self) -> float:
        """τ_t."""
        return float(self.batch.temperature)

    @property
    def clusters(self) -> int:
        """K."""
        return int(self.batch.logits.shape[-1])

    def raw(self) -> Summary:
        """Of the teacher before its constraint, all rows."""
        return self.source.whole or summary_of(self.batch.ensemble)


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


def summary_of(ensemble: Ensemble) -> Summary:
    """Of checked log-probabilities [N, K]."""
    return Part(ensemble.log_p, ensemble.weights, 1.0).summary()


class Constrained(NamedTuple):
    """The teacher under its constraint."""

    ensemble: Ensemble
    """log r, with weights and target as they were."""
    log_tilt: Float[np.ndarray, " K"]
    """λ."""


def constrain(run: Run) -> Constrained:
    """λ as the run applied it, of all rows where a summary gives it, and the tilt of the batch by it."""
    log_p, weights, log_pi, xp = run.batch.ensemble
    if run.teacher.exact:
        check_feasible(run.batch.ensemble, name="logits")
    with np.errstate(invalid="ignore", over="ignore"):  # said below, in words
        if run.center is not None:
            log_tilt = run.teacher.applied(run.center, run.temperature, log_pi)
        elif run.source.whole is not None and (order := power_mean_order(run)) in (0.0, 1.0):
            whole = run.source.whole
            log_tilt = log_pi - (whole.log_prior if order else whole.log_geometric_mean)
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
    return Constrained(Ensemble(tilt_kernel(log_p, log_tilt, xp), weights, log_pi, xp), log_tilt)


def power_mean_order(run: Run) -> float | None:
    """s of a teacher whose statistic is a power mean of p, which no shift of a sample moves; else None."""
    teacher = run.teacher
    if not (teacher.pools and "sample shift" in teacher.ignores):
        return None
    return teacher.order_of_average(run.settings)
