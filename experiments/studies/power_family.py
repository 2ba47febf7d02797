"""From centering to inverse priors and beyond: is any order of the power mean better than both ends?

[J9, D1, J6] Teachers λ = log π − log M_s for orders s below 0, between centering (s = 0) and the inverse
prior (s = 1), and above; and the cumulant teacher, whose prior is centering's with the second-order
correction of J6. Near the uniform teacher all of them are one to first order (D1), so that a soft start could
not tell them apart. Here the start is sharp: logits of about 1 at τ_t = 0.04. There ½ Var log p is no small
correction either: log p of a rare cluster spreads over tens of nats, the estimate of log P passes 0, and the
theory promises nothing for that teacher.

For each run: NMI of the student's argmax with the labels, the entropy of the constrained teacher's cluster
prior on held-out samples (log K where the constraint is met), and the speed: the first recorded step at which
NMI has come half-way from its start to the end of the run of the same seed with s = 1, whichever the teacher.
Every order is compared with both ends, seed by seed. "Better than both" asks that the smaller of the two mean
differences be above 0 by its interval, whose level is Bonferroni's over all candidates: about one family of
comparisons in twenty would find a winner among equals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

import theory
from experiments.data.named import DATA, Data, make_source
from experiments.engine import sweep
from experiments.studies.shared import labelled, over, paired_difference, variant_of
from experiments.training.distill import Snapshot, Training, train
from experiments.training.metrics import on_host
from experiments.training.model import Architecture

CLAIMS = ("J9", "D1", "J6")
MINUTES = 2
MEASURES = {"nmi": 1, "teacher_prior_entropy": 1, "half_way_at": -1}
"""What is compared, and the sign of better."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Orders and training."""

    seeds: int = 12
    """Runs of each order on each data set."""
    orders: tuple[float, ...] = (-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0, 4.0, 16.0)
    """Orders s; both ends, 0 and 1, among them."""
    steps: int = 600
    """Training steps."""
    records: int = 31
    """Evaluations, evenly spaced."""
    batch_size: int = 128
    """Samples of a step, in two views each."""
    evaluation_size: int = 512
    """Held-out samples."""
    clusters: int = 16
    """K."""
    learning_rate: float = 0.01
    """η of gradient descent with momentum 0.9."""
    teacher_temperature: float = 0.04
    """τ_t."""
    student_temperature: float = 0.1
    """τ_s."""
    device: str = "cpu"
    """Where to train."""

    def __post_init__(self) -> None:
        if list(self.orders) != sorted(set(self.orders)) or not {0.0, 1.0} <= set(self.orders):
            raise ValueError(f"`orders` must increase and hold 0 and 1, got {self.orders}.")

    @classmethod
    def quick(cls) -> Settings:
        return cls(
            seeds=2, orders=(0.0, 0.5, 1.0, 4.0), steps=40, records=5, batch_size=64, evaluation_size=128
        )


@dataclass(frozen=True, kw_only=True)
class Chunk(Settings):
    """All orders and seeds on one data set."""

    data: Data


def work(chunk: Chunk) -> xr.Dataset:
    teachers = [(f"{order:g}", "power_mean", order) for order in chunk.orders]
    variants = [
        variant_of(
            teacher,
            name=name,
            order=order,
            teacher_temperature=chunk.teacher_temperature,
            student_temperature=chunk.student_temperature,
            learning_rate=chunk.learning_rate,
        )
        for name, teacher, order in [*teachers, ("cumulant", "cumulant", None)]
    ]

    def observe(snapshot: Snapshot) -> dict[str, Tensor]:
        """By how much log M_s grows from one order to the next, least of clusters and orders.  [J9]"""
        log_p = on_host(snapshot.log_p)
        priors = torch.stack([torch.as_tensor(theory.log_prior(log_p, order=s)) for s in chunk.orders])
        return {"prior_growth": priors.diff(dim=0).amin(dim=(0, -1))}

    records = train(
        make_source(chunk.data, range(chunk.seeds), device=chunk.device),
        Architecture(clusters=chunk.clusters, hidden=(64, 32)),
        variants,
        Training(
            steps=chunk.steps,
            batch_size=chunk.batch_size,
            records=chunk.records,
            evaluation_size=chunk.evaluation_size,
        ),
        observers=[observe],
        device=chunk.device,
        description=f"power means, {chunk.data}",
    ).records
    kept = ("nmi", "teacher_prior_entropy", "teacher_information", "clusters_in_use", "prior_growth")
    return records[list(kept)].rename(variant="teacher")


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Records (data, teacher, seed, step); ends and comparisons of the last step (data, teacher, …)."""
    d = over(work, Chunk, settings, context=context, data=DATA)
    nmi = d.nmi
    level = (nmi.isel(step=0) + nmi.sel(teacher="1").isel(step=-1)) / 2
    # a run that never gets there counts with the length of all
    d["half_way_at"] = d.step.where(nmi >= level).min("step").fillna(settings.steps)
    last = d.isel(step=-1, drop=True)
    d["prior_growth"] = d.prior_growth.min(("seed", "step", "teacher"))
    candidates = [t for t in d.teacher.values if t not in ("0", "1")]
    for name, sign in MEASURES.items():
        values = last[name]
        ends = values.sel(teacher=["0", "1"]).rename(teacher="end")
        d[f"{name}_difference"] = paired_difference(values, ends)
        better = paired_difference(sign * values, sign * ends, level=1 - 0.05 / len(candidates))
        d[f"{name}_better_than_both"] = (better.sel(bound="low", drop=True) > 0).all("end")
    d = labelled(d, LABELS).astype("float32").assign_coords(order=("teacher", [*settings.orders, np.nan]))
    return d.assign_coords(seed=range(settings.seeds))


LABELS = {
    "nmi": ("NMI of the student's argmax with the labels", "1"),
    "teacher_prior_entropy": ("entropy of the constrained teacher's cluster prior", "nat"),
    "teacher_information": ("I(X;K) of the constrained teacher", "nat"),
    "clusters_in_use": ("clusters in use", "1"),
    "prior_growth": ("least growth of log M_s(k) from one order to the next, all snapshots", "nat"),
    "half_way_at": ("first recorded step at half of what s = 1 reaches", "step"),
}
