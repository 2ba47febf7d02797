"""What a loss curve says, and what it does not: log K, 0, above, below, late collapse."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from theory.checks import Matrix, check_count, check_number, on_host
from theory.curves.curve import FEW, SILENT, Curve, curve_of, drift_of, swing_of
from theory.curves.parts import about_the_parts, about_the_records
from theory.curves.turns import about_the_swing, turns_of
from theory.diagnosis.report import Finding, note, ok, problem, warning
from theory.teachers import Teacher, check_teacher

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["LossDiagnosis", "explain_loss"]

Verdict = Literal[
    "uniform", "late collapse", "near zero", "below log K", "above log K", "diverged", "undecided"
]
ALIVE = 0.1
"""Nats below log K from which a run had learnt: of 820 runs all but two end beyond it or within `SILENT`."""
ORDER = ("problem", "warning", "note", "ok")


@dataclass(frozen=True, kw_only=True)
class LossDiagnosis:
    """Where a loss curve ends, the numbers read off it, and the findings, worst first; `str` is the report.

    Attributes
    ----------
    verdict : {"uniform", "late collapse", "near zero", "below log K", "above log K", "diverged", "undecided"}
        Where the last fifth of the curve rests; "late collapse" is at log K, after having been well below.
    measurements : Mapping of str to float
        By name; nats where the name does not say otherwise. Only what the input could tell.
    findings : tuple of Finding
        Worst first.
    """

    verdict: Verdict
    measurements: dict[str, float]
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """No finding is a problem."""
        return all(finding.level != "problem" for finding in self.findings)

    def __str__(self) -> str:
        width = max(map(len, self.measurements), default=0)
        lines = [f"verdict: {self.verdict}", "", "measured"]
        lines += [f"  {name:{width}}  {value:.6g}" for name, value in self.measurements.items()]
        lines += ["", "found"]
        for finding in self.findings:
            lines.append(f"  {finding.level:8}[{finding.claim}] {finding.text}")
            if finding.remedy:
                lines.append(f"  {'':8}     → {finding.remedy}")
        return "\n".join(lines)


def explain_loss(
    loss: Float[ArrayLike, " T"],
    *,
    clusters: int,
    steps: Float[ArrayLike, " T"] | None = None,
    teacher_entropy: Float[ArrayLike, " T"] | None = None,
    kl: Float[ArrayLike, " T"] | None = None,
    teacher: str | Teacher | None = None,
    teacher_temperature: float | None = None,
    student_temperature: float | None = None,
    teacher_momentum: float | None = None,
    center_momentum: float | None = None,
    learning_rate: float | None = None,
) -> LossDiagnosis:
    """A student that answers 1/K to everything pays log K on every record; a collapse to one cluster pays 0.

    The last fifth of the curve is read (8 records at least). What the same loss could also be is said.

    Parameters
    ----------
    loss
        The mean cross-entropy as logged, [T], nats; NaN and inf are left out and counted.
    clusters
        K ≥ 2.
    steps
        [T], finite; 0, 1, … if not given. Of a step that is there twice, after a resumption, the last counts.
    teacher_entropy, kl
        Mean H(rₙ) and mean KL(rₙ‖qₙ), [T], where they are logged; one of them gives the other.
    teacher
        The constraint, a name in `theory.TEACHERS` or one of its teachers.
    teacher_temperature, student_temperature
        τ_t > 0 and τ_s > 0.
    teacher_momentum, center_momentum
        m_t and m_c per step, in [0, 1].
    learning_rate
        η of plain gradient descent; leave it out for an adaptive optimiser.

    Returns
    -------
    LossDiagnosis
        The verdict, the numbers and the findings; `str` of it is the report.

    Raises
    ------
    TypeError, ValueError
        An argument that is not as said above; the message names it, and what arrived.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> found = theory.explain_loss(np.full(100, 4.1589), clusters=64)
    >>> found.verdict
    'uniform'
    >>> print(found.findings[0].text)
    the loss rests at log 64 = 4.1589 and never left it: uniform collapse, or nothing learnt yet.
    """
    k = check_count("clusters", clusters, low=2)
    values = _series("loss", loss)
    x = np.arange(len(values), dtype=np.float64) if steps is None else _series("steps", steps, len(values))
    if not np.isfinite(x).all():
        raise ValueError("`steps` must be finite, got NaN or inf.")
    parts = {
        name: _series(name, given, len(values))
        for name, given in (("teacher_entropy", teacher_entropy), ("kl", kl))
        if given is not None
    }
    row = None if teacher is None else check_teacher(teacher)
    turns = turns_of(
        k,
        teacher_temperature=_positive("teacher_temperature", teacher_temperature),
        student_temperature=_positive("student_temperature", student_temperature),
        teacher_momentum=_momentum("teacher_momentum", teacher_momentum),
        center_momentum=_momentum("center_momentum", center_momentum)
        if row is None or row.in_logits
        else None,
        learning_rate=_positive("learning_rate", learning_rate),
    )
    curve = curve_of(x, values)
    verdict, numbers, findings = _read(curve, k, row)
    findings += about_the_records(curve)
    if len(curve.loss) >= FEW:
        period = swing_of(curve)
        if math.isfinite(period):
            numbers["swing_period_steps"] = period
        findings += about_the_swing(period, turns)
        if parts:
            findings += about_the_parts(curve, parts, numbers)
    findings.sort(key=lambda finding: ORDER.index(finding.level))
    return LossDiagnosis(verdict=verdict, measurements=numbers, findings=tuple(findings))


def _series(name: str, values: ArrayLike, length: int | None = None) -> Matrix:
    array = on_host(name, values)
    if array.ndim != 1 or (length is not None and len(array) != length):
        wanted = "[T]" if length is None else f"[{length}], that of `loss`"
        raise ValueError(f"`{name}` must have shape {wanted}, got {array.shape}.")
    if not len(array):
        raise ValueError(f"`{name}` must not be empty.")
    return array


def _positive(name: str, value: float | None) -> float | None:
    return None if value is None else check_number(name, value, low=0.0, open_low=True)


def _momentum(name: str, value: float | None) -> float | None:
    return None if value is None else check_number(name, value, low=0.0, high=1.0)


def _read(curve: Curve, k: int, teacher: Teacher | None) -> tuple[Verdict, dict[str, float], list[Finding]]:
    """The last records against log K, 0 and what was before."""
    highest, numbers = math.log(k), {"records": float(len(curve.loss)), "log_clusters": math.log(k)}
    if curve.ends_lost:
        text = "the loss ends in NaN or inf: the run diverged, and of what comes after nothing follows."
        return "diverged", numbers, [problem("O2", text, "a lower learning rate, or full precision.")]
    if len(curve.loss) < FEW:
        text = f"{len(curve.loss)} records are too few to call a level: one value may be passing by."
        return "undecided", numbers, [warning("O5", text, f"{FEW} or more.")]
    end = curve.loss[curve.tail]
    level = float(np.median(end))
    spread = float(np.quantile(np.abs(end - level), 0.9))
    numbers |= {"final_loss": level, "final_scatter": spread, "lowest_loss": curve.lowest}
    numbers["below_log_clusters"] = highest - level
    if (end < -1e-6).mean() > 0.1:
        text = "a cross-entropy cannot be negative: this is another loss, or one with a regulariser in it."
        return "undecided", numbers, [warning("O2", text, "name the column of the cross-entropy alone.")]
    if np.quantile(np.abs(end - highest), 0.9) <= SILENT:
        return _at_log_k(curve, k, end, numbers)
    if abs(highest - level) <= SILENT:
        text = f"the loss is near log {k} = {highest:.4f} on the median, but scatters by {spread:.3g} nats:"
        text += " a uniform answer would pay log K on every record."
        return "undecided", numbers, [note("O5", text)]
    if level <= SILENT and spread <= SILENT:
        return "near zero", numbers, [_about_zero(level, k, teacher)]
    if level > highest:
        return "above log K", numbers, list(_above(level, spread, k))
    text = f"the loss ends {highest - level:.3g} nats below log {k}"
    if teacher is not None and teacher.exact:
        return (
            "below log K",
            numbers,
            [ok("O5", f"{text}, and this teacher's prior is uniform: it looks at its input.")],
        )
    text += ": it looks at its input if the teacher's own prior is uniform, which a loss alone cannot tell."
    return (
        "below log K",
        numbers,
        [note("O5", text, "log H(r̄), the entropy of the teacher's mean: H(r̄) − loss > 0 proves it.")],
    )


def _at_log_k(
    curve: Curve, k: int, end: Matrix, numbers: dict[str, float]
) -> tuple[Verdict, dict[str, float], list[Finding]]:
    where, fall = f"log {k} = {math.log(k):.4f}", drift_of(end)
    if fall < 0:
        text = f"the loss is within {SILENT} nats of {where} but falls by {-fall:.2g} nats in its last fifth:"
        return (
            "undecided",
            numbers,
            [warning("D2", f"{text} it may be leaving uniform.", "look again later.")],
        )
    remedy = "lower τ_t below the correlation of the features times τ_s until they grow, then warm it up."
    hint = note(
        "O5",
        "a loss cannot tell whether the teacher is uniform too; its logits can.",
        "python -m theory LOGITS.",
    )
    if math.log(k) - curve.lowest >= ALIVE:
        text = f"late collapse: it was {math.log(k) - curve.lowest:.3g} nats below {where} and is back."
        return (
            "late collapse",
            numbers,
            [problem("D3", text, "a lower final τ_t, or a slower warm-up."), hint],
        )
    left = "never left it" if np.quantile(np.abs(curve.loss - math.log(k)), 0.95) <= SILENT else "stays there"
    text = f"the loss rests at {where} and {left}: uniform collapse, or nothing learnt yet."
    return "uniform", numbers, [problem("D3", text, remedy), hint]


def _about_zero(level: float, k: int, teacher: Teacher | None) -> Finding:
    both = f"the loss rests at {level:.2g}: teacher and student are one-hot, and agree."
    if teacher is not None and teacher.exact:
        return warning(
            "O5",
            f"{both} Under a uniform prior that is no collapse, but K = {k} clusters told without "
            "a doubt: are the two views different?",
        )
    if teacher is not None and not teacher.constrained:
        return problem(
            "O4",
            f"{both} Without a constraint that is what one cluster for all pays.",
            "constrain the teacher.",
        )
    return warning(
        "O4",
        f"{both} One cluster for all pays that, and so do {k} clusters told without a doubt: "
        "a loss alone cannot tell.",
        "log H(r̄): 0 is one cluster, log K is all of them.",
    )


def _above(level: float, spread: float, k: int) -> Iterator[Finding]:
    for name, other in ((f"2 log {k}", 2 * math.log(k)), (f"log₂ {k}", math.log2(k))):
        if abs(level - other) <= SILENT and spread <= SILENT:
            yield warning(
                "O4",
                f"the loss rests at {name} = {other:.4f}: if it is a sum of two losses or in bits, "
                "that is what a uniform answer pays.",
                "log one cross-entropy, in nats.",
            )
            return
    text = f"the loss ends {level - math.log(k):.3g} nats above log {k}: worse than a uniform answer."
    yield warning(
        "O5", text, "check K and that this is the mean of one cross-entropy; else a lower learning rate."
    )
