"""Centre momentum against teacher momentum: where clusters start to take turns, predicted and measured (D4).

The bias of a student alone is the constant direction: it is trained on a fine grid, softmax and all, in the
order of DINO, and either dies out or does not. The same grid, coarser, is then trained with features that are
worth learning, and runs beyond the critical line are followed step by step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from scipy.special import softmax
from torch import Tensor

from experiments.engine import sweep
from experiments.studies.phase_diagram import mixture
from experiments.training.distill import Observer, Snapshot, Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from theory.dynamics.center import center_stability, critical_center_momentum

CLAIMS = ("D4",)
MINUTES = 3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The plane of the two momenta."""

    seeds: int = 2
    clusters: int = 4
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    step_size: float = 0.1
    """α = η/(K τ_s²) per step along the constant direction."""
    slowest: float = 0.003
    """Smallest 1 − m of both axes; the largest is 1, no momentum."""
    fine: int = 41
    """Points of each axis for the bias alone."""
    fine_steps: int = 20000
    coarse: int = 13
    """Points of each axis for the student with features."""
    coarse_steps: int = 2500
    coarse_records: int = 26
    correlation: float = 0.8
    batch_size: int = 32
    series_rate: float = 0.01
    """1 − m of the teachers followed step by step."""
    beyond: float = 0.9
    """Rate of the centre of the bias followed, in units of the critical one."""
    far_beyond: float = 0.15
    """That of the student with features followed."""
    series_steps: int = 6000

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(fine=9, fine_steps=2000, coarse=3, coarse_steps=60, coarse_records=3, series_steps=200)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One of the three parts."""

    settings: Settings
    part: Literal["bias", "features", "series"]


def rates(settings: Settings, count: int) -> np.ndarray:
    """1 − m, from slow to no momentum at all."""
    return np.geomspace(settings.slowest, 1.0, count)


def gain(settings: Settings) -> float:
    """a per step, so that α = a/τ_s is the step size."""
    return settings.step_size * settings.student_temperature


def learning_rate(settings: Settings) -> float:
    """η of that gain."""
    return settings.step_size * settings.clusters * settings.student_temperature**2


def bias_steps(
    settings: Settings, *, teacher_rate: np.ndarray, center_rate: np.ndarray, size: float
) -> Iterator[np.ndarray]:
    """Biases [..., K] of a student after each step; teacher_rate 1 − m_t and center_rate 1 − m_c, any shape.

    The loss sees the old centre; the centre then follows the old teacher, the student steps, the teacher
    follows the new student.
    """
    mu, rho = np.asarray(teacher_rate)[..., None], np.asarray(center_rate)[..., None]
    start = np.random.default_rng(0).normal(size=settings.clusters)
    w = np.broadcast_to(size * (start - start.mean()), (*mu.shape[:-1], settings.clusters)).copy()
    v, c, eta, tau = w.copy(), np.zeros_like(w), learning_rate(settings), settings.student_temperature
    while True:
        yield w
        target = softmax((v - c) / settings.teacher_temperature, axis=-1)
        c += rho * (v - c)
        w -= eta / tau * (softmax(w / tau, axis=-1) - target)
        v += mu * (w - v)


def bias_spread(
    settings: Settings, *, teacher_rate: np.ndarray, center_rate: np.ndarray, steps: int, size: float
) -> np.ndarray:
    """Largest osc of the biases over the last fifth of the run, in units of that at the start."""
    largest, first = np.zeros(np.shape(teacher_rate)), 0.0
    path = bias_steps(settings, teacher_rate=teacher_rate, center_rate=center_rate, size=size)
    for step, w in enumerate(itertools.islice(path, steps)):
        if step == 0:
            first = float(np.ptp(w, axis=-1).max())
        elif step >= 0.8 * steps and step % 10 == 0:
            largest = np.maximum(largest, np.ptp(w, axis=-1))
    return largest / first


def bias_path(
    settings: Settings, *, teacher_rate: float, center_rate: float, steps: int, size: float
) -> np.ndarray:
    """Shares of the clusters every 5 steps, [steps / 5, K]."""
    path = bias_steps(
        settings, teacher_rate=np.array(teacher_rate), center_rate=np.array(center_rate), size=size
    )
    return np.array([softmax(w / settings.student_temperature) for w in itertools.islice(path, 0, steps, 5)])


def compute(chunk: Chunk) -> xr.Dataset:
    """One part."""
    return {"bias": _bias, "features": _features, "series": _series}[chunk.part](chunk.settings)


def _bias(settings: Settings) -> xr.Dataset:
    axis = rates(settings, settings.fine)
    teacher, center = np.meshgrid(axis, axis, indexing="ij")
    spread = bias_spread(
        settings, teacher_rate=teacher, center_rate=center, steps=settings.fine_steps, size=1e-4
    )
    law = center_stability(
        gain=gain(settings),
        teacher_momentum=1 - teacher,
        center_momentum=1 - center,
        **_temperatures(settings),
    )
    dims = ("fine_teacher_rate", "fine_center_rate")
    return xr.Dataset(
        {
            "bias_spread": (dims, spread),
            "spectral_radius": (dims, law.spectral_radius),
            "period": (dims, np.where(np.isfinite(law.period), law.period, -1.0)),
        },
        coords=dict.fromkeys(dims, axis),
    )


def _features(settings: Settings) -> xr.Dataset:
    axis = rates(settings, settings.coarse)
    variants = [_variant(settings, f"{mu} {rho}", mu, rho) for mu in axis for rho in (*axis, None)]
    source = mixture(settings.clusters, settings.correlation).source(range(settings.seeds))
    records = train(
        source,
        Architecture(clusters=settings.clusters, hidden=(), head_scale=0.01),
        variants,
        Training(
            steps=settings.coarse_steps,
            batch_size=settings.batch_size,
            momentum=0.0,
            records=settings.coarse_records,
            evaluation_size=256,
        ),
        description="center_momentum, features",
    ).records
    late = records.isel(step=slice(-max(settings.coarse_records // 3, 1), None)).mean("step")
    dims = ("teacher_rate", "center", "seed")
    shape = (settings.coarse, settings.coarse + 1, settings.seeds)
    return xr.Dataset(
        {
            name: (
                dims,
                (late[name].to_numpy() / np.log(settings.clusters)).reshape(shape).astype(np.float32),
            )
            for name in ("student_prior_entropy", "student_information")
        },
        coords={"teacher_rate": axis, "center_rate": ("center", [*axis, np.nan])},
    )


def _series(settings: Settings) -> xr.Dataset:
    """Shares of the clusters in time: of a bias just beyond the line, with features far beyond it."""
    mu = settings.series_rate
    critical = 1 - float(
        critical_center_momentum(gain=gain(settings), teacher_momentum=1 - mu, **_temperatures(settings))
    )
    law = center_stability(
        gain=gain(settings),
        teacher_momentum=1 - mu,
        center_momentum=1 - settings.beyond * critical,
        **_temperatures(settings),
    )
    path = bias_path(
        settings,
        teacher_rate=mu,
        center_rate=settings.beyond * critical,
        steps=settings.series_steps,
        size=0.01,
    )
    source = mixture(settings.clusters, settings.correlation).source([0])
    at = tuple(range(0, settings.series_steps + 1, 25))
    records = train(
        source,
        Architecture(clusters=settings.clusters, hidden=(), head_scale=0.01),
        [_variant(settings, "far beyond", mu, settings.far_beyond * critical)],
        Training(
            steps=settings.series_steps,
            batch_size=settings.batch_size,
            momentum=0.0,
            record_at=at,
            evaluation_size=128,
        ),
        observers=[_shares(settings.clusters)],
        description="center_momentum, series",
    ).records.isel(seed=0, variant=0)
    share = np.stack([records[f"share_{k}"].to_numpy() for k in range(settings.clusters)])
    return xr.Dataset(
        {
            "bias_share": (("cluster", "bias_step"), path.T.astype(np.float32)),
            "share": (("cluster", "step"), share.astype(np.float32)),
            "predicted_period": float(law.period),
            "predicted_radius": float(law.spectral_radius),
            "critical_rate": critical,
        },
        coords={"step": list(at), "bias_step": np.arange(0, settings.series_steps, 5)},
    )


def _shares(clusters: int) -> Observer:
    """Mean probability of each cluster in the student."""

    def observe(snapshot: Snapshot) -> dict[str, Tensor]:
        mean = snapshot.log_q.exp().mean(dim=-2)
        return {f"share_{k}": mean[..., k] for k in range(clusters)}

    return observe


def _variant(settings: Settings, name: str, teacher_rate: float, center_rate: float | None) -> Variant:
    return Variant(
        name=name if center_rate is not None else f"{name} batch",
        teacher="centering",
        center_momentum=None if center_rate is None else 1 - center_rate,
        teacher_temperature=settings.teacher_temperature,
        student_temperature=settings.student_temperature,
        teacher_momentum=1 - teacher_rate,
        learning_rate=learning_rate(settings),
    )


def _temperatures(settings: Settings) -> dict[str, float]:
    return {
        "student_temperature": settings.student_temperature,
        "teacher_temperature": settings.teacher_temperature,
    }


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """The three parts together, and the critical rate along the axis."""
    parts: tuple[Literal["bias", "features", "series"], ...] = ("bias", "features", "series")
    found = sweep.sweep(compute, [Chunk(settings=settings, part=part) for part in parts], context=context)
    dataset = xr.merge(found, combine_attrs="drop")
    line = critical_center_momentum(
        gain=gain(settings),
        teacher_momentum=1 - dataset.fine_teacher_rate.to_numpy(),
        **_temperatures(settings),
    )
    return dataset.assign(critical_line=("fine_teacher_rate", 1 - line))
