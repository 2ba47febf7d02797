"""τ_t/τ_s against the cross-view correlations of the features, where these are given.  [D2, D3]"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.diagnosis.correlations import CrossValidated, Estimate, cross_validated
from theory.diagnosis.report import Fate, Finding, Record, Report, note, ok, problem, warning
from theory.diagnosis.run import Knobs
from theory.diagnosis.views import Views, spanned
from theory.dynamics.temperatures import critical_temperature_kernel, survival_temperature_kernel

__all__ = ["FeatureReading", "FeatureSize", "GrowthThresholds", "TemperatureJudgement"]

FEW = 40
"""Samples below which no interval is trusted: five parts of 8."""
CHANCE = 3.0
"""Standard errors that an agreement must be above 0."""
NOTABLE = 0.5
"""Share of the squared length that is common to all samples, from which it is mentioned."""


@dataclass(frozen=True, kw_only=True)
class TemperatureJudgement(Record):
    """What the two temperatures say by themselves.  [D2]

    Attributes
    ----------
    temperature_ratio : float
        τ_t/τ_s: only features with a larger cross-view correlation are learnt from uniform.
    """

    temperature_ratio: float


@dataclass(frozen=True, kw_only=True)
class FeatureSize(Record):
    """What was given, and what of it depends on the sample.  [D3]

    Attributes
    ----------
    feature_samples, feature_dimensions : int
        M and D.
    constant_share : float
        ‖φ̄‖² / E‖φ‖²: the constant direction, whose ρ is 0 under a constraint and 1 without.
    """

    feature_samples: int
    feature_dimensions: int
    constant_share: float


@dataclass(frozen=True, kw_only=True)
class FeatureReading(Record):
    """Cross-view correlations ρ_j, largest first, with bounds that hold for any M and D: 95% intervals.  [D2]

    The constant direction is left out: under a constraint its ρ is 0. Rows are samples that are independent
    of each other; patches of one image are not.

    Attributes
    ----------
    mean_correlation : float
        E φ·φ'/E φ·φ, every feature of spread 1: a mean of the ρ_j that needs no inverse, unbiased for any M.
    mean_correlation_error : float
        Its standard error, were there nothing that the views share.
    largest_correlation : float
        Of the direction that looks best on some rows, measured on the others: ρ₁ or less, on average.
    largest_correlation_low, largest_correlation_high : float
        Bounds of ρ₁: what was measured so less its error; the ρ₁ of all rows, which flatters, and its error.
    growing_directions : int
        How many ρ_j are above τ_t/τ_s for sure.
    growing_directions_high : int
        How many may be.
    """

    mean_correlation: float
    mean_correlation_error: float
    largest_correlation: float
    largest_correlation_low: float
    largest_correlation_high: float
    growing_directions: int
    growing_directions_high: int


@dataclass(frozen=True, kw_only=True)
class GrowthThresholds(Record):
    """Where the strongest feature stops, in the units of τ_t, and the bounds that those of ρ₁ give.  [D2, D3]

    Attributes
    ----------
    critical_temperature, critical_temperature_low, critical_temperature_high : float
        τ_t* = ρ₁ τ_s: from uniform it grows below.
    survival_temperature, survival_temperature_low, survival_temperature_high : float
        τ_t†: learnt, a table with this correlation lives on up to here.
    """

    critical_temperature: float
    critical_temperature_low: float
    critical_temperature_high: float
    survival_temperature: float
    survival_temperature_low: float
    survival_temperature_high: float


def judge_temperatures(report: Report, knobs: Knobs, fate: Fate) -> None:
    """Add the ratio; for a sharpened teacher with features, what they can learn; its limits, if anything."""
    judgement = TemperatureJudgement(temperature_ratio=knobs.teacher_temperature / knobs.student_temperature)
    report.add(judgement, _about_the_ratio(judgement, knobs))
    if not knobs.features:
        return
    views = Views(knobs.features)
    report.add(_size(views), _about_the_constant(views))
    unusable = list(_about_useless(views))
    if unusable:
        report.say(unusable)
        return
    found = cross_validated(spanned(views))
    largest = found.estimate(1)
    reading = read_features(views, found, largest, judgement)
    thresholds = thresholds_of(largest, knobs)
    report.add(reading)
    report.add(thresholds)
    if _by_chance(largest, reading):
        error = CHANCE * reading.mean_correlation_error
        told = f"{reading.mean_correlation:.2g} on average, {error:.1g} by chance."
        report.say(_no_better(told))
    else:
        report.say(_about_growth(judgement, reading, thresholds, alive=fate == "alive"))


def read_features(
    views: Views, found: CrossValidated, largest: Estimate, judgement: TemperatureJudgement
) -> FeatureReading:
    """Of views that are neither constant nor the same."""
    mean, error = views.agreement()
    surely, perhaps = found.above(judgement.temperature_ratio, largest.error)
    return FeatureReading(
        mean_correlation=mean,
        mean_correlation_error=error,
        largest_correlation=largest.value,
        largest_correlation_low=largest.low,
        largest_correlation_high=largest.high,
        growing_directions=surely,
        growing_directions_high=perhaps,
    )


def thresholds_of(largest: Estimate, knobs: Knobs) -> GrowthThresholds:
    """τ_t* and τ_t† of ρ₁ and of its bounds."""
    rho = np.clip([largest.value, largest.low, largest.high], 0.0, 1.0)
    tau_s = knobs.student_temperature
    starts = critical_temperature_kernel(rho, tau_s)
    lives = survival_temperature_kernel(rho, knobs.clusters, tau_s)
    return GrowthThresholds(
        critical_temperature=float(starts[0]),
        critical_temperature_low=float(starts[1]),
        critical_temperature_high=float(starts[2]),
        survival_temperature=float(lives[0]),
        survival_temperature_low=float(lives[1]),
        survival_temperature_high=float(lives[2]),
    )


def _size(views: Views) -> FeatureSize:
    samples, dimensions = views.raw[0].shape
    return FeatureSize(
        feature_samples=samples, feature_dimensions=dimensions, constant_share=views.constant_share
    )


def _about_the_ratio(judgement: TemperatureJudgement, knobs: Knobs) -> Iterator[Finding]:
    ratio = judgement.temperature_ratio
    if not knobs.sharpened:
        text = f"the teacher is no sharper than the student, τ_t/τ_s = {ratio:.3g}: nothing can grow."
        yield problem("D2", text, "lower τ_t below τ_s.")
    elif not knobs.features:
        text = f"from uniform, only features with a cross-view correlation above {ratio:.3g} are learnt."
        yield note("D2", text)


def _about_the_constant(views: Views) -> Iterator[Finding]:
    share = views.constant_share
    if share > NOTABLE:
        text = (
            f"{share:.0%} of the squared length of the features is common to all samples: under a constraint "
            "that direction does not count; without one it has ρ = 1 and grows first."
        )
        yield note("D3", text)
    still = len(views.moving) - views.features
    if 0 < still < len(views.moving):
        yield note("D2", f"{still} of {len(views.moving)} features are the same for every sample.")


def _about_useless(views: Views) -> Iterator[Finding]:
    """Why nothing can be told of these views."""
    if not views.features:
        text = (
            "the features are the same for every sample, but for rounding: nothing can be learnt from them."
        )
        yield problem("D2", text, "features of a network that looks at its input.")
    elif still := views.still_views():
        text = f"view {still[0]} of the features is the same for every sample: nothing can be learnt from it."
        yield problem("D2", text, "features of a network that looks at its input.")
    elif same := views.same_twice():
        text = f"views {same[0]} and {same[1]} are the same up to scale and rounding: every correlation is 1,"
        text += " and nothing can be told of what survives a change of view."
        yield problem("D2", text, "features of two views, drawn anew, of each sample.")
    elif views.samples < FEW:
        text = f"{views.samples} samples are too few to say which features survive a change of view."
        yield warning("D2", text, f"{FEW} or more; better several times the {len(views.moving)} features.")


def _by_chance(largest: Estimate, reading: FeatureReading) -> bool:
    """Neither the best direction nor the mean of all is beyond `CHANCE` standard errors."""
    best = math.atanh(largest.value) <= CHANCE * largest.error
    return best and reading.mean_correlation <= CHANCE * reading.mean_correlation_error


def _no_better(told: str) -> Iterator[Finding]:
    text = f"the views of a sample agree no better than chance: {told}"
    yield problem("D2", text, "check that all views hold the same samples in one order; else more samples.")


def _about_growth(
    judgement: TemperatureJudgement, reading: FeatureReading, thresholds: GrowthThresholds, *, alive: bool
) -> Iterator[Finding]:
    ratio = judgement.temperature_ratio
    low, high = reading.largest_correlation_low, reading.largest_correlation_high
    between = f"the largest correlation is between {max(low, 0.0):.3g} and {high:.3g}"
    sure, perhaps = thresholds.critical_temperature_low, thresholds.critical_temperature_high
    start = f"below τ_t = {sure:.3g}" if sure > 0.0 else f"well below τ_t = {perhaps:.3g}"
    if ratio >= 1.0:
        text = f"{between}: these features are learnt {start}."
        yield note("D2", text)
    elif reading.growing_directions:
        yield from _about_what_grows(reading, ratio)
    elif high < ratio:
        text = f"nothing in these features grows: {between}, τ_t/τ_s is {ratio:.3g}."
        remedy = f"start {start}; learnt, a table lives up to {thresholds.survival_temperature:.3g}."
        if alive:
            yield warning("D3", f"{text} What was learnt may live on, but could not start.", remedy)
        else:
            yield problem("D3", text, remedy)
    else:
        text = f"too few samples to say whether anything grows at τ_t/τ_s = {ratio:.3g}: {between}."
        yield warning("D2", text, f"features of more samples; or start {start}.")


def _about_what_grows(reading: FeatureReading, ratio: float) -> Iterator[Finding]:
    surely, perhaps = reading.growing_directions, reading.growing_directions_high
    what = f"direction{'s' * (surely > 1)} of these features grow{'s' * (surely == 1)}"
    if perhaps == surely:
        yield ok("D2", f"{surely} {what} at τ_t/τ_s = {ratio:.3g}.")
    else:
        yield ok("D2", f"at least {surely} {what} at τ_t/τ_s = {ratio:.3g}; {perhaps} at most.")
