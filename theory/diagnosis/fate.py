"""The fate of a run in words, and what is left to change.  [O3, O4, D3]"""

from __future__ import annotations

import math
from collections.abc import Iterator

from theory.diagnosis.readings import TeacherReading
from theory.diagnosis.report import Fate, Report, ok, problem
from theory.diagnosis.run import Knobs, Run

__all__: list[str] = []


def name_fate(
    report: Report,
    fate: Fate,
    prior_entropy: float,
    *,
    teacher: TeacherReading,
    run: Run,
    knobs: Knobs | None,
) -> None:
    """Say what became of the output that `fate` is of, and whose cluster prior has this entropy."""
    if fate == "alive" and teacher.fate == "alive":
        report.say([ok("O3", "answers depend on the sample.")])
    elif fate == "alive":
        text = "the student's answers depend on the sample, the teacher's do not."
        remedy = "check that both files are of one step; else what was learnt is being lost."
        report.say([problem("O3", text, remedy)])
    else:
        remedy = "the teacher is alive: check the student's loss, gradient, learning rate and step."
        if teacher.fate != "alive":
            remedy = "; ".join(_changes(fate, run, knobs)) + "."
        claim, text = _in_words(fate, teacher.clusters, math.exp(prior_entropy))
        report.say([problem(claim, f"{text} (as in a network that has not begun to learn).", remedy)])


def _in_words(fate: Fate, clusters: int, effective: float) -> tuple[str, str]:
    """The claim that a collapse rests on, and what it is."""
    if fate == "uniform collapse":
        return "D3", f"uniform collapse: every sample gets 1/{clusters} of every cluster"
    if fate == "one cluster":
        return "O4", "collapse to one cluster, whatever the sample"
    return "O4", f"one answer for every sample, spread over about {effective:.1f} clusters"


def _changes(fate: Fate, run: Run, knobs: Knobs | None) -> Iterator[str]:
    """What this run does not do yet."""
    if fate != "uniform collapse":
        if not run.teacher.constrained:
            yield "constrain the teacher"
        if run.center is not None:
            yield "take a faster centre, or that of the batch"
    if knobs is None or not knobs.sharpened:
        yield "sharpen the teacher, τ_t < τ_s"
    yield "lower τ_t until features grow, then warm it up"
