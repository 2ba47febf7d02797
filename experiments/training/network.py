"""z of many networks and ∂/∂θ in closed form: batched products that write into buffers kept between steps.

`Architecture.logits` once more, and its gradient without autograd: no graph, no new memory in a step. The
axes [A, S] of the weights are one axis of runs R here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from experiments.training.model import ACTIVATIONS, Architecture, Parameters

LEAST_LENGTH = 1e-12
"""Below it a vector is divided by this instead of by its length, as in torch's `normalize`."""

_ATEN = torch.ops.aten
DERIVATIVES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "identity": lambda gradient, before, after: gradient,
    "relu": lambda gradient, before, after: _ATEN.threshold_backward.grad_input(
        gradient, after, 0, grad_input=gradient
    ),
    "gelu": lambda gradient, before, after: _ATEN.gelu_backward.grad_input(
        gradient, before, grad_input=gradient
    ),
    "tanh": lambda gradient, before, after: _ATEN.tanh_backward.grad_input(
        gradient, after, grad_input=gradient
    ),
}
"""∂L/∂before from ∂L/∂after of `ACTIVATIONS`, written over it."""


class Room:
    """Buffers by name, made anew only where shape or kind changes."""

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}

    def __call__(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """A buffer of that shape, its contents undefined."""
        held = self._held.get(name)
        if held is None or held.shape != shape or held.dtype != like.dtype or held.device != like.device:
            held = self._held[name] = like.new_empty(shape)
        return held


class Network:
    """`Architecture.logits` for weights [R, …] and x [R, N, D], and the gradient of the last call."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self._room = Room()
        self._inputs: list[Tensor] = []  # of each layer of the encoder, then the features
        self._before: list[Tensor] = []  # the outputs of its layers but the last, before the activation
        self._units: list[
            tuple[Tensor, Tensor]
        ] = []  # features and prototypes of length 1, with their scales

    def logits(self, weights: Parameters, x: Tensor) -> Tensor:
        """z [R, N, K] of x [R, N, D], in a buffer that the next call overwrites."""
        activation = ACTIVATIONS[self.architecture.activation]
        self._inputs, self._before = [x], []
        for layer in range(len(self.architecture.hidden)):
            if layer:
                before = self._inputs.pop()
                self._before.append(before)
                in_place = self.architecture.activation == "relu"
                self._inputs.append(before.relu_() if in_place else activation(before))
            weight, bias = weights[f"encoder.{layer}.weight"], weights[f"encoder.{layer}.bias"]
            self._inputs.append(self._affine(f"layer {layer}", self._inputs[-1], weight, bias))
        features, prototypes = self._inputs[-1], weights["head.weight"]
        if self.architecture.cosine:
            self._units = [_unit(features, -1), _unit(prototypes, -2)]
            return torch.bmm(self._units[0][0], self._units[1][0])
        return self._affine("logits", features, prototypes, weights["head.bias"])

    def backward(self, weights: Parameters, gradient: Tensor, into: Parameters) -> None:
        """∂L/∂θ into `into` [R, …], from ∂L/∂z [R, N, K] of the last `logits`; the rest is used up."""
        features, prototypes = self._inputs[-1], weights["head.weight"]
        wanted = len(self.architecture.hidden) > 0
        if self.architecture.cosine:
            (unit, scale), (unit_head, scale_head) = self._units
            of_unit = torch.bmm(unit.mT, gradient)
            into["head.weight"].copy_(_through_unit(of_unit, unit_head, scale_head, -2))
            if wanted:
                gradient = _through_unit(torch.bmm(gradient, unit_head.mT), unit, scale, -1)
        else:
            self._of_weights("head", features, gradient, into)
            if wanted:
                gradient = self._product("features", gradient, prototypes.mT)
        for layer in reversed(range(len(self.architecture.hidden))):
            self._of_weights(f"encoder.{layer}", self._inputs[layer], gradient, into)
            if layer:
                gradient = self._product(f"input {layer}", gradient, weights[f"encoder.{layer}.weight"].mT)
                derivative = DERIVATIVES[self.architecture.activation]
                gradient = derivative(gradient, self._before[layer - 1], self._inputs[layer])

    def _affine(self, name: str, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        out = self._room(name, (*x.shape[:2], weight.shape[-1]), x)
        return torch.baddbmm(bias, x, weight, out=out)

    def _product(self, name: str, x: Tensor, matrix: Tensor) -> Tensor:
        return torch.bmm(x, matrix, out=self._room(name, (*x.shape[:2], matrix.shape[-1]), x))

    @staticmethod
    def _of_weights(name: str, x: Tensor, gradient: Tensor, into: Parameters) -> None:
        torch.bmm(x.mT, gradient, out=into[f"{name}.weight"])
        torch.sum(gradient, dim=1, keepdim=True, out=into[f"{name}.bias"])


def _unit(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """x/|x| along `dim`, and 1/|x|, negative where |x| is so small that it was replaced."""
    length = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    inverse = 1 / length.clamp_min(LEAST_LENGTH)
    return x * inverse, torch.where(length < LEAST_LENGTH, -inverse, inverse)


def _through_unit(gradient: Tensor, unit: Tensor, scale: Tensor, dim: int) -> Tensor:
    """(g − u ⟨u, g⟩)/|x|, the gradient in x from g = ∂L/∂u, u = x/|x|; g/|x| where |x| was replaced."""
    along = (unit * gradient).sum(dim=dim, keepdim=True) * (scale > 0)
    return (gradient - unit * along).mul_(scale.abs())
