"""Swings of a loss beside the turns of a slow centre: near uniform it has half their period.  [D4]"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.checks import check_quotient
from theory.curves.curve import Curve
from theory.diagnosis.report import Fate, Finding, note, problem, warning
from theory.dynamics.center import gain_limit_kernel
from theory.dynamics.growth import student_gain_kernel
from theory.dynamics.stability import stability_kernel

__all__: list[str] = []

RESTS, RISES, RETURNS = 0.1, 0.5, 3
"""Nats below which, and part of log K above which the loss is, and how often, where clusters take turns."""


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Whether the centre keeps up, at its own gain if `decided`, else at any; the period of turns."""

    safe: bool
    decided: bool
    period: float


def turns_of(
    clusters: int,
    *,
    teacher_temperature: float | None,
    student_temperature: float | None,
    teacher_momentum: float | None,
    center_momentum: float | None,
    learning_rate: float | None,
) -> Turns | None:
    """None where the knobs do not say."""
    tau_t, tau_s, m_t, m_c = teacher_temperature, student_temperature, teacher_momentum, center_momentum
    if tau_t is None or tau_s is None or m_t is None or m_c is None or m_t == 1:
        return None
    mu = np.asarray(1.0 - m_t)
    if learning_rate is None:
        return Turns(
            safe=gain_limit_kernel(m_c, mu, tau_s, tau_t) == math.inf, decided=False, period=math.inf
        )
    check_quotient("learning_rate", learning_rate, student_temperature=np.square(tau_s))
    check_quotient(
        "learning_rate`/`student_temperature", np.divide(learning_rate, tau_s), teacher_temperature=tau_t
    )
    gain = student_gain_kernel(learning_rate, clusters, tau_s)
    found = stability_kernel(np.asarray(gain / tau_s), np.asarray(gain / tau_t), mu, np.asarray(1.0 - m_c))
    return Turns(safe=bool(found.spectral_radius < 1), decided=True, period=float(found.period))


def fate_of_turns(fate: Fate, curve: Curve, clusters: int, numbers: dict[str, float]) -> list[Finding]:
    """A loss that goes again and again from next to nothing to near log K and back: no schedule does that."""
    if fate in ("diverged", "uniform collapse", "late collapse"):
        return []
    starts = _returns(curve, RISES * math.log(clusters))
    if len(starts) < RETURNS:
        return []
    numbers["steps_between_turns"] = float(np.median(np.diff(starts)))
    often = f"every {numbers['steps_between_turns']:.4g} steps or so"
    text = f"{len(starts)} times, {often}, the loss came back from next to 0 to above half of log {clusters}:"
    text += " one cluster for all, then another."
    remedy = "a faster centre, or the mean of the batch itself where it holds 16 samples or more."
    return [problem("D4", text, remedy)]


def _returns(curve: Curve, high: float) -> np.ndarray:
    """The steps at which the loss passes `high` for two records or more after it was below `RESTS`."""
    above = curve.loss > high
    state = np.zeros(len(above), dtype=int)
    state[curve.loss < RESTS] = -1
    state[1:][above[1:] & above[:-1]] = 1
    told = np.flatnonzero(state)
    return curve.steps[told[1:][(state[told][1:] == 1) & (state[told][:-1] == -1)]]


def about_the_swing(period: float, turns: Turns | None) -> Iterator[Finding]:
    """A swing is called turns only where D4 has them with this period."""
    if not math.isfinite(period):
        if turns is not None and not turns.safe:
            text = "this centre can be too slow: a loss that falls may be one cluster growing, not learning."
            yield warning("D4", text, "a faster centre, or look at I of the student.")
        return
    text = f"the loss swings, with a period near {period:.4g} steps"
    if turns is None:
        yield note(
            "D4",
            f"{text}: a schedule, the order of the data or clusters in turns; a loss alone cannot tell.",
            "give both temperatures, both momenta and the learning rate.",
        )
    elif turns.safe:
        yield note(
            "D4", f"{text}, but not because of the centre, which keeps up: look at schedules and data."
        )
    elif not turns.decided:
        yield warning(
            "D4",
            f"{text}; this centre can be too slow, and clusters may take turns.",
            "the learning rate of plain gradient descent would give their period.",
        )
    elif 0.8 <= 2 * period / turns.period <= 1.25:
        yield problem(
            "D4",
            f"{text}, half of the {turns.period:.4g} in which clusters take turns below this centre, "
            "as it is near uniform.",
            "a faster centre, or that of the batch.",
        )
    else:
        yield warning(
            "D4",
            f"{text}; this centre is too slow, but near uniform its turns would swing the loss in "
            f"{turns.period / 2:.4g}.",
            "a faster centre; far from uniform the period is another.",
        )
