"""What the logits of a run say by themselves: fate, margin of the loss, distance from the exact teacher."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from theory.diagnosis.report import Fate, Report
from theory.divergences import entropy, lautum_information, mutual_information
from theory.ensembles import jensen_gap, log_prior
from theory.estimation import teacher_crossing_batch_size
from theory.objective import certificate, evaluate
from theory.projection import NotConverged, project
from theory.tilts import centering_log_tilt as centering
from theory.tilts import inverse_prior_log_tilt as inverse_prior
from theory.tilts import tilt

Teacher = Literal["none", "centering", "inverse_prior", "sinkhorn", "projected"]
Matrix = NDArray[np.float64]

SILENT = 0.02
"""Nats of information below which an output counts as constant. Of 820 runs in `results/` all but two end
below it or above 0.1."""
FEW = 32
"""Samples below which a fate is a guess."""


def fate_of(log_p: Matrix) -> Fate:
    """Of one output: alive if it tells the samples apart, else by where it stays."""
    if mutual_information(log_p) >= SILENT:
        return "alive"
    height, highest = float(entropy(log_prior(log_p))), math.log(log_p.shape[1])
    if height >= highest - SILENT:
        return "uniform collapse"
    return "one cluster" if height <= math.log(1.5) else "constant"


def read_teacher(report: Report, log_p: Matrix, log_r: Matrix, log_pi: Matrix, *, teacher: Teacher) -> Fate:
    """Informations and entropies of raw and constrained teacher; the fate of its network.  [O3, T8]"""
    n, k = log_p.shape
    report.numbers.update(samples=n, clusters=k, log_clusters=math.log(k))
    for name, log in (("raw_teacher", log_p), ("teacher", log_r)):
        report.numbers[f"{name}_information"] = float(mutual_information(log))
        report.numbers[f"{name}_prior_entropy"] = float(entropy(log_prior(log)))
        report.numbers[f"{name}_entropy"] = float(entropy(log).mean())
    off = 0.5 * float(np.abs(np.exp(log_prior(log_r)) - np.exp(log_pi)).sum())
    report.numbers.update(clusters_in_use=len(np.unique(log_r.argmax(1))), teacher_off_target_tv=off)
    if n < FEW:
        report.say("warning", "E1", f"{n} samples are too few to call a fate.", f"{FEW} or more.")
    if n < k:
        report.say("note", "E1", f"{n} samples show at most log {n} = {math.log(n):.2f} nats of information.")
    fate = fate_of(log_r)
    effective = math.exp(report.numbers["teacher_prior_entropy"])
    wanted = min(n, math.exp(float(entropy(log_pi))))
    if fate == "alive" and effective < 0.1 * wanted and off > 0.05:
        better = "" if teacher == "projected" else "a teacher whose shares are right, 'projected'."
        text = f"the teacher uses {effective:.1f} clusters' worth where the target has {wanted:.0f}."
        report.say("warning", "T8", text, better)
    # A constraint hides what became of the network: constant outputs come back as π.
    return fate_of(log_p) if fate != "alive" and off < 0.05 else fate


def read_student(report: Report, log_r: Matrix, log_q: Matrix, log_pi: Matrix) -> tuple[Fate, float]:
    """The parts of the objective, and the fate of the student; returns its loss too.  [O2, O5]"""
    value, proof = evaluate(log_r, log_q), certificate(log_r, log_q, log_target=log_pi)
    report.numbers.update(
        student_information=float(value.student_information),
        student_prior_entropy=float(value.student_prior_entropy),
        kl=float(value.kl),
        student_off_target_tv_bound=float(proof.prior_distance_bound),
    )
    return fate_of(log_q), float(value.cross_entropy)


def read_loss(report: Report, loss: float, *, fate: Fate) -> None:
    """The loss beside log K, the entropy of the teacher's prior, and the teacher's own.  [O5]"""
    margin = report.numbers["teacher_prior_entropy"] - loss
    report.numbers.update(loss=loss, margin=margin)
    clusters, least = report.numbers["clusters"], report.numbers["teacher_entropy"]
    if loss < least - 1e-3 * (1 + least):
        text = f"a cross-entropy cannot be {loss:.4g}, below the teacher's own mean entropy of {least:.4g}."
        report.say(
            "warning", "O2", text, "check for a KL, a scaled loss, another step, temperature or centre."
        )
        return
    if abs(loss - math.log(clusters)) < 5e-4:
        report.say("note", "O4", f"the loss, {loss:.4f}, is log {clusters:.0f}: what a uniform answer pays.")
    if margin >= SILENT:
        text = (
            f"the loss is {margin:.3g} nats below what the best constant student pays: it looks at its input."
        )
        report.say("ok", "O5", text)
    elif margin > -SILENT:
        report.say("note", "O5", "the loss is that of the best constant student.")
    elif fate == "alive" and loss > math.log(clusters):
        text = (
            f"the student does worse than a uniform answer: {loss:.3f} against {math.log(clusters):.3f} nats."
        )
        report.say("warning", "O5", text, "check that rows, temperatures and step of the two files agree.")
    else:
        text = f"the loss is {-margin:.3g} nats too high to prove that the student looks at its input."
        report.say("note", "O5", text)


def compare_with_exact(
    report: Report, log_p: Matrix, log_r: Matrix, log_pi: Matrix, *, teacher: Teacher
) -> None:
    """How far the teacher in use, and the two closed forms, are from the exact one here.  [J5, J7, E1]"""
    if np.isneginf(log_p).any():
        report.say(
            "note", "J1", "there are exact zeros, where the geometric mean is 0 and centering undefined."
        )
        return
    report.numbers["lautum_information"] = float(lautum_information(log_p))
    report.numbers["gap_oscillation"] = float(np.ptp(jensen_gap(log_p)))
    try:
        exact = np.exp(project(log_p, log_target=log_pi).log_r)
    except NotConverged as failure:
        report.say("note", "T3", f"the exact teacher was not reached: {failure}")
        return
    choices = {"batch_centred": centering, "inverse_prior": inverse_prior}
    teachers = {name: tilt(log_p, choose(log_p, log_target=log_pi)) for name, choose in choices.items()}
    for name, log in {"teacher": log_r, **teachers}.items():
        distance = 0.5 * float(np.abs(np.exp(log) - exact).sum(1).mean())
        report.numbers[f"{name}_to_exact_tv"] = distance
    in_use, other = (report.numbers[f"{name}_to_exact_tv"] for name in ("teacher", "inverse_prior"))
    if teacher in ("none", "centering") and in_use > 0.1:
        text = f"the teacher in use is {in_use:.2f} from the exact one in total variation, on average, the "
        report.say("note", "J7", f"{text}inverse-prior teacher {other:.2f}.")
    crossing = float(teacher_crossing_batch_size(log_p, log_target=log_pi))
    report.numbers["crossing_batch_size"] = crossing
    if teacher in ("centering", "inverse_prior") and 10 <= crossing < 1e5:
        text = f"from about {crossing:.0f} samples on, the noise of a batch moves inverse priors less than "
        report.say("note", "E1", f"{text}centering is away from them.")
