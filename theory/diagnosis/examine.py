"""The order in which a checked run is looked at, and how the parts decide its fate together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from theory.diagnosis.agreement import read_agreement, same_logits
from theory.diagnosis.center import fate_of_center, judge_center, read_lag
from theory.diagnosis.clusters import fate_of_clusters, read_clusters
from theory.diagnosis.comparison import compare_with_projected
from theory.diagnosis.fate import name_fate
from theory.diagnosis.history import read_history
from theory.diagnosis.readings import FEW, fate_of, read_loss, read_student, read_teacher
from theory.diagnosis.report import Diagnosis, Report
from theory.diagnosis.run import Knobs, Run, constrain
from theory.diagnosis.scale import read_scale
from theory.diagnosis.temperatures import judge_temperatures
from theory.logspace import normalize
from theory.summary import Summary
from theory.systems import System

if TYPE_CHECKING:
    from jaxtyping import Float

__all__: list[str] = []


def examine(
    run: Run,
    knobs: Knobs | None,
    *,
    system: System | None,
    student: Float[np.ndarray, "N K"] | None,
    earlier: Summary | None,
    loss: float | None,
    loss_is: str | None,
    batch_size: int | None,
) -> Diagnosis:
    """All that can be said of it, from what the network is to what its knobs do.

    student: raw logits of other views, for which `knobs` has τ_s.  earlier: of the teacher at another step.
    """
    constrained, report = constrain(run), Report()
    network = read_teacher(report, run, constrained)
    fate, prior_entropy, paid = network.fate, network.raw_teacher_prior_entropy, loss
    read_scale(report, run, constrained.ensemble, system, alive=network.fate == "alive")
    if student is not None and knobs is not None:
        log_q = normalize(student, np, knobs.student_temperature)
        read = read_student(report, constrained.ensemble, log_q, loss)
        prior_entropy, paid = read.student_prior_entropy, read.loss
        fate = fate_of(read.student_information, prior_entropy, network.clusters)
        both = fate == network.fate == "alive"
        read_agreement(
            report, constrained.ensemble, log_q, same_view=same_logits(run.batch.logits, student), alive=both
        )
    lag = read_lag(report, run)
    if network.fate == "alive":
        clusters = read_clusters(report, run, constrained.ensemble, network)
        fate = fate_of_clusters(fate, clusters, run)
    else:
        fate = fate_of_center(fate, lag, knobs)
    if earlier is not None:
        fate = read_history(report, run, earlier, fate)
    if fate not in ("alive", "partial collapse") and len(run.batch.logits) < FEW:
        fate = "undecided"
    if paid is not None:
        measured = student is not None
        read_loss(report, paid, network, fate, known=measured or loss_is == "mean", measured=measured)
    name_fate(report, fate, prior_entropy, teacher=network, run=run, knobs=knobs, batch_size=batch_size)
    if network.fate == "alive":
        compare_with_projected(report, run, constrained.ensemble)
    if knobs is not None:
        judge_temperatures(report, knobs, fate)
    judge_center(report, knobs, batch_size, given=run.center is not None)
    return report.closed(fate)
