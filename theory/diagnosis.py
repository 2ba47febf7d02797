"""What saved logits of a real run say: which fate it met, what proves it, and which knob is out of range.

Measured on the logits: entropies and informations of the raw teacher, the constrained one and the student
[O3], the margin by which the loss beats every constant student [O5], how far centering is from the exact
teacher here [J5, J7], the batch size below which noise matters more [E1]; known from the knobs, what
`theory.knobs` says. Every sentence names its claim; what was not given is not guessed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from theory.divergences import entropy, lautum_information, mutual_information
from theory.estimation import teacher_crossing_batch_size
from theory.findings import Diagnosis, Fate, Report
from theory.knobs import judge_center, judge_temperatures
from theory.logspace import Array, constant
from theory.objective import certificate, evaluate
from theory.priors import jensen_gap
from theory.projection import NotConverged, project
from theory.simplex import (
    check_against,
    check_finite,
    check_number,
    check_rank,
    check_same_shape,
    log_softmax,
    marginal,
    target_prior,
)
from theory.tilts import centering, inverse_prior, sinkhorn, tilt

Teacher = Literal["none", "centering", "inverse_prior", "sinkhorn", "projected"]
Matrix = NDArray[np.float64]

SILENT = 0.02
"""Nats of information below which an output counts as constant. Of 820 runs in `results/` all but two end
below it or above 0.1."""
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

    A few thousand samples are enough; the memory taken is some twenty arrays of N K numbers.

    logits: [N, K], the teacher network's raw outputs, before centre and temperature; computed on in float64.
    temperature: τ_t.  teacher: the constraint that the run puts on it; "sinkhorn" is 3 rounds.
    center: DINO's moving c, [K], in units of the logits; None takes the mean of these logits.
    student_temperature: τ_s; the arguments below need it.
    student_logits: [N, K], of other views of the same samples in the same order.
    loss: the logged mean cross-entropy, where there are no student logits to compute it from.
    log_target: log π, [K]; None means uniform.
    teacher_momentum, center_momentum: m_t and m_c per step, both or none.
    learning_rate: η of plain gradient descent on the mean loss; leave it out for an adaptive optimiser.
    features: two or more views [N, D] of what the last layer sees, rows in one order.
    Raises TypeError, ValueError: naming the argument, and what arrived; an argument without one it needs.
    """
    given = locals()
    tau_t = check_number("temperature", temperature, low=0.0, open_low=True)
    if teacher not in get_args(Teacher):
        raise ValueError(f"`teacher` must be one of {', '.join(get_args(Teacher))}, got {teacher!r}.")
    if center is not None and teacher != "centering":
        raise ValueError(f"`center` must be None for teacher {teacher!r}, got an array.")
    for name in _NEEDS:
        if given[name] is not None and student_temperature is None:
            raise ValueError(f"`student_temperature` must be given with `{name}`, got None.")
    if (center_momentum is None) != (teacher_momentum is None):
        raise ValueError("`center_momentum` and `teacher_momentum` must be given together, got one of them.")

    z = _on_host("logits", logits)
    log_p = log_softmax(z, temperature=tau_t)
    log_pi = target_prior(None if log_target is None else _on_host("log_target", log_target, 1), log_p, np)
    log_r = tilt(log_p, _log_tilt(log_p, tau_t, teacher, center, log_pi))
    report = Report()
    fate = _teacher(report, log_p, log_r, log_pi)
    if student_logits is not None:
        other = _on_host("student_logits", student_logits)
        check_same_shape("student_logits", other, "logits", z)
        fate = _student(report, log_r, log_softmax(other, temperature=student_temperature), log_pi, loss)
    elif loss is not None:
        _loss(report, check_number("loss", loss, low=0.0), float(entropy(marginal(log_r))), z.shape[1])
    _name(report, fate, z.shape[1])
    if fate == "alive":
        _price(report, log_p, log_pi, teacher)
    if student_temperature is not None:
        tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
        shared = {"student_temperature": tau_s, "teacher_temperature": tau_t, "clusters": z.shape[1]}
        views = [_on_host("features", view) for view in features or ()]
        judge_temperatures(report, fate=fate, features=views, **shared)
        if teacher == "centering" and center_momentum is not None and teacher_momentum is not None:
            judge_center(
                report,
                center_momentum=center_momentum,
                teacher_momentum=teacher_momentum,
                learning_rate=learning_rate,
                **shared,
            )
    return report.closed(fate)


def _on_host(name: str, array: Array, rank: int = 2) -> Matrix:
    """A float64 NumPy copy of [N, K], or of [K]: one ensemble."""
    array = constant(array)
    host = np.asarray(array.cpu() if hasattr(array, "cpu") else array)
    if host.dtype.kind not in "fiu":
        raise TypeError(f"`{name}` must hold real numbers, got dtype {host.dtype}.")
    if host.ndim != rank:
        raise ValueError(f"`{name}` must have shape {'[N, K]' if rank == 2 else '[K]'}, got {host.shape}.")
    host = host.astype(np.float64)
    check_rank(name, host, rank)
    return host


def _log_tilt(
    log_p: Matrix, temperature: float, teacher: Teacher, center: Array | None, log_pi: Matrix
) -> Matrix:
    if center is not None:
        c = _on_host("center", center, 1)
        check_against("center", c, log_p.shape[1:], "the clusters of `logits`")
        check_finite("center", c, np)
        return log_pi - c / temperature
    choose = {
        "none": lambda: np.zeros(log_p.shape[1]),
        "centering": lambda: centering(log_p, log_target=log_pi),
        "inverse_prior": lambda: inverse_prior(log_p, log_target=log_pi),
        "sinkhorn": lambda: sinkhorn(log_p, steps=3, log_target=log_pi),
        "projected": lambda: project(log_p, log_target=log_pi).log_tilt,
    }
    return choose[teacher]()


def _fate(log_p: Matrix) -> Fate:
    """Of one output: alive if it tells the samples apart, else by where it stays."""
    if mutual_information(log_p) >= SILENT:
        return "alive"
    height, highest = float(entropy(marginal(log_p))), math.log(log_p.shape[1])
    if height >= highest - SILENT:
        return "uniform collapse"
    return "one cluster" if height <= math.log(1.5) else "constant"


def _teacher(report: Report, log_p: Matrix, log_r: Matrix, log_pi: Matrix) -> Fate:
    n, k = log_p.shape
    report.numbers.update({"samples": n, "clusters": k, "log_clusters": math.log(k)})
    for name, log in (("raw_teacher", log_p), ("teacher", log_r)):
        report.numbers.update(
            {
                f"{name}_information": float(mutual_information(log)),
                f"{name}_prior_entropy": float(entropy(marginal(log))),
                f"{name}_entropy": float(entropy(log).mean()),
            }
        )
    off = 0.5 * float(np.abs(np.exp(marginal(log_r)) - np.exp(log_pi)).sum())
    report.numbers.update({"clusters_in_use": len(np.unique(log_r.argmax(1))), "teacher_off_target_tv": off})
    if n < k:
        report.say("note", "E1", f"{n} samples show at most log {n} = {math.log(n):.2f} nats of information.")
    fate = _fate(log_r)
    effective, most = math.exp(report.numbers["teacher_prior_entropy"]), min(n, k)
    if fate == "alive" and effective < 0.1 * most:
        report.say(
            "warning",
            "T8",
            f"the teacher uses {effective:.1f} clusters' worth of {most} possible ones.",
            "a teacher whose shares are right: 'inverse_prior' or 'projected'.",
        )
    # A constraint hides what became of the network: constant outputs come back as π.
    return _fate(log_p) if fate != "alive" and off < 0.05 else fate


def _student(report: Report, log_r: Matrix, log_q: Matrix, log_pi: Matrix, logged: float | None) -> Fate:
    value, proof = evaluate(log_r, log_q), certificate(log_r, log_q, log_target=log_pi)
    loss = float(value.cross_entropy)
    report.numbers.update(
        {
            "student_information": float(value.student_information),
            "student_prior_entropy": float(value.student_prior_entropy),
            "kl": float(value.kl),
            "student_off_target_tv_bound": float(proof.prior_distance_bound),
        }
    )
    _loss(report, loss, float(value.teacher_prior_entropy), log_q.shape[1])
    if logged is not None and abs(check_number("loss", logged, low=0.0) - loss) > 0.05 * max(loss, 0.1):
        report.say(
            "warning",
            "O2",
            f"the logged loss is {logged:.4f}, that of these logits {loss:.4f}.",
            "check that views, temperatures and centre are those of the logged step.",
        )
    return _fate(log_q)


def _loss(report: Report, loss: float, prior_entropy: float, clusters: int) -> None:
    margin = prior_entropy - loss
    report.numbers.update({"loss": loss, "margin": margin})
    if abs(loss - math.log(clusters)) < 5e-4:
        report.say("note", "O4", f"the loss, {loss:.4f}, is log {clusters}: what a uniform answer pays.")
    if margin > 0:
        report.say(
            "ok" if margin >= SILENT else "note",
            "O5",
            f"the loss is {margin:.3g} nats below the entropy of the teacher's prior: no constant's can be.",
        )
    else:
        report.say("warning", "O5", "the loss proves nothing: a constant student could reach it.")


def _name(report: Report, fate: Fate, clusters: int) -> None:
    words = {
        "uniform collapse": (
            "D3",
            f"uniform collapse: every sample gets 1/{clusters} of every cluster.",
            "lower τ_t until features grow, then warm it up: what is learnt survives warmer than it starts.",
        ),
        "one cluster": (
            "O4",
            "collapse to one cluster, whatever the sample.",
            "constrain the teacher; where it is centred, a faster centre, or that of the batch.",
        ),
        "constant": (
            "O4",
            "the answer is the same for every sample, neither uniform nor in one cluster.",
            "constrain the teacher, and sharpen it: τ_t < τ_s.",
        ),
    }
    if fate == "alive":
        report.say("ok", "O3", "answers depend on the sample.")
    else:
        report.say("problem", *words[fate])


def _price(report: Report, log_p: Matrix, log_pi: Matrix, teacher: Teacher) -> None:
    """How far centred and inverse-prior teacher are from the exact one here, and when noise is worse."""
    if np.isneginf(log_p).any():
        report.say(
            "note", "J1", "there are exact zeros, where the geometric mean is 0 and centering undefined."
        )
        return
    oscillation = float(np.ptp(jensen_gap(log_p)))
    report.numbers.update(
        {"lautum_information": float(lautum_information(log_p)), "gap_oscillation": oscillation}
    )
    try:
        exact = np.exp(project(log_p, log_target=log_pi).log_r)
    except NotConverged as failure:
        report.say("note", "T3", f"the exact teacher was not reached: {failure}")
        return
    choices = {"centred": centering, "inverse_prior": inverse_prior}
    away = {
        name: 0.5 * float(np.abs(np.exp(tilt(log_p, choose(log_p, log_target=log_pi))) - exact).sum(1).mean())
        for name, choose in choices.items()
    }
    report.numbers.update({f"{name}_to_exact_tv": distance for name, distance in away.items()})
    if teacher == "centering" and away["centred"] > 0.1:
        report.say(
            "note",
            "J7",
            f"in total variation the centred teacher is {away['centred']:.2f} from the exact one on average, "
            f"one normalisation by inverse priors {away['inverse_prior']:.2f}.",
        )
    if oscillation > 0:
        crossing = float(teacher_crossing_batch_size(log_p, log_target=log_pi))
        report.numbers["crossing_batch_size"] = crossing
        report.say(
            "note",
            "E1",
            f"from {max(crossing, 1.0):.0f} samples on, a batch knows the prior better than its centre.",
        )
