"""The door of the normaliser: logits, temperatures and averages that fit it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, NoReturn

import torch
from array_api_compat import torch as xp
from torch import Tensor

from theory.checks import (
    assume_valid,
    check_count,
    check_momentum,
    check_number,
    check_plain,
    check_rank,
    check_scores,
    check_temperature,
)
from theory.teachers import Settings, Teacher

__all__: list[str] = []


def check_tensor(name: str, value: Any) -> Tensor:
    """A tensor of floating-point numbers, dense and with a place in memory."""
    if not isinstance(value, Tensor):
        raise TypeError(f"`{name}` must be a tensor, got {type(value).__name__}.")
    if not value.is_floating_point():
        raise TypeError(f"`{name}` must be floating-point, got {value.dtype}.")
    if not torch.compiler.is_compiling():
        check_plain(name, value)
    return value


def check_batch_shape(value: Any) -> tuple[int, ...]:
    """Leading axes, as a tuple of counts."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"`batch_shape` must be a tuple of integers, got {type(value).__name__}.")
    return tuple(check_count("batch_shape", length) for length in value)


def check_momenta(value: Any, batch_shape: tuple[int, ...]) -> float | Tensor:
    """A momentum, or a tensor of them that broadcasts to [*batch_shape, 1]."""
    if not isinstance(value, Tensor):
        return check_number("momentum", value, low=0.0, high=1.0)
    check_momentum("momentum", value)
    wanted, own = (*batch_shape, 1), tuple(value.shape)
    if len(own) > len(wanted) or any(a not in (1, b) for a, b in zip(own[::-1], wanted[::-1], strict=False)):
        raise ValueError(f"`momentum` must broadcast to shape {wanted}, got shape {own}.")
    return value


def check_shape(
    logits: Tensor, clusters: int, axes: tuple[int, ...] | None, *, may_be_empty: bool = False
) -> None:
    """[..., N, K], of these leading axes if an average has them; N = 0 only where that is said."""
    check_tensor("logits", logits)
    shape = tuple(logits.shape)
    if not may_be_empty or len(shape) < 2 or shape[-2]:
        check_rank("logits", logits, 2)
    if shape[-1] != clusters:
        raise ValueError(f"`logits` must have shape [..., N, {clusters}], got {shape}.")
    if axes is not None and shape[:-2] != axes:
        raise ValueError(
            f"`logits` must have the leading axes of the average they move, `batch_shape` = {axes}, "
            f"got shape {shape}."
        )


def check_values(z: Tensor, temperature: float | Tensor, *, validate: bool) -> float | Tensor:
    """τ, once it is known to fit; the values of tensors are read only to `validate`."""
    if torch.compiler.is_compiling() or not z.shape[-2]:
        return temperature
    with nullcontext() if validate else assume_valid():
        check_scores("logits", z, xp)
        tau: float | Tensor = check_temperature(temperature, z, xp)
    if isinstance(tau, Tensor) and tau.ndim > 1 and tau.shape[-2] > 1:
        raise ValueError(f"`temperature` must be one for all samples, got shape {tuple(tau.shape)}.")
    return tau


def check_average(average: Tensor, own: tuple[int, ...]) -> Tensor:
    """An average [..., K] in the shape of one's own, without leading axes of 1."""
    given = tuple(check_tensor("average", average).shape)
    extra = len(given) - len(own)
    if extra < 0 or given[extra:] != own or set(given[:extra]) - {1}:
        raise ValueError(f"`average` must have shape {own}, got {given}.")
    return average.reshape(own)


def refuse_accumulation(teacher: Teacher) -> NoReturn:
    """A second batch before the update, of a teacher that needs all samples at once."""
    raise RuntimeError(
        f"`update` must follow every batch of teacher {teacher.name!r}: what two batches have together does "
        "not follow from what each has. Accumulate with a teacher that pools, or with momentum=None."
    )


def warn_of_skipped(count: int) -> None:
    """To the caller of the property that was read."""
    what = "batch of teacher logits was" if count == 1 else "batches of teacher logits were"
    message = f"{count} {what} not finite and moved no average."
    warnings.warn(message, RuntimeWarning, stacklevel=3)


def in_words(teacher: Teacher, settings: Settings, **more: Any) -> str:
    """The name of a teacher with the settings that it has, and what else is to be said."""
    said = more | {name: getattr(settings, name) for name in teacher.settings}
    return ", ".join([repr(teacher.name), *(f"{name}={value}" for name, value in said.items())])


def widened(logits: Tensor) -> Tensor:
    """Without gradient, in float32 at least."""
    return logits.detach().to(torch.promote_types(logits.dtype, torch.float32))
