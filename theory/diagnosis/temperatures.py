"""τ_t/τ_s against the cross-view correlations of the features, where these are given.  [D2, D3]"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from theory.checks import Matrix
from theory.diagnosis.report import Fate, Finding, Record, Report, note, ok, problem, warning
from theory.diagnosis.run import Knobs
from theory.dynamics.canonical import correlations_kernel
from theory.dynamics.moments import PairedViews, moments_kernel
from theory.dynamics.temperatures import critical_temperature_kernel, survival_temperature_kernel

__all__ = ["FeatureReading", "GrowthThresholds", "TemperatureJudgement"]

SHUFFLES = 8
"""Orders of the rows that are tried for what chance alone shows."""


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
class FeatureReading(Record):
    """Cross-view correlations r_j of the features, and what M samples of D features show by chance.  [D2]

    Attributes
    ----------
    largest_correlation : float
        r₁.
    correlation_noise : float
        The largest correlation of all shuffles of the rows of all views but the first.
    growing_directions : int
        How many r_j exceed both τ_t/τ_s and what chance shows.
    """

    largest_correlation: float
    correlation_noise: float
    growing_directions: int


@dataclass(frozen=True, kw_only=True)
class GrowthThresholds(Record):
    """Where the strongest feature stops, in the units of τ_t.  [D2, D3]

    Attributes
    ----------
    critical_temperature : float
        τ_t* = r₁ τ_s: from uniform it grows below.
    survival_temperature : float
        τ_t†: learnt, a table with this correlation lives on up to here.
    """

    critical_temperature: float
    survival_temperature: float


def judge_temperatures(report: Report, knobs: Knobs, fate: Fate) -> None:
    """Add the ratio; for a sharpened teacher with features, what they can learn; its limits, if anything."""
    judgement = TemperatureJudgement(temperature_ratio=knobs.teacher_temperature / knobs.student_temperature)
    report.add(judgement, _about_the_ratio(judgement, knobs))
    if not (knobs.sharpened and knobs.features):
        return
    reading = read_features(knobs.features, judgement)
    if reading.largest_correlation <= reading.correlation_noise:
        report.add(reading, _about_chance(reading))
        return
    thresholds = thresholds_of(reading, knobs)
    report.add(reading)
    report.add(thresholds, _about_growth(judgement, reading, thresholds, alive=fate == "alive"))


def read_features(views: Sequence[Matrix], judgement: TemperatureJudgement) -> FeatureReading:
    """r_j of views [M, D] that see the same samples in one order, and r₁ of views that do not."""
    values = _correlations(views)
    noise = _by_chance(views)
    edge = max(judgement.temperature_ratio, noise)
    return FeatureReading(
        largest_correlation=float(values[0]),
        correlation_noise=noise,
        growing_directions=int((values > edge).sum()),
    )


def thresholds_of(reading: FeatureReading, knobs: Knobs) -> GrowthThresholds:
    """τ_t* and τ_t† of the largest correlation; rounding may put that beside [0, 1]."""
    largest, tau_s = reading.largest_correlation, knobs.student_temperature
    inside = np.asarray(min(max(largest, 0.0), 1.0))
    return GrowthThresholds(
        critical_temperature=float(critical_temperature_kernel(np.asarray(largest), tau_s)),
        survival_temperature=float(survival_temperature_kernel(inside, knobs.clusters, tau_s)),
    )


def _about_the_ratio(judgement: TemperatureJudgement, knobs: Knobs) -> Iterator[Finding]:
    ratio = judgement.temperature_ratio
    if not knobs.sharpened:
        text = f"the teacher is no sharper than the student, τ_t/τ_s = {ratio:.3g}: nothing can grow."
        yield problem("D2", text, "lower τ_t below τ_s.")
    elif not knobs.features:
        text = f"from uniform, only features with a cross-view correlation above {ratio:.3g} are learnt."
        yield note("D2", text)


def _about_chance(reading: FeatureReading) -> Iterator[Finding]:
    largest, noise = reading.largest_correlation, reading.correlation_noise
    text = f"these features show no cross-view correlation above chance ({largest:.3g}, chance {noise:.3g})."
    yield warning("D2", text, "more samples; else features of two views of the same images.")


def _about_growth(
    judgement: TemperatureJudgement, reading: FeatureReading, thresholds: GrowthThresholds, *, alive: bool
) -> Iterator[Finding]:
    ratio, largest, noise = (
        judgement.temperature_ratio,
        reading.largest_correlation,
        reading.correlation_noise,
    )
    if reading.growing_directions:
        yield ok(
            "D2", f"{reading.growing_directions} directions of these features grow at τ_t/τ_s = {ratio:.3g}."
        )
        if noise > ratio:
            text = f"chance alone gives correlations up to {noise:.3g} here, so that more may grow."
            yield note("D2", text, "features of more samples.")
        return
    text = (
        f"nothing in these features grows: the largest correlation is {largest:.3g}, τ_t/τ_s is {ratio:.3g}."
    )
    start, lives = thresholds.critical_temperature, thresholds.survival_temperature
    remedy = f"start below τ_t = {start:.3g}; learnt, a table lives up to {lives:.3g}."
    if alive:
        yield warning("D3", f"{text} What was learnt may live on, but could not start.", remedy)
    else:
        yield problem("D3", text, remedy)


def _by_chance(views: Sequence[Matrix]) -> float:
    """The largest correlation when every view but the first has its rows shuffled, of all tries."""
    rng = np.random.default_rng(0)
    first, *others = views
    orders = [[rng.permutation(len(first)) for _ in others] for _ in range(SHUFFLES)]
    shuffled = (
        [first, *(view[order] for view, order in zip(others, by_view, strict=True))] for by_view in orders
    )
    return max(float(_correlations(views)[0]) for views in shuffled)


def _correlations(views: Sequence[Matrix]) -> Matrix:
    """r_j of views [M, D], largest first."""
    m = len(views[0])
    moments = moments_kernel(PairedViews(views, np.full(m, 1.0 / m), float(m), directed=False))
    return correlations_kernel(moments.cross(), moments.second(), drop_singular=True).values
