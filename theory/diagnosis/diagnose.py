"""What saved logits of a real run say: which fate it met, what proves it, and which knob is out of range.

`diagnose` reads the logits (`theory.readings`), judges the knobs (`theory.knobs`) and names the fate. Every
sentence names its claim; what was not given is not guessed. A network that has not begun to learn gives the
same answer to every sample, as a collapsed one does: logits of one moment cannot tell the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np

from theory.checks import (
    check_against,
    check_finite,
    check_number,
    check_rank,
    check_same_shape,
    check_target,
    on_host,
)
from theory.diagnosis.knobs import judge_center, judge_lag, judge_temperatures
from theory.diagnosis.readings import (
    Matrix,
    Teacher,
    compare_with_exact,
    read_loss,
    read_student,
    read_teacher,
)
from theory.diagnosis.report import Diagnosis, Fate, Report
from theory.ensembles import log_softmax
from theory.logspace import Array
from theory.projection import project
from theory.tilts import centering_log_tilt as centering
from theory.tilts import inverse_prior_log_tilt as inverse_prior
from theory.tilts import sinkhorn_log_tilt, tilt

_NEEDS = ("student_logits", "center_momentum", "teacher_momentum", "learning_rate", "features")


def diagnose(
    logits: Array,
    *,
    temperature: float,
    teacher: Teacher = "centering",
    center: Array | None = None,
    student_logits: Array | None = None,
    student_temperature: float | None = None,
    loss: float | None = None,
    log_target: Array | None = None,
    teacher_momentum: float | None = None,
    center_momentum: float | None = None,
    learning_rate: float | None = None,
    features: Sequence[Array] | None = None,
) -> Diagnosis:
    """Fate, margin H(r̄) − loss, distance from the exact teacher and safe range of the knobs, from logits.

    A few hundred samples are enough. Memory taken: some twenty arrays of N K numbers, 3 GB for 256 samples
    at K = 65536.

    logits: [N, K], the teacher network's raw outputs, before centre and temperature; computed on in float64.
    temperature: τ_t.  teacher: the constraint that the run puts on it; "sinkhorn" is 3 rounds.
    center: DINO's moving c, [K], as it was applied to these logits; None takes their mean.
    student_temperature: τ_s; the arguments below need it.
    student_logits: [N, K], of other views of the same samples in the same order.
    loss: the mean cross-entropy as logged; where student logits are given it is only compared.
    log_target: log π, [K]; None means uniform.
    teacher_momentum, center_momentum: m_t and m_c per step, both or none.
    learning_rate: η of plain gradient descent on the mean loss; leave it out for an adaptive optimiser.
    features: two or more views [M, D] of what the last layer sees, rows in one order, M well above D.
    Raises TypeError, ValueError: naming the argument, and what arrived; an argument without one it needs.
    """
    given = locals()
    tau_t = check_number("temperature", temperature, low=0.0, open_low=True)
    if teacher not in get_args(Teacher):
        raise ValueError(f"`teacher` must be one of {', '.join(get_args(Teacher))}, got {teacher!r}.")
    if center is not None and teacher != "centering":
        raise ValueError(f"`center` must be None for teacher {teacher!r}, got an array.")
    if student_temperature is not None:
        student_temperature = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    for name in _NEEDS:
        if given[name] is not None and student_temperature is None:
            raise ValueError(f"`student_temperature` must be given with `{name}`, got None.")
    if (center_momentum is None) != (teacher_momentum is None):
        raise ValueError("`center_momentum` and `teacher_momentum` must be given together, got one of them.")

    for name in ("teacher_momentum", "center_momentum"):
        if given[name] is not None:
            check_number(name, given[name], low=0.0, high=1.0)
    if learning_rate is not None:
        check_number("learning_rate", learning_rate, low=0.0, open_low=True)
    z = _logits("logits", logits)
    log_p = log_softmax(z, temperature=tau_t)
    target = None if log_target is None else _one_ensemble("log_target", log_target, 1)
    log_pi = check_target(target, log_p, np, "logits")
    c = None if center is None else _center(center, z)
    log_r = tilt(log_p, _log_tilt(z, log_p, tau_t, teacher, c, log_pi))
    report = Report()
    teacher_fate = fate = read_teacher(report, log_p, log_r, log_pi, teacher=teacher)
    if c is not None:
        judge_lag(report, lag=float(np.ptp(c - z.mean(0))) / tau_t)
    paid = None if loss is None else check_number("loss", loss, low=0.0)
    if student_logits is not None:
        other = _logits("student_logits", student_logits)
        check_same_shape("student_logits", other, "logits", z)
        log_q = log_softmax(other, temperature=student_temperature)
        fate, computed = read_student(report, log_r, log_q, log_pi)
        if paid is not None and abs(paid - computed) > 0.05 * max(computed, 0.1):
            text = f"the logged loss is {paid:.4f}, that of these logits {computed:.4f}."
            report.say("warning", "O2", text, "check that views, temperatures, centre and step are the same.")
        paid = computed
    if paid is not None:
        read_loss(report, paid, fate=fate)
    sharp = None if student_temperature is None else tau_t < student_temperature
    _name(report, fate, teacher_fate, teacher=teacher, moving=c is not None, sharp=sharp)
    if teacher_fate == "alive":
        compare_with_exact(report, log_p, log_r, log_pi, teacher=teacher)
    if student_temperature is not None:
        shared = {
            "student_temperature": student_temperature,
            "teacher_temperature": tau_t,
            "clusters": z.shape[1],
        }
        judge_temperatures(report, fate=fate, features=_views(features), **shared)
        judge_center(
            report,
            center_momentum=center_momentum if teacher == "centering" else None,
            teacher_momentum=teacher_momentum,
            learning_rate=learning_rate,
            **shared,
        )
        if teacher == "centering" and center_momentum and c is None:
            text = (
                "the mean of these logits stands in for the moving centre; `center` shows the run as it was."
            )
            report.say("note", "D4", text)
    return report.closed(fate)


def _one_ensemble(name: str, array: Array, rank: int = 2) -> Matrix:
    """A float64 NumPy copy of [N, K], or of [K]: one ensemble."""
    host = on_host(name, array)
    if host.ndim != rank:
        raise ValueError(f"`{name}` must have shape {'[N, K]' if rank == 2 else '[K]'}, got {host.shape}.")
    return host


def _logits(name: str, array: Array) -> Matrix:
    z = _one_ensemble(name, array)
    check_rank(name, z, 2)
    if len(z) < 2:
        raise ValueError(f"`{name}` must hold at least 2 samples, got {len(z)}.")
    if np.isneginf(z).all(0).any():
        cluster = int(np.isneginf(z).all(0).argmax())
        raise ValueError(
            f"`{name}` must be finite somewhere in every cluster, got only -inf in cluster {cluster}."
        )
    if (z >= 0).all() and np.allclose(z.sum(1), 1.0, atol=1e-3):
        raise ValueError(f"`{name}` must be raw outputs, got probabilities: every row sums to 1.")
    return z


def _center(center: Array, z: Matrix) -> Matrix:
    c = _one_ensemble("center", center, 1)
    check_against("center", c, z.shape[1:], "the clusters of `logits`")
    check_finite("center", c, np)
    return c


def _views(features: Sequence[Array] | None) -> list[Matrix]:
    if features is None:
        return []
    if not hasattr(features, "__iter__"):
        raise TypeError(f"`features` must be two or more views [M, D], got {type(features).__name__}.")
    views = [_one_ensemble("features", view) for view in features]
    if len(views) < 2 or len({view.shape for view in views}) > 1:
        shapes = ", ".join(str(view.shape) for view in views) or "none"
        raise ValueError(f"`features` must be two or more views of one shape [M, D], got {shapes}.")
    for view in views:
        check_finite("features", view, np)
        if np.abs(view).max() > 1e150:
            raise ValueError(f"`features` must have finite squares, got {np.abs(view).max():.3g}.")
    return views


def _log_tilt(
    z: Matrix, log_p: Matrix, temperature: float, teacher: Teacher, center: Matrix | None, log_pi: Matrix
) -> Matrix:
    if center is not None:
        return log_pi - center / temperature
    if teacher == "centering" and np.isneginf(z).any():
        raise ValueError("`logits` must be finite for teacher 'centering' without `center`, got -inf.")
    choose = {
        "none": lambda: np.zeros(log_p.shape[1]),
        "centering": lambda: centering(log_p, log_target=log_pi),
        "inverse_prior": lambda: inverse_prior(log_p, log_target=log_pi),
        "sinkhorn": lambda: sinkhorn_log_tilt(log_p, rounds=3, log_target=log_pi),
        "projected": lambda: project(log_p, log_target=log_pi).log_tilt,
    }
    return choose[teacher]()


def _name(
    report: Report, fate: Fate, teacher_fate: Fate, *, teacher: Teacher, moving: bool, sharp: bool | None
) -> None:
    """The fate in words, and what is left to change."""
    if fate == "alive":
        if teacher_fate == "alive":
            report.say("ok", "O3", "answers depend on the sample.")
        else:
            text = "the student's answers depend on the sample, the teacher's do not."
            report.say(
                "problem",
                "O3",
                text,
                "check that both files are of one step; else what was learnt is being lost.",
            )
        return
    clusters, effective = report.numbers["clusters"], report.numbers["raw_teacher_prior_entropy"]
    effective = float(np.exp(report.numbers.get("student_prior_entropy", effective)))
    claim, text = {
        "uniform collapse": ("D3", f"uniform collapse: every sample gets 1/{clusters:.0f} of every cluster"),
        "one cluster": ("O4", "collapse to one cluster, whatever the sample"),
        "constant": ("O4", f"one answer for every sample, spread over about {effective:.1f} clusters"),
    }[fate]
    if teacher_fate == "alive":
        remedy = "the teacher is alive: check the student's loss, gradient, learning rate and step."
    else:
        changes = []
        if teacher == "none" and fate != "uniform collapse":
            changes.append("constrain the teacher")
        if moving and fate != "uniform collapse":
            changes.append("take a faster centre, or that of the batch")
        if sharp is not True:
            changes.append("sharpen the teacher, τ_t < τ_s")
        changes.append("lower τ_t until features grow, then warm it up")
        remedy = "; ".join(changes) + "."
    report.say("problem", claim, f"{text} (as in a network that has not begun to learn).", remedy)
