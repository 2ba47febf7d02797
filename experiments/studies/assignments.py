"""Which cluster each point of the plane falls into, under each teacher, for equal and for Zipf shares.

[O4, T6, D3] Students of a two-dimensional mixture with as many clusters as components. The constraint asks
for equal clusters: with equal components that is the truth, with Zipf shares it is not, and the teachers
differ in how hard they insist.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from experiments.data.labels import joint_shares
from experiments.data.mixtures import Mixture, MixtureSource
from experiments.engine import sweep
from experiments.studies.shared import COMPARED, over, rates_of, variant_of
from experiments.training.distill import Trained, Training, train
from experiments.training.model import Architecture

CLAIMS = ("O4", "T6", "D3")
MINUTES = 0.8


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A mixture and its students."""

    seeds: int = 8
    """Runs of each teacher; the regions of the one with the median NMI are kept."""
    components: int = 6
    """Components on a circle, and clusters K."""
    separation: float = 3.0
    """Distance of neighbouring centres."""
    within: float = 0.5
    """Standard deviation of a component."""
    view_noise: float = 0.7
    """Standard deviation of a view about its sample."""
    hidden: tuple[int, ...] = (32, 16)
    """Widths of the encoder."""
    steps: int = 1200
    """Steps of training."""
    batch_size: int = 128
    """Samples of a step."""
    learning_rate: float = 0.003
    """η."""
    student_temperature: float = 0.1
    """τ_s."""
    teacher_temperature: float = 0.04
    """τ_t."""
    teacher_momentum: float = 0.99
    """m of the teacher's weights."""
    center_momentum: float = 0.9
    """m of the moving centre, where there is one."""
    resolution: int = 121
    """Points of the plane along each axis."""
    points: int = 300
    """Samples kept to draw."""
    device: str = "cpu"
    """Where to train."""


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """Mixtures and students."""

    zipf: tuple[float, ...] = (0.0, 1.0)
    """Shares of the components ∝ rank^−zipf."""

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=2, steps=200, batch_size=64, resolution=41)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """All teachers and seeds on one mixture."""

    zipf: float


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Regions (zipf, teacher, y, x) of the median run, the true ones; NMI and clusters of every run."""
    return over(compute, Chunk, settings, context=context, zipf=settings.zipf)


def compute(chunk: Chunk) -> xr.Dataset:
    """Train the chunk's runs and look up every point of the plane."""
    mixture = Mixture(
        components=chunk.components,
        dim=2,
        layout="circle",
        separation=chunk.separation,
        within=chunk.within,
        view_noise=chunk.view_noise,
        zipf=chunk.zipf,
    )
    source = mixture.source(range(chunk.seeds), device=chunk.device)
    architecture = Architecture(clusters=chunk.components, hidden=chunk.hidden)
    variants = [variant_of(teacher, **rates_of(chunk)) for teacher in COMPARED]
    training = Training(steps=chunk.steps, batch_size=chunk.batch_size, records=2)
    trained = train(
        source,
        architecture,
        variants,
        training,
        device=chunk.device,
        description=f"assignments, zipf {chunk.zipf:g}",
    )
    last = trained.records.isel(step=-1, drop=True).rename(variant="teacher")
    kept = last[
        ["nmi", "clusters_in_use", "effective_clusters", "student_prior_entropy", "student_information"]
    ]
    shown = [median_run(values) for values in kept.nmi.transpose("teacher", "seed").to_numpy()]
    return kept.merge(_regions(chunk, source, architecture, trained, shown))


def median_run(values: np.ndarray) -> int:
    """Index of the median run; of an even number, the lower of the two in the middle."""
    return int(np.argsort(values, kind="stable")[(len(values) - 1) // 2])


@torch.no_grad()
def _regions(
    setup: Setup, source: MixtureSource, architecture: Architecture, trained: Trained, shown: list[int]
) -> xr.Dataset:
    """One run's clusters over the plane for each teacher, numbered one to one like the components.

    shown: the run of each teacher. The numbers are those under which clusters and components share most.
    """
    reach = float(source.centers.abs().max()) + 3 * setup.within
    axis = torch.linspace(-reach, reach, setup.resolution)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    plane = torch.stack([x, y], dim=-1).flatten(0, 1).expand(len(source.seeds), -1, -1)
    batch = source.gallery("held_out", 4096)
    truth = source.log_posterior(plane, noise="latent")[0].argmax(dim=-1)

    def clusters(points: Tensor) -> Tensor:
        logits = architecture.logits(trained.student, points.to(setup.device))
        return logits[torch.arange(len(shown)), torch.tensor(shown)].argmax(dim=-1).cpu()

    found, regions = clusters(batch.views[:, 0]), clusters(plane)
    for i in range(len(regions)):
        order = _matching(batch.labels[shown[i]].cpu(), found[i], setup.components)
        regions[i] = order[regions[i]]
    shape = (-1, setup.resolution, setup.resolution)
    kept = slice(0, setup.points)
    return xr.Dataset(
        {
            "shown": ("teacher", np.array(shown)),
            "region": (("teacher", "y", "x"), regions.reshape(shape).to(torch.int8).numpy()),
            "true_region": (("y", "x"), truth.reshape(shape)[0].to(torch.int8).numpy()),
            "point": (("sample", "axis"), batch.views[0, 0, kept].cpu().numpy()),
            "label": ("sample", batch.labels[0, kept].to(torch.int8).cpu().numpy()),
            "center": (("component", "axis"), source.centers[0].numpy()),
            "share": ("component", source.log_shares.exp().numpy()),
        },
        coords={"x": axis.double().numpy(), "y": axis.double().numpy()},
    )


def _matching(labels: Tensor, clusters: Tensor, count: int) -> Tensor:
    """The number of each cluster: the component it is matched to, so that the overlap is largest."""
    components, matched = linear_sum_assignment(joint_shares(labels, clusters, count).numpy(), maximize=True)
    order = np.empty(count, dtype=np.int64)
    order[matched] = components
    return torch.from_numpy(order)
