"""Growth rates near uniform, predicted from the data's moments and measured in training (D1, D2).

A linear student starts at 10⁻⁶ along one predicted direction of feature space; the amplitude of that
direction is read off with the left eigenvector, which no other direction moves. Every teacher, every
direction, a teacher that is the student and one that follows slowly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
import xarray as xr
from torch import Tensor

from experiments.data.mixtures import Mixture
from experiments.engine import sweep
from experiments.training.distill import Observer, Snapshot, Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from theory.dynamics import CrossViewMoments, growth_rates, student_gain

CLAIMS = ("D1", "D2", "D3")
MINUTES = 4
TEACHERS: Mapping[str, tuple[str, float | None]] = {
    "unconstrained": ("unconstrained", None),
    "centred": ("centering", None),
    "inverse-prior": ("inverse_prior", None),
    "power mean, s = 2": ("power_mean", 2.0),
    "cumulant": ("cumulant", None),
    "projected": ("projected", None),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A mixture whose directions differ in size and in correlation, and the runs on it."""

    seeds: int = 4
    components: int = 6
    dim: int = 5
    separation: float = 1.5
    within: tuple[float, ...] = (1.2, 0.8, 0.6, 0.4, 0.2)
    view_noise: tuple[float, ...] = (0.3, 0.5, 0.6, 0.8, 0.9)
    clusters: int = 3
    student_temperature: float = 0.1
    temperatures: tuple[float, ...] = (0.3, 0.7)
    """τ_t/τ_s."""
    teacher_momenta: tuple[float, ...] = (0.0, 0.8)
    step_size: float = 0.04
    """α = η/(K τ_s²), per unit of feature variance."""
    folds: float = 3.0
    """The run ends when the fastest direction has grown by e^folds; others are read at their e^±folds."""
    batch_size: int = 2048
    size: float = 1e-8
    """Root mean square of the initial weights."""

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=2, temperatures=(0.3,), batch_size=256)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """All teachers and directions at one temperature and one teacher momentum."""

    settings: Settings
    ratio: float
    teacher_momentum: float


@dataclass(frozen=True, kw_only=True)
class Modes:
    """The first D modes of one step: log multipliers [D], W parts [D, D], left eigenvectors [D, D or 2D]."""

    rates: np.ndarray
    starts: np.ndarray
    readings: np.ndarray


def learning_rate(settings: Settings) -> float:
    """η of that step size."""
    return settings.step_size * settings.clusters * settings.student_temperature**2


def modes(settings: Settings, moments: CrossViewMoments, chunk: Chunk, *, constrained: bool) -> Modes:
    """What section D says of these moments: as many modes as there are feature directions."""
    growth = growth_rates(
        moments.cross(constrained=constrained),
        moments.second(),
        gain=student_gain(
            learning_rate=learning_rate(settings),
            clusters=settings.clusters,
            student_temperature=settings.student_temperature,
        ),
        student_temperature=settings.student_temperature,
        teacher_temperature=chunk.ratio * settings.student_temperature,
        teacher_rate=1.0 - chunk.teacher_momentum,
        discrete=True,
    )
    directions = len(moments.second())
    values, left, right = scipy.linalg.eig(growth.matrix, left=True)
    order = np.argsort(-np.abs(values))[:directions]
    assert np.abs(values.imag[order]).max() == 0  # C₁₂ ≥ 0: the quadratic pencil is overdamped
    starts = right.real[
        -directions:, order
    ].T  # the teacher's part: the student's is 0 where nothing pulls it
    return Modes(
        rates=growth.rates[:directions],
        starts=starts / np.sqrt((starts**2).mean(axis=1, keepdims=True)),
        readings=left.real[:, order].T,
    )


def work(chunk: Chunk) -> xr.Dataset:
    """Predicted and measured rates, [teacher, direction, seed]."""
    settings = chunk.settings
    source = _mixture(settings).source(range(settings.seeds), dtype=torch.float64)
    directions = settings.dim + 1
    shape = (len(TEACHERS), directions, settings.seeds)
    predicted = [
        [modes(settings, m, chunk, constrained=name != "unconstrained") for m in source.moments]
        for name in TEACHERS
    ]
    rates = np.array([[m.rates for m in row] for row in predicted]).transpose(0, 2, 1)
    ends = _ends(settings, rates)
    variants = [
        Variant(
            name=f"{name} {j}",
            teacher=kind,
            order=order,
            center_momentum=None,
            teacher_temperature=chunk.ratio * settings.student_temperature,
            student_temperature=settings.student_temperature,
            teacher_momentum=chunk.teacher_momentum,
            learning_rate=learning_rate(settings),
        )
        for name, (kind, order) in TEACHERS.items()
        for j in range(directions)
    ]
    trained = train(
        source,
        Architecture(clusters=settings.clusters, hidden=()),
        variants,
        Training(
            steps=int(ends.max()),
            batch_size=settings.batch_size,
            momentum=0.0,
            record_at=(0, *np.unique(ends).tolist()),
            evaluation_size=64,
        ),
        observers=[_reader(_stack(predicted, "readings"))],
        parameters=_start(settings, _stack(predicted, "starts")),
        dtype=torch.float64,
    )
    amplitude = trained.records.amplitude
    at = amplitude.step.to_index().get_indexer(ends.ravel())
    first, table = (
        amplitude.isel(step=0).to_numpy(),
        amplitude.to_numpy().reshape(-1, amplitude.sizes["step"]),
    )
    last = table[np.arange(len(table)), at].reshape(shape)
    dims = ("teacher", "direction", "seed")
    return xr.Dataset(
        {
            "predicted": (dims, rates),
            "measured": (dims, np.log(last / first.reshape(shape)) / ends),
            "read_at": (dims, ends),
        }
    )


def _ends(settings: Settings, rates: np.ndarray) -> np.ndarray:
    """Steps after which each rate is read: e^±folds of its own, no longer than the fastest one takes."""
    longest = settings.folds / rates.max(axis=1, keepdims=True)
    return np.ceil(np.minimum(settings.folds / np.abs(rates), longest)).astype(np.int64)


def _mixture(settings: Settings) -> Mixture:
    return Mixture(
        components=settings.components,
        dim=settings.dim,
        separation=settings.separation,
        within=settings.within,
        view_noise=settings.view_noise,
    )


def _stack(predicted: Sequence[Sequence[Modes]], name: str) -> Tensor:
    """[teacher · direction, seed, …] from modes [teacher][seed] that hold [direction, …]."""
    array = np.array([[getattr(m, name) for m in row] for row in predicted])
    return torch.from_numpy(array).transpose(1, 2).flatten(0, 1)


def _start(settings: Settings, starts: Tensor) -> dict[str, Tensor]:
    """Weights along each direction, with one contrast of clusters for each seed."""
    seeds, clusters = starts.shape[1], settings.clusters
    contrast = torch.stack(
        [
            torch.randn(clusters, generator=torch.Generator().manual_seed(s), dtype=torch.float64)
            for s in range(seeds)
        ]
    )
    contrast = contrast - contrast.mean(dim=-1, keepdim=True)
    weights = settings.size * starts[..., None] * contrast[:, None]
    return {"head.weight": weights[..., :-1, :].contiguous(), "head.bias": weights[..., -1:, :].contiguous()}


def _reader(readings: Tensor) -> Observer:
    """The amplitude of every run's own mode, from the student's weights above the teacher's."""

    def amplitude(snapshot: Snapshot) -> dict[str, Tensor]:
        state = [
            torch.cat([p["head.weight"], p["head.bias"]], dim=-2).detach()
            for p in (snapshot.student, snapshot.teacher)
        ]
        whole = torch.cat(state, dim=-2)[..., : readings.shape[-1], :]
        return {"amplitude": torch.linalg.vector_norm((readings[..., None, :] @ whole)[..., 0, :], dim=-1)}

    return amplitude


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """All temperatures and teacher momenta."""
    chunks = [
        Chunk(settings=settings, ratio=ratio, teacher_momentum=momentum)
        for momentum in settings.teacher_momenta
        for ratio in settings.temperatures
    ]
    parts = sweep.sweep(work, chunks, context=context)
    n = len(settings.temperatures)
    rows = [xr.concat(parts[i : i + n], dim="ratio") for i in range(0, len(parts), n)]
    return xr.concat(rows, dim="teacher_momentum").assign_coords(
        teacher=list(TEACHERS),
        ratio=list(settings.temperatures),
        teacher_momentum=list(settings.teacher_momenta),
        seed=np.arange(settings.seeds),
    )
