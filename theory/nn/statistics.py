"""What the teachers take from a batch of tensors, and the softmax that applies it.

On the host the tensors of a batch are lent to NumPy, without a copy: the blocked kernels of the core, and
Sinkhorn's rounds in the scaling domain, are for its arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import array_api_compat.numpy
import numpy as np
import torch
from array_api_compat import torch as xp
from torch import Tensor

from theory.batches import log_power_mean_of
from theory.checks import Ensemble
from theory.logspace import normalize
from theory.nn.blocks import blocks, buffers, in_blocks, like
from theory.teachers import TEACHERS, Batch, Settings, Teacher

if TYPE_CHECKING:
    from jaxtyping import Float

SURE = 1e-30
"""A sum of float32 exponentials above this has no terms of weight that are not normal numbers."""


def statistic_of(
    teacher: Teacher,
    settings: Settings,
    z: Float[Tensor, "*batch N K"],
    temperature: float | Tensor,
    log_target: Tensor,
) -> Float[Tensor, "*batch K"]:
    """S of evenly weighted logits; a row of the table that looks at scores is spared log p."""
    known = teacher in TEACHERS.values()  # not `is`: a copied run holds a copy of its row
    host = known and in_blocks(z)
    if host and teacher.statistic_kernel is log_power_mean_of and settings.order is None:
        found = _log_prior(z, temperature)
        if found is not None:
            return found
    space = array_api_compat.numpy if host else xp
    n = z.shape[-2]
    weights, log_pi, tau = z.new_full((n,), 1.0 / n), log_target.to(z.dtype), temperature
    if host:
        z, weights, log_pi = z.numpy(), weights.numpy(), log_pi.numpy()
        tau = tau.numpy() if isinstance(tau, Tensor) else tau
    log_p = z if known and teacher.of_scores else normalize(z, space, tau)
    batch = Batch(z, tau, Ensemble(log_p, weights, log_pi, space), even=True)
    if not host:
        return teacher.statistic_of(batch, settings)
    with np.errstate(all="ignore"):  # a batch that overflows is left out of averages, and counted there
        return torch.from_numpy(teacher.statistic_of(batch, settings))


def tilted_softmax(
    z: Float[Tensor, "*batch N K"], temperature: float | Tensor, log_tilt: Float[Tensor, "*batch K"] | None
) -> Float[Tensor, "*batch N K"]:
    """softmax(z/τ + λ), λ = 0 where None."""
    if not in_blocks(z) or isinstance(temperature, Tensor):
        scores = (z - z.amax(dim=-1, keepdim=True)) / temperature
        return torch.softmax(scores if log_tilt is None else scores + log_tilt[..., None, :], dim=-1)
    r = torch.empty_like(z, memory_format=torch.contiguous_format)
    flat, out = z.reshape(-1, *z.shape[-2:]), r.view(-1, *z.shape[-2:])
    if log_tilt is not None:
        log_tilt = log_tilt.expand(*z.shape[:-2], z.shape[-1]).reshape(-1, 1, z.shape[-1])
    first, second = buffers(flat, 2)
    for i, j in blocks(flat.shape):
        x = _shifted(flat[i, j], temperature, first)
        x = x if log_tilt is None else x.add_(log_tilt[i])
        p, total = _softmax(x, second)
        torch.div(p, total, out=out[i, j])
    return r


def _log_prior(z: Tensor, temperature: float | Tensor) -> Tensor | None:
    """log P by the plain sum of softmax(z/τ), None where some cluster's is tiny, near 1 or no number."""
    if isinstance(temperature, Tensor):
        return None
    flat = z.reshape(-1, *z.shape[-2:])
    total = flat.new_zeros((flat.shape[0], flat.shape[-1]))
    first, second = buffers(flat, 2)
    for i, j in blocks(flat.shape):
        x = _shifted(flat[i, j], temperature, first)
        p, mass = _softmax(x, second)
        total[i] += p.div_(mass).sum(dim=-2)
    prior = total / z.shape[-2]
    if not bool(((prior > SURE) & (prior < 0.5)).all()):
        return None
    return prior.log_().reshape(*z.shape[:-2], z.shape[-1])


def _shifted(z: Tensor, temperature: float, buffer: Tensor) -> Tensor:
    """(z − max z)/τ: the difference first, or a large offset would cost its digits 1/τ times over."""
    return torch.sub(z, z.amax(dim=-1, keepdim=True), out=like(buffer, z)).div_(temperature)


def _softmax(x: Tensor, buffer: Tensor) -> tuple[Tensor, Tensor]:
    """softmax(x) and its sum: the library's normaliser is added up in line, and off by 1e-6 at K = 1e4."""
    p = torch._softmax(x, -1, False, out=like(buffer, x))
    return p, p.sum(dim=-1, keepdim=True)
