"""Five teachers, sharpened or not, on a mixture and on digits: which collapse, into what, and which do not.

[O4, T6, D2, D3] The settings come from the theory, not from trying. With τ_t < τ_s the constant direction,
whose cross-view correlation is 1, grows first unless the teacher is constrained: one cluster takes all. With
τ_t = τ_s no correlation exceeds τ_t/τ_s = 1 and all directions decay: a constrained teacher goes uniform, an
unconstrained one constant. Sharpened and constrained, the directions with ρ_j > τ_t/τ_s are learnt; a moving
centre of rate 1 − 0.9 is above the critical rate (1 − m)(τ_s/τ_t − 1) of D4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.data.mixtures import Mixture
from experiments.data.named import DATA, Data, make_source
from experiments.data.sources import Source
from experiments.engine import sweep
from experiments.studies.shared import COMPARED, input_correlations, knn_observer, over, rates_of, variant_of
from experiments.training.distill import Training, train
from experiments.training.model import Architecture

CLAIMS = ("O4", "T6", "T8", "D2", "D3")
MINUTES = 4


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Data, students and teachers."""

    seeds: int = 8
    """Runs of each teacher."""
    steps: int = 1500
    """Steps of training."""
    records: int = 31
    """Evaluations along the way, the first before any step."""
    batch_size: int = 128
    """Samples of a step, in two views each."""
    clusters: int = 16
    """K."""
    hidden: tuple[int, ...] = (64, 32)
    """Widths of the encoder; the last is that of the features."""
    learning_rate: float = 0.01
    """η of gradient descent with momentum 0.9."""
    student_temperature: float = 0.1
    """τ_s."""
    teacher_momentum: float = 0.99
    """m of the teacher's weights."""
    center_momentum: float = 0.9
    """m of the moving centre, where there is one."""
    components: int = 8
    """Components of the mixture."""
    dim: int = 8
    """Dimension of the mixture."""
    separation: float = 4.0
    """Root mean square distance of its centres; a view's noise is 1, a component's own spread 0.5."""
    device: str = "cpu"
    """Where to train."""


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """Data, students, teachers, and how sharp they are."""

    teacher_temperatures: tuple[float, ...] = (0.04, 0.1)
    """τ_t: sharpened, and not."""

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=2, steps=200, records=6, batch_size=64)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """All teachers and seeds on one data set at one temperature."""

    data: Data
    teacher_temperature: float


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Records (data, teacher_temperature, teacher, seed, step), and the correlations of the data."""
    dataset = over(
        compute,
        Chunk,
        settings,
        context=context,
        data=DATA,
        teacher_temperature=settings.teacher_temperatures,
    ).rename(variant="teacher")
    dataset["correlation"] = (("data", "direction"), _leading_correlations(settings))
    return dataset


def compute(chunk: Chunk) -> xr.Dataset:
    """Train the chunk's runs."""
    variants = [variant_of(teacher, **rates_of(chunk)) for teacher in COMPARED]
    source = source_of(chunk, chunk.data)
    return train(
        source,
        Architecture(clusters=chunk.clusters, hidden=chunk.hidden),
        variants,
        Training(steps=chunk.steps, records=chunk.records, batch_size=chunk.batch_size),
        observers=[knn_observer(source)],
        device=chunk.device,
        description=f"collapse, {chunk.data}, τ_t = {chunk.teacher_temperature:g}",
    ).records


def source_of(setup: Setup, data: Data) -> Source:
    """The data streams of all seeds."""
    mixture = Mixture(components=setup.components, dim=setup.dim, separation=setup.separation)
    return make_source(data, range(setup.seeds), mixture=mixture, device=setup.device)


def _leading_correlations(setup: Setup, count: int = 8) -> np.ndarray:
    """The largest ρ_j of the inputs, [data, direction]; median over seeds."""
    table = np.full((len(DATA), count), np.nan)
    for row, data in zip(table, DATA, strict=True):
        values = [input_correlations(m)[:count] for m in source_of(setup, data).moments]
        median = np.median(values, axis=0)
        row[: len(median)] = median
    return table
