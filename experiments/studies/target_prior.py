"""What a wrong target prior costs: clusters of unequal size, and targets from uniform to true and past it.

[T2, T3, O5, D2] MSN assumes that clusters are equally large; PMSN replaces that by a power law. Here the
truth is known: a mixture of C components with shares ∝ rank^(−z), K = C clusters, and a target π ∝ share^a,
from uniform (a = 0) through the truth (a = 1) to one too steep. The components are so far apart that the
exact posterior makes almost no error. Runs start near the uniform teacher, where every direction between
components, the rarest included, has a cross-view correlation ρ (`correlation`) above τ_t/τ_s and grows (D2),
under a slow teacher by μ(ρ τ_s/τ_t − 1) a step, that is by e⁷ at least in all. What is lost is lost to the
target, or to a teacher that does not meet it. `nmi_halfway` shows what the second half of training changed.

A hard clustering that meets π has I(A;B) ≤ min(H(π), H(shares)), hence NMI ≤ 2 min/(H(π) + H(shares)): the
`ceiling`, which only a refinement of the truth, or a coarsening, attains. NMI is lost by splitting and by
merging, in nats H(cluster|component) and H(component|cluster). Counted: a cluster belongs to the component
that has most of its samples; a component with two clusters or more is split, one with none is merged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

import theory
from experiments.data.labels import normalized_mutual_information, splits_and_merges
from experiments.data.mixtures import Mixture, MixtureSource
from experiments.engine import sweep
from experiments.studies.shared import (
    BY_BATCH,
    input_correlations,
    labelled,
    over,
    paired_difference,
    total_variation,
    variant_of,
)
from experiments.training.distill import Snapshot, Training, train
from experiments.training.model import Architecture
from theory import TEACHERS

CLAIMS = ("T2", "T3", "O5", "D2")
MINUTES = 3.5
CONSTRAINED = tuple(name for name in BY_BATCH if TEACHERS[name].constrained)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A mixture, targets and training."""

    seeds: int = 8
    """Runs of each teacher with each target."""
    exponents: tuple[float, ...] = (0.0, 1 / 3, 2 / 3, 1.0, 1.5)
    """Exponents a of the target, π ∝ share^a; 1 among them."""
    components: int = 8
    """C, and K."""
    separation: float = 8.0
    """Distance between any two centres; a component's own spread is 0.5."""
    view_noise: float = 0.75
    """Standard deviation of a view's noise."""
    steps: int = 500
    """Training steps."""
    batch_size: int = 128
    """Samples of a step, in two views each."""
    evaluation_size: int = 2048
    """Held-out samples."""
    learning_rate: float = 0.005
    """η of gradient descent with momentum 0.9."""
    teacher_temperature: float = 0.03
    """τ_t."""
    student_temperature: float = 0.1
    """τ_s."""
    teacher_momentum: float = 0.95
    """m of the teacher's weights."""
    head_scale: float = 0.01
    """Factor on the initial prototypes; small, to start near the uniform teacher."""
    device: str = "cpu"
    """Where to train."""

    def __post_init__(self) -> None:
        if 1.0 not in self.exponents:
            raise ValueError(f"`exponents` must hold 1, the true target, got {self.exponents}.")

    def mixture(self, zipf: float) -> Mixture:
        """The mixture with shares ∝ rank^(−zipf)."""
        return Mixture(
            components=self.components,
            dim=self.components,
            separation=self.separation,
            view_noise=self.view_noise,
            layout="simplex",
            zipf=zipf,
        )


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """Mixtures, targets and training."""

    zipf: tuple[float, ...] = (1.0, 1.5)
    """Exponents z of the shares of the components."""

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=2, zipf=(1.0,), exponents=(0.0, 1.0), steps=40, batch_size=64, evaluation_size=256)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """All targets and seeds of one teacher on one mixture."""

    zipf: float
    teacher: str


def work(chunk: Chunk) -> xr.Dataset:
    source = chunk.mixture(chunk.zipf).source(range(chunk.seeds), device=chunk.device)
    targets = [theory.log_softmax(a * source.log_shares).exp() for a in chunk.exponents]
    variants = [
        variant_of(
            chunk.teacher,
            name=str(i),
            teacher_temperature=chunk.teacher_temperature,
            student_temperature=chunk.student_temperature,
            teacher_momentum=chunk.teacher_momentum,
            learning_rate=chunk.learning_rate,
            target=tuple(target.tolist()),
        )
        for i, target in enumerate(targets)
    ]
    log_target = torch.stack(targets).log()[:, None]

    def observe(snapshot: Snapshot) -> dict[str, Tensor]:
        clusters = snapshot.log_q.argmax(dim=-1)
        prior = theory.log_prior(snapshot.log_r)
        return splits_and_merges(snapshot.labels.expand(clusters.shape), clusters, chunk.components) | {
            "prior_error": total_variation(prior.exp(), log_target.exp())
        }

    records = train(
        source,
        Architecture(clusters=chunk.components, hidden=(64, 32), head_scale=chunk.head_scale),
        variants,
        Training(
            steps=chunk.steps,
            batch_size=chunk.batch_size,
            record_at=(chunk.steps // 2, chunk.steps),
            evaluation_size=chunk.evaluation_size,
        ),
        observers=[observe],
        device=chunk.device,
        description=f"{chunk.teacher}, z = {chunk.zipf:g}",
    ).records
    kept = ("nmi", "split", "merged", "splitting", "merging", "prior_error")
    found = records[list(kept)].isel(step=-1, drop=True)
    found["nmi_halfway"] = records.nmi.isel(step=0, drop=True)
    return found.rename(variant="exponent").assign_coords(exponent=list(chunk.exponents))


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Ends of the runs (zipf, teacher, exponent, seed), and their differences from the true target's."""
    d = over(work, Chunk, settings, context=context, zipf=settings.zipf, teacher=CONSTRAINED)
    d["nmi_difference"] = paired_difference(d.nmi, d.nmi.sel(exponent=1.0, drop=True))
    known = [_of_the_mixture(settings, z) for z in settings.zipf]
    d = d.merge(xr.concat(known, dim=d.zipf))
    return labelled(d, LABELS).astype("float32").assign_coords(d.coords)


LABELS = {
    "nmi": ("NMI of the student's argmax with the components", "1"),
    "nmi_halfway": ("NMI half-way through training", "1"),
    "nmi_difference": ("NMI, less that with the true target: mean and 95% interval", "1"),
    "split": ("components split over two clusters or more", "1"),
    "merged": ("components without a cluster of their own", "1"),
    "splitting": ("H(cluster|component)", "nat"),
    "merging": ("H(component|cluster)", "nat"),
    "prior_error": ("total variation of the teacher's cluster prior from the target", "1"),
    "ceiling": ("largest NMI of a hard clustering with the target as its shares", "1"),
    "posterior_nmi": ("NMI of the exact posterior's argmax", "1"),
    "correlation": ("least cross-view correlation between components", "1"),
}


def _of_the_mixture(settings: Setup, zipf: float) -> xr.Dataset:
    """What is known without training: ceilings, the exact posterior's NMI, the correlations of D2."""
    source: MixtureSource = settings.mixture(zipf).source(range(settings.seeds))
    of_shares = float(theory.entropy(source.log_shares))
    of_target = np.array(
        [float(theory.entropy(theory.log_softmax(a * source.log_shares))) for a in settings.exponents]
    )
    batch = source.held_out(settings.evaluation_size, views=1)
    posterior = source.log_posterior(batch.views[:, 0]).argmax(dim=-1)
    between = input_correlations(source.moments[0])[: settings.components - 1]
    return xr.Dataset(
        {
            "ceiling": ("exponent", 2 * np.minimum(of_target, of_shares) / (of_target + of_shares)),
            "posterior_nmi": (
                "seed",
                normalized_mutual_information(batch.labels, posterior).numpy(),
            ),
            "correlation": between.min(),
        }
    )
