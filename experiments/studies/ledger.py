"""Published runs, a row for each: setting, what section D says and what that depends on, what was observed.

Numbers were read at the sources named, but for those marked "second hand". Nothing here was fitted to them
but one bracket, that of the leading correlation, which is read off DINO's own temperature sweep: points of
that sweep could not fail and are counted apart (`free`).

A prediction is one of "learns", "dies" (uniform, one cluster, or turns), "held" (the constant direction does
not grow; whether features do is not said yet) and "" where the theory has none. The rows themselves are in
`published_rows`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from theory import TEACHERS
from theory.dynamics import (
    adaptive_turns,
    center_gain_limit,
    critical_center_momentum,
    held_share,
    survival_temperature,
)

Outcome = Literal["", "learns", "dies", "held"]
Verdict = Literal["as predicted", "silent", "inconclusive", "contradicts"]
TAU_S = 0.1
HARD = 1e-3
"""τ_t in place of 0, which no softmax has."""
BRACKET = (0.6, 0.8)
"""Of the leading correlation ρ."""
DINO_RATE = 5e-4
"""Its base learning rate, for 256 images: the least that AdamW ran at after its warm-up."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One published run.

    observed: what is printed, in words and numbers.  outcome: what that amounts to, "" where it does not
    tell.  free: the setting was read off this very point, so that it could not fail.
    """

    sweep: str
    setting: str
    source: str
    observed: str
    outcome: Outcome
    teacher: str = "centering"
    rounds: int | None = None
    center_momentum: float | None = 0.9
    teacher_temperature: float = 0.04
    final_temperature: float | None = None
    teacher_momentum: float = 0.996
    clusters: int = 65536
    held_share: float = 0.0
    free: bool = False
    note: str = ""
    """Where the theory is silent or cannot decide: why."""
    said: Outcome | None = None
    """The prediction, where it follows from `note` and not from the numbers."""
    toy: bool = True


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """said: as an outcome.  depends: on what.  claim: the label it follows from."""

    said: Outcome
    depends: str
    claim: str
    verdict: Verdict


def predict(row: Row) -> Prediction:
    """What section D says of the published setting."""
    if row.said is not None:
        claim, _, depends = row.note.partition(": ")
        return _judge(row, row.said, depends, claim)
    if row.teacher_temperature == HARD:
        return _judge(row, "", "nothing is linear at τ_t = 0", "D2")
    low, high = BRACKET
    if row.final_temperature is not None and row.held_share == 0:
        fold = float(survival_temperature(low, clusters=row.clusters, student_temperature=TAU_S))
        said: Outcome = "learns" if row.final_temperature < fold else "dies"
        return _judge(row, said, f"ρ ≥ {low:g}: lives up to τ_t = {fold:.3f}", "D3")
    if not TEACHERS[row.teacher].constrained:
        return _judge(row, "dies", "nothing", "D3")
    ratio = row.teacher_temperature / TAU_S
    if ratio > high - 1e-9:
        return _judge(row, "dies", f"ρ < {ratio:.2g}", "D2")
    if row.held_share:
        return _of_shared_head(row)
    if row.center_momentum is None:
        return _judge(row, "learns", f"ρ > {ratio:.2g}", "D2")
    return _of_center(row, row.center_momentum)


def _of_center(row: Row, center_momentum: float) -> Prediction:
    """[D4] and, for AdamW, [D6]: a line with no gain in it, and turns that pass τ_s from some η on."""
    temperatures = {"student_temperature": TAU_S, "teacher_temperature": row.teacher_temperature}
    knobs = {"teacher_momentum": row.teacher_momentum, **temperatures}
    if row.teacher_momentum > 0:
        line = float(critical_center_momentum(gain=math.inf, **knobs))
        if center_momentum < line:
            return _judge(row, "learns", f"inside the line {line:.4f}, any rate", "D4")
    elif math.isinf(center_gain_limit(center_momentum=center_momentum, **knobs)):
        return _judge(row, "learns", "any gain", "D4")
    turns = adaptive_turns(center_momentum=center_momentum, **knobs)
    needed = TAU_S / turns.amplitude
    fast = needed < DINO_RATE
    depends = f"bias speed ≥ {needed:.1e} a step ({'η' if fast else 'η times √D'} has it)"
    return _judge(row, "dies", depends, "D6", open_=not fast)


def _of_shared_head(row: Row) -> Prediction:
    """[D8] Patches beside a [CLS] loss whose centre keeps up."""
    final = row.final_temperature or row.teacher_temperature
    warm, cold = (
        held_share(student_temperature=TAU_S, teacher_temperature=tau)
        for tau in (final, row.teacher_temperature)
    )
    line = float(
        critical_center_momentum(
            gain=math.inf,
            teacher_momentum=row.teacher_momentum,
            student_temperature=TAU_S,
            teacher_temperature=row.teacher_temperature,
        )
    )
    if row.center_momentum is not None and row.center_momentum < line:
        return _judge(row, "learns", f"inside the line {line:.4f}", "D4")
    depends = f"share ≥ {warm:.2f} when warm, ≥ {cold:.2f} before; here {row.held_share:g}"
    return _judge(row, "learns", depends, "D8", open_=row.held_share < cold)


def _judge(row: Row, said: Outcome, depends: str, claim: str, *, open_: bool = False) -> Prediction:
    """Against what was observed; open: the condition is met in part of the run."""
    verdict: Verdict
    if not said:
        verdict = "silent"
    elif not row.outcome or open_:
        verdict = "inconclusive"
    else:
        verdict = "as predicted" if said == row.outcome else "contradicts"
    return Prediction(said=said, depends=depends, claim=claim, verdict=verdict)
