"""What the logits of a run say by themselves: the fate of teacher and student, and the margin of the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.checks import Ensemble
from theory.diagnosis.report import Fate, Finding, Record, Report, note, ok, problem, warning
from theory.diagnosis.run import Constrained, Run, summary_of
from theory.logspace import Array
from theory.objective import certificate_kernel, evaluate_kernel

__all__ = ["LossReading", "StudentReading", "TeacherReading", "fate_of"]

SILENT = 0.02
"""Nats of information below which an output counts as constant. Of 820 runs in `results/` all but two end
below it or above 0.1."""
BEGUN = 0.1
"""Nats of information beyond which all but two of those runs are that had learnt something."""
UNIFORM = 5e-4
"""Nats from log K within which a loss is that: what four decimals of a log tell."""
CONSTANT: tuple[Fate, ...] = ("uniform collapse", "one cluster", "constant", "turning")
"""One answer for every sample."""
FEW = 32
"""Samples below which a fate is a guess."""
OFF_TARGET = 0.05
"""Total variation from π above which a constrained teacher's prior is not its target."""


def fate_of(information: float, prior_entropy: float, clusters: int) -> Fate:
    """Of one output: alive if it tells the samples apart, else by where it stays."""
    if information >= SILENT:
        return "alive"
    if prior_entropy >= math.log(clusters) - SILENT:
        return "uniform collapse"
    return "one cluster" if prior_entropy <= math.log(1.5) else "constant"


@dataclass(frozen=True, kw_only=True)
class TeacherReading(Record):
    """The teacher before its constraint ("raw") and under it.  [O3, T8]

    Attributes
    ----------
    samples, clusters : int
        N and K.
    log_clusters : float
        log K, nats.
    raw_teacher_information, teacher_information : float
        I(X;K), nats.
    raw_teacher_prior_entropy, teacher_prior_entropy : float
        H of the cluster prior, nats.
    raw_teacher_entropy, teacher_entropy : float
        Mean entropy of a sample, nats.
    clusters_in_use : int
        Those that are the largest of some sample, under the constraint.
    teacher_off_target_tv : float
        TV(r̄, π), in [0, 1].
    """

    samples: int
    clusters: int
    log_clusters: float
    raw_teacher_information: float
    raw_teacher_prior_entropy: float
    raw_teacher_entropy: float
    teacher_information: float
    teacher_prior_entropy: float
    teacher_entropy: float
    clusters_in_use: int
    teacher_off_target_tv: float

    @property
    def fate(self) -> Fate:
        """Of the teacher's network: a constraint hides what became of it, constant outputs come back as π."""
        seen = fate_of(self.teacher_information, self.teacher_prior_entropy, self.clusters)
        if seen == "alive" or self.teacher_off_target_tv >= OFF_TARGET:
            return seen
        return fate_of(self.raw_teacher_information, self.raw_teacher_prior_entropy, self.clusters)


def read_teacher(report: Report, run: Run, constrained: Constrained) -> TeacherReading:
    """Add informations, entropies and shares of p and of r, of all rows where they can be read again."""
    log_pi = run.batch.ensemble.log_target
    raw, samples = run.raw(), len(run.batch.logits)
    under = run.source.under(run.temperature * constrained.log_tilt, run.temperature)
    if run.source.whole is not None:
        report.say(
            [_about_the_sample(samples, run.source.whole.samples, 0 if under is None else under.samples)]
        )
    taught = under or summary_of(constrained.ensemble)
    reading = TeacherReading(
        samples=raw.samples,
        clusters=raw.clusters,
        log_clusters=math.log(raw.clusters),
        raw_teacher_information=raw.mutual_information,
        raw_teacher_prior_entropy=raw.prior_entropy,
        raw_teacher_entropy=raw.entropy,
        teacher_information=taught.mutual_information,
        teacher_prior_entropy=taught.prior_entropy,
        teacher_entropy=taught.entropy,
        clusters_in_use=int(np.count_nonzero(taught.largest_count)),
        teacher_off_target_tv=0.5 * float(np.abs(np.exp(taught.log_prior) - np.exp(log_pi)).sum()),
    )
    report.add(reading, _about_the_samples(reading, samples))
    return reading


@dataclass(frozen=True, kw_only=True)
class StudentReading(Record):
    """The parts of the objective that are the student's.  [O2, O5]

    Attributes
    ----------
    student_information : float
        I(X;K), nats.
    student_prior_entropy : float
        H of its cluster prior, nats.
    kl : float
        Σ w KL(rₙ‖qₙ), nats: what the loss can still be lowered by.
    student_off_target_tv_bound : float
        At least TV(q̄, π).
    loss : float
        Σ w H(rₙ, qₙ), nats, of these logits.
    """

    student_information: float
    student_prior_entropy: float
    kl: float
    student_off_target_tv_bound: float
    loss: float


def read_student(report: Report, constrained: Ensemble, log_q: Array, logged: float | None) -> StudentReading:
    """Add the objective of r and q and what its KL proves; say where the loss `logged` is another."""
    value, proof = evaluate_kernel(constrained, log_q), certificate_kernel(constrained, log_q)
    reading = StudentReading(
        student_information=float(value.student_information),
        student_prior_entropy=float(value.student_prior_entropy),
        kl=float(value.kl),
        student_off_target_tv_bound=float(proof.prior_distance_bound),
        loss=float(value.cross_entropy),
    )
    report.add(reading)
    if logged is not None and abs(logged - reading.loss) > 0.05 * max(reading.loss, 0.1):
        text = f"the logged loss is {logged:.4f}, that of these logits {reading.loss:.4f}."
        remedy = "check that views, temperatures, centre and step are the same."
        report.say([warning("O2", text, remedy)])
    return reading


@dataclass(frozen=True, kw_only=True)
class LossReading(Record):
    """The loss, and how far it is below what the best constant student pays.  [O5]

    Attributes
    ----------
    loss : float
        Mean cross-entropy, nats: of the student's logits where they are given, else as logged.
    margin : float
        H(r̄) − loss, nats; above 0 it proves that the student looks at its input.
    """

    loss: float
    margin: float


def read_loss(
    report: Report, loss: float, teacher: TeacherReading, fate: Fate, *, known: bool, measured: bool
) -> None:
    """Add the loss beside log K, the entropy of the teacher's prior, and the teacher's own.

    known: the number is the mean of one cross-entropy; measured: it was taken from the student's logits.
    """
    reading = LossReading(loss=loss, margin=teacher.teacher_prior_entropy - loss)
    findings = (
        _about_the_loss(reading, teacher, fate, measured) if known else _if_it_is_a_mean(reading, teacher)
    )
    report.add(reading, findings)


def _about_the_sample(drawn: int, samples: int, again: int) -> Finding:
    """What is of all rows and what is not."""
    if again == samples:
        return note(
            "O3", f"the teacher's numbers are of all {samples:,} rows, all else of {drawn:,} that were drawn."
        )
    text = f"what is called raw is of all {samples:,} rows, "
    if again:
        text += f"the teacher's other numbers are of {again:,} that were drawn, "
    return note("O3", f"{text}all else of {drawn:,}{'' if again else ' that were drawn'}.")


def _about_the_samples(reading: TeacherReading, drawn: int) -> Iterator[Finding]:
    """Whether there are samples enough."""
    n = drawn
    if n < FEW:
        yield warning("E1", f"{n} samples are too few to call a fate.", f"{FEW} or more.")
    if n < reading.clusters:
        yield note("E1", f"{n} samples show at most log {n} = {math.log(n):.2f} nats of information.")


def _about_the_loss(
    reading: LossReading, teacher: TeacherReading, fate: Fate, measured: bool
) -> Iterator[Finding]:
    loss, margin, highest = reading.loss, reading.margin, teacher.log_clusters
    if loss < teacher.teacher_entropy - 1e-3 * (1 + teacher.teacher_entropy):
        yield _below_the_teacher(loss, teacher)
        return
    if abs(loss - highest) < UNIFORM:
        yield _uniform(loss, teacher)
    elif fate in CONSTANT and loss < highest - SILENT:
        text = f"the loss is {highest - loss:.3g} nats below log {teacher.clusters}, and none of that comes "
        text += "from telling samples apart: it is what all samples share that grew."
        yield note("D1", text, "a fall like this after slowing the centre is no plateau broken.")
    if margin >= SILENT:
        below = f"the loss is {margin:.3g} nats below what the best constant student pays"
        yield ok("O5", f"{below}: it looks at its input.")
    elif margin > -SILENT:
        yield note("O5", "the loss is that of the best constant student.")
    elif fate not in CONSTANT and loss > highest:
        text = f"the student does worse than a uniform answer: {loss:.3f} against {highest:.3f} nats."
        remedy = "check that rows, temperatures and step of the two files agree; else a lower learning rate."
        yield (problem if measured else warning)("O5", text, remedy)
    else:
        text = f"the loss is {-margin:.3g} nats too high to prove that the student looks at its input."
        yield note("O5", text)


def _if_it_is_a_mean(reading: LossReading, teacher: TeacherReading) -> Iterator[Finding]:
    """A logged number of unknown scale proves nothing: codes log sums, and parts of sums."""
    loss, margin = reading.loss, reading.margin
    remedy = "`loss_is` says what it is; the student's logits need no log."
    if loss < teacher.teacher_entropy - 1e-3 * (1 + teacher.teacher_entropy):
        yield _below_the_teacher(loss, teacher)
    elif abs(loss - teacher.log_clusters) < UNIFORM:
        yield _uniform(loss, teacher)
    elif margin >= SILENT:
        text = f"if the loss is the mean of one cross-entropy, it is {margin:.3g} nats below what the best "
        yield note("O5", f"{text}constant student pays; a sum or a part of one proves nothing.", remedy)
    else:
        text = f"if the loss is the mean of one cross-entropy, it is {-margin:.3g} nats too high to prove "
        yield note("O5", f"{text}that the student looks at its input.", remedy)


def _uniform(loss: float, teacher: TeacherReading) -> Finding:
    return note("O4", f"the loss, {loss:.4f}, is log {teacher.clusters}: what a uniform answer pays.")


def _below_the_teacher(loss: float, teacher: TeacherReading) -> Finding:
    text = f"a cross-entropy cannot be {loss:.4g}, below the teacher's own mean entropy of "
    remedy = (
        "check for a KL, a part or another scale of the loss, a regulariser in it, another step or centre."
    )
    return warning("O2", f"{text}{teacher.teacher_entropy:.4g}.", remedy)
