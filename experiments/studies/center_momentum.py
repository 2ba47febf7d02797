"""Centre momentum against teacher momentum: where clusters start to take turns, predicted and measured (D4).

The bias of a student alone is the constant direction: it is trained on a fine grid, softmax and all, in the
order of DINO, and either dies out or does not. The same grid, coarser, is then trained with features that are
worth learning, and runs beyond the critical line are followed step by step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import softmax
from torch import Tensor

from experiments.engine import sweep
from experiments.studies.shared import learning_rate_of, only, simplex_mixture
from experiments.training.distill import Observer, Snapshot, Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from theory.dynamics import center_stability, critical_center_momentum

CLAIMS = ("D4",)
MINUTES = 0.9


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Clusters, temperatures and the size of a step."""

    clusters: int = 4
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    step_size: float = 0.1
    """α = η/(K τ_s²) per step along the constant direction."""


@dataclass(frozen=True, kw_only=True)
class Plane(Setup):
    """The plane of the two momenta."""

    slowest: float = 0.003
    """Smallest 1 − m of both axes; the largest is 1, no momentum."""


@dataclass(frozen=True, kw_only=True)
class Bias(Plane):
    """A bias alone."""

    fine: int = 41
    """Points of each axis for the bias alone."""
    fine_steps: int = 20000


@dataclass(frozen=True, kw_only=True)
class Student(Setup):
    """A student with features."""

    correlation: float = 0.8
    batch_size: int = 32


@dataclass(frozen=True, kw_only=True)
class Features(Student, Plane):
    """Students with features over the plane."""

    seeds: int = 2
    coarse: int = 13
    """Points of each axis for the student with features."""
    coarse_steps: int = 2500
    coarse_records: int = 26


@dataclass(frozen=True, kw_only=True)
class Series(Student):
    """Runs beyond the line, followed step by step."""

    series_rate: float = 0.01
    """1 − m of the teachers followed step by step."""
    beyond: float = 0.9
    """Rate of the centre of the bias followed, in units of the critical one."""
    far_beyond: float = 0.15
    """That of the student with features followed."""
    series_steps: int = 6000


@dataclass(frozen=True, kw_only=True)
class Settings(Bias, Features, Series):
    """The three parts, each of which is a chunk."""

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(fine=9, fine_steps=2000, coarse=3, coarse_steps=60, coarse_records=3, series_steps=200)


def rates(plane: Plane, count: int) -> np.ndarray:
    """1 − m, from slow to no momentum at all."""
    return np.geomspace(plane.slowest, 1.0, count)


def gain(setup: Setup) -> float:
    """a per step, so that α = a/τ_s is the step size."""
    return setup.step_size * setup.student_temperature


def learning_rate(setup: Setup) -> float:
    """η of that gain."""
    return learning_rate_of(
        setup.step_size, clusters=setup.clusters, student_temperature=setup.student_temperature
    )


def bias_steps(
    setup: Setup, *, teacher_rate: np.ndarray, center_rate: np.ndarray, size: float
) -> Iterator[np.ndarray]:
    """Biases [..., K] of a student after each step; teacher_rate 1 − m_t and center_rate 1 − m_c, any shape.

    The loss sees the old centre; the centre then follows the old teacher, the student steps, the teacher
    follows the new student.
    """
    mu, gamma = np.asarray(teacher_rate)[..., None], np.asarray(center_rate)[..., None]
    start = np.random.default_rng(0).normal(size=setup.clusters)
    w = np.broadcast_to(size * (start - start.mean()), (*mu.shape[:-1], setup.clusters)).copy()
    v, c, eta, tau = w.copy(), np.zeros_like(w), learning_rate(setup), setup.student_temperature
    while True:
        yield w
        target = softmax((v - c) / setup.teacher_temperature, axis=-1)
        c += gamma * (v - c)
        w -= eta / tau * (softmax(w / tau, axis=-1) - target)
        v += mu * (w - v)


def bias_spread(
    setup: Setup, *, teacher_rate: np.ndarray, center_rate: np.ndarray, steps: int, size: float
) -> np.ndarray:
    """Largest osc of the biases over the last fifth of the run, in units of that at the start."""
    largest, first = np.zeros(np.shape(teacher_rate)), 0.0
    path = bias_steps(setup, teacher_rate=teacher_rate, center_rate=center_rate, size=size)
    for step, w in enumerate(itertools.islice(path, steps)):
        if step == 0:
            first = float(np.ptp(w, axis=-1).max())
        elif step >= 0.8 * steps and step % 10 == 0:
            largest = np.maximum(largest, np.ptp(w, axis=-1))
    return largest / first


def bias_path(
    setup: Setup, *, teacher_rate: float, center_rate: float, steps: int, size: float
) -> np.ndarray:
    """Shares of the clusters every 5 steps, [steps / 5, K]."""
    path = bias_steps(
        setup, teacher_rate=np.array(teacher_rate), center_rate=np.array(center_rate), size=size
    )
    return np.array([softmax(w / setup.student_temperature) for w in itertools.islice(path, 0, steps, 5)])


def compute(chunk: Setup) -> xr.Dataset:
    """One part."""
    parts: dict[type, Callable[..., xr.Dataset]] = {Bias: _bias, Features: _features, Series: _series}
    return parts[type(chunk)](chunk)


def _bias(chunk: Bias) -> xr.Dataset:
    axis = rates(chunk, chunk.fine)
    teacher, center = np.meshgrid(axis, axis, indexing="ij")
    spread = bias_spread(chunk, teacher_rate=teacher, center_rate=center, steps=chunk.fine_steps, size=1e-4)
    law = center_stability(
        gain=gain(chunk),
        teacher_momentum=1 - teacher,
        center_momentum=1 - center,
        **_temperatures(chunk),
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


def _features(chunk: Features) -> xr.Dataset:
    axis = rates(chunk, chunk.coarse)
    variants = [_variant(chunk, f"{mu} {gamma}", mu, gamma) for mu in axis for gamma in (*axis, None)]
    when = {"steps": chunk.coarse_steps, "records": chunk.coarse_records, "evaluation_size": 256}
    records = _trained(chunk, variants, range(chunk.seeds), **when)
    late = records.isel(step=slice(-max(chunk.coarse_records // 3, 1), None)).mean("step")
    dims = ("teacher_rate", "center", "seed")
    shape = (chunk.coarse, chunk.coarse + 1, chunk.seeds)
    return xr.Dataset(
        {
            name: (dims, (late[name].to_numpy() / np.log(chunk.clusters)).reshape(shape).astype(np.float32))
            for name in ("student_prior_entropy", "student_information")
        },
        coords={"teacher_rate": axis, "center_rate": ("center", [*axis, np.nan])},
    )


def _series(chunk: Series) -> xr.Dataset:
    """Shares of the clusters in time: of a bias just beyond the line, with features far beyond it."""
    mu = chunk.series_rate
    critical = 1 - float(
        critical_center_momentum(gain=gain(chunk), teacher_momentum=1 - mu, **_temperatures(chunk))
    )
    beyond = chunk.beyond * critical
    law = center_stability(
        gain=gain(chunk), teacher_momentum=1 - mu, center_momentum=1 - beyond, **_temperatures(chunk)
    )
    path = bias_path(chunk, teacher_rate=mu, center_rate=beyond, steps=chunk.series_steps, size=0.01)
    at = tuple(range(0, chunk.series_steps + 1, 25))
    when = {"steps": chunk.series_steps, "record_at": at, "evaluation_size": 128}
    variants = [_variant(chunk, "far beyond", mu, chunk.far_beyond * critical)]
    records = _trained(chunk, variants, [0], _shares(chunk.clusters), **when).isel(seed=0, variant=0)
    share = np.stack([records[f"share_{k}"].to_numpy() for k in range(chunk.clusters)])
    return xr.Dataset(
        {
            "bias_share": (("cluster", "bias_step"), path.T.astype(np.float32)),
            "share": (("cluster", "step"), share.astype(np.float32)),
            "predicted_period": float(law.period),
            "predicted_radius": float(law.spectral_radius),
            "critical_rate": critical,
        },
        coords={"step": list(at), "bias_step": np.arange(0, chunk.series_steps, 5)},
    )


def _trained(
    chunk: Student, variants: Sequence[Variant], seeds: Sequence[int], *observers: Observer, **when: Any
) -> xr.Dataset:
    """Records of linear students on a mixture of that correlation."""
    return train(
        simplex_mixture(chunk.clusters, chunk.correlation).source(seeds),
        Architecture(clusters=chunk.clusters, hidden=(), head_scale=0.01),
        variants,
        Training(batch_size=chunk.batch_size, momentum=0.0, **when),
        observers=observers,
        description="center_momentum",
    ).records


def _shares(clusters: int) -> Observer:
    """Mean probability of each cluster in the student."""

    def observe(snapshot: Snapshot) -> dict[str, Tensor]:
        mean = snapshot.log_q.exp().mean(dim=-2)
        return {f"share_{k}": mean[..., k] for k in range(clusters)}

    return observe


def _variant(setup: Setup, name: str, teacher_rate: float, center_rate: float | None) -> Variant:
    return Variant(
        name=name if center_rate is not None else f"{name} batch",
        teacher="centering",
        center_momentum=None if center_rate is None else 1 - center_rate,
        teacher_temperature=setup.teacher_temperature,
        student_temperature=setup.student_temperature,
        teacher_momentum=1 - teacher_rate,
        learning_rate=learning_rate(setup),
    )


def _temperatures(setup: Setup) -> dict[str, float]:
    return {
        "student_temperature": setup.student_temperature,
        "teacher_temperature": setup.teacher_temperature,
    }


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """The three parts together, and the critical rate along the axis."""
    chunks = [only(Bias, settings), only(Features, settings), only(Series, settings)]
    found = sweep.sweep(compute, chunks, context=context)
    dataset = xr.merge(found, combine_attrs="drop")
    line = critical_center_momentum(
        gain=gain(settings),
        teacher_momentum=1 - dataset.fine_teacher_rate.to_numpy(),
        **_temperatures(settings),
    )
    return dataset.assign(critical_line=("fine_teacher_rate", 1 - line))
