"""Which knob of a run is out of its range: the temperatures [D2, D3] and the momentum of the centre [D4]."""

from __future__ import annotations

import math
from collections.abc import Sequence

import scipy.optimize
from numpy.typing import ArrayLike

from theory.center import center_stability, critical_center_momentum
from theory.dynamics import critical_temperature, student_gain, survival_temperature
from theory.findings import Fate, Report
from theory.moments import correlations, cross_view_moments
from theory.simplex import check_number


def center_gain_limit(
    *,
    center_momentum: float,
    teacher_momentum: float,
    student_temperature: float,
    teacher_temperature: float,
) -> float:
    """The gain a = η/(K τ_s) per step above which this centre is too slow: m*(a) = m_c.  [D4]

    m* of `critical_center_momentum` falls with the gain. inf: this centre keeps up at any gain.
    0: it loses the race however slow the student (m_c = 1, sharpened).
    """
    m_c = check_number("center_momentum", center_momentum, low=0.0, high=1.0)
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)

    def excess(log_share: float) -> float:
        critical = critical_center_momentum(
            gain=tau_s * math.exp(log_share),
            teacher_momentum=teacher_momentum,
            student_temperature=tau_s,
            teacher_temperature=teacher_temperature,
        )
        return float(critical) - m_c

    slowest, fastest = -60.0, 0.0  # log(a/τ_s); a student at 0 is at its goal in one step
    if excess(fastest) > 0:
        return math.inf
    if excess(slowest) <= 0:
        return 0.0
    return tau_s * math.exp(scipy.optimize.brentq(excess, slowest, fastest, xtol=1e-12))


def judge_temperatures(
    report: Report,
    *,
    fate: Fate,
    teacher_temperature: float,
    student_temperature: float,
    clusters: int,
    features: Sequence[ArrayLike],
) -> None:
    """τ_t/τ_s against the cross-view correlations of the features, where these are given.  [D2, D3]"""
    ratio = report.numbers["temperature_ratio"] = teacher_temperature / student_temperature
    if ratio >= 1:
        report.say(
            "problem",
            "D2",
            f"the teacher is no sharper than the student, τ_t/τ_s = {ratio:.3g}: nothing can grow.",
            "lower τ_t below τ_s.",
        )
    if not len(features):
        report.say(
            "note", "D2", f"from uniform, only features that survive the views by {ratio:.3g} are learnt."
        )
        return
    moments = cross_view_moments(*features)
    values = correlations(moments.cross(), moments.second(), drop_singular=True).values
    largest, growing = float(values[0]), int((values > ratio).sum())
    start = float(critical_temperature(largest, student_temperature=student_temperature))
    inside = min(max(largest, 0.0), 1.0)
    lives = float(survival_temperature(inside, clusters=clusters, student_temperature=student_temperature))
    report.numbers.update(
        {
            "largest_correlation": largest,
            "growing_directions": growing,
            "critical_temperature": start,
            "survival_temperature": lives,
        }
    )
    if growing:
        report.say("ok", "D2", f"{growing} directions of these features grow at τ_t/τ_s = {ratio:.3g}.")
        return
    alive = fate == "alive"
    report.say(
        "warning" if alive else "problem",
        "D3",
        f"nothing in these features grows: the largest correlation is {largest:.3g}, τ_t/τ_s is {ratio:.3g}."
        + (" What was learnt may live on, but could not start." if alive else ""),
        f"start below τ_t = {start:.3g}; learnt, a table lives up to {lives:.3g}.",
    )


def judge_center(
    report: Report,
    *,
    center_momentum: float,
    teacher_momentum: float,
    student_temperature: float,
    teacher_temperature: float,
    clusters: int,
    learning_rate: float | None,
) -> None:
    """m_c against the slowest centre that keeps up: at any learning rate, or at this one.  [D4]"""
    knobs = {
        "teacher_momentum": teacher_momentum,
        "student_temperature": student_temperature,
        "teacher_temperature": teacher_temperature,
    }
    safe = float(critical_center_momentum(gain=math.inf, **knobs))
    limit = center_gain_limit(center_momentum=center_momentum, **knobs)
    report.numbers.update({"center_momentum_safe": safe, "center_gain_limit": limit})
    if limit == math.inf:
        report.say("ok", "D4", f"the centre keeps up at any learning rate: its momentum is below {safe:.5g}.")
        return
    remedy = (
        f"a centre momentum below {safe:.5g}" if safe > 0 else "the mean of the batch itself as the centre"
    )
    if learning_rate is None:
        report.say(
            "warning",
            "D4",
            f"the centre keeps up only while η/(K τ_s) is below {limit:.3g} per step.",
            f"{remedy} is enough at any learning rate.",
        )
        return
    gain = student_gain(
        learning_rate=learning_rate, clusters=clusters, student_temperature=student_temperature
    )
    found = center_stability(gain=gain, center_momentum=center_momentum, **knobs)
    report.numbers.update(
        {
            "center_spectral_radius": float(found.spectral_radius),
            "center_period": float(found.period),
        }
    )
    if found.stable:
        report.say(
            "ok", "D4", f"the centre keeps up at this learning rate, radius {found.spectral_radius:.6f}."
        )
        return
    turns = math.isfinite(float(found.period))
    how = f"clusters take turns, with a period near {found.period:.0f} steps" if turns else "one cluster wins"
    report.say("problem", "D4", f"the centre is too slow at this learning rate: {how}.", f"{remedy}.")
