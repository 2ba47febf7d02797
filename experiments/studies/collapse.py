"""Five teachers, sharpened or not, on a mixture and on digits: which collapse, into what, and which do not.

[O4, T6, D2, D3] The settings come from the theory, not from trying. With τ_t < τ_s the constant direction,
whose cross-view correlation is 1, grows first unless the teacher is constrained: one cluster takes all. With
τ_t = τ_s no correlation exceeds τ_t/τ_s = 1 and all directions decay: a constrained teacher goes uniform, an
unconstrained one constant. Sharpened and constrained, the directions with r_j > τ_t/τ_s are learnt; a moving
centre of rate 1 − 0.9 is above the critical rate (1 − m)(τ_s/τ_t − 1) of D4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from experiments.data.digits import Digits
from experiments.data.mixtures import Mixture
from experiments.data.sources import Source
from experiments.engine import sweep
from experiments.training.distill import Observer, Snapshot, Training, train
from experiments.training.metrics import knn_accuracy
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from theory.dynamics.moments import correlations

CLAIMS = ("O4", "T6", "T8", "D2", "D3")
MINUTES = 9
DATA = ("mixture", "digits")
TEACHERS: dict[str, tuple[str, bool]] = {
    "unconstrained": ("unconstrained", False),
    "centred, EMA": ("centering", True),
    "centred, batch": ("centering", False),
    "inverse prior": ("inverse_prior", False),
    "projected": ("projected", False),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
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
    teacher_temperatures: tuple[float, ...] = (0.04, 0.1)
    """τ_t: sharpened, and not."""
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

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=2, steps=200, records=6, batch_size=64)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """All teachers and seeds on one data set at one temperature."""

    settings: Settings
    data: str
    teacher_temperature: float


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Records (data, teacher_temperature, teacher, seed, step), and the correlations of the data."""
    chunks = [
        Chunk(settings=settings, data=data, teacher_temperature=tau)
        for data in DATA
        for tau in settings.teacher_temperatures
    ]
    parts = iter(sweep.sweep(compute, chunks, context=context))
    rows = [
        xr.concat([next(parts) for _ in settings.teacher_temperatures], "teacher_temperature") for _ in DATA
    ]
    dataset = xr.concat(rows, "data").rename(variant="teacher")
    dataset = dataset.assign_coords(data=list(DATA), teacher_temperature=list(settings.teacher_temperatures))
    dataset["correlation"] = (("data", "direction"), _leading_correlations(settings))
    return dataset


def compute(chunk: Chunk) -> xr.Dataset:
    """Train the chunk's runs."""
    s = chunk.settings
    variants = [
        Variant(
            name=name,
            teacher=kind,
            center_momentum=s.center_momentum if moving else None,
            teacher_temperature=chunk.teacher_temperature,
            student_temperature=s.student_temperature,
            teacher_momentum=s.teacher_momentum,
            learning_rate=s.learning_rate,
        )
        for name, (kind, moving) in TEACHERS.items()
    ]
    source = make_source(s, chunk.data)
    training = Training(steps=s.steps, records=s.records, batch_size=s.batch_size)
    return train(
        source,
        Architecture(clusters=s.clusters, hidden=s.hidden),
        variants,
        training,
        observers=[knn_observer(source)],
        device=s.device,
        description=f"collapse, {chunk.data}, τ_t = {chunk.teacher_temperature:g}",
    ).records


def make_source(settings: Settings, data: str) -> Source:
    """The data streams of all seeds."""
    seeds = range(settings.seeds)
    if data == "digits":
        return Digits().source(seeds, device=settings.device)
    mixture = Mixture(components=settings.components, dim=settings.dim, separation=settings.separation)
    return mixture.source(seeds, device=settings.device)


def knn_observer(source: Source, *, k: int = 20) -> Observer:
    """Records `knn_accuracy`, that of the teacher's features on the source's galleries."""
    train_set, test_set = source.gallery("train"), source.gallery("held_out")

    @torch.no_grad()
    def observe(snapshot: Snapshot) -> dict[str, Tensor]:
        features = [
            snapshot.architecture.features(snapshot.teacher, part.views[:, 0])
            for part in (train_set, test_set)
        ]
        return {
            "knn_accuracy": knn_accuracy(features[0], train_set.labels, features[1], test_set.labels, k=k)
        }

    return observe


def _leading_correlations(settings: Settings, count: int = 8) -> np.ndarray:
    """The largest r_j of the inputs, [data, direction]; median over seeds."""
    table = np.full((len(DATA), count), np.nan)
    for row, data in zip(table, DATA, strict=True):
        moments = make_source(settings, data).moments
        values = [
            correlations(m.cross(bias=False), m.second(bias=False), drop_singular=True).values[:count]
            for m in moments
        ]
        median = np.median(values, axis=0)
        row[: len(median)] = median
    return table
