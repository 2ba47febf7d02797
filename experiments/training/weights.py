"""The weights of many runs in one flat buffer, so that one pass over it updates all of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from experiments.training.model import Parameters


class Weights:
    """Tensors [A, S, …] one after another in `flat` [P]; those in `by_name` are views of it."""

    def __init__(self, parameters: Parameters) -> None:
        self.flat = torch.cat([value.detach().flatten() for value in parameters.values()])
        self.by_name: Parameters = {}
        start = 0
        for name, value in parameters.items():
            size = math.prod(value.shape)
            self.by_name[name] = self.flat[start : start + size].view(value.shape)
            start += size
        self._of_runs = {name: value.flatten(0, 1) for name, value in self.by_name.items()}
        self._slices: dict[tuple[int, int], Parameters] = {}
        self._spread: tuple[Tensor, Tensor] | None = None

    def clone(self) -> Weights:
        """The same numbers in a buffer of their own."""
        return Weights(self.by_name)

    def of_runs(self, runs: slice) -> Parameters:
        """Views [R, …] of some runs, the axes [A, S] in one."""
        key = runs.start, runs.stop
        if key not in self._slices:
            self._slices[key] = {name: value[runs] for name, value in self._of_runs.items()}
        return self._slices[key]

    def spread(self, rate: Tensor) -> Tensor:
        """A rate of each variant [A, 1, 1, 1], [P]: for each weight that of its variant."""
        if self._spread is None or self._spread[0] is not rate:
            parts = [rate.expand(value.shape).flatten() for value in self.by_name.values()]
            self._spread = rate, torch.cat(parts)
        return self._spread[1]
