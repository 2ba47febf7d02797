"""The teacher after its constraint, r = tilt(softmax(z/τ), λ), as a module with moving averages.

The table of `theory.teachers` says what is kept of a batch, how λ follows from it and how batches are averaged:
a moving average, an average over ranks and one over accumulated batches are one operation.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from theory.checks import (
    Ensemble,
    assume_valid,
    check_scores,
    check_target,
    check_temperature,
    check_weights,
    namespace,
)
from theory.ensembles import power_mean_kernel
from theory.logspace import normalize
from theory.teachers import Batch, Teacher, check_teacher
from theory.tilts import tilt_kernel


class Counter(nn.Module):
    """A whole number that is saved with its owner and kept on the host: to read it waits for no device."""

    def __init__(self) -> None:
        super().__init__()
        self.value = 0

    def get_extra_state(self) -> Tensor:
        return torch.tensor(self.value)

    def set_extra_state(self, state: Tensor) -> None:
        self.value = int(state)


class TeacherNormalizer(nn.Module):
    """log r of teacher logits [..., N, K], for one of `theory.TEACHERS`.

    teacher: a name in the table ("power_mean" takes `order`, "sinkhorn" `rounds`), or a `theory.Teacher`.
    momentum: m of the moving average over batches, a number in [0, 1] or a tensor that broadcasts to
        [*batch_shape, 1]. None takes the statistic of the batch itself. With a momentum the order is DINO's:
        the old average is applied, then updated to m·old + (1 − m)·batch, from the statistic of a uniform
        teacher (c₀ = 0). So m = 0 means the batch *before*, which is not None.
        inverse_prior averages P, batch_softmax e^{z/τ}, power_mean P^s (in log space), the others their logs.
    log_target: log π, [K] or [*batch_shape, K]; None means uniform.
    manual_update: the average moves only when `update` is called, by all batches seen since: for gradient
        accumulation. False moves it after every forward in training mode.
    batch_shape: leading axes of independent ensembles; () for one training run.
    tol: marginal error of "projected".
    validate: look at the values of the logits too (NaN, +inf); on an accelerator that waits for it.

    In eval mode nothing moves. Under torch.distributed the statistic is that of all ranks' batches together
    ("cumulant", "sinkhorn" and "projected" gather the logits, and need batches of one size).
    Half-precision logits are computed on in float32.
    """

    average: Tensor
    pending: Tensor
    log_target: Tensor

    def __init__(
        self,
        teacher: str | Teacher,
        *,
        clusters: int,
        momentum: float | Tensor | None = None,
        order: float | None = None,
        rounds: int | None = None,
        log_target: Tensor | None = None,
        batch_shape: tuple[int, ...] = (),
        manual_update: bool = False,
        tol: float = 1e-5,
        validate: bool = False,
        process_group: Any = None,
    ) -> None:
        super().__init__()
        self.teacher = check_teacher(teacher)
        self.settings = self.teacher.check_settings(order=order, rounds=rounds, tol=tol)
        if clusters < 2:
            raise ValueError(f"`clusters` must be at least 2, got {clusters}.")
        if momentum is not None:
            inside = (torch.as_tensor(momentum) >= 0) & (torch.as_tensor(momentum) <= 1)
            if not bool(inside.all()):
                raise ValueError(
                    f"`momentum` must be in [0, 1], or None for the batch itself, got {momentum}."
                )
            if order is not None and math.isinf(order):
                raise ValueError(f"`order` must be finite with a moving average, got {order}.")
        uniform = torch.full((clusters,), -math.log(clusters))
        if log_target is not None:
            reference = uniform.to(log_target.dtype).expand(*batch_shape, 1, clusters)
            check_target(log_target, reference, namespace(log_target=log_target))
        self.clusters = clusters
        self.manual_update, self.validate, self.process_group = manual_update, validate, process_group
        start = torch.zeros(clusters) if self.teacher.of_scores else uniform
        if isinstance(momentum, Tensor):
            self.register_buffer("momentum", momentum, persistent=False)
        else:
            self.momentum = momentum
        self.register_buffer("log_target", uniform if log_target is None else log_target, persistent=False)
        if momentum is not None and self.teacher.constrained:
            self.register_buffer("average", start.repeat(*batch_shape, 1))
            self.register_buffer("pending", torch.zeros(*batch_shape, clusters))
            self.seen = Counter()  # samples in `pending`

    def forward(self, logits: Tensor, *, temperature: float | Tensor = 1.0) -> Tensor:
        """log r, [..., N, K], without gradient.  temperature: τ > 0, broadcasts against the logits."""
        if logits.ndim < 2 or logits.shape[-1] != self.clusters:
            raise ValueError(
                f"`logits` must have shape [..., N, {self.clusters}], got {tuple(logits.shape)}."
            )
        with torch.no_grad():
            z = logits.to(torch.promote_types(logits.dtype, torch.float32))
            if self.validate:
                check_scores("logits", z, namespace(logits=z))
            with assume_valid():
                temperature = check_temperature(temperature, z, namespace(logits=z))
                xp = namespace(logits=z)
                log_p = normalize(z, xp, temperature)
                if not self.teacher.constrained:
                    return log_p
                if self.momentum is None:
                    statistic = self._statistic(z, log_p, temperature)
                    return tilt_kernel(log_p, self._log_tilt(statistic, temperature), xp)
                log_r = tilt_kernel(log_p, self._log_tilt(self.average.to(z.dtype), temperature), xp)
                if self.training:
                    self._accumulate(self._statistic(z, log_p, temperature), z.shape[-2])
        if self.training and not self.manual_update:
            self.update()
        return log_r

    @torch.no_grad()
    def update(self) -> None:
        """average ← m·average + (1 − m)·(statistic of the batches since the last update).

        Raises RuntimeError: no batch was seen since.
        """
        if not self.teacher.constrained or self.momentum is None:
            return
        if self.seen.value == 0:
            raise RuntimeError("`update` was called without a forward in training mode since the last one.")
        kept = self._share(self.momentum)
        self.average.copy_(self._mean([self.average, self.pending], [kept, 1 - kept]))
        self.seen.value = 0

    def extra_repr(self) -> str:
        parts = {"clusters": self.clusters, "momentum": self.momentum, **self.settings._asdict()}
        return ", ".join([repr(self.teacher.name), *(f"{name}={value}" for name, value in parts.items())])

    @property
    def _order(self) -> float:
        """Of the power mean of statistics."""
        order = self.teacher.average_order
        return (self.settings.order or 0.0) if order is None else order

    def _log_tilt(self, statistic: Tensor, temperature: float | Tensor) -> Tensor:
        return self.teacher.applied(statistic, temperature, self.log_target.to(statistic.dtype))

    def _statistic(self, z: Tensor, log_p: Tensor, temperature: float | Tensor) -> Tensor:
        """The batch's statistic [..., K], that of all ranks together."""
        count, pools = z.shape[-2], self.teacher.pools
        if not pools:
            z, log_p = (torch.cat(self._gather(x), dim=-2) for x in (z, log_p))
        xp = namespace(logits=z)
        weights = check_weights(None, log_p, xp)
        ensemble = Ensemble(log_p, weights, self.log_target.to(log_p.dtype), xp)
        batch = Batch(z, temperature, ensemble, even=True)
        statistic = self.teacher.statistic_of(batch, self.settings)
        return self._over_ranks(statistic, count) if pools else statistic

    def _accumulate(self, statistic: Tensor, count: int) -> None:
        if seen := self.seen.value:
            share = self._share(seen / (seen + count))
            statistic = self._mean([self.pending, statistic.to(self.pending.dtype)], [share, 1 - share])
        self.pending.copy_(statistic)
        self.seen.value += count

    def _share(self, value: float | Tensor) -> Tensor:
        """A number as a tensor beside the average, written there by the device itself."""
        if isinstance(value, Tensor):
            return value.to(self.average.dtype)
        return torch.full((), value, dtype=self.average.dtype, device=self.average.device)

    def _over_ranks(self, statistic: Tensor, count: int) -> Tensor:
        if self._world == 1:
            return statistic
        counts = torch.stack(self._gather(statistic.new_full((1,), float(count))))
        return self._mean(self._gather(statistic), list(counts[:, 0] / counts.sum()))

    def _mean(self, statistics: list[Tensor], weights: list[Tensor]) -> Tensor:
        """The weighted mean of order s of statistics [..., K]; weights broadcast to [..., 1]."""
        stacked = torch.stack(statistics, dim=-2)
        column = [w.expand(*stacked.shape[:-2], 1) for w in weights]
        return power_mean_kernel(
            stacked, torch.cat(column, dim=-1), self._order, namespace(statistic=stacked)
        )

    def _gather(self, x: Tensor) -> list[Tensor]:
        if self._world == 1:
            return [x]
        parts = [torch.empty_like(x) for _ in range(self._world)]
        torch.distributed.all_gather(parts, x.contiguous(), group=self.process_group)
        return parts

    @property
    def _world(self) -> int:
        distributed = torch.distributed
        ready = distributed.is_available() and distributed.is_initialized()
        return distributed.get_world_size(self.process_group) if ready else 1
