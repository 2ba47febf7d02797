"""Which knob of a run is out of its range: the temperatures [D2, D3] and the momentum of the centre [D4]."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.diagnosis.report import Fate, Report
from theory.dynamics.center import center_gain_limit, center_stability, critical_center_momentum
from theory.dynamics.growth import critical_temperature, student_gain, survival_temperature
from theory.dynamics.moments import correlations, cross_view_moments


def judge_temperatures(
    report: Report,
    *,
    fate: Fate,
    teacher_temperature: float,
    student_temperature: float,
    clusters: int,
    features: Sequence[ArrayLike],
) -> None:
    """τ_t/τ_s against the cross-view correlations of the features, where these are given.  [D2, D3]

    What M samples of D features show by chance is the largest correlation of eight permutations of the rows
    of all views but the first; only what exceeds it counts.
    """
    ratio = report.numbers["temperature_ratio"] = teacher_temperature / student_temperature
    if ratio >= 1:
        text = f"the teacher is no sharper than the student, τ_t/τ_s = {ratio:.3g}: nothing can grow."
        report.say("problem", "D2", text, "lower τ_t below τ_s.")
        return
    if not len(features):
        text = f"from uniform, only features with a cross-view correlation above {ratio:.3g} are learnt."
        report.say("note", "D2", text)
        return
    values = _correlations(features)
    noise = _by_chance(features)
    edge = max(ratio, noise)
    largest, growing = float(values[0]), int((values > edge).sum())
    report.numbers.update(largest_correlation=largest, correlation_noise=noise, growing_directions=growing)
    if largest <= noise:
        text = (
            f"these features show no cross-view correlation above chance ({largest:.3g}, chance {noise:.3g})."
        )
        report.say("warning", "D2", text, "more samples; else features of two views of the same images.")
        return
    start = float(critical_temperature(largest, student_temperature=student_temperature))
    inside = min(max(largest, 0.0), 1.0)
    lives = float(survival_temperature(inside, clusters=clusters, student_temperature=student_temperature))
    report.numbers.update(critical_temperature=start, survival_temperature=lives)
    if growing:
        report.say("ok", "D2", f"{growing} directions of these features grow at τ_t/τ_s = {ratio:.3g}.")
        if noise > ratio:
            text = f"chance alone gives correlations up to {noise:.3g} here, so that more may grow."
            report.say("note", "D2", text, "features of more samples.")
        return
    alive = fate == "alive"
    text = (
        f"nothing in these features grows: the largest correlation is {largest:.3g}, τ_t/τ_s is {ratio:.3g}."
    )
    text += " What was learnt may live on, but could not start." if alive else ""
    remedy = f"start below τ_t = {start:.3g}; learnt, a table lives up to {lives:.3g}."
    report.say("warning" if alive else "problem", "D3", text, remedy)


def _by_chance(views: Sequence[ArrayLike], *, tries: int = 8) -> float:
    """The largest correlation when every view but the first has its rows in another order, of all tries."""
    rng = np.random.default_rng(0)
    first, *others = (np.asarray(view) for view in views)
    orders = [[rng.permutation(len(first)) for _ in others] for _ in range(tries)]
    shuffled = (
        [first, *(view[order] for view, order in zip(others, by_view, strict=True))] for by_view in orders
    )
    return max(float(_correlations(views)[0]) for views in shuffled)


def judge_lag(report: Report, *, lag: float) -> None:
    """osc(c − z̄)/τ_t: how far the given centre is from the mean of these logits.  [D4]"""
    report.numbers["center_lag_temperatures"] = lag
    if lag > 1:
        text = f"the centre is {lag:.3g} temperatures away from the mean of these logits."
        report.say(
            "warning", "D4", text, "a faster centre, or that of the batch; or the two are not of one step."
        )


def judge_center(
    report: Report,
    *,
    center_momentum: float | None,
    teacher_momentum: float | None,
    student_temperature: float,
    teacher_temperature: float,
    clusters: int,
    learning_rate: float | None,
) -> None:
    """m_c against the slowest centre that keeps up, and η against the student's own stability.  [D4]

    center_momentum None: no moving centre. learning_rate None: the gain is not known.
    """
    gain = math.nan
    if learning_rate is not None:
        gain = student_gain(
            learning_rate=learning_rate, clusters=clusters, student_temperature=student_temperature
        )
    goal = clusters * student_temperature**2  # the learning rate at which α = 1: there in one step
    still = teacher_momentum == 1
    if center_momentum is None or teacher_momentum is None or still:
        if gain >= 2 * student_temperature:  # its own multiplier, 1 − α
            text = "the step is too large: the student overshoots along what all samples share."
            report.say("problem", "D4", text, f"a learning rate below 2 K τ_s² = {2 * goal:.3g}.")
        if still and center_momentum is not None:
            report.say("note", "D4", "the teacher no longer moves, so that the centre cannot lose it.")
        return
    knobs = {
        "teacher_momentum": teacher_momentum,
        "student_temperature": student_temperature,
        "teacher_temperature": teacher_temperature,
    }
    safe = float(critical_center_momentum(gain=math.inf, **knobs))
    limit = center_gain_limit(center_momentum=center_momentum, **knobs)
    report.numbers.update(center_momentum_safe=safe, center_gain_limit=limit)
    remedy = (
        f"a centre momentum below {safe:.5g}" if safe > 0 else "the mean of the batch itself as the centre"
    )
    if math.isnan(gain):
        if limit == math.inf:
            text = f"the centre keeps up at any learning rate up to K τ_s²: momentum below {safe:.5g}."
            report.say("ok", "D4", text)
            return
        text = f"the centre keeps up only while η/(K τ_s) is below {limit:.3g} per step."
        if limit == 0:
            text = "this centre never moves, and loses any teacher that is sharper than its student."
        report.say("warning", "D4", text, f"{remedy} is enough at any learning rate up to K τ_s².")
        return
    found = center_stability(gain=gain, center_momentum=center_momentum, **knobs)
    radius, period = float(found.spectral_radius), float(found.period)
    report.numbers.update(center_spectral_radius=radius, center_period=period)
    if found.stable:
        report.say("ok", "D4", f"the centre keeps up at this learning rate, radius {radius:.6f}.")
        return
    how = (
        f"clusters take turns, with a period near {period:.0f} steps"
        if math.isfinite(period)
        else "one cluster wins"
    )
    if gain >= 2 * student_temperature:
        text = f"the step is too large: the student overshoots, and this centre does not hold it ({how})."
        report.say("problem", "D4", text, f"a learning rate of at most K τ_s² = {goal:.3g}.")
        return
    if gain > student_temperature:
        remedy = f"a learning rate of at most K τ_s² = {goal:.3g}, with {remedy}"
    report.say("problem", "D4", f"the centre is too slow at this learning rate: {how}.", f"{remedy}.")


def _correlations(views: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """r_j of views [M, D], largest first."""
    moments = cross_view_moments(*views)
    return correlations(moments.cross(), moments.second(), drop_singular=True).values
