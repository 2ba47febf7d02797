"""z = head(encoder(x)) for many independent networks at once: weights carry the axes [variant, seed].

The encoder is a chain of affine maps and nonlinearities, the head one prototype for each cluster. Without
hidden layers the features are the data and z = Wᵀ(x, 1) is the linear model of section D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from experiments.data.sources import generators, normal

Parameters = dict[str, Tensor]

ACTIVATIONS = {"identity": lambda x: x, "relu": torch.relu, "gelu": functional.gelu, "tanh": torch.tanh}


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Settings of a network.

    clusters: K, outputs of the head.  hidden: widths of the encoder's layers; () for none, the last one is
    the features' dimension.  activation: after every layer of the encoder but the last, which is linear.
    cosine: features and prototypes of length 1 and no bias, as in the last layer of DINO's head.
    head_scale: factor on the initial prototypes; small values start near the uniform teacher.
    """

    clusters: int = 16
    hidden: tuple[int, ...] = (64, 32)
    activation: Literal["identity", "relu", "gelu", "tanh"] = "relu"
    cosine: bool = False
    head_scale: float = 1.0

    def __post_init__(self) -> None:
        if self.clusters < 2:
            raise ValueError(f"`clusters` must be at least 2, got {self.clusters}.")
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"`hidden` must hold positive widths, got {self.hidden}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"`activation` must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}."
            )
        if not self.head_scale > 0:
            raise ValueError(f"`head_scale` must be positive, got {self.head_scale}.")

    def initialize(
        self,
        dim: int,
        *,
        variants: int,
        seeds: Sequence[int],
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
    ) -> Parameters:
        """Weights N(0, gain²/fan-in) [A, S, in, out] and zero biases [A, S, 1, out], equal over variants.

        A seed's weights depend on the seed alone, so variants of one seed are paired.
        """
        streams = generators(seeds, "weights")
        widths = (dim, *self.hidden)
        parameters: Parameters = {}
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            last = layer == len(self.hidden) - 1
            gain = 1.0 if last or self.activation == "identity" else math.sqrt(2.0)
            parameters[f"encoder.{layer}.weight"] = normal(streams, (fan_in, fan_out), dtype) * (
                gain / math.sqrt(fan_in)
            )
            parameters[f"encoder.{layer}.bias"] = torch.zeros(len(streams), 1, fan_out, dtype=dtype)
        parameters["head.weight"] = normal(streams, (widths[-1], self.clusters), dtype) * (
            self.head_scale / math.sqrt(widths[-1])
        )
        if not self.cosine:
            parameters["head.bias"] = torch.zeros(len(streams), 1, self.clusters, dtype=dtype)
        return {
            name: value.to(device).expand(variants, *value.shape).contiguous()
            for name, value in parameters.items()
        }

    def features(self, parameters: Parameters, x: Tensor) -> Tensor:
        """Encoder outputs [A, S, N, F] of x [S, N, D], or of x [A, S, N, D]."""
        activation = ACTIVATIONS[self.activation]
        variants, seeds = parameters["head.weight"].shape[:2]
        h = x.expand(variants, seeds, *x.shape[-2:])
        for layer in range(len(self.hidden)):
            if layer:
                h = activation(h)
            h = _affine(h, parameters[f"encoder.{layer}.weight"], parameters[f"encoder.{layer}.bias"])
        return h

    def logits(self, parameters: Parameters, x: Tensor) -> Tensor:
        """Raw scores z [A, S, N, K] of x [S, N, D], or of x [A, S, N, D]."""
        h, prototypes = self.features(parameters, x), parameters["head.weight"]
        if self.cosine:
            return functional.normalize(h, dim=-1) @ functional.normalize(prototypes, dim=-2)
        return _affine(h, prototypes, parameters["head.bias"])


def _affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x W + b over the axes [A, S], as one batched product."""
    out = torch.baddbmm(bias.flatten(0, 1), x.flatten(0, 1), weight.flatten(0, 1))
    return out.unflatten(0, weight.shape[:2])
