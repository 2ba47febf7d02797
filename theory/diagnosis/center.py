"""m_c against the slowest centre that keeps up, and η against the student's own stability.  [D4]"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.diagnosis.advice import other_center
from theory.diagnosis.report import Fate, Finding, Record, Report, note, ok, problem, warning
from theory.diagnosis.run import Knobs, Run
from theory.dynamics.center import critical_momentum_kernel, gain_limit_kernel
from theory.dynamics.growth import student_gain_kernel
from theory.dynamics.stability import stability_kernel

__all__ = ["CenterJudgement", "CenterLag", "CenterMotion"]

LAG = 1.0
"""Temperatures from the mean of the logits from which on a centre distorts the targets."""
PROPORTIONAL = 0.1
"""Part of the difference from the mean that a centre may leave unexplained and be called a multiple of it."""


@dataclass(frozen=True, kw_only=True)
class CenterLag(Record):
    """How far the given centre is from the mean of these logits.  [D4]

    Attributes
    ----------
    center_lag_temperatures : float
        osc(c − z̄)/τ_t.
    center_factor : float
        f of the f z̄ that is nearest to c, both less their mean over clusters; nan where z̄ is flat.
    """

    center_lag_temperatures: float
    center_factor: float


@dataclass(frozen=True, kw_only=True)
class CenterJudgement(Record):
    """What the momenta and temperatures say, whatever the learning rate.  [D4]

    Attributes
    ----------
    center_momentum_safe : float
        Below it a centre keeps up at any learning rate up to K τ_s².
    center_gain_limit : float
        The gain η/(K τ_s) per step above which this centre is too slow; inf if it keeps up at any up to τ_s.
    """

    center_momentum_safe: float
    center_gain_limit: float


@dataclass(frozen=True, kw_only=True)
class CenterMotion(Record):
    """The step of student, teacher and centre at this learning rate.  [D4]

    Attributes
    ----------
    center_spectral_radius : float
        What all samples share grows by it per step.
    center_period : float
        Steps in which clusters take turns; inf if they do not.
    """

    center_spectral_radius: float
    center_period: float


def read_lag(report: Report, run: Run) -> CenterLag | None:
    """Add where the centre that was given is; None where none was."""
    if run.center is None:
        return None
    mean = run.batch.ensemble.weights @ run.batch.logits
    c, z = run.center - run.center.mean(), mean - mean.mean()
    factor = float(c @ z / (z @ z)) if (z @ z) > 0 else math.nan
    lag = float(np.ptp(c - z)) / run.temperature
    reading = CenterLag(center_lag_temperatures=lag, center_factor=factor)
    scaled = lag > LAG and float(np.ptp(c - factor * z)) < PROPORTIONAL * float(np.ptp(c - z))
    report.add(reading, _about_the_factor(reading) if scaled else _about_the_lag(reading))
    return reading


def fate_of_center(fate: Fate, lag: CenterLag | None, knobs: Knobs | None) -> Fate:
    """One answer, from which a centre that moves is far: it will catch up, and another cluster wins."""
    moves = knobs is None or knobs.center_momentum is None or 0 < knobs.center_momentum < 1
    far = lag is not None and lag.center_lag_temperatures > LAG
    return "turning" if fate in ("one cluster", "constant") and far and moves else fate


def judge_center(report: Report, knobs: Knobs | None, batch_size: int | None, *, given: bool) -> None:
    """Add whether the centre keeps up: at this learning rate if that is known, else at any.

    given: the centre itself is, as it was applied.
    """
    if knobs is None:
        return
    m_t, m_c, eta = knobs.teacher_momentum, knobs.center_momentum, knobs.learning_rate
    tau_s, tau_t = knobs.student_temperature, knobs.teacher_temperature
    gain = None if eta is None else student_gain_kernel(eta, knobs.clusters, tau_s)
    if m_t is None or m_c is None or m_t == 1:
        report.say(_about_the_student(knobs, gain))
    else:
        mu, gamma = np.asarray(1.0 - m_t), np.asarray(1.0 - m_c)
        fastest = critical_momentum_kernel(np.asarray(1.0), mu, np.asarray(tau_s / tau_t))  # α = 1
        judgement = CenterJudgement(
            center_momentum_safe=float(fastest), center_gain_limit=gain_limit_kernel(m_c, mu, tau_s, tau_t)
        )
        if gain is None:
            report.add(judgement, _about_any_rate(judgement, batch_size))
        else:
            found = stability_kernel(np.asarray(gain / tau_s), np.asarray(gain / tau_t), mu, gamma)
            motion = CenterMotion(
                center_spectral_radius=float(found.spectral_radius), center_period=float(found.period)
            )
            report.add(judgement)
            report.add(motion, _about_this_rate(motion, judgement, knobs, gain, batch_size))
    if m_c and not given:
        text = "the mean of these logits stands in for the moving centre; `center` shows the run as it was."
        report.say([note("D4", text)])


def _about_the_lag(reading: CenterLag) -> Iterator[Finding]:
    lag = reading.center_lag_temperatures
    if lag > LAG:
        text = f"the centre is {lag:.3g} temperatures away from the mean of these logits."
        yield warning("D4", text, "a faster centre; or logits and centre are not of one step.")


def _about_the_factor(reading: CenterLag) -> Iterator[Finding]:
    factor = reading.center_factor
    text = f"the centre is {factor:.3g} times the mean of these logits, cluster by cluster"
    if factor > 1:
        remedy = "divide by the number of processes (and of views) that the sum runs over."
        yield warning("D4", f"{text}: a sum that was not divided?", remedy)
    else:
        remedy = "wait, if it started from 0 lately; else check what it is divided by."
        yield warning("D4", f"{text}: it is on its way from 0, or divided twice.", remedy)


def _about_the_student(knobs: Knobs, gain: float | None) -> Iterator[Finding]:
    """No centre moves, or it follows a teacher that does not: the student's own multiplier is 1 − α."""
    if gain is not None and gain >= 2 * knobs.student_temperature:
        text = "the step is too large: the student overshoots along what all samples share."
        yield problem("D4", text, f"a learning rate below 2 K τ_s² = {2 * _goal(knobs):.3g}.")
    if knobs.teacher_momentum == 1 and knobs.center_momentum is not None:
        yield note("D4", "the teacher no longer moves, so that the centre cannot lose it.")


def _about_any_rate(judgement: CenterJudgement, batch_size: int | None) -> Iterator[Finding]:
    safe, limit = judgement.center_momentum_safe, judgement.center_gain_limit
    if limit == math.inf:
        text = f"the centre keeps up at any learning rate up to K τ_s²: momentum below {safe:.5g}."
        yield ok("D4", text)
        return
    text = f"the centre keeps up only while η/(K τ_s) is below {limit:.3g} per step: not under Adam."
    if limit == 0:
        text = "this centre never moves, and loses any teacher that is sharper than its student."
    remedy = other_center(batch_size, judgement.center_momentum_safe)
    enough = "enough at any learning rate up to K τ_s²; moved at each of n micro-batches a centre has m_cⁿ"
    yield warning("D4", text, f"{remedy}: {enough}.")


def _about_this_rate(
    motion: CenterMotion, judgement: CenterJudgement, knobs: Knobs, gain: float, batch_size: int | None
) -> Iterator[Finding]:
    radius, period, tau_s = motion.center_spectral_radius, motion.center_period, knobs.student_temperature
    if radius < 1:
        yield ok("D4", f"the centre keeps up at this learning rate, radius {radius:.6f}.")
        return
    how = "one cluster wins"
    if math.isfinite(period):
        how = f"clusters take turns, with a period near {period:.0f} steps"
    slower = f"a learning rate of at most K τ_s² = {_goal(knobs):.3g}"
    if gain >= 2 * tau_s:
        text = f"the step is too large: the student overshoots, and this centre does not hold it ({how})."
        yield problem("D4", text, f"{slower}.")
        return
    center = other_center(batch_size, judgement.center_momentum_safe)
    remedy = center if gain <= tau_s else f"{slower}, with {center}"
    yield problem("D4", f"the centre is too slow at this learning rate: {how}.", f"{remedy}.")


def _goal(knobs: Knobs) -> float:
    """The learning rate at which α = 1: there in one step."""
    return knobs.clusters * knobs.student_temperature**2
