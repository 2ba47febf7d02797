"""One bias under Adam, AdamW and plain descent: which centre is too slow, and how high the turns are (D6).

The bias is the constant direction, trained in the order of DINO's steps with softmax and all. The optimisers
are those of the training loop. m_t and the temperatures are DINO's; so are the centres .9, .99 and .999.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from experiments.engine import sweep
from experiments.studies.shared import over
from experiments.training.optimizers import Method, Optimizer
from theory.dynamics import adaptive_turns, critical_center_momentum

CLAIMS = ("D6",)
MINUTES = 1.5
OPTIMIZERS: dict[str, tuple[Method, float]] = {
    "Adam": ("adam", 0.0),
    "AdamW": ("adam", 0.04),
    "SGD": ("sgd", 0.0),
}
"""Name → method and weight decay."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Temperatures, momenta, learning rates."""

    seeds: int = 3
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    teacher_momentum: float = 0.996
    center_momenta: tuple[float, ...] = (0.9, 0.98, 0.99, 0.993, 0.995, 0.996, 0.997, 0.998, 0.999)
    learning_rates: tuple[float, ...] = (1e-5, 1e-4, 5e-4, 2e-3)
    start_size: float = 1e-6
    steps: int = 40_000


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """Optimisers and numbers of clusters."""

    clusters: tuple[int, ...] = (2, 8)
    optimizers: tuple[str, ...] = tuple(OPTIMIZERS)

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(
            seeds=1, clusters=(2,), optimizers=("Adam",), center_momenta=(0.98, 0.998),
            learning_rates=(1e-4,), teacher_momentum=0.98, steps=1500,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """One optimiser on so many clusters."""

    optimizer: str
    clusters: int


def work(chunk: Chunk) -> xr.Dataset:
    """Largest bias against the mean over the last two fifths of the run, and the student's prior entropy."""
    size, entropy = bias_runs(chunk)
    dims = ("center_momentum", "learning_rate", "seed")
    return xr.Dataset({"size": (dims, size), "prior_entropy": (dims, entropy / np.log(chunk.clusters))})


def bias_runs(chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
    """[center momentum, learning rate, seed]: largest |bias| and least prior entropy (nats), late."""
    shape = (len(chunk.center_momenta), len(chunk.learning_rates), chunk.seeds)
    start = np.stack([np.random.default_rng(seed).normal(size=chunk.clusters) for seed in range(chunk.seeds)])
    start = chunk.start_size * (start - start.mean(-1, keepdims=True))
    w = torch.as_tensor(np.broadcast_to(start, (*shape, chunk.clusters)).copy())
    v, c = w.clone(), torch.zeros_like(w)
    gamma = 1 - torch.tensor(chunk.center_momenta, dtype=w.dtype)[:, None, None, None]
    eta = torch.tensor(chunk.learning_rates, dtype=w.dtype)[:, None, None]
    method, decay = OPTIMIZERS[chunk.optimizer]
    descent = Optimizer(method, momentum=0.9 if method == "adam" else 0.0, weight_decay=decay)
    tau_s, tau_t, mu = chunk.student_temperature, chunk.teacher_temperature, 1 - chunk.teacher_momentum
    size, least = torch.zeros(shape, dtype=w.dtype), torch.full(shape, np.inf, dtype=w.dtype)
    for step in range(chunk.steps):
        gradient = (torch.softmax(w / tau_s, -1) - torch.softmax((v - c) / tau_t, -1)).div_(tau_s)
        c += gamma * (v - c)
        descent.step(w, gradient, eta)
        v += mu * (w - v)
        if step >= 0.6 * chunk.steps and step % 5 == 0:
            centred = w - w.mean(-1, keepdim=True)
            size = torch.maximum(size, centred.abs().amax(-1))
            least = torch.minimum(least, _entropy(centred / tau_s))
    return size.numpy(), least.numpy()


def _entropy(logits: Tensor) -> Tensor:
    log_q = torch.log_softmax(logits, -1)
    return -(log_q.exp() * log_q).sum(-1)


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """All optimisers, and the turns that the theory gives each centre, in units of η."""
    dataset = over(
        work, Chunk, settings, context=context, optimizer=settings.optimizers, clusters=settings.clusters
    )
    knobs = {
        "teacher_momentum": settings.teacher_momentum,
        "student_temperature": settings.student_temperature,
        "teacher_temperature": settings.teacher_temperature,
    }
    turns = [adaptive_turns(center_momentum=m, **knobs) for m in settings.center_momenta]
    return dataset.assign(
        predicted_size=("center_momentum", [one.amplitude for one in turns]),
        predicted_period=("center_momentum", [one.period for one in turns]),
        line=float(critical_center_momentum(gain=np.inf, **knobs)),
    ).assign_coords(
        center_momentum=list(settings.center_momenta),
        learning_rate=list(settings.learning_rates),
        seed=np.arange(settings.seeds),
    )
