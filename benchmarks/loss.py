"""A step of the loss with each teacher against DINO's own: forward, backward and update of the centre.

DINO's settings: two views for the teacher, ten for the student, N samples each, K clusters. The peer is the
loss of the paper as its definition reads, one log-softmax and one sum for each of the 18 pairs of views.
Contenders take turns; the table gives the median time as a multiple of the peer's, the memory allocated on
top of the logits at its highest (on a GPU, where it is counted), and the loss of the first step, which is the
peer's for the moving centre.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from rich.table import Table
from torch import Tensor
from torch.nn import functional

import theory
from theory.nn import ClusterDistillationLoss

TEACHER_VIEWS, STUDENT_VIEWS = 2, 10
NEEDED = {"order": 0.5, "rounds": 3}
TEACHERS: dict[str, dict[str, Any]] = {
    name: {"teacher": name, "momentum": None} | {key: NEEDED[key] for key in teacher.settings}
    for name, teacher in theory.TEACHERS.items()
} | {f"{name}, moving": {"teacher": name, "momentum": 0.9} for name in ("centering", "inverse_prior")}
PEER = "DINO's definition"


def views(count: int, samples: int, clusters: int, *, seed: int, device: str) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(samples, clusters, generator=generator).to(device) for _ in range(count)]


def by_definition(student: list[Tensor], teacher: list[Tensor], center: Tensor) -> Callable[[], Tensor]:
    """Mean over unlike views of −Σ softmax((t − c)/0.04) log softmax(s/0.1), then c ← 0.9 c + 0.1 mean t."""

    def step() -> Tensor:
        targets = [functional.softmax((t - center) / 0.04, dim=-1) for t in teacher]
        terms = [
            torch.sum(-target * functional.log_softmax(s / 0.1, dim=-1), dim=-1).mean()
            for i, target in enumerate(targets)
            for j, s in enumerate(student)
            if i != j
        ]
        center.mul_(0.9).add_(torch.cat(teacher).mean(dim=0), alpha=0.1)
        return torch.stack(terms).mean()

    return step


def contenders(
    samples: int, clusters: int, device: str
) -> tuple[list[Tensor], dict[str, Callable[[], Tensor]]]:
    """The student's logits, and a step of each contender on them."""
    student = [z.requires_grad_() for z in views(STUDENT_VIEWS, samples, clusters, seed=0, device=device)]
    teacher = views(TEACHER_VIEWS, samples, clusters, seed=1, device=device)
    steps = {PEER: by_definition(student, teacher, torch.zeros(clusters, device=device))}
    for name, options in TEACHERS.items():
        criterion = ClusterDistillationLoss(**options, clusters=clusters).to(device)
        steps[name] = partial(criterion, student, teacher)
    return student, steps


def timed(step: Callable[[], Tensor], student: list[Tensor], device: str) -> tuple[float, float, float]:
    """Seconds of a step and its backward pass, MiB allocated at the highest, and the loss."""
    on_gpu = device.startswith("cuda")
    for z in student:
        z.grad = None
    if on_gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    begin = time.perf_counter()
    loss = step()
    loss.backward()
    if on_gpu:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - begin
    memory = (torch.cuda.max_memory_allocated() - before) / 2**20 if on_gpu else float("nan")
    return seconds, memory, float(loss.detach())


def measured(*, repeat: int, quick: bool, device: str) -> Table:
    """The table, of `repeat` turns each after one to warm up; `quick`: the small problem only."""
    sizes = [(32, 256)] if quick else [(64, 4096)] if device == "cpu" else [(64, 65536), (256, 65536)]
    table = Table(title=f"a step of the loss on {device}: median time over {repeat}")
    for heading in ("N x K", "teacher", "ms", "ratio", "MiB", "first loss"):
        table.add_column(heading, justify="left" if heading == "teacher" else "right")
    for samples, clusters in sizes:
        student, steps = contenders(samples, clusters, device)
        first = {name: timed(step, student, device)[2] for name, step in steps.items()}
        turns = [{name: timed(step, student, device) for name, step in steps.items()} for _ in range(repeat)]
        seconds = {name: float(np.median([turn[name][0] for turn in turns])) for name in steps}
        for name in steps:
            memory = max(turn[name][1] for turn in turns)
            table.add_row(
                f"{samples} x {clusters}" if name == PEER else "",
                name,
                f"{1e3 * seconds[name]:.2f}",
                f"{seconds[name] / seconds[PEER]:.2f}",
                "" if np.isnan(memory) else f"{memory:.0f}",
                f"{first[name]:.4f}",
            )
    return table
