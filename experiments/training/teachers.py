"""The teachers of many runs at once, [variant, seed]: one `TeacherNormalizer` for each group of one teacher.

A step wants r itself, not its logarithm: r = softmax(z/τ + λ) in one pass, λ as the table has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from array_api_compat import numpy as numpy_namespace
from array_api_compat import torch as torch_namespace
from torch import Tensor

from experiments.training.network import Room
from experiments.training.variants import Variant
from theory.checks import Ensemble
from theory.nn.normalizer import TeacherNormalizer
from theory.teachers import Batch

Index = slice | list[int]
TOLERANCE = 1e-10
"""Marginal error of the exact teacher: no run feels those beside it, and a start near uniform is no noise."""


class Teachers:
    """The normalisers of all variants."""

    def __init__(
        self, variants: Sequence[Variant], *, seeds: int, clusters: int, device: str | torch.device
    ) -> None:
        groups: dict[tuple[Any, ...], list[int]] = {}
        for i, v in enumerate(variants):
            groups.setdefault((v.teacher, v.order, v.rounds, v.center_momentum is None), []).append(i)
        self._groups: list[tuple[Index, TeacherNormalizer]] = []
        for index in groups.values():
            members = [variants[i] for i in index]
            whole = index == list(range(index[0], index[-1] + 1))
            normalizer = _normalizer(members, seeds=seeds, clusters=clusters)
            self._groups.append((slice(index[0], index[-1] + 1) if whole else index, normalizer.to(device)))
        self._room = Room()

    def __call__(self, logits: Tensor, temperature: Tensor) -> Tensor:
        """log r [A, S, N, K] of the teachers' raw logits; the moving averages do not see them."""
        log_r = torch.empty_like(logits)
        for index, normalizer in self._groups:
            normalizer.train(False)
            log_r[index] = normalizer(logits[index], temperature=temperature[index])
        return log_r

    def train(self, logits: Tensor, temperature: Tensor) -> Tensor:
        """r [A, S, N, K], in a buffer that the next call overwrites; the moving averages see the logits."""
        scaled, r = (self._room(name, tuple(logits.shape), logits) for name in ("scaled", "r"))
        torch.div(logits, temperature, out=scaled)
        for index, normalizer in self._groups:
            z, tau = logits[index], temperature[index]
            if isinstance(index, slice):
                torch.softmax(_tilted(normalizer, z, scaled[index], tau), dim=-1, out=r[index])
            else:
                r[index] = torch.softmax(_tilted(normalizer, z, scaled[index], tau), dim=-1)
        return r

    def update(self) -> None:
        """Moves the moving averages, once after each optimiser step."""
        for _, normalizer in self._groups:
            normalizer.update()


def _tilted(normalizer: TeacherNormalizer, z: Tensor, scaled: Tensor, temperature: Tensor) -> Tensor:
    """z/τ + λ, written over z/τ; the moving average sees z."""
    teacher, moving = normalizer.teacher, normalizer.moving
    if not teacher.constrained:
        return scaled
    log_target = normalizer.log_target.to(z.dtype)
    statistic = _statistic(normalizer, z, scaled, temperature, log_target)
    if moving is not None:
        moving.add(statistic, samples=z.shape[-2])
        statistic = moving.average.to(z.dtype)
    return scaled.add_(teacher.applied(statistic, temperature, log_target)[..., None, :])


def _statistic(
    normalizer: TeacherNormalizer, z: Tensor, scaled: Tensor, temperature: Tensor, log_target: Tensor
) -> Tensor:
    """S of the batch; on the host from the kernels for NumPy, on the same memory."""
    teacher = normalizer.teacher
    log_p = scaled if teacher.of_scores else torch.log_softmax(scaled, dim=-1)
    weights = z.new_full((1,), 1 / z.shape[-2]).expand(z.shape[:-1])
    arrays, namespace = (z, temperature, log_p, weights, log_target), torch_namespace
    on_host = z.device.type == "cpu" and not teacher.in_logits  # a mean of z is as fast in torch
    if on_host:
        arrays, namespace = tuple(x.numpy() for x in arrays), numpy_namespace
    z, temperature, log_p, weights, log_target = arrays
    batch = Batch(z, temperature, Ensemble(log_p, weights, log_target, namespace), even=True)
    statistic = teacher.statistic_of(batch, normalizer.settings)
    return torch.from_numpy(statistic) if on_host else statistic


def _normalizer(members: Sequence[Variant], *, seeds: int, clusters: int) -> TeacherNormalizer:
    first, log_target, momentum = members[0], None, None
    for v in members:
        if v.target is not None and len(v.target) != clusters:
            raise ValueError(
                f"`target` of variant {v.name!r} must have {clusters} entries, one for each cluster, "
                f"got {len(v.target)}."
            )
    if any(v.target is not None for v in members):
        rows = [v.target or (1 / clusters,) * clusters for v in members]
        log_target = torch.tensor(rows, dtype=torch.float64)[:, None].log()
    if first.center_momentum is not None:
        momentum = torch.tensor([v.center_momentum for v in members], dtype=torch.float64)[:, None, None]
    return TeacherNormalizer(
        first.teacher,
        clusters=clusters,
        order=first.order,
        rounds=first.rounds,
        tol=TOLERANCE,
        momentum=momentum,
        log_target=log_target,
        batch_shape=(len(members), seeds),
        manual_update=True,
    )
