"""The paper's picture without a network: free logits for each sample, only objective and constraint act.

[O3, O4, O5, T3, T6, D2] Samples in equal groups; a positive pair is two samples, of one group with
probability 1 − leak and any two otherwise. Each sample has its own row of logits, there is no data and no
noise but in the start, and the expected loss over pairs descends exactly:

    z_n ← z_n − η (q_n − Σ_m A_nm r_m)/τ_s,    A = (1 − leak)·(same group) + leak·(all),

the teacher r being the constrained softmax of the same logits at τ_t < τ_s. This is the linear model of
section D on one-hot features: the cross-view correlations are the eigenvalues of A, 1 for the constant
direction, 1 − leak for differences between groups and 0 within them. So without a constraint the constant
direction grows fastest and takes all samples into one cluster, where the loss is least; with one, groups
become clusters for leak < 1 − τ_t/τ_s, and nothing grows beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

import theory
from experiments.data.labels import normalized_mutual_information
from experiments.data.sources import generators, normal
from experiments.engine import progress, sweep
from experiments.studies.shared import BY_BATCH, labelled, log_tilt_of, over, total_variation
from theory import TEACHERS

CLAIMS = ("O3", "O4", "O5", "T3", "T6", "D2")
MINUTES = 0.6


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Samples, pairs and descent."""

    seeds: int = 8
    """Starts per teacher."""
    groups: int = 6
    """Groups of samples."""
    group_size: int = 10
    """Samples of each group."""
    clusters: int = 6
    """K."""
    leak: float = 0.25
    """Share of positive pairs that ignore the groups, where it is not what is varied."""
    leaks: tuple[float, ...] = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.4, 0.45, 0.5, 0.6, 0.8)
    """Leaks compared."""
    biases: tuple[float, ...] = (0.0, 2.0, 4.0, 6.0)
    """Biases of the start towards one cluster compared, in logits."""
    steps: int = 600
    """Steps of descent."""
    records: int = 61
    """Records along the way."""
    learning_rate: float = 1.0
    """η."""
    teacher_temperature: float = 0.5
    """τ_t."""
    student_temperature: float = 1.0
    """τ_s."""
    start: float = 0.01
    """Standard deviation of the initial logits."""

    def __post_init__(self) -> None:
        for name in ("leak", "leaks"):
            value = np.atleast_1d(getattr(self, name))
            if value.min() < 0 or value.max() > 1:
                raise ValueError(f"`{name}` must be in [0, 1], got {getattr(self, name)}.")
        if self.leak not in self.leaks or 0.0 not in self.biases:
            raise ValueError("`leaks` must hold `leak`, and `biases` 0, for the runs that are shown in time.")

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=4, steps=150, records=11, leaks=(0.0, 0.25, 0.75), biases=(0.0, 2.0))


@dataclass(frozen=True, kw_only=True)
class Chunk(Settings):
    """All starts of one teacher."""

    teacher: str


def work(chunk: Chunk) -> xr.Dataset:
    samples = chunk.groups * chunk.group_size
    noise = normal(generators(range(chunk.seeds), "tabular start"), (samples, chunk.clusters), torch.float64)
    # one axis of cases: every leak without a bias, then every other bias at the leak of the settings
    cases = [(leak, 0.0) for leak in chunk.leaks] + [(chunk.leak, bias) for bias in chunk.biases if bias]
    leak, bias = (
        torch.tensor(column, dtype=torch.float64)[:, None, None, None] for column in zip(*cases, strict=True)
    )
    first = torch.nn.functional.one_hot(torch.zeros((), dtype=torch.int64), chunk.clusters)
    z = chunk.start * noise + bias * first
    log_tilt = torch.zeros_like(z[..., 0, :])
    labels = torch.arange(samples) // chunk.group_size
    recorded = set(np.linspace(0, chunk.steps, chunk.records).round().astype(int).tolist())
    rows: dict[int, dict[str, Tensor]] = {}
    with theory.assume_valid():
        for step in progress.track(range(chunk.steps + 1), description=chunk.teacher):
            log_p = theory.log_softmax(z, temperature=chunk.teacher_temperature)
            log_tilt = _log_tilt(chunk.teacher, log_p, log_tilt)
            log_r = theory.tilt(log_p, log_tilt)
            log_q = theory.log_softmax(z, temperature=chunk.student_temperature)
            target = _over_pairs(log_r.exp(), leak, chunk.groups)
            if step in recorded:
                rows[step] = _record(log_r, log_q, target, labels)
            z = z - chunk.learning_rate * (log_q.exp() - target) / chunk.student_temperature
    return _dataset(rows, log_q, cases, chunk)


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    dataset = over(work, Chunk, settings, context=context, teacher=BY_BATCH)
    # D2: differences between groups, of eigenvalue 1 − leak, grow as long as that exceeds τ_t/τ_s
    dataset["critical_leak"] = 1 - settings.teacher_temperature / settings.student_temperature
    return labelled(dataset, LABELS)


LABELS = {
    "loss": ("cross-entropy over pairs", "nat"),
    "excess": ("KL over pairs D", "nat"),
    "teacher_information": ("I of the teacher that a constant student must pay", "nat"),
    "student_information": ("I(X;K) of the student", "nat"),
    "prior_entropy": ("entropy of the student's cluster prior", "nat"),
    "prior_error": ("total variation of the student's cluster prior from uniform", "1"),
    "nmi": ("NMI of the student's argmax with the groups", "1"),
    "picture": ("final q of seed 0, clusters in the order of the groups that use them", "1"),
    "critical_leak": ("leak from which on groups are not found, 1 − τ_t/τ_s", "1"),
}


def _log_tilt(teacher: str, log_p: Tensor, last: Tensor) -> Tensor:
    """λ of the teacher; one that is solved for starts from that of the last step."""
    if TEACHERS[teacher].exact:
        return theory.project(log_p, tol=1e-13, log_tilt=last).log_tilt  # what grows starts below 1e-9
    return log_tilt_of(teacher, log_p)


def _over_pairs(r: Tensor, leak: Tensor, groups: int) -> Tensor:
    """Σ_m A_nm r_m, [..., N, K]: what sample n is taught on average over its positive pairs."""
    size = r.shape[-2] // groups
    within = (
        r.unflatten(-2, (groups, size)).mean(dim=-2, keepdim=True).expand(*r.shape[:-2], groups, size, -1)
    )
    return (1 - leak) * within.flatten(-3, -2) + leak * r.mean(dim=-2, keepdim=True)


def _record(log_r: Tensor, log_q: Tensor, target: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The expected loss over pairs is linear in r, and the mean of Σ_m A_nm H(r_m) is that of H(r_n)."""
    loss = theory.cross_entropy(target.log(), log_q).mean(dim=-1)
    prior = theory.log_prior(log_q)
    return {
        "loss": loss,
        "excess": loss - theory.entropy(log_r).mean(dim=-1),
        "teacher_information": theory.mutual_information(log_r),
        "student_information": theory.mutual_information(log_q),
        "prior_entropy": theory.entropy(prior),
        "prior_error": total_variation(prior.exp(), 1 / prior.shape[-1]),
        "nmi": normalized_mutual_information(labels, log_q.argmax(dim=-1)),
    }


def _dataset(
    rows: dict[int, dict[str, Tensor]], log_q: Tensor, cases: list[tuple[float, float]], s: Settings
) -> xr.Dataset:
    shown = cases.index((s.leak, 0.0))
    q = log_q[shown, 0].exp()
    place = torch.arange(len(q), dtype=q.dtype) @ q / q.sum(dim=0)
    found = xr.Dataset({"picture": (("sample", "cluster"), q[:, place.argsort()].numpy())})
    steps = sorted(rows)
    by_bias = [cases.index((s.leak, bias)) for bias in s.biases]
    for name in rows[0]:
        last = rows[steps[-1]][name].numpy()
        found[name] = ("seed", "step"), torch.stack([rows[t][name][shown] for t in steps], dim=-1).numpy()
        found[f"{name}_by_leak"] = ("leak", "seed"), last[: len(s.leaks)]
        found[f"{name}_by_bias"] = ("bias", "seed"), last[by_bias]
    return found.astype("float32").assign_coords(
        step=steps, leak=list(s.leaks), bias=list(s.biases), seed=range(s.seeds)
    )
