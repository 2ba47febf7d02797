"""Mutual and lautum information along training: what centering puts in the place of I, and what it gives up.

[J4, J5, J7] On held-out samples of runs with each teacher, at records along the way: I(X;K), L(X;K) and the
Jeffreys information of the network's p. The identity Σ P J = L and Σ w p log(p/G) = I + L is tried at every
single step of training, not at the records alone: `identity_error` is the largest error of the seeds, of all
the steps since the record before. The two sides share no formula: Jensen gaps and the geometric prior on one,
divergences from P on the other.

What a run gives up by being centred is measured twice. At each record, for one and the same p, three
constrained teachers are set side by side: how far the cluster prior of each is from the target (in nats,
log K − H(r̄), which is also what its information can never reach), and the distance of the centred from the
inverse-prior teacher beside the bound of J7. And between runs, seed by seed: centred less each other run, at
the end of training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

import theory
from experiments.data.named import DATA, Data, make_source
from experiments.engine import sweep
from experiments.studies.shared import (
    COMPARED,
    labelled,
    log_tilt_of,
    over,
    paired_difference,
    variant_of,
)
from experiments.training.distill import Snapshot, Training, train
from experiments.training.model import Architecture

CLAIMS = ("J4", "J5", "J7")
MINUTES = 3.5
CENTRED = "centering"
ASIDE = (CENTRED, "inverse_prior", "projected")
"""The teachers made of one p; the distance is that between the first two."""
MEASURES = ("nmi", "teacher_information", "prior_deficit", "clusters_in_use")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Training, and how often informations are kept."""

    seeds: int = 8
    """Runs of each teacher on each data set."""
    steps: int = 400
    """Training steps; the identity is tried after each."""
    records: int = 21
    """Records that are kept, evenly spaced."""
    batch_size: int = 128
    """Samples of a step, in two views each."""
    evaluation_size: int = 256
    """Held-out samples."""
    clusters: int = 16
    """K."""
    learning_rate: float = 0.01
    """η of gradient descent with momentum 0.9."""
    teacher_temperature: float = 0.04
    """τ_t."""
    student_temperature: float = 0.1
    """τ_s."""
    center_momentum: float = 0.9
    """m of the moving centre, where there is one."""
    device: str = "cpu"
    """Where to train."""

    def __post_init__(self) -> None:
        if not 2 <= self.records <= self.steps:
            raise ValueError(f"`records` must be between 2 and `steps`, got {self.records}.")

    @property
    def kept(self) -> tuple[int, ...]:
        """The steps that are recorded."""
        return tuple(np.linspace(0, self.steps, self.records).round().astype(int).tolist())

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=2, steps=12, records=5, batch_size=64, evaluation_size=64)


@dataclass(frozen=True, kw_only=True)
class Chunk(Settings):
    """All seeds of one run on one data set."""

    data: Data
    run: str


def work(chunk: Chunk) -> xr.Dataset:
    variant = variant_of(
        chunk.run,
        center_momentum=chunk.center_momentum,
        teacher_temperature=chunk.teacher_temperature,
        student_temperature=chunk.student_temperature,
        learning_rate=chunk.learning_rate,
    )
    rows: dict[int, dict[str, Tensor]] = {}
    worst = torch.zeros(())

    def observe(snapshot: Snapshot) -> dict[str, Tensor]:
        nonlocal worst
        informations = informations_of(snapshot.log_p[0])
        worst = torch.maximum(worst, informations.pop("identity_error").amax())
        if snapshot.step in chunk.kept:
            aside = side_by_side(snapshot.log_p[0])
            rows[snapshot.step] = informations | aside | {"identity_error": worst}
            worst = torch.zeros(())
        return {}

    records = train(
        make_source(chunk.data, range(chunk.seeds), device=chunk.device),
        Architecture(clusters=chunk.clusters, hidden=(64, 32)),
        [variant],
        Training(
            steps=chunk.steps,
            batch_size=chunk.batch_size,
            record_at=tuple(range(chunk.steps + 1)),
            evaluation_size=chunk.evaluation_size,
        ),
        observers=[observe],
        device=chunk.device,
        description=f"price of centering, {chunk.data}, {chunk.run}",
    ).records.isel(variant=0, drop=True)
    kept = records.sel(step=list(chunk.kept))
    found = kept[["nmi", "teacher_information", "student_information", "clusters_in_use"]]
    found["prior_deficit"] = math.log(chunk.clusters) - kept.teacher_prior_entropy
    for name in rows[0]:
        stacked = torch.stack([rows[step][name] for step in chunk.kept], dim=-1).cpu().numpy()
        dims = {1: ("step",), 2: ("seed", "step"), 3: ("aside", "seed", "step")}[stacked.ndim]
        found[name] = dims, stacked
    return found


def informations_of(log_p: Tensor) -> dict[str, Tensor]:
    """I, L and I + L of p [S, N, K], what centering has in their place, and the error of J5; nats, [S]."""
    mutual, lautum = theory.mutual_information(log_p), theory.lautum_information(log_p)
    prior, geometric = theory.log_prior(log_p), theory.log_prior(log_p, order=0.0)
    gap = (prior.exp() * theory.jensen_gap(log_p)).sum(dim=-1)
    log_ratio = (log_p.exp() * (log_p - geometric[..., None, :])).sum(dim=-1).mean(dim=-1)
    jeffreys = theory.jeffreys_information(log_p)
    errors = torch.stack([gap - lautum, log_ratio - jeffreys, jeffreys - mutual - lautum]).abs()
    return {
        "mutual_information": mutual,
        "lautum_information": lautum,
        "jeffreys_information": jeffreys,
        "centred_log_ratio": log_ratio,
        "identity_error": errors.amax(dim=0),
    }


def side_by_side(log_p: Tensor) -> dict[str, Tensor]:
    """The teachers `ASIDE` of one p [S, N, K]: their deficit log K − H(r̄), and the distance of two."""
    gap = theory.jensen_gap(log_p)
    teachers = torch.stack([theory.tilt(log_p, log_tilt_of(name, log_p)) for name in ASIDE])
    distance = 0.5 * (teachers[0].exp() - teachers[1].exp()).abs().sum(dim=-1)
    return {
        "deficit_of_teacher": math.log(log_p.shape[-1]) - theory.entropy(theory.log_prior(teachers)),
        "tv": distance.mean(dim=-1),
        "tv_max": distance.amax(dim=-1),
        "tv_bound": theory.teacher_distance_bound(gap).total_variation,
    }


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Records (data, run, seed, step), and the differences of the centred run from the others."""
    d = over(work, Chunk, settings, context=context, data=DATA, run=COMPARED)
    last = d.isel(step=-1, drop=True)
    for name in MEASURES:
        d[f"{name}_difference"] = paired_difference(last[name].sel(run=CENTRED, drop=True), last[name])
    return labelled(d, LABELS).astype("float32").assign_coords(d.coords).assign_coords(aside=list(ASIDE))


LABELS = {
    "mutual_information": ("mutual information I(X;K) of the teacher's p", "nat"),
    "lautum_information": ("lautum information L(X;K) of the teacher's p", "nat"),
    "jeffreys_information": ("Jeffreys information of the teacher's p", "nat"),
    "centred_log_ratio": ("Σ w p log(p/G)", "nat"),
    "identity_error": ("largest error of J5 since the record before", "nat"),
    "deficit_of_teacher": ("log K − H of the cluster prior of a teacher made of this p", "nat"),
    "prior_deficit": ("log K − H of the cluster prior of the run's own teacher", "nat"),
    "tv": ("total variation of the centred and the inverse-prior teacher, mean over samples", "1"),
    "tv_max": ("total variation of the centred and the inverse-prior teacher, largest", "1"),
    "tv_bound": ("tanh(osc J / 4)", "1"),
    "nmi": ("NMI of the student's argmax with the labels", "1"),
    "teacher_information": ("I(X;K) of the run's own teacher r", "nat"),
    "student_information": ("I(X;K) of the student", "nat"),
    "clusters_in_use": ("clusters in use", "1"),
}
