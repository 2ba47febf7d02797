"""Collapse in the plane of cross-view correlation and teacher temperature, predicted and measured.

Eight Gaussian components at the corners of a simplex, scaled so that every direction has variance 1 and the
cross-view correlation ρ: x = μ_c + √(1 − ρ) ξ. The linear student should learn below τ_t/τ_s = ρ, go uniform
above it, and fall into one cluster below τ_t/τ_s = 1 where its teacher is not constrained (D2, D3).

Three lines are known before a student that learns its features is trained: the leading correlation of its
initial features; the temperature at which the linear theory of these features, kept as they are, sees the
logits grow tenfold within the run; and the largest correlation that any features have, that of the exact
posterior (the views meet only in c, so it is the squared maximal correlation of x and c).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from scipy.optimize import brentq

from experiments.data.mixtures import MixtureSource
from experiments.engine import sweep
from experiments.studies.shared import BY_BATCH, learning_rate_of, over, simplex_mixture, variant_of
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from theory.dynamics import CrossViewMoments, correlations, cross_view_moments, growth_rates

CLAIMS = ("D1", "D2", "D3")
MINUTES = 14
STUDENTS = ("linear", "mlp")
MEASURED = ("student_prior_entropy", "teacher_entropy", "student_information")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The students, and the rows of the plane."""

    seeds: int = 4
    temperatures: int = 21
    """Rows: τ_t/τ_s at the middle of equal cells of [0.1, 1.15]."""
    components: int = 8
    """Components of the mixture, and clusters of the student."""
    student_temperature: float = 0.1
    hidden: tuple[int, ...] = (32, 16)
    """Encoder of the student that learns its features."""
    step_size: float = 0.25
    """α = η/(K τ_s²): share of its distance that the linear student goes in one step."""
    learner_step_size: float = 0.2
    """The same for the student that learns its features, whose largest second moment is about 6."""
    steps: int = 300
    batch_size: int = 32
    head_scale: float = 0.01
    evaluation_size: int = 512
    moment_samples: int = 32768
    """Held-out samples for the moments of features, where they are not known exactly."""


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """The plane and the students."""

    correlations: int = 20
    """Columns: ρ at the middle of equal cells of [0, 1]."""

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=2, correlations=5, temperatures=5, steps=60, moment_samples=4096)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """All teachers and temperatures at one correlation."""

    student: str
    correlation: float


def columns(settings: Settings) -> np.ndarray:
    """The correlations ρ."""
    return (np.arange(settings.correlations) + 0.5) / settings.correlations


def rows(setup: Setup) -> np.ndarray:
    """The ratios τ_t/τ_s."""
    return 0.1 + 1.05 * (np.arange(setup.temperatures) + 0.5) / setup.temperatures


def step_size(setup: Setup, architecture: Architecture) -> float:
    """α of the linear student or of the one with hidden layers."""
    return setup.learner_step_size if architecture.hidden else setup.step_size


def work(chunk: Chunk) -> xr.Dataset:
    """The fates of all runs at one correlation, and the correlations predicted for them."""
    clusters, tau_s = chunk.components, chunk.student_temperature
    source = simplex_mixture(clusters, chunk.correlation).source(range(chunk.seeds), dtype=torch.float64)
    architecture = Architecture(
        clusters=clusters,
        hidden=chunk.hidden if chunk.student == "mlp" else (),
        head_scale=chunk.head_scale,
    )
    predicted = _predicted(chunk, source, architecture)
    step = step_size(chunk, architecture)
    variants = [
        variant_of(
            teacher,
            name=f"{teacher} {ratio:.4f}",
            teacher_temperature=float(ratio * tau_s),
            student_temperature=tau_s,
            teacher_momentum=0.0,
            learning_rate=learning_rate_of(step, clusters=clusters, student_temperature=tau_s),
        )
        for teacher in BY_BATCH
        for ratio in rows(chunk)
    ]
    training = Training(
        steps=chunk.steps,
        batch_size=chunk.batch_size,
        momentum=0.0,
        record_at=(chunk.steps,),
        evaluation_size=chunk.evaluation_size,
    )
    found = train(source, architecture, variants, training, dtype=torch.float64).records.isel(step=0)
    shape = (len(BY_BATCH), chunk.temperatures, chunk.seeds)
    return xr.Dataset(
        {
            name: (("teacher", "ratio", "seed"), found[name].to_numpy().reshape(shape).astype(np.float32))
            for name in MEASURED
        }
        | {name: (("seed",), values) for name, values in predicted.items()}
    )


def _predicted(setup: Setup, source: MixtureSource, architecture: Architecture) -> dict[str, np.ndarray]:
    """What is known of each seed before training: correlations, and the ratio below which growth shows."""
    views = source.held_out(setup.moment_samples).views
    start = architecture.initialize(source.dim, variants=1, seeds=source.seeds, dtype=torch.float64)
    features = [architecture.features(start, views[:, v])[0].numpy() for v in range(2)]
    posterior = [source.log_posterior(views[:, v]).exp()[..., :-1].numpy() for v in range(2)]
    found: dict[str, list[float]] = {
        name: []
        for name in ("data_correlation", "initial_correlation", "maximal_correlation", "visible_ratio")
    }
    for s, moments in enumerate(source.moments):
        initial = cross_view_moments(*(f[s] for f in features)) if architecture.hidden else moments
        best = cross_view_moments(*(p[s] for p in posterior))
        found["data_correlation"].append(_leading(moments))
        found["initial_correlation"].append(_leading(initial))
        found["maximal_correlation"].append(_leading(best))
        found["visible_ratio"].append(_visible_ratio(setup, step_size(setup, architecture), initial))
    return {name: np.array(values) for name, values in found.items()}


def _leading(moments: CrossViewMoments) -> float:
    return float(correlations(moments.cross(), moments.second(), rank_tol=1e-9, drop_singular=True).values[0])


def _visible_ratio(setup: Setup, step_size: float, moments: CrossViewMoments) -> float:
    """τ_t/τ_s at which the fastest direction of fixed features grows tenfold within the run."""

    def surplus(ratio: float) -> float:
        growth = growth_rates(
            moments.cross(),
            moments.second(),
            gain=step_size * setup.student_temperature,
            student_temperature=setup.student_temperature,
            teacher_temperature=ratio * setup.student_temperature,
        )
        return setup.steps * float(growth.rates[0]) - math.log(10)

    return brentq(surplus, 1e-3, 2.0, xtol=1e-6) if surplus(1e-3) > 0 else 0.0


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Every cell of the plane, for the linear student and for the one that learns its features."""
    dataset = over(
        work, Chunk, settings, context=context, student=STUDENTS, correlation=columns(settings).tolist()
    )
    return dataset.assign_coords(teacher=list(BY_BATCH), ratio=rows(settings), seed=np.arange(settings.seeds))
