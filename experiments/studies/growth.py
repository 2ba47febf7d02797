"""Growth rates near uniform, predicted from the data's moments and measured in training (D1, D2).

A linear student starts at 10⁻⁶ along one predicted direction of feature space; the amplitude of that
direction is read off with the left eigenvector, which no other direction moves. Every teacher, every
direction, a teacher that is the student and one that follows slowly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
import xarray as xr
from torch import Tensor

from experiments.data.mixtures import Mixture
from experiments.engine import sweep
from experiments.studies.shared import learning_rate_of, over, rates_of, variant_of
from experiments.training.distill import Observer, Snapshot, Training, train
from experiments.training.model import Architecture
from theory import TEACHERS
from theory.dynamics import CrossViewMoments, growth_rates, student_gain

CLAIMS = ("D1", "D2", "D3")
MINUTES = 2.5
COMPARED = ("unconstrained", "centering", "inverse_prior", "power_mean", "cumulant", "projected")
ORDER = 2.0
"""s of the power mean."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A mixture whose directions differ in size and in correlation, and the runs on it."""

    seeds: int = 4
    components: int = 6
    dim: int = 5
    separation: float = 1.5
    within: tuple[float, ...] = (1.2, 0.8, 0.6, 0.4, 0.2)
    view_noise: tuple[float, ...] = (0.3, 0.5, 0.6, 0.8, 0.9)
    clusters: int = 3
    student_temperature: float = 0.1
    step_size: float = 0.04
    """α = η/(K τ_s²), per unit of feature variance."""
    folds: float = 3.0
    """The run ends when the fastest direction has grown by e^folds; others are read at their e^±folds."""
    batch_size: int = 2048
    size: float = 1e-8
    """Root mean square of the initial weights."""

    @property
    def learning_rate(self) -> float:
        """η of that step size."""
        return learning_rate_of(
            self.step_size, clusters=self.clusters, student_temperature=self.student_temperature
        )


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """The mixture, and the temperatures and momenta of the teachers."""

    temperatures: tuple[float, ...] = (0.3, 0.7)
    """τ_t/τ_s."""
    teacher_momenta: tuple[float, ...] = (0.0, 0.8)

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=2, temperatures=(0.3,), batch_size=256)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """All teachers and directions at one temperature and one teacher momentum."""

    teacher_momentum: float
    ratio: float


@dataclass(frozen=True, kw_only=True)
class Modes:
    """The first D modes of one step: log multipliers [D], W parts [D, D], left eigenvectors [D, D or 2D]."""

    rates: np.ndarray
    starts: np.ndarray
    readings: np.ndarray


def modes(chunk: Chunk, moments: CrossViewMoments, *, constrained: bool) -> Modes:
    """What section D says of these moments: as many modes as there are feature directions."""
    growth = growth_rates(
        moments.cross(constrained=constrained),
        moments.second(),
        gain=student_gain(
            learning_rate=chunk.learning_rate,
            clusters=chunk.clusters,
            student_temperature=chunk.student_temperature,
        ),
        student_temperature=chunk.student_temperature,
        teacher_temperature=chunk.ratio * chunk.student_temperature,
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
    source = _mixture(chunk).source(range(chunk.seeds), dtype=torch.float64)
    directions = chunk.dim + 1
    shape = (len(COMPARED), directions, chunk.seeds)
    predicted = [
        [modes(chunk, m, constrained=TEACHERS[teacher].constrained) for m in source.moments]
        for teacher in COMPARED
    ]
    rates = np.array([[m.rates for m in row] for row in predicted]).transpose(0, 2, 1)
    ends = _ends(chunk, rates)
    variants = [
        variant_of(
            teacher,
            name=f"{teacher} {j}",
            order=ORDER,
            teacher_temperature=chunk.ratio * chunk.student_temperature,
            **rates_of(chunk),
        )
        for teacher in COMPARED
        for j in range(directions)
    ]
    trained = train(
        source,
        Architecture(clusters=chunk.clusters, hidden=()),
        variants,
        Training(
            steps=int(ends.max()),
            batch_size=chunk.batch_size,
            momentum=0.0,
            record_at=(0, *np.unique(ends).tolist()),
            evaluation_size=64,
        ),
        observers=[_reader(_stack(predicted, "readings"))],
        parameters=_start(chunk, _stack(predicted, "starts")),
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


def _ends(setup: Setup, rates: np.ndarray) -> np.ndarray:
    """Steps after which each rate is read: e^±folds of its own, no longer than the fastest one takes."""
    longest = setup.folds / rates.max(axis=1, keepdims=True)
    return np.ceil(np.minimum(setup.folds / np.abs(rates), longest)).astype(np.int64)


def _mixture(setup: Setup) -> Mixture:
    return Mixture(
        components=setup.components,
        dim=setup.dim,
        separation=setup.separation,
        within=setup.within,
        view_noise=setup.view_noise,
    )


def _stack(predicted: Sequence[Sequence[Modes]], name: str) -> Tensor:
    """[teacher · direction, seed, …] from modes [teacher][seed] that hold [direction, …]."""
    array = np.array([[getattr(m, name) for m in row] for row in predicted])
    return torch.from_numpy(array).transpose(1, 2).flatten(0, 1)


def _start(setup: Setup, starts: Tensor) -> dict[str, Tensor]:
    """Weights along each direction, with one contrast of clusters for each seed."""
    seeds, clusters = starts.shape[1], setup.clusters
    contrast = torch.stack(
        [
            torch.randn(clusters, generator=torch.Generator().manual_seed(s), dtype=torch.float64)
            for s in range(seeds)
        ]
    )
    contrast = contrast - contrast.mean(dim=-1, keepdim=True)
    weights = setup.size * starts[..., None] * contrast[:, None]
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
    momenta, ratios = settings.teacher_momenta, settings.temperatures
    dataset = over(work, Chunk, settings, context=context, teacher_momentum=momenta, ratio=ratios)
    return dataset.assign_coords(teacher=list(COMPARED), seed=np.arange(settings.seeds))
