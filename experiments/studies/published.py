"""DINO's published ablations beside what section D says of their settings, and a toy run at them (D5).

The published numbers are those of Caron et al. (2021), "Emerging properties in self-supervised vision
transformers", for ViT-S on ImageNet: appendix D (k-NN top-1 after sweeps of the centre's momentum and of the
teacher's temperature), section 5.3 (centering and sharpening alone) and table 15 (teachers with and without a
momentum encoder). Nothing here was fitted to them but one bracket, that of the leading correlation.

Their softmax over the batch is one Sinkhorn round on logits (`theory.batch_softmax_log_tilt`), their Sinkhorn
three (the toy's three are on probabilities). Neither has a lag, and the linear theory does not tell them
apart.

Two things about their runs are not known: the gain a of a vision transformer under AdamW, and its leading
cross-view correlation. A prediction that needs one of them states the value it needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import xarray as xr

from experiments.engine import sweep
from experiments.studies.shared import learning_rate_of, simplex_mixture
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from theory import TEACHERS
from theory.dynamics import center_gain_limit, survival_temperature
from theory.nn.schedules import Schedule

CLAIMS = ("D3", "D4", "D5")
MINUTES = 1
STUDENT_TEMPERATURE = 0.1
HARD = 1e-3
"""τ_t in place of 0, which no softmax has."""
Verdict = Literal["consistent with", "silent", "contradicts"]
MEASURED = ("student_prior_entropy", "teacher_entropy", "student_information", "nmi")


@dataclass(frozen=True, kw_only=True)
class Point:
    """One published number and the settings it was measured at; `published` in per cent, NaN for a curve."""

    sweep: Literal["centre momentum", "teacher temperature", "centering, sharpening", "teacher"]
    setting: str
    published: float
    source: str
    teacher: str = "centering"
    rounds: int | None = None
    center_momentum: float | None = 0.9
    teacher_temperature: float | Schedule = 0.04
    teacher_momentum: float = 0.996


def points(warm_up: int) -> tuple[Point, ...]:
    """The published points, in their order; `warm_up`: steps of the temperature's schedule in the toy run."""
    found = [
        Point(sweep="centre momentum", setting=f"{m:g}", published=p, source="appendix D", center_momentum=m)
        for m, p in ((0.0, 69.1), (0.9, 69.7), (0.99, 69.4), (0.999, 0.1))
    ]
    degrees: tuple[tuple[str, float | Schedule, float], ...] = (
        ("0", HARD, 43.9),
        ("0.02", 0.02, 66.7),
        ("0.04", 0.04, 69.6),
        ("0.06", 0.06, 68.7),
        ("0.08", 0.08, 0.1),
        ("0.04 to 0.07", Schedule(start=0.04, end=0.07, steps=warm_up), 69.7),
    )
    for setting, degree, p in degrees:
        point = Point(sweep="teacher temperature", setting=setting, published=p, source="appendix D")
        found.append(replace(point, teacher_temperature=degree))
    both = Point(sweep="centering, sharpening", setting="both", published=math.nan, source="section 5.3")
    found += [
        both,
        replace(both, setting="centering alone", teacher_temperature=STUDENT_TEMPERATURE),
        replace(both, setting="sharpening alone", teacher="unconstrained"),
    ]
    for momentum, row in ((0.996, (76.1, 75.8, 76.0)), (0.0, (0.1, 72.2, 71.8))):
        point = Point(
            sweep="teacher", setting="", published=0.0, source="table 15", teacher_momentum=momentum
        )
        batch = replace(point, center_momentum=None)
        three = (
            point,
            replace(batch, teacher="batch_softmax"),
            replace(batch, teacher="sinkhorn", rounds=3),
        )
        suffix = "momentum" if momentum else "no momentum"
        found += [
            replace(one, setting=f"{TEACHERS[one.teacher].label}, {suffix}", published=p)
            for one, p in zip(three, row, strict=True)
        ]
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The toy run: a linear student on a mixture whose correlation lies in the published bracket."""

    seeds: int = 4
    components: int = 8
    correlation: float = 0.7
    step_size: float = 0.1
    """α = η/(K τ_s²) per step."""
    steps: int = 4000
    warm_up: int = 1500
    batch_size: int = 64
    records: int = 21

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=1, steps=100, warm_up=40, records=5)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """learns: whether something is learnt.  needs: what must be true of their run for that."""

    learns: bool
    needs: str
    verdict: Verdict


def predict(point: Point, *, correlation: tuple[float, float], clusters: int) -> Prediction:
    """What section D says of the published settings.

    correlation: a bracket of the leading r_j, from the temperature sweep itself.  clusters: their K.
    """
    low, high = correlation
    temperature = point.teacher_temperature
    if isinstance(temperature, Schedule):  # [D3] a learnt solution lives up to the fold
        fold = survival_temperature(low, clusters=clusters, student_temperature=STUDENT_TEMPERATURE)
        needs = f"r = {low:g}: lives up to {float(fold):.3f}"
        return _judge(point, learns=temperature.end < float(fold), needs=needs)
    ratio = temperature / STUDENT_TEMPERATURE
    if not TEACHERS[point.teacher].constrained:  # [D3] the constant direction has r = 1
        return _judge(point, learns=False, needs="nothing")
    if ratio > high - 1e-9:  # [D2] every direction decays
        return _judge(point, learns=False, needs=f"r < {ratio:.2g}")
    if point.center_momentum is None:  # [D4] no lag, no race
        return _judge(point, learns=True, needs=f"r > {ratio:.2g}")
    gain = _gain_limit(point, point.center_momentum)
    if gain == math.inf:
        return _judge(point, learns=True, needs=f"r > {ratio:.2g}; any gain")
    return _judge(point, learns=False, needs=f"gain a > {gain:.3g}")


def _gain_limit(point: Point, center_momentum: float) -> float:
    """The gain above which this centre loses the race.  [D4]"""
    assert isinstance(point.teacher_temperature, float)
    return center_gain_limit(
        center_momentum=center_momentum,
        teacher_momentum=point.teacher_momentum,
        student_temperature=STUDENT_TEMPERATURE,
        teacher_temperature=point.teacher_temperature,
    )


def _judge(point: Point, *, learns: bool, needs: str) -> Prediction:
    """Against the published number. Section D says whether a run learns, not how well."""
    if point.teacher_temperature == HARD:  # logits are small against τ_t = 0 nowhere: nothing is linear
        return Prediction(learns=learns, needs="a linear range", verdict="silent")
    learnt = point.setting == "both" if math.isnan(point.published) else point.published > 1.0
    return Prediction(
        learns=learns, needs=needs, verdict="consistent with" if learnt == learns else "contradicts"
    )


def work(settings: Settings) -> xr.Dataset:
    """The toy run at every published setting, averaged over the last fifth of its records."""
    source = simplex_mixture(settings.components, settings.correlation).source(range(settings.seeds))
    variants = [
        Variant(
            name=f"{point.sweep}: {point.setting}",
            teacher=point.teacher,
            rounds=point.rounds,
            center_momentum=point.center_momentum,
            teacher_temperature=point.teacher_temperature,
            student_temperature=STUDENT_TEMPERATURE,
            teacher_momentum=point.teacher_momentum,
            learning_rate=learning_rate_of(
                settings.step_size,
                clusters=settings.components,
                student_temperature=STUDENT_TEMPERATURE,
            ),
        )
        for point in points(settings.warm_up)
    ]
    records = train(
        source,
        Architecture(clusters=settings.components, hidden=(), head_scale=0.01),
        variants,
        Training(
            steps=settings.steps,
            batch_size=settings.batch_size,
            momentum=0.0,
            records=settings.records,
            evaluation_size=512,
        ),
        description="published",
    ).records
    late = records.isel(step=slice(-max(settings.records // 5, 1), None)).mean("step")
    unit = {"nmi": 1.0}
    return xr.Dataset(
        {
            name: (("point", "seed"), late[name].to_numpy() / unit.get(name, np.log(settings.components)))
            for name in MEASURED
        }
    )


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """The table: published number, prediction, its condition, verdict, and the toy; entropies in log K."""
    (toy,) = sweep.sweep(work, [settings], context=context)
    table = points(settings.warm_up)
    said = [predict(point, correlation=(0.6, 0.8), clusters=65536) for point in table]
    toy_said = [toy_learns(point, settings) for point in table]
    return toy.assign_coords(
        sweep=("point", [p.sweep for p in table]),
        setting=("point", [p.setting for p in table]),
        source=("point", [p.source for p in table]),
        seed=np.arange(settings.seeds),
    ).assign(
        published=("point", [p.published for p in table]),
        predicted=("point", [float(p.learns) for p in said]),
        needs=("point", [p.needs for p in said]),
        verdict=("point", [p.verdict for p in said]),
        toy_predicted=("point", toy_said),
    )


def toy_learns(point: Point, settings: Settings) -> float:
    """What section D says of the toy run, whose gain and correlation are known: 1 learns, 0 does not."""
    temperature = point.teacher_temperature
    if isinstance(temperature, Schedule):
        fold = survival_temperature(
            settings.correlation, clusters=settings.components, student_temperature=STUDENT_TEMPERATURE
        )
        return float(temperature.end < fold)
    constrained = TEACHERS[point.teacher].constrained
    grows = constrained and temperature < settings.correlation * STUDENT_TEMPERATURE
    m_c = point.center_momentum  # None: no lag, no race
    holds = m_c is None or settings.step_size * STUDENT_TEMPERATURE < _gain_limit(point, m_c)
    return float(grows and holds)
