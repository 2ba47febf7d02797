"""How far the teacher in use, and the two closed forms, are from the projected one here.  [J5, J7, E1]"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.checks import Ensemble
from theory.crossing import teacher_crossing_kernel
from theory.diagnosis.report import Finding, Record, Report, note
from theory.diagnosis.run import Run, power_mean_order
from theory.logspace import Array
from theory.projection import NotConverged, project_kernel
from theory.teachers import TEACHERS, Settings
from theory.tilts import tilt_kernel

__all__ = ["CenteringPrice", "ProjectedComparison"]

FAR = 0.1
"""Mean total variation from the projected teacher from which on it is worth a word."""
NEARER = 0.01
"""By how much less the inverse prior must be away to be named: what two decimals show."""


@dataclass(frozen=True, kw_only=True)
class CenteringPrice(Record):
    """What Jensen's inequality costs the centred teacher here.  [J5, J7]

    Attributes
    ----------
    lautum_information : float
        L(X;K) of the teacher before its constraint, nats.
    gap_oscillation : float
        max J − min J over clusters, nats: how far apart centering and the inverse prior can be.
    """

    lautum_information: float
    gap_oscillation: float


@dataclass(frozen=True, kw_only=True)
class ProjectedComparison(Record):
    """Mean total variation over samples, in [0, 1], from the projected teacher.  [J7]

    Attributes
    ----------
    teacher_to_projected_tv : float
        Of the teacher in use.
    batch_centred_to_projected_tv, inverse_prior_to_projected_tv : float
        Of the teachers centred by the mean of these logits, normalised by the inverse prior of these.
    crossing_batch_size : float
        Samples from which on the noise of a batch moves the inverse prior less than centering is away.  [E1]
    """

    teacher_to_projected_tv: float
    batch_centred_to_projected_tv: float
    inverse_prior_to_projected_tv: float
    crossing_batch_size: float


def compare_with_projected(report: Report, run: Run, constrained: Ensemble) -> None:
    """Add what can be said: nothing where log p has zeros, no distance where the solver stopped."""
    raw = run.raw()
    if np.isneginf(raw.lowest).any():
        text = "there are exact zeros, where the geometric mean is 0 and centering undefined."
        report.say([note("J1", text)])
        return
    report.add(
        CenteringPrice(
            lautum_information=raw.lautum_information, gap_oscillation=float(np.ptp(raw.jensen_gap))
        )
    )
    try:
        projected = constrained.log_p if run.teacher.exact else project_kernel(run.batch.ensemble).log_r
    except NotConverged as failure:
        report.say([note("T3", f"the projected teacher was not reached: {failure}")])
        return
    comparison = _compared(run, constrained.log_p, np.exp(projected))
    report.add(comparison, _about_the_distances(comparison, run))


def _compared(run: Run, log_r: Array, projected: Array) -> ProjectedComparison:
    ensemble = run.batch.ensemble

    def distance(log: Array) -> float:
        return 0.5 * float(ensemble.weights @ np.abs(np.exp(log) - projected).sum(1))

    def of_batch(name: str) -> Array:
        log_tilt = TEACHERS[name].log_tilt_of(run.batch, Settings())
        return tilt_kernel(ensemble.log_p, log_tilt, ensemble.xp)

    return ProjectedComparison(
        teacher_to_projected_tv=distance(log_r),
        batch_centred_to_projected_tv=distance(of_batch("centering")),
        inverse_prior_to_projected_tv=distance(of_batch("inverse_prior")),
        crossing_batch_size=float(teacher_crossing_kernel(ensemble)),
    )


def _about_the_distances(comparison: ProjectedComparison, run: Run) -> Iterator[Finding]:
    """The distance where it is large, beside that of the inverse prior where it is smaller.  [J7, E1]"""
    in_use, other = comparison.teacher_to_projected_tv, comparison.inverse_prior_to_projected_tv
    if in_use > FAR:
        text = f"the teacher in use is {in_use:.2f} from the projected one in total variation, on average"
        nearer = f", the inverse-prior teacher {other:.2f}" if other < in_use - NEARER else ""
        yield note("J7", f"{text}{nearer}.")
    crossing = comparison.crossing_batch_size
    if power_mean_order(run) in (0.0, 1.0) and 10 <= crossing < 1e5:
        text = f"from about {crossing:.0f} samples on, the noise of a batch moves inverse priors less than "
        yield note("E1", f"{text}centering is away from them.")
