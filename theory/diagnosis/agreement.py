"""Whether the two views agree beyond chance: what only a student that learns can show.  [O2]"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.checks import Ensemble
from theory.diagnosis.report import Finding, Record, Report, note, ok, problem, warning
from theory.logspace import Array

__all__ = ["AgreementReading"]

SURE = 3.0
"""Standard errors that an agreement must be above 0."""
SAME = 1e-5
"""Part of the spread by which the logits of one view and one network may differ: float16 would keep more."""


@dataclass(frozen=True, kw_only=True)
class AgreementReading(Record):
    """What the student's loss gains from the row that belongs to it over any other.  [O2]

    Attributes
    ----------
    agreement : float
        Mean over samples m of H(rₙ, q_m), less the loss H(rₙ, qₙ), nats: Σₖ Cov(r(k), log q(k)).
    agreement_error : float
        Its standard error over the samples, nats.
    """

    agreement: float
    agreement_error: float


def read_agreement(
    report: Report, constrained: Ensemble, log_q: Array, *, same_view: bool, alive: bool
) -> None:
    """Add the agreement of a student that is given, where its logs are finite."""
    if same_view:
        text = "`student_logits` are `logits`: one view of one network, whose agreement says nothing."
        report.say([warning("O2", text, "the student's outputs for another view of each sample.")])
    if not np.isfinite(log_q).all():
        report.say([note("O2", "the student has exact zeros: its agreement by chance is not finite.")])
        return
    w, r = constrained.weights, np.exp(constrained.log_p)
    gained = ((r - w @ r) * (log_q - w @ log_q)).sum(axis=1)
    mean = float(w @ gained)
    error = math.sqrt(float(w**2 @ (gained - mean) ** 2))
    reading = AgreementReading(agreement=mean, agreement_error=error)
    report.add(reading, _about_the_agreement(reading) if alive and not same_view else ())


def same_logits(z: Array, other: Array) -> bool:
    """One network's outputs for one view, up to what it adds to a row and to rounding."""
    if not (np.isfinite(z).all() and np.isfinite(other).all()):
        return bool(np.array_equal(z, other))
    z, other = (x - x.mean(axis=1, keepdims=True) for x in (z, other))
    between = z - z.mean(axis=0)
    spread = float(np.sqrt((between**2).mean()))
    return bool(spread > 0 and np.sqrt(((z - other) ** 2).mean()) <= SAME * spread)


def _about_the_agreement(reading: AgreementReading) -> Iterator[Finding]:
    mean, error = reading.agreement, reading.agreement_error
    told = f"{mean:.3g} ± {2 * error:.1g} nats"
    if mean <= SURE * error:
        text = f"the two views of a sample agree no better than those of two samples, by {told}."
        remedy = "check that both files have the same samples in one order; else nothing is learnt yet."
        yield problem("O2", text, remedy)
    else:
        yield ok("O2", f"the two views of a sample agree by {told} more than those of two samples.")
