"""How large Jensen's gap is at every temperature, and which of its bounds says something there.

[J1, J6, J10] J(k) of the logits of networks trained with each of four teachers, and of one with a bias added,
from nearly hard clusters to nearly uniform ones, beside Specht's and Hoeffding's bounds and the second-order
value ½ Var log p. Two of them fall silent as the temperature falls: Hoeffding's R²/8 where the range R passes
8 nats, since J ≤ R needs no lemma; the second order where its certified remainder R³/(36√3) passes the value
itself. The asymptotes of J10 are

    τ → ∞:  J(k) = Varₙ(z_nk − mean_j z_nj) / (2τ²)        τ → 0:  J(k) = (maxₙ y_nk − meanₙ y_nk) / τ,

with y_nk = z_nk − max_j z_nj. Neither depends on what is added to all the logits of one sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

import theory
from experiments.data.named import DATA, Data
from experiments.engine import sweep
from experiments.studies.shared import labelled, only, over
from experiments.training.trained_logits import NETWORKS, TrainedLogits

CLAIMS = ("J1", "J6", "J10")
MINUTES = 1


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Temperatures and networks."""

    seeds: int = 4
    """Independently trained networks per data set and teacher."""
    clusters: int = 32
    """K, outputs of the network."""
    samples: int = 512
    """Held-out samples, the population of the gap."""
    steps: int = 300
    """Training steps of the networks."""
    coldest: float = 1e-2
    """Lowest temperature, in units of the raw logits."""
    hottest: float = 1e2
    """Highest temperature."""
    temperatures: int = 41
    """Number of temperatures, evenly spaced in the logarithm."""

    def __post_init__(self) -> None:
        if not 0 < self.coldest < self.hottest:
            raise ValueError(
                f"`coldest` must be positive and below `hottest`, got {self.coldest} and {self.hottest}."
            )

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=2, clusters=16, samples=128, steps=30, temperatures=13)


@dataclass(frozen=True, kw_only=True)
class Chunk(Settings):
    """Networks of one data set, trained with one teacher."""

    data: Data
    network: str


def work(chunk: Chunk) -> xr.Dataset:
    z = only(TrainedLogits, chunk).logits(chunk.seeds)
    temperatures = np.geomspace(chunk.coldest, chunk.hottest, chunk.temperatures)
    rows = [_at(theory.log_softmax(z, temperature=float(t))) for t in temperatures]
    centred = z - z.mean(dim=-1, keepdim=True)
    below_top = z - z.amax(dim=-1, keepdim=True)
    dims = ("seed", "temperature", "cluster")
    found = xr.Dataset(
        {name: (dims, torch.stack([r[name] for r in rows], dim=1).numpy()) for name in rows[0]}
    )
    found["hot_limit"] = ("seed", "cluster"), centred.var(dim=-2, correction=0).numpy() / 2
    found["cold_limit"] = (
        ("seed", "cluster"),
        (below_top.amax(dim=-2) - below_top.mean(dim=-2)).numpy(),
    )
    found["logit_spread"] = "seed", centred.square().mean(dim=(-2, -1)).sqrt().numpy()
    return found.astype("float32").assign_coords(temperature=temperatures, seed=range(chunk.seeds))


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    dataset = over(work, Chunk, settings, context=context, data=DATA, network=NETWORKS)
    middle = dataset.median("cluster")
    dataset["hoeffding_silent_below"] = _threshold(middle.hoeffding - middle.range)
    dataset["second_order_silent_below"] = _threshold(middle.remainder - middle.half_variance)
    return labelled(dataset, LABELS)


LABELS = {
    "gap": ("Jensen gap J(k)", "nat"),
    "range": ("range R(k) of log p(k) over samples", "nat"),
    "specht": ("Specht's bound log S(e^R)", "nat"),
    "hoeffding": ("Hoeffding's bound R²/8", "nat"),
    "half_variance": ("second-order value ½ Var log p(k)", "nat"),
    "remainder": ("certified error of the second-order value R³/(36√3)", "nat"),
    "hot_limit": ("limit of τ² J(k) as τ → ∞, ½ Var of z less its mean over clusters", "logit²"),
    "cold_limit": ("limit of τ J(k) as τ → 0", "logit"),
    "logit_spread": ("standard deviation of z less its mean over clusters", "logit"),
    "hoeffding_silent_below": ("temperature below which R²/8 > R for the median cluster", "logit"),
    "second_order_silent_below": (
        "temperature below which R³/(36√3) > ½ Var for the median cluster",
        "logit",
    ),
}


def _at(log_p: torch.Tensor) -> dict[str, torch.Tensor]:
    spread = theory.log_range(log_p)
    return {
        "gap": theory.jensen_gap(log_p),
        "range": spread,
        "specht": theory.specht_bound(spread),
        "hoeffding": theory.hoeffding_bound(spread),
        "half_variance": theory.log_variance(log_p) / 2,
        "remainder": theory.variance_bound(spread),
    }


def _threshold(excess: xr.DataArray) -> xr.DataArray:
    """The highest temperature of the grid at which `excess` is positive; 0 where it never is."""
    return (excess.temperature * (excess > 0)).max("temperature").astype("float32")
