"""Logits to study teachers on: those of a briefly trained network on samples it has not seen.

The network is trained by `distill.train` with the inverse-prior teacher of each batch (any teacher of the
family would do: what matters is that its clusters are formed, of uneven size and spread). The logits are
raw, before any temperature; the run itself used τ_t = 0.04 and τ_s = 0.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from experiments.data.named import Data, make_source
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant


@dataclass(frozen=True, kw_only=True)
class TrainedLogits:
    """Settings of the network and of the samples.

    data: as in `make_source`.  clusters: K.  samples: N, views of held-out samples.
    steps: of training, 0 for random weights.
    """

    data: Data
    clusters: int = 32
    samples: int = 512
    steps: int = 300

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
                [Variant(name="network", teacher="inverse_prior", center_momentum=None, learning_rate=3e-3)],
                Training(steps=self.steps, batch_size=128, optimizer="adam", records=2, evaluation_size=64),
                description=f"network on {self.data}",
            ).teacher
        views = source.held_out(self.samples, views=1).views[:, 0]
        return architecture.logits(weights, views)[0].double()
