"""Training of many runs without `experiments.training`: the problem, a plain loop over runs, and jax.

All start from the same weights and see the same batches, drawn beforehand. The plain loop trains one run
after another with torch's modules, autograd and SGD, both views in one product. jax compiles the whole
training of all runs, vmap within scan.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from experiments.data.mixtures import Mixture, MixtureSource
from experiments.data.sources import Batch
from experiments.training.model import Architecture

TAU_T, TAU_S, RATE, MOMENTUM, CENTER_MOMENTUM, FOLLOW = 0.04, 0.1, 0.003, 0.9, 0.9, 0.99
ARCHITECTURE = Architecture(clusters=16, hidden=(64, 64))
LAYERS = ("encoder.0", "encoder.1", "head")
Affine = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Size:
    """Runs first to last, trained for some steps."""

    first: int = 0
    last: int = 16
    steps: int = 200
    batch: int = 256

    def halves(self) -> tuple[Size, Size]:
        middle = (self.first + self.last) // 2
        return (
            Size(self.first, middle, self.steps, self.batch),
            Size(middle, self.last, self.steps, self.batch),
        )


class Replay(MixtureSource):
    """A source whose batches [S, 2, B, D] are drawn beforehand."""

    def __init__(self, size: Size) -> None:
        super().__init__(Mixture(), range(size.first, size.last))
        self.batches = [super(Replay, self).draw(size.batch) for _ in range(size.steps)]
        self._next = 0

    def draw(self, batch_size: int, *, views: int = 2) -> Batch:
        batch = self.batches[self._next % len(self.batches)]
        self._next += 1
        return batch


@cache
def source(size: Size) -> Replay:
    return Replay(size)


def start(size: Size) -> list[Affine]:
    """Initial weights [S, in, out] and biases [S, 1, out] of each layer."""
    seeds = range(size.first, size.last)
    values = ARCHITECTURE.initialize(source(size).dim, variants=1, seeds=seeds)
    return [(values[f"{layer}.weight"][0], values[f"{layer}.bias"][0]) for layer in LAYERS]


def flat(layers: list[Affine]) -> np.ndarray:
    """All weights of each run, [S, P] in float64."""
    parts = [np.asarray(part, dtype=np.float64) for layer in layers for part in layer]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def plain(size: Size, dtype: torch.dtype = torch.float32) -> np.ndarray:
    """Final weights of the students, one run after another, both views in one product."""
    return np.concatenate([flat(_plain_run(size, run, dtype, _together)) for run in _runs(size)])


def plain_by_view(size: Size) -> np.ndarray:
    """The same with a call of the networks for each view and a term for each pair, as DINO's code has it."""
    return np.concatenate([flat(_plain_run(size, run, torch.float32, _by_view)) for run in _runs(size)])


def _runs(size: Size) -> range:
    return range(size.last - size.first)


def _together(student: nn.Module, teacher: nn.Module, center: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of both views, and the mean of the teacher's logits."""
    with torch.no_grad():
        z = teacher(x)
        r = functional.softmax((z - center) / TAU_T, dim=-1)
    loss = -(r.flip(0) * functional.log_softmax(student(x) / TAU_S, dim=-1)).sum(dim=-1).mean()
    return loss, z.mean(dim=(0, 1))


def _by_view(student: nn.Module, teacher: nn.Module, center: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        z = [teacher(view) for view in x]
        targets = [functional.softmax((of_view - center) / TAU_T, dim=-1) for of_view in z]
    terms = [
        -(targets[1 - i] * functional.log_softmax(student(view) / TAU_S, dim=-1)).sum(dim=-1).mean()
        for i, view in enumerate(x)
    ]
    return torch.stack(terms).mean(), torch.cat(z).mean(dim=0)


def _plain_run(
    size: Size,
    run: int,
    dtype: torch.dtype,
    step: Callable[[nn.Module, nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]],
) -> list[Affine]:
    layers = start(size)
    modules: list[nn.Module] = []
    for weight, bias in layers:
        modules.append(nn.Linear(*weight.shape[1:], dtype=dtype))
        with torch.no_grad():
            modules[-1].weight.copy_(weight[run].T)
            modules[-1].bias.copy_(bias[run, 0])
    student = nn.Sequential(modules[0], nn.ReLU(), *modules[1:])
    teacher = deepcopy(student).requires_grad_(False)
    optimizer = torch.optim.SGD(student.parameters(), lr=RATE, momentum=MOMENTUM)
    center = torch.zeros(ARCHITECTURE.clusters, dtype=dtype)
    for batch in source(size).batches:
        loss, mean = step(student, teacher, center, batch.views[run].to(dtype))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for mine, new in zip(teacher.parameters(), student.parameters(), strict=True):
                mine.mul_(FOLLOW).add_(new, alpha=1 - FOLLOW)
            center.mul_(CENTER_MOMENTUM).add_(mean, alpha=1 - CENTER_MOMENTUM)
    linear = [m for m in student if isinstance(m, nn.Linear)]
    return [(m.weight.detach().T[None], m.bias.detach()[None]) for m in linear]


def with_jax(size: Size) -> np.ndarray:
    """Final weights of the students, all runs in one compiled loop."""
    layers = [(weight.numpy(), bias.numpy()) for weight, bias in start(size)]
    trained = _jax_training()(layers, jax_batches(size))
    return flat([(np.asarray(weight), np.asarray(bias)) for weight, bias in trained])


@cache
def jax_batches(size: Size) -> Any:
    return _jax().numpy.stack([batch.views.numpy() for batch in source(size).batches])


@cache
def _jax() -> Any:
    """jax on one thread of the CPU, if nothing has started it before."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("NPROC", "1")
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    return import_module("jax")


@cache
def _jax_training() -> Any:
    jax = _jax()
    tree = jax.tree_util.tree_map

    def logits(layers: Any, x: Any) -> Any:
        (w1, b1), (w2, b2), (w3, b3) = layers
        return (jax.nn.relu(x @ w1 + b1) @ w2 + b2) @ w3 + b3

    def loss(student: Any, r: Any, x: Any) -> Any:
        log_q = jax.nn.log_softmax(logits(student, x) / TAU_S)
        return -(r[::-1] * log_q).sum(-1).mean()

    def step(state: Any, x: Any) -> Any:
        student, teacher, velocity, center = state
        z = logits(teacher, x)
        r = jax.nn.softmax((z - center) / TAU_T)
        gradient = jax.grad(loss)(student, r, x)
        velocity = tree(lambda v, g: MOMENTUM * v + g, velocity, gradient)
        student = tree(lambda w, v: w - RATE * v, student, velocity)
        teacher = tree(lambda t, w: FOLLOW * t + (1 - FOLLOW) * w, teacher, student)
        center = CENTER_MOMENTUM * center + (1 - CENTER_MOMENTUM) * z.mean((0, 1))
        return student, teacher, velocity, center

    def training(layers: Any, batches: Any) -> Any:
        layers = tree(jax.numpy.asarray, layers)
        center = jax.numpy.zeros((batches.shape[1], ARCHITECTURE.clusters))
        state = layers, layers, tree(jax.numpy.zeros_like, layers), center
        return jax.lax.scan(lambda s, x: (jax.vmap(step)(s, x), None), state, batches)[0][0]

    return jax.jit(training)
