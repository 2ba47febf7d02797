"""A step of the loss with each teacher against DINO's own: forward, backward and update of the centre.

Two views for the teacher, eight for the student, N samples each, K clusters; logits N(0, 1) in float32,
τ_t = 0.04, τ_s = 0.1. "moving" teachers take their statistic from an average of momentum 0.9, as DINO does,
the others from the batch; "projected" stops at a marginal error of 1e-5, its default. Peers are DINO's loss
as lightly has it, all pairs of views in one product, and as its definition reads, a sum for each pair.

The error is that of the first loss, relative, against the definition in float64 with the same teacher. The
peak is what a step adds to the logits, the student's gradient included, in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import memory
from benchmarks.lightly_loss import absent, dino_loss
from benchmarks.turns import Contender, Measured, Row, take_turns
from theory.nn import ClusterDistillationLoss

TEACHER_VIEWS, STUDENT_VIEWS = 2, 8
LIGHTLY, DEFINITION = "lightly DINOLoss", "DINO's definition"
TEACHERS: dict[str, tuple[float, dict[str, Any]]] = {
    "centering, moving": (0.5, {"teacher": "centering", "momentum": 0.9}),
    "centering": (0.5, {"teacher": "centering", "momentum": None}),
    "inverse_prior, moving": (0.5, {"teacher": "inverse_prior", "momentum": 0.9}),
    "inverse_prior": (0.5, {"teacher": "inverse_prior", "momentum": None}),
    "sinkhorn, 3 rounds": (0.7, {"teacher": "sinkhorn", "momentum": None, "rounds": 3}),
    "projected": (3.0, {"teacher": "projected", "momentum": None}),
}
"""Ours by name: the goal of its time as a multiple of DINO's, and its options."""
PEAK_GOAL = 0.5
Loss = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]


class ByDefinition:
    """Mean over unlike views of −Σ softmax((t − c)/0.04) log softmax(s/0.1), then c ← 0.9 c + 0.1 mean t."""

    def __init__(self, center: Tensor) -> None:
        self.center = center

    def __call__(self, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
        loss = of_pairs([functional.softmax((t - self.center) / 0.04, dim=-1) for t in teacher], student)
        self.center.mul_(0.9).add_(torch.cat(list(teacher)).mean(dim=0), alpha=0.1)
        return loss


def of_pairs(targets: Sequence[Tensor], student: Sequence[Tensor]) -> Tensor:
    """Mean over unlike views i ≠ j of the mean of −Σ rⁱ log softmax(sʲ/0.1)."""
    terms = [
        torch.sum(-target * functional.log_softmax(s / 0.1, dim=-1), dim=-1).mean()
        for i, target in enumerate(targets)
        for j, s in enumerate(student)
        if i != j
    ]
    return torch.stack(terms).mean()


def views(count: int, samples: int, clusters: int, *, seed: int, device: str) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(samples, clusters, generator=generator).to(device) for _ in range(count)]


def problem(samples: int, clusters: int, device: str) -> tuple[list[Tensor], list[Tensor]]:
    """Logits of the student, that want a gradient, and of the teacher."""
    student = views(STUDENT_VIEWS, samples, clusters, seed=0, device=device)
    return (
        [z.requires_grad_() for z in student],
        views(TEACHER_VIEWS, samples, clusters, seed=1, device=device),
    )


def loss_of(name: str, clusters: int, *, like: Tensor) -> Loss:
    """The loss of a contender, before its first step."""
    if name == DEFINITION:
        return ByDefinition(like.new_zeros(clusters))
    if name == LIGHTLY:
        of_lightly = dino_loss()(clusters).to(like)
        return lambda student, teacher: of_lightly(list(teacher), list(student))
    return ClusterDistillationLoss(**TEACHERS[name][1], clusters=clusters).to(like)


def step(loss: Loss, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> float:
    """One step forward and backward; the loss."""
    for z in student:
        z.grad = None
    value = loss(student, teacher)
    value.backward()
    if value.is_cuda:
        torch.cuda.synchronize()
    return float(value.detach())


def error(name: str, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> float:
    """Of the first loss in float32, against the definition in float64."""
    with torch.no_grad():
        first = float(loss_of(name, student[0].shape[-1], like=student[0])(student, teacher))
        exact = float(_in_float64(name, [z.double() for z in student], [z.double() for z in teacher]))
    return abs(first / exact - 1)


def _in_float64(name: str, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    like, clusters = student[0], student[0].shape[-1]
    if name in (LIGHTLY, DEFINITION):
        return ByDefinition(like.new_zeros(clusters))(student, teacher)
    normalizer = ClusterDistillationLoss(**TEACHERS[name][1], clusters=clusters).to(like).normalizer
    log_r = normalizer(torch.cat(list(teacher)), temperature=0.04)
    return of_pairs(log_r.exp().chunk(len(teacher)), student)


def peak_mib(name: str, samples: int, clusters: int, device: str) -> float:
    """MiB that a step adds to the logits at its highest; to be called in a process of its own."""
    torch.set_num_threads(1)
    small = problem(2, 8, device)
    step(loss_of(name, 8, like=small[0][0]), *small)  # libraries load on first use
    student, teacher = problem(samples, clusters, device)
    loss = loss_of(name, clusters, like=student[0])
    run = partial(step, loss, student, teacher)
    if device == "cpu":
        return memory.added_mib(run)
    torch.cuda.reset_peak_memory_stats()
    before: float = torch.cuda.memory_allocated()
    run()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def contenders(
    samples: int, clusters: int, *, device: str = "cpu", peaks: bool = False
) -> tuple[Contender, ...]:
    """Ours and the peers that can be had, on the same logits."""
    student, teacher = problem(samples, clusters, device)
    names = [DEFINITION, *TEACHERS] if absent() else [LIGHTLY, DEFINITION, *TEACHERS]
    measurable = peaks and (memory.COUNTED or device != "cpu")
    return tuple(
        Contender(
            name=name,
            run=partial(step, loss_of(name, clusters, like=student[0]), student, teacher),
            error=lambda _, name=name: error(name, student, teacher),  # type: ignore[misc]
            peak=partial(memory.in_fresh_process, peak_mib, name, samples, clusters, device)
            if measurable
            else None,
        )
        for name in names
    )


def rows(*, repeat: int, quick: bool, device: str = "cpu") -> Iterator[Row]:
    """Time of a step for each teacher and size, then its peak memory; on one thread."""
    threads: int = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for samples, clusters in [(32, 256)] if quick else [(64, 16384), (64, 65536)]:
            yield from _rows_of(samples, clusters, repeat=repeat, quick=quick, device=device)
    finally:
        torch.set_num_threads(threads)


def _rows_of(samples: int, clusters: int, *, repeat: int, quick: bool, device: str) -> Iterator[Row]:
    peer, missing = (DEFINITION, ((LIGHTLY, absent()),)) if absent() else (LIGHTLY, ())
    found = take_turns(
        contenders(samples, clusters, device=device, peaks=not quick), against=peer, repeat=repeat
    )
    size = f"{TEACHER_VIEWS} × {STUDENT_VIEWS} views, {samples} × {clusters}" + (
        f", {device}" if device != "cpu" else ""
    )

    def row(name: str, goal: float, what: str, results: Sequence[Measured]) -> Row:
        shown = tuple(m for m in results if m.name == name or m.name not in TEACHERS)
        return Row(
            group="loss",
            problem=f"step, {size}{what}",
            ours=name,
            against=peer,
            goal=goal,
            measured=shown,
            absent=missing,
        )

    for name, (goal, _) in TEACHERS.items():
        yield row(name, goal, "", found)
    whole = next(m.peak_mib for m in found if m.name == peer)
    if whole is not None:
        by_peak = [replace(m, ratio=(m.peak_mib or 0.0) / whole) for m in found]
        for name in TEACHERS:
            yield row(name, PEAK_GOAL, ", peak memory (ratios are of it)", by_peak)
