"""The fate of a run in words, and what is left to change.  [O3, O4, D3]"""

from __future__ import annotations

import math
from collections.abc import Iterator

from theory.diagnosis.advice import other_center
from theory.diagnosis.readings import BEGUN, SILENT, TeacherReading
from theory.diagnosis.report import Fate, Report, ok, problem, warning
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
    batch_size: int | None,
) -> None:
    """Say what became of the output that `fate` is of, and whose cluster prior has this entropy."""
    lives = fate in ("alive", "partial collapse")
    if lives and teacher.fate == "alive":
        report.say([ok("O3", "answers depend on the sample.")])
    elif lives:
        text = "the student's answers depend on the sample, the teacher's do not."
        remedy = "check that both files are of one step; else what was learnt is being lost."
        report.say([problem("O3", text, remedy)])
    elif fate != "undecided":
        remedy = "the teacher is alive: check the student's loss, gradient, learning rate and step."
        if teacher.teacher_information < BEGUN:
            remedy = "; ".join(_changes(fate, run, knobs, batch_size)) + "."
        claim, text = _in_words(fate, teacher.clusters, math.exp(prior_entropy))
        report.say([problem(claim, f"{text}.", remedy)])
    if SILENT <= teacher.teacher_information < BEGUN:
        text = f"the teacher tells samples apart by only {teacher.teacher_information:.2g} nats:"
        report.say([warning("O3", f"{text} it is on its way up or down.", "look again later.")])


def _in_words(fate: Fate, clusters: int, effective: float) -> tuple[str, str]:
    """The claim that a collapse rests on, and what it is."""
    not_begun = " (as in a network that has not begun to learn)"
    if fate == "uniform collapse":
        return "D3", f"uniform collapse: every sample gets 1/{clusters} of every cluster{not_begun}"
    if fate == "turning":
        return "D4", "one answer for every sample, and a centre that runs after it: clusters take turns"
    if fate == "one cluster":
        return "O4", f"collapse to one cluster, whatever the sample{not_begun}"
    return "O4", f"one answer for every sample, spread over about {effective:.1f} clusters{not_begun}"


def _changes(fate: Fate, run: Run, knobs: Knobs | None, batch_size: int | None) -> Iterator[str]:
    """What this run does not do yet."""
    if fate != "uniform collapse":
        if not run.teacher.constrained:
            yield "constrain the teacher"
        if run.center is not None:
            yield f"take {other_center(batch_size)}"
    if knobs is None or not knobs.sharpened:
        yield "sharpen the teacher, τ_t < τ_s"
    yield "lower τ_t until features grow, then warm it up"
