"""The teacher after its constraint, r = tilt(softmax(z/τ), λ), as a module with moving averages.

Every kind keeps one number for each cluster, its statistic, and sets λ from it:

    centering                  mean logits c          λ = log π − c/τ
    inverse_prior, power_mean  log M_s (s = 1: log P) λ = log π − log M_s
    batch_softmax              log Σₙ wₙ e^{zₙ/τ}     λ = log π − statistic
    cumulant, sinkhorn, projected   log π − λ(batch)  λ = log π − statistic

so that a moving average, an average over ranks and one over accumulated batches are the same operation:
the mean of order s of the statistics, s = 0 (arithmetic mean of logs) where there is no s.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

import theory
from theory.checks import namespace
from theory.simplex import check_scores, target_prior

Kind = Literal[
    "none", "centering", "inverse_prior", "batch_softmax", "power_mean", "cumulant", "sinkhorn", "projected"
]


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
    """log r of teacher logits [..., N, K], for one of the teachers of `theory.tilts`.

    kind: "none", "centering", "inverse_prior", "batch_softmax", "power_mean" (with `order`), "cumulant",
        "sinkhorn" (with `rounds`), "projected".
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
        kind: Kind,
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
        if kind not in get_args(Kind):
            raise ValueError(f"`kind` must be one of {', '.join(get_args(Kind))}, got {kind!r}.")
        if clusters < 2:
            raise ValueError(f"`clusters` must be at least 2, got {clusters}.")
        for name, value, owner in (("order", order, "power_mean"), ("rounds", rounds, "sinkhorn")):
            if (value is None) == (kind == owner):
                raise ValueError(
                    f"`{name}` must be given for kind '{owner}' and for no other, got {value} for {kind!r}."
                )
        if rounds is not None and rounds < 1:
            raise ValueError(f"`rounds` must be at least 1, got {rounds}.")
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
            target_prior(log_target, reference, namespace(log_target=log_target))
        self.kind, self.clusters, self.rounds, self.tol = kind, clusters, rounds or 0, tol
        self.manual_update, self.validate, self.process_group = manual_update, validate, process_group
        self.order = 1.0 if kind in ("inverse_prior", "batch_softmax") else order or 0.0
        start = torch.zeros(clusters) if kind in ("centering", "batch_softmax") else uniform
        if isinstance(momentum, Tensor):
            self.register_buffer("momentum", momentum, persistent=False)
        else:
            self.momentum = momentum
        self.register_buffer("log_target", uniform if log_target is None else log_target, persistent=False)
        if momentum is not None and kind != "none":
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
            with theory.assume_valid():
                log_p = theory.log_softmax(z, temperature=temperature)
                if self.kind == "none":
                    return log_p
                if self.momentum is None:
                    statistic = self._statistic(z, log_p, temperature)
                    return theory.tilt(log_p, self._log_tilt(statistic, temperature))
                log_r = theory.tilt(log_p, self._log_tilt(self.average.to(z.dtype), temperature))
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
        if self.kind == "none" or self.momentum is None:
            return
        if self.seen.value == 0:
            raise RuntimeError("`update` was called without a forward in training mode since the last one.")
        kept = self._share(self.momentum)
        self.average.copy_(self._mean([self.average, self.pending], [kept, 1 - kept]))
        self.seen.value = 0

    def extra_repr(self) -> str:
        parts = {"kind": self.kind, "clusters": self.clusters, "momentum": self.momentum, "order": self.order}
        return ", ".join(f"{name}={value}" for name, value in parts.items())

    def _log_tilt(self, statistic: Tensor, temperature: float | Tensor) -> Tensor:
        if self.kind == "centering":
            statistic = (statistic[..., None, :] / temperature)[..., 0, :]
        return self.log_target.to(statistic.dtype) - statistic

    def _statistic(self, z: Tensor, log_p: Tensor, temperature: float | Tensor) -> Tensor:
        """The batch's statistic [..., K], that of all ranks together."""
        if self.kind == "centering":
            return self._over_ranks(z.mean(dim=-2), z.shape[-2])
        if self.kind in ("inverse_prior", "power_mean"):
            return self._over_ranks(theory.log_prior(log_p, order=self.order), z.shape[-2])
        log_pi = self.log_target.to(log_p.dtype)
        if self.kind == "batch_softmax":
            log_tilt = theory.batch_softmax(z, temperature=temperature, log_target=log_pi)
            return self._over_ranks(log_pi - log_tilt, z.shape[-2])
        log_p = torch.cat(self._gather(log_p), dim=-2)
        if self.kind == "cumulant":
            return log_pi - theory.cumulant(log_p, log_target=log_pi)
        if self.kind == "sinkhorn":
            return log_pi - theory.sinkhorn(log_p, steps=self.rounds, log_target=log_pi)
        return log_pi - theory.project(log_p, log_target=log_pi, tol=self.tol).log_tilt

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
        with theory.assume_valid():
            stacked = torch.stack(statistics, dim=-2)
            column = [w.expand(*stacked.shape[:-2], 1) for w in weights]
            return theory.log_prior(stacked, order=self.order, weights=torch.cat(column, dim=-1))

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
