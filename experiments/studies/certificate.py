"""When a run proves by itself that it has not collapsed, and a monitor of the loss that is fooled.

[O5, O4] Along runs that survive and runs that collapse, on held-out samples: D = Σ w KL(r‖q), the teacher's
information I_r, and the bound on the student's cluster prior. The certificate speaks at the first step with
D < I_r: no constant student can have so low a D. NMI with the true labels, which a real run does not have,
shows the clusters when it is half-way from its start to its end.

Since loss = D + Σ w H(r) and I_r = H(r̄) − Σ w H(r), the margin I_r − D is H(r̄) − loss: what is certified
is a loss below the entropy of the teacher's own cluster prior. Where a constraint holds that at log K, the
loss alone would do. A monitor of the loss that takes log K for granted, and reports success once half of it
is gone, is fooled where nothing holds it: without a constraint all samples fall into one cluster, and loss
and H(r̄) go to 0 together. In uniform collapse (τ_t = τ_s) the loss goes to log K and the margin to 0 from
above.
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
from experiments.studies.shared import labelled, over, rates_of, total_variation, variant_of
from experiments.training.distill import Snapshot, Training, train
from experiments.training.model import Architecture

CLAIMS = ("O4", "O5")
MINUTES = 0.8
NOT_SHARPENED = "uniform collapse"
RUNS = ("moving_centering", "inverse_prior", "projected", NOT_SHARPENED, "unconstrained")
"""Runs by their teacher, sharpened, τ_t < τ_s; and moving centering that is not, τ_t = τ_s."""
CENTER_MOMENTUM = 0.9


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Training."""

    seeds: int = 4
    """Runs of each kind on each data set."""
    steps: int = 1200
    """Training steps."""
    records: int = 50
    """Evaluations, evenly spaced in the logarithm of the step."""
    batch_size: int = 128
    """Samples of a step, in two views each."""
    evaluation_size: int = 512
    """Held-out samples that the certificate is computed on."""
    clusters: int = 16
    """K."""
    learning_rate: float = 0.01
    """η of gradient descent with momentum 0.9."""
    teacher_temperature: float = 0.04
    """τ_t of the sharpened teachers."""
    student_temperature: float = 0.1
    """τ_s, and τ_t of the teacher that is not sharpened."""


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """Training, and what counts as success for the monitor of the loss."""

    loss_share: float = 0.5
    """The monitor reports success once the loss is below this share of log K."""

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=2, steps=80, records=10, batch_size=64, evaluation_size=128)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """All runs on one data set."""

    data: Data


def work(chunk: Chunk) -> xr.Dataset:
    sharpened = rates_of(chunk) | {"center_momentum": CENTER_MOMENTUM}
    plain = sharpened | {"teacher_temperature": chunk.student_temperature}
    variants = [
        variant_of("moving_centering", name=run, **plain)
        if run == NOT_SHARPENED
        else variant_of(run, **sharpened)
        for run in RUNS
    ]
    steps = np.unique(np.geomspace(1, chunk.steps, chunk.records - 1).round().astype(int))
    training = Training(
        steps=chunk.steps,
        batch_size=chunk.batch_size,
        record_at=(0, *steps.tolist()),
        evaluation_size=chunk.evaluation_size,
    )
    records = train(
        make_source(chunk.data, range(chunk.seeds)),
        Architecture(clusters=chunk.clusters, hidden=(64, 32)),
        variants,
        training,
        observers=[certify],
        description=f"certificate, {chunk.data}",
    ).records
    kept = ("loss", "kl", "nmi", "teacher_information", "student_information", "student_prior_entropy")
    return records[[*kept, "prior_kl", "prior_distance", "prior_distance_bound", "certified"]].astype(
        "float32"
    )


def certify(snapshot: Snapshot) -> dict[str, Tensor]:
    """The certificate of a snapshot, and the distance of the student's prior from uniform that it bounds."""
    found = theory.certificate(snapshot.log_r, snapshot.log_q)
    prior = theory.log_prior(snapshot.log_q).exp()
    return {
        "prior_kl": found.prior_kl,
        "prior_distance": total_variation(prior, 1 / prior.shape[-1]),
        "prior_distance_bound": found.prior_distance_bound,
        "certified": found.not_constant.to(torch.float64),
    }


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    d = over(work, Chunk, settings, context=context, data=DATA).rename(variant="run")
    d["margin"] = d.teacher_information - d.kl
    certified = d.certified > 0
    d["certified_at"] = _first(certified)
    d["certified_for_good_at"] = _lasting(certified)
    half = (d.nmi.isel(step=0) + d.nmi.isel(step=-1)) / 2
    shown = (d.nmi >= half) & (d.nmi.isel(step=-1) > d.nmi.isel(step=0))
    d["nmi_at"] = _first(shown)
    d["log_clusters"] = np.log(settings.clusters)
    d["monitor_threshold"] = settings.loss_share * d.log_clusters
    d["monitor_at"] = _first(d.loss < d.monitor_threshold)
    return labelled(d, LABELS)


LABELS = {
    "loss": ("cross-entropy of teacher and student", "nat"),
    "kl": ("D, KL of teacher and student", "nat"),
    "nmi": ("NMI of the student's argmax with the true labels", "1"),
    "teacher_information": ("I_r, what a constant student must pay", "nat"),
    "margin": ("I_r − D, also H(r̄) less the loss", "nat"),
    "student_information": ("I(X;K) of the student", "nat"),
    "student_prior_entropy": ("entropy of the student's cluster prior", "nat"),
    "prior_kl": ("KL of the teacher's and the student's cluster prior", "nat"),
    "prior_distance": ("total variation of the student's cluster prior from uniform", "1"),
    "prior_distance_bound": ("certified bound of that distance", "1"),
    "certified": ("1 where D < I_r", "1"),
    "certified_at": ("first recorded step with D < I_r, NaN if none", "step"),
    "certified_for_good_at": ("recorded step from which on D < I_r, NaN if none", "step"),
    "nmi_at": ("first recorded step with NMI half-way from start to end, NaN if it does not rise", "step"),
    "log_clusters": ("log K", "nat"),
    "monitor_threshold": ("loss below which the monitor reports success", "nat"),
    "monitor_at": ("first recorded step at which the loss alone reports success, NaN if none", "step"),
}


def _first(condition: xr.DataArray) -> xr.DataArray:
    """The first step at which it holds; NaN where it never does."""
    return condition.step.where(condition).min("step").astype("float32")


def _lasting(condition: xr.DataArray) -> xr.DataArray:
    """The first step from which on it always holds; NaN where it does not hold at the end."""
    backwards = condition.isel(step=slice(None, None, -1)).astype("int64").cumprod("step")
    return _first(backwards.isel(step=slice(None, None, -1)).assign_coords(step=condition.step) > 0)
