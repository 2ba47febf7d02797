"""Steepest descent for many runs at once: `torch.optim` with a learning rate for each run."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Method = Literal["sgd", "adam"]


class Optimizer:
    """θ ← θ − η u, u the momentum-averaged gradient ("sgd") or Adam's step; η broadcasts against θ.

    θ is one tensor, the weights of all runs, so that a step is a few passes over it.

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
        self._mean: Tensor | None = None
        self._square: Tensor | None = None
        self._steps = 0

    @torch.no_grad()
    def step(self, parameters: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Changes `parameters` in place; `gradient` is used up."""
        self._steps += 1
        direction = self._descent if self.method == "sgd" else self._adam
        parameters.addcmul_(direction(parameters, gradient), learning_rate, value=-1)

    def _descent(self, parameters: Tensor, gradient: Tensor) -> Tensor:
        if self.weight_decay:
            gradient.add_(parameters, alpha=self.weight_decay)
        if not self.momentum:
            return gradient
        if self._mean is None:
            self._mean = torch.zeros_like(parameters)
        return self._mean.mul_(self.momentum).add_(gradient)

    def _adam(self, parameters: Tensor, gradient: Tensor) -> Tensor:
        if self._mean is None or self._square is None:
            self._mean, self._square = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self._mean.mul_(self.momentum).add_(gradient, alpha=1 - self.momentum)
        self._square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        root = torch.div(self._square, 1 - 0.999**self._steps, out=gradient).sqrt_().add_(1e-8)
        update = torch.div(self._mean, root, out=root).div_(1 - self.momentum**self._steps)
        return update.add_(parameters, alpha=self.weight_decay) if self.weight_decay else update
