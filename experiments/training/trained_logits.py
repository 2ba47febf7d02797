"""Logits to study teachers on: those of a briefly trained network on samples it has not seen.

The network is trained by `distill.train` with a teacher of `NETWORKS`. Which one is part of the setting: a
network learns to need little of what its own teacher does to it. The logits are raw, before any temperature;
the run itself used τ_t = 0.04 and τ_s = 0.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from experiments.data.named import Data, make_source
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant

TEMPERATURE = 0.04
"""τ_t of the training."""
TEMPERATURE = 0.04
"""τ_t of the training."""
NETWORKS: dict[str, dict[str, Any]] = {
    "inverse_prior": {"teacher": "inverse_prior", "center_momentum": None},
    "centering": {"teacher": "centering", "center_momentum": None},
    "moving_centering": {"teacher": "centering", "center_momentum": 0.9},
    "projected": {"teacher": "projected", "center_momentum": None},
    "biased": {"teacher": "inverse_prior", "center_momentum": None},
}
"""What the networks are trained with, by its name in the table of teachers; "biased" is the first, with a
bias per cluster added afterwards: what centering and the projection ignore, and might let grow.  [T6]"""
BIAS = {"biased": 50.0}
"""Over τ_t, from 0 for the first cluster to this for the last."""


@dataclass(frozen=True, kw_only=True)
class TrainedLogits:
    """Settings of the network and of the samples.

    data: as in `make_source`.  network: in `NETWORKS`.  clusters: K.  samples: N, views of held-out samples.
    steps: of training, 0 for random weights.
    """

    data: Data
    network: str = "inverse_prior"
    clusters: int = 32
    samples: int = 512
    steps: int = 300

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise ValueError(f"`network` must be one of {', '.join(NETWORKS)}, got {self.network!r}.")

    def logits(self, seeds: int) -> Tensor:
        """Raw logits [seed, N, K], float64, of independently trained networks."""
        source = make_source(self.data, range(seeds))
        architecture = Architecture(clusters=self.clusters, hidden=(64, 32), head_scale=0.1)
        if self.steps == 0:
            weights = architecture.initialize(source.dim, variants=1, seeds=source.seeds)
        else:
            weights = train(
                source,
                architecture,
                [_variant(self.network)],
                Training(steps=self.steps, batch_size=128, optimizer="adam", records=2, evaluation_size=64),
                description=f"network on {self.data}",
            ).teacher
        views = source.held_out(self.samples, views=1).views[:, 0]
        z = architecture.logits(weights, views)[0].double()
        bias = BIAS.get(self.network, 0.0) * TEMPERATURE
        return z + torch.linspace(0.0, bias, self.clusters, dtype=z.dtype)


def _variant(network: str) -> Variant:
    given: dict[str, Any] = {"teacher_temperature": TEMPERATURE, "learning_rate": 3e-3} | NETWORKS[network]
    return Variant(name="network", **given)
