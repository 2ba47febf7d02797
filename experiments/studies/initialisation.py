"""How far from uniform the linear theory holds: size of the initial logits, rate and fate (D2, D3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from experiments.engine import sweep
from experiments.studies.shared import BY_BATCH, learning_rate_of, over, rates_of, simplex_mixture, variant_of
from experiments.training.distill import Snapshot, Training, train
from experiments.training.model import Architecture
from theory.dynamics import growth_rates, student_gain

CLAIMS = ("D2", "D3")
MINUTES = 0.7
MEASURED = ("student_prior_entropy", "student_information", "teacher_entropy", "nmi")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A mixture with one correlation, and linear students of it."""

    seeds: int = 4
    components: int = 8
    correlation: float = 0.7
    student_temperature: float = 0.1
    temperature_ratio: float = 0.5
    step_size: float = 0.1
    """α = η/(K τ_s²)."""
    reading: int = 10
    """Steps over which the initial rate is measured."""
    steps: int = 300
    batch_size: int = 128

    @property
    def learning_rate(self) -> float:
        """η of that step size."""
        return learning_rate_of(
            self.step_size, clusters=self.components, student_temperature=self.student_temperature
        )


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """A mixture with one correlation, and initial logits of many sizes."""

    sizes: tuple[float, ...] = tuple(float(f"{x:.3g}") for x in np.geomspace(1e-3, 100, 11))
    """Standard deviation of the initial logits in units of τ_s."""

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=2, sizes=(0.01, 1.0, 30.0), steps=60)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """All teachers and seeds at one size."""

    size: float


def work(chunk: Chunk) -> xr.Dataset:
    """Initial growth and fate of the runs."""
    tau_s = chunk.student_temperature
    source = simplex_mixture(chunk.components, chunk.correlation).source(
        range(chunk.seeds), dtype=torch.float64
    )
    # All C − 1 directions have variance 1: logits of a unit-variance head have variance C − 1 + (1 − ρ).
    spread = (chunk.components - chunk.correlation) ** 0.5
    head_scale = chunk.size * tau_s * chunk.components**0.5 / spread
    variants = [
        variant_of(
            teacher,
            teacher_temperature=chunk.temperature_ratio * tau_s,
            teacher_momentum=0.0,
            **rates_of(chunk),
        )
        for teacher in BY_BATCH
    ]
    trained = train(
        source,
        Architecture(clusters=chunk.components, hidden=(), head_scale=head_scale),
        variants,
        Training(
            steps=chunk.steps,
            batch_size=chunk.batch_size,
            momentum=0.0,
            record_at=(0, chunk.reading, chunk.steps),
        ),
        observers=[_signal],
        dtype=torch.float64,
    ).records
    log = np.log(trained.signal.to_numpy())
    return xr.Dataset(
        {name: (("teacher", "seed"), trained[name].isel(step=-1).to_numpy()) for name in MEASURED}
        | {"rate": (("teacher", "seed"), (log[..., 1] - log[..., 0]) / chunk.reading)}
    )


def _signal(snapshot: Snapshot) -> dict[str, Tensor]:
    """Size of the weights along the C − 1 directions that correlate: contrasts of inputs and of clusters."""
    w = snapshot.student["head.weight"].detach()
    w = w - w.mean(dim=-1, keepdim=True) - w.mean(dim=-2, keepdim=True) + w.mean(dim=(-1, -2), keepdim=True)
    return {"signal": torch.linalg.matrix_norm(w)}


def predicted_rate(setup: Setup) -> float:
    """The fastest rate per step of the constrained teachers, from the population moments."""
    moments = simplex_mixture(setup.components, setup.correlation).source([0]).moments[0]
    tau_s = setup.student_temperature
    growth = growth_rates(
        moments.cross(),
        moments.second(),
        gain=student_gain(
            learning_rate=setup.learning_rate,
            clusters=setup.components,
            student_temperature=tau_s,
        ),
        student_temperature=tau_s,
        teacher_temperature=setup.temperature_ratio * tau_s,
        discrete=True,
    )
    return float(growth.rates[0])


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """All sizes."""
    dataset = over(work, Chunk, settings, context=context, size=settings.sizes)
    dataset = dataset.assign_coords(teacher=list(BY_BATCH), seed=np.arange(settings.seeds))
    dataset["predicted_rate"] = predicted_rate(settings)
    return dataset
