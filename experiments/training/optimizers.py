"""Steepest descent for many runs at once: `torch.optim` with a learning rate for each run."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from experiments.training.model import Parameters

Method = Literal["sgd", "adam"]


class Optimizer:
    """θ ← θ − η u, u the momentum-averaged gradient ("sgd") or Adam's step; η broadcasts against θ.

    momentum: β of v ← βv + g for "sgd" (not damped, as torch's), β₁ for "adam" (β₂ = 0.999, ε = 1e-8).
    weight_decay: added to the gradient as weight_decay · θ, for "adam" decoupled (AdamW).
    """

    def __init__(self, method: Method, *, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        if method not in ("sgd", "adam"):
            raise ValueError(f"`method` must be 'sgd' or 'adam', got {method!r}.")
        if not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be in [0, 1), got {momentum}.")
        if not weight_decay >= 0:
            raise ValueError(f"`weight_decay` must not be negative, got {weight_decay}.")
        self.method, self.momentum, self.weight_decay = method, momentum, weight_decay
        self._mean: Parameters = {}
        self._square: Parameters = {}
        self._steps = 0

    @torch.no_grad()
    def step(self, parameters: Parameters, gradients: Parameters, learning_rate: Tensor) -> None:
        """Changes `parameters` in place."""
        self._steps += 1
        for name, value in parameters.items():
            update = self._direction(name, gradients[name], value)
            value.sub_(learning_rate * update)

    def _direction(self, name: str, gradient: Tensor, value: Tensor) -> Tensor:
        if self.method == "sgd":
            if self.weight_decay:
                gradient = gradient + self.weight_decay * value
            if not self.momentum:
                return gradient
            if name not in self._mean:
                self._mean[name] = gradient.clone()
            else:
                self._mean[name].mul_(self.momentum).add_(gradient)
            return self._mean[name]
        mean = self._mean.setdefault(name, torch.zeros_like(value))
        square = self._square.setdefault(name, torch.zeros_like(value))
        mean.mul_(self.momentum).add_(gradient, alpha=1 - self.momentum)
        square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        unbiased = mean / (1 - self.momentum**self._steps)
        root = (square / (1 - 0.999**self._steps)).sqrt_().add_(1e-8)
        return unbiased.div_(root).add_(value, alpha=self.weight_decay)
