"""Where the last records of a curve rest: at log K, at 0, at another level that a uniform answer pays."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from theory.checks import Matrix
from theory.curves.curve import FEW, SILENT, Curve, drift_of
from theory.curves.scale import MULTIPLES, other_clusters
from theory.diagnosis.report import Fate, Finding, note, ok, problem, warning
from theory.teachers import Teacher

__all__: list[str] = []

ALIVE = 0.1
"""Nats below log K from which a run had learnt: of 820 runs all but two end beyond it or within `SILENT`."""
Level = tuple[Fate, dict[str, float], list[Finding]]


def level_of(curve: Curve, k: int, teacher: Teacher | None, *, known: bool) -> Level:
    """The last records against log K, 0 and what was before; known: it is the mean of one cross-entropy."""
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
        text = "a cross-entropy cannot be negative: this is another loss, or one with KoLeo or me-max in it."
        return "undecided", numbers, [warning("O2", text, "name the column of the cross-entropy alone.")]
    if np.quantile(np.abs(end - highest), 0.9) <= SILENT:
        return _at_log_k(curve, k, end, numbers)
    if abs(highest - level) <= SILENT:
        text = f"the loss is near log {k} = {highest:.4f} on the median, but scatters by {spread:.3g} nats:"
        text += " a uniform answer would pay log K on every record."
        return "undecided", numbers, [note("O5", text)]
    if level <= SILENT and spread <= SILENT:
        return "near zero", numbers, [_about_zero(level, k, teacher)]
    if spread <= SILENT and (found := list(_at_another_level(level, k, known=known))):
        return "undecided", numbers, found
    if level > highest:
        text = f"the loss ends {level - highest:.3g} nats above log {k}: worse than a uniform answer"
        text += "." if known else ", if it is the mean of one cross-entropy."
        remedy = "check K and what is logged; else a lower learning rate."
        return "above log K", numbers, [warning("O5", text, remedy)]
    return "below log K", numbers, [_below(highest - level, k, teacher, known=known)]


def _below(margin: float, k: int, teacher: Teacher | None, *, known: bool) -> Finding:
    if not known:
        text = f"the loss ends {margin:.3g} nats below log {k}, if it is the mean of one cross-entropy:"
        text += " codes log sums, and parts of sums, of which nothing follows."
        return note("O5", text, "say `loss_is`.")
    text = f"the loss ends {margin:.3g} nats below log {k}"
    if teacher is not None and teacher.exact:
        return ok("O5", f"{text}, and this teacher's prior is uniform: it looks at its input.")
    text += ": it looks at its input if the teacher's own prior is uniform, which a loss alone cannot tell."
    return note("O5", text, "log H(r̄), the entropy of the teacher's mean: H(r̄) − loss > 0 proves it.")


def _at_log_k(curve: Curve, k: int, end: Matrix, numbers: dict[str, float]) -> Level:
    where, fall = f"log {k} = {math.log(k):.4f}", drift_of(end)
    if fall < 0:
        text = f"the loss is within {SILENT} nats of {where} but falls by {-fall:.2g} nats in its last fifth:"
        found = warning("D2", f"{text} it may be leaving uniform.", "look again later.")
        return "undecided", numbers, [found]
    hint = note(
        "O5",
        "a loss cannot tell whether the teacher is uniform too; its logits can.",
        "python -m theory LOGITS.",
    )
    if math.log(k) - curve.lowest >= ALIVE:
        text = f"late collapse: it was {math.log(k) - curve.lowest:.3g} nats below {where} and is back."
        remedy = "a lower final τ_t, or a slower warm-up."
        return "late collapse", numbers, [problem("D3", text, remedy), hint]
    left = "never left it" if np.quantile(np.abs(curve.loss - math.log(k)), 0.95) <= SILENT else "stays there"
    text = f"the loss rests at {where} and {left}: uniform collapse, or nothing learnt yet."
    remedy = "lower τ_t below the correlation of the features times τ_s until they grow, then warm it up."
    return "uniform collapse", numbers, [problem("D3", text, remedy), hint]


def _about_zero(level: float, k: int, teacher: Teacher | None) -> Finding:
    both = f"the loss rests at {level:.2g}: teacher and student are one-hot, and agree."
    if teacher is not None and teacher.exact:
        text = f"{both} Under a uniform prior that is no collapse, but K = {k} clusters told without a doubt:"
        return warning("O5", f"{text} are the two views different?")
    if teacher is not None and not teacher.constrained:
        text = f"{both} Without a constraint that is what one cluster for all pays."
        return problem("O4", text, "constrain the teacher.")
    text = f"{both} One cluster for all pays that, and so do {k} clusters told without a doubt:"
    remedy = "log H(r̄): 0 is one cluster, log K is all of them."
    return warning("O4", f"{text} a loss alone cannot tell.", remedy)


def _at_another_level(level: float, k: int, *, known: bool) -> Iterator[Finding]:
    """Plateaus that are a uniform answer's all the same, with another scale or another K."""
    for factor, name in MULTIPLES:
        if not known and abs(level - factor * math.log(k)) <= SILENT:
            where = f"{name} log {k} = {factor * math.log(k):.4f}"
            text = f"the loss rests at {where}: if it is a sum of losses, a part of one or in bits,"
            text += " that is what a uniform answer pays."
            yield warning("O4", text, "say `loss_is`, or log one cross-entropy, in nats.")
    for other in other_clusters(k):
        if abs(level - math.log(other)) <= SILENT / 4:
            text = f"the loss rests at log {other} = {math.log(other):.4f}: with {other} clusters, not {k},"
            yield warning("O4", f"{text} that is what a uniform answer pays.", "check K.")
