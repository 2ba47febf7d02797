"""A run of which a summary is all that is left: what its network is, what its constraint can do."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.diagnosis.center import judge_center
from theory.diagnosis.comparison import CenteringPrice
from theory.diagnosis.readings import FEW, SILENT, UNIFORM, fate_of
from theory.diagnosis.report import Diagnosis, Fate, Finding, Record, Report, note, ok, problem, warning
from theory.diagnosis.run import Knobs
from theory.diagnosis.temperatures import judge_temperatures
from theory.summary import Summary
from theory.teachers import Teacher

__all__ = ["SummaryReading"]

STILL = 0.1
"""Nats that no log-probability moves by: a constraint, which tilts, makes at most twice that of them."""


@dataclass(frozen=True, kw_only=True)
class SummaryReading(Record):
    """The teacher before its constraint, and how far two constraints can be apart.  [O3, J7]

    Attributes
    ----------
    samples, clusters : int
        N and K.
    log_clusters : float
        log K, nats.
    raw_teacher_information : float
        I(X;K), nats.
    raw_teacher_prior_entropy : float
        H of the cluster prior, nats.
    raw_teacher_entropy : float
        Mean entropy of a sample, nats.
    raw_clusters_in_use : int
        Those that are the largest of some sample.
    centering_to_inverse_prior_tv_bound : float
        Certified total variation between the centred and the inverse-prior teacher of any sample.
    """

    samples: int
    clusters: int
    log_clusters: float
    raw_teacher_information: float
    raw_teacher_prior_entropy: float
    raw_teacher_entropy: float
    raw_clusters_in_use: int
    centering_to_inverse_prior_tv_bound: float


def examine_summary(
    summary: Summary,
    knobs: Knobs | None,
    teacher: Teacher,
    *,
    loss: float | None,
    loss_is: str | None,
    batch_size: int | None,
) -> Diagnosis:
    """What can be said without the rows; a collapse that a bias could hide is not called."""
    report, gap = Report(), summary.jensen_gap
    finite = bool(np.isfinite(gap).all())
    reading = SummaryReading(
        samples=summary.samples,
        clusters=summary.clusters,
        log_clusters=math.log(summary.clusters),
        raw_teacher_information=summary.mutual_information,
        raw_teacher_prior_entropy=summary.prior_entropy,
        raw_teacher_entropy=summary.entropy,
        raw_clusters_in_use=int(np.count_nonzero(summary.largest_count)),
        centering_to_inverse_prior_tv_bound=math.tanh(float(np.ptp(gap)) / 4) if finite else 1.0,
    )
    fate = _fate(reading, summary, teacher)
    report.add(reading, _about_the_network(reading, fate))
    if finite:
        price = CenteringPrice(
            lautum_information=summary.lautum_information, gap_oscillation=float(np.ptp(gap))
        )
        report.add(price)
    else:
        text = "there are exact zeros, where the geometric mean is 0 and centering undefined."
        report.say([note("J1", text)])
    if loss is not None and abs(loss - reading.log_clusters) < UNIFORM:
        text = f"the loss, {loss:.4f}, is log {reading.clusters}: what a uniform answer pays."
        report.say([note("O4", text)])
    elif loss is not None and loss_is == "mean":
        text = "whether the student looks at its input takes the rows: the margin is H(r̄) − loss."
        report.say([note("O5", text)])
    if knobs is not None:
        judge_temperatures(report, knobs, fate)
    judge_center(report, knobs, batch_size, given=False)
    return report.closed(fate)


def _fate(reading: SummaryReading, summary: Summary, teacher: Teacher) -> Fate:
    seen = fate_of(reading.raw_teacher_information, reading.raw_teacher_prior_entropy, reading.clusters)
    moved = bool((summary.log_range > STILL).any())
    hidden = seen != "alive" and teacher.constrained and moved
    return "undecided" if hidden or (seen != "alive" and reading.samples < FEW) else seen


def _about_the_network(reading: SummaryReading, fate: Fate) -> Iterator[Finding]:
    text = "a summary tells what the network is before its constraint; what that makes of it takes the rows."
    yield note("O3", text, "logits of a few hundred samples.")
    if reading.samples < FEW:
        yield warning("E1", f"{reading.samples} samples are too few to call a fate.", f"{FEW} or more.")
    if fate == "alive":
        yield ok("O3", "answers of the network depend on the sample.")
    elif fate == "undecided":
        text = f"the network's own answers are worth less than {SILENT:g} nats, and move:"
        text += " a constraint may bring out what a bias hides."
        yield warning("O3", text, "logits of a few hundred samples.")
    else:
        claim = "D3" if fate == "uniform collapse" else "O4"
        yield problem(claim, f"{fate}, whatever the constraint: no answer moves by more than {STILL} nats.")
