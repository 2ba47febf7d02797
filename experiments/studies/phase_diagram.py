"""Collapse in the plane of cross-view correlation and teacher temperature, predicted and measured.

Eight Gaussian components at the corners of a simplex, scaled so that every direction has variance 1 and the
cross-view correlation r: x = μ_c + √(1 − r) ξ. The linear student should learn below τ_t/τ_s = r, go uniform
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

from experiments.data.mixtures import Mixture, MixtureSource
from experiments.engine import sweep
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from theory.dynamics import CrossViewMoments, correlations, cross_view_moments, growth_rates

CLAIMS = ("D1", "D2", "D3")
MINUTES = 20
TEACHERS: tuple[str, ...] = ("unconstrained", "centering", "inverse_prior", "projected")
MEASURED = ("student_prior_entropy", "teacher_entropy", "student_information")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The plane and the students."""

    seeds: int = 4
    correlations: int = 20
    """Columns: r at the middle of equal cells of [0, 1]."""
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

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=2, correlations=5, temperatures=5, steps=60, moment_samples=4096)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """All teachers and temperatures at one correlation."""

    settings: Settings
    student: str
    correlation: float


def columns(settings: Settings) -> np.ndarray:
    """The correlations r."""
    return (np.arange(settings.correlations) + 0.5) / settings.correlations


def rows(settings: Settings) -> np.ndarray:
    """The ratios τ_t/τ_s."""
    return 0.1 + 1.05 * (np.arange(settings.temperatures) + 0.5) / settings.temperatures


def mixture(components: int, correlation: float) -> Mixture:
    """C corners of a simplex with cross-view correlation r and variance 1 in all C − 1 directions."""
    return Mixture(
        components=components,
        dim=components,
        layout="simplex",
        separation=(2 * components * correlation) ** 0.5,
        within=0.0,
        view_noise=(1 - correlation) ** 0.5,
    )


def step_size(settings: Settings, architecture: Architecture) -> float:
    """α of the linear student or of the one with hidden layers."""
    return settings.learner_step_size if architecture.hidden else settings.step_size


def work(chunk: Chunk) -> xr.Dataset:
    """The fates of all runs at one correlation, and the correlations predicted for them."""
    settings, tau_s = chunk.settings, chunk.settings.student_temperature
    source = mixture(settings.components, chunk.correlation).source(
        range(settings.seeds), dtype=torch.float64
    )
    architecture = Architecture(
        clusters=settings.components,
        hidden=settings.hidden if chunk.student == "mlp" else (),
        head_scale=settings.head_scale,
    )
    predicted = _predicted(settings, source, architecture)
    variants = [
        Variant(
            name=f"{kind} {ratio:.4f}",
            teacher=kind,
            center_momentum=None,
            teacher_temperature=float(ratio * tau_s),
            student_temperature=tau_s,
            teacher_momentum=0.0,
            learning_rate=step_size(settings, architecture) * settings.components * tau_s**2,
        )
        for kind in TEACHERS
        for ratio in rows(settings)
    ]
    training = Training(
        steps=settings.steps,
        batch_size=settings.batch_size,
        momentum=0.0,
        record_at=(settings.steps,),
        evaluation_size=settings.evaluation_size,
    )
    found = train(source, architecture, variants, training, dtype=torch.float64).records.isel(step=0)
    shape = (len(TEACHERS), settings.temperatures, settings.seeds)
    return xr.Dataset(
        {
            name: (("teacher", "ratio", "seed"), found[name].to_numpy().reshape(shape).astype(np.float32))
            for name in MEASURED
        }
        | {name: (("seed",), values) for name, values in predicted.items()}
    )


def _predicted(
    settings: Settings, source: MixtureSource, architecture: Architecture
) -> dict[str, np.ndarray]:
    """What is known of each seed before training: correlations, and the ratio below which growth shows."""
    views = source.held_out(settings.moment_samples).views
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
        found["visible_ratio"].append(_visible_ratio(settings, step_size(settings, architecture), initial))
    return {name: np.array(values) for name, values in found.items()}


def _leading(moments: CrossViewMoments) -> float:
    return float(correlations(moments.cross(), moments.second(), rank_tol=1e-9, drop_singular=True).values[0])


def _visible_ratio(settings: Settings, step_size: float, moments: CrossViewMoments) -> float:
    """τ_t/τ_s at which the fastest direction of fixed features grows tenfold within the run."""

    def surplus(ratio: float) -> float:
        growth = growth_rates(
            moments.cross(),
            moments.second(),
            gain=step_size * settings.student_temperature,
            student_temperature=settings.student_temperature,
            teacher_temperature=ratio * settings.student_temperature,
        )
        return settings.steps * float(growth.rates[0]) - math.log(10)

    return brentq(surplus, 1e-3, 2.0, xtol=1e-6) if surplus(1e-3) > 0 else 0.0


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Every cell of the plane, for the linear student and for the one that learns its features."""
    students = ("linear", "mlp")
    chunks = [
        Chunk(settings=settings, student=student, correlation=float(r))
        for student in students
        for r in columns(settings)
    ]
    parts = sweep.sweep(work, chunks, context=context)
    n = settings.correlations
    by_student = [xr.concat(parts[i * n : (i + 1) * n], dim="correlation") for i in range(len(students))]
    return xr.concat(by_student, dim="student").assign_coords(
        student=list(students),
        teacher=list(TEACHERS),
        ratio=rows(settings),
        correlation=columns(settings),
        seed=np.arange(settings.seeds),
    )
