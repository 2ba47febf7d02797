"""How far from uniform the linear theory holds: size of the initial logits, rate and fate (D2, D3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from experiments.engine import sweep
from experiments.studies.phase_diagram import mixture
from experiments.training.distill import Snapshot, Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from theory.dynamics import growth_rates, student_gain

CLAIMS = ("D2", "D3")
MINUTES = 2
TEACHERS: tuple[str, ...] = ("unconstrained", "centering", "inverse_prior", "projected")
MEASURED = ("student_prior_entropy", "student_information", "teacher_entropy", "nmi")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A mixture with one correlation, and initial logits of many sizes."""

    seeds: int = 4
    components: int = 8
    correlation: float = 0.7
    student_temperature: float = 0.1
    temperature_ratio: float = 0.5
    sizes: tuple[float, ...] = tuple(float(f"{x:.3g}") for x in np.geomspace(1e-3, 100, 11))
    """Standard deviation of the initial logits in units of τ_s."""
    step_size: float = 0.1
    """α = η/(K τ_s²)."""
    reading: int = 10
    """Steps over which the initial rate is measured."""
    steps: int = 300
    batch_size: int = 128

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=2, sizes=(0.01, 1.0, 30.0), steps=60)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """All teachers and seeds at one size."""

    settings: Settings
    size: float


def work(chunk: Chunk) -> xr.Dataset:
    """Initial growth and fate of the runs."""
    settings = chunk.settings
    tau_s = settings.student_temperature
    source = mixture(settings.components, settings.correlation).source(
        range(settings.seeds), dtype=torch.float64
    )
    # All C − 1 directions have variance 1: logits of a unit-variance head have variance C − 1 + (1 − r).
    spread = (settings.components - settings.correlation) ** 0.5
    head_scale = chunk.size * tau_s * settings.components**0.5 / spread
    variants = [
        Variant(
            name=kind,
            teacher=kind,
            center_momentum=None,
            teacher_temperature=settings.temperature_ratio * tau_s,
            student_temperature=tau_s,
            teacher_momentum=0.0,
            learning_rate=settings.step_size * settings.components * tau_s**2,
        )
        for kind in TEACHERS
    ]
    trained = train(
        source,
        Architecture(clusters=settings.components, hidden=(), head_scale=head_scale),
        variants,
        Training(
            steps=settings.steps,
            batch_size=settings.batch_size,
            momentum=0.0,
            record_at=(0, settings.reading, settings.steps),
        ),
        observers=[_signal],
        dtype=torch.float64,
    ).records
    log = np.log(trained.signal.to_numpy())
    return xr.Dataset(
        {name: (("teacher", "seed"), trained[name].isel(step=-1).to_numpy()) for name in MEASURED}
        | {"rate": (("teacher", "seed"), (log[..., 1] - log[..., 0]) / settings.reading)}
    )


def _signal(snapshot: Snapshot) -> dict[str, Tensor]:
    """Size of the weights along the C − 1 directions that correlate: contrasts of inputs and of clusters."""
    w = snapshot.student["head.weight"].detach()
    w = w - w.mean(dim=-1, keepdim=True) - w.mean(dim=-2, keepdim=True) + w.mean(dim=(-1, -2), keepdim=True)
    return {"signal": torch.linalg.matrix_norm(w)}


def predicted_rate(settings: Settings) -> float:
    """The fastest rate per step of the constrained teachers, from the population moments."""
    moments = mixture(settings.components, settings.correlation).source([0]).moments[0]
    tau_s = settings.student_temperature
    growth = growth_rates(
        moments.cross(),
        moments.second(),
        gain=student_gain(
            learning_rate=settings.step_size * settings.components * tau_s**2,
            clusters=settings.components,
            student_temperature=tau_s,
        ),
        student_temperature=tau_s,
        teacher_temperature=settings.temperature_ratio * tau_s,
        discrete=True,
    )
    return float(growth.rates[0])


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """All sizes."""
    parts = sweep.sweep(
        work, [Chunk(settings=settings, size=size) for size in settings.sizes], context=context
    )
    dataset = xr.concat(parts, dim="size").assign_coords(
        size=list(settings.sizes), teacher=list(TEACHERS), seed=np.arange(settings.seeds)
    )
    dataset["predicted_rate"] = predicted_rate(settings)
    return dataset
