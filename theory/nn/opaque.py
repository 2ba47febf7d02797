"""What a compiler must not look into: a solver that stops where its error is small enough."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from theory.nn.statistics import statistic_of
from theory.teachers import TEACHERS, Settings, Teacher

__all__: list[str] = []


@torch.library.custom_op(
    "theory::solved_statistic",
    mutates_args=(),
    schema="(Tensor z, Tensor temperature, Tensor log_target, str teacher, float tol) -> Tensor",
)
def solved_statistic(z: Tensor, temperature: Tensor, log_target: Tensor, teacher: str, tol: float) -> Tensor:
    """S of a row of the table that solves for it; one node of a compiled graph."""
    tau = float(temperature) if temperature.ndim == 0 else temperature
    return _solved(TEACHERS[teacher], Settings(tol=tol), z, tau, log_target).clone()


@solved_statistic.register_fake
def _(z: Tensor, temperature: Tensor, log_target: Tensor, teacher: str, tol: float) -> Tensor:
    return z.new_empty(*z.shape[:-2], z.shape[-1])


def any_statistic(
    teacher: Teacher, settings: Settings, z: Tensor, temperature: float | Tensor, log_target: Tensor
) -> Tensor:
    """S of evenly weighted logits; one node of a graph where a compiler could not follow."""
    if not z.shape[-2]:  # no samples, which count for nothing
        return z.new_zeros(*z.shape[:-2], z.shape[-1])
    if not teacher.exact:
        return statistic_of(teacher, settings, z, temperature, log_target)
    if torch.compiler.is_compiling():
        tau = torch.as_tensor(temperature, dtype=z.dtype)
        return solved_statistic(z, tau, log_target, teacher.name, settings.tol)
    return _solved(teacher, settings, z, temperature, log_target)


def _solved(
    teacher: Teacher, settings: Settings, z: Tensor, temperature: float | Tensor, log_target: Tensor
) -> Tensor:
    """S where there is one to solve for; of NaN and +inf it is NaN, as for every other teacher."""
    if bool((z < math.inf).all()):
        return statistic_of(teacher, settings, z, temperature, log_target)
    return z.new_full((*z.shape[:-2], z.shape[-1]), math.nan)
