"""How far apart the constrained teachers are at every temperature, and how far they can be proved to be.

[J7, T5, T4] Total variation and KL from the projected teacher (both constraints, solved to 1e-13) to the
centred one and to Sinkhorn after 1 round (the inverse prior), 2, 3, 5 and 10; and between the centred and
the inverse-prior teacher. Networks are trained with each of four teachers, and one has a bias per cluster
added: the distances depend on what a network was trained with. Beside each measured distance stands what can
be certified without the projection: J7 from osc(J) alone, T5 from the last Sinkhorn round and the Hilbert
diameter Δ of the ensemble. Since Δ ∝ 1/τ and T5 has the factor sinh²(Δ/4), its certificate fails at a
temperature a few times below which it is sharp; that temperature is recorded. A third bound, from the true
λ − λ*, shows how much of the slack is T5's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

import theory
from experiments.data.named import DATA, Data
from experiments.engine import sweep
from experiments.studies.shared import labelled, only, over
from experiments.training.trained_logits import NETWORKS, TrainedLogits

CLAIMS = ("J7", "J10", "T4", "T5")
MINUTES = 3


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Networks, their temperatures, and the rounds."""

    seeds: int = 8
    """Independently trained networks per data set and teacher."""
    clusters: int = 32
    """K, outputs of the network."""
    samples: int = 512
    """Held-out samples whose teachers are compared."""
    steps: int = 300
    """Training steps of the networks."""
    rounds: tuple[int, ...] = (1, 2, 3, 5, 10)
    """Sinkhorn rounds; 1 is the inverse-prior teacher."""
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
        if not self.rounds or min(self.rounds) < 1 or self.rounds[0] != 1:
            raise ValueError(f"`rounds` must start with 1 and hold no 0, got {self.rounds}.")


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """Temperatures, networks and the teachers compared."""

    vacuous: float = 0.99
    """A certified total variation from here on counts as saying nothing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.vacuous < 1:
            raise ValueError(f"`vacuous` must be between 0 and 1, got {self.vacuous}.")

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=2, clusters=16, samples=128, steps=30, temperatures=13)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """Networks of one data set, trained with one teacher."""

    data: Data
    network: str


def work(chunk: Chunk) -> xr.Dataset:
    z = only(TrainedLogits, chunk).logits(chunk.seeds)
    temperatures = np.geomspace(chunk.coldest, chunk.hottest, chunk.temperatures)
    rows = [_at(theory.log_softmax(z, temperature=float(t)), chunk.rounds) for t in temperatures]
    found = xr.concat(rows, dim=xr.Variable("temperature", temperatures))
    return found.assign_coords(seed=range(chunk.seeds))


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    dataset = over(work, Chunk, settings, context=context, data=DATA, network=NETWORKS)
    vacuous = dataset.tv_bound >= settings.vacuous
    dataset["vacuous_below"] = (dataset.temperature * vacuous).max("temperature").astype("float32")
    return labelled(dataset, LABELS)


LABELS = {
    "tv": ("total variation, mean over samples", "1"),
    "tv_max": ("total variation, largest of the samples", "1"),
    "tv_bound": ("certified total variation of every sample", "1"),
    "tv_of_tilt": ("total variation that the true difference of λ allows", "1"),
    "kl": ("KL from the teacher to its reference, mean over samples", "nat"),
    "kl_max": ("KL from the teacher to its reference, largest of the samples", "nat"),
    "kl_bound": ("certified KL of every sample", "nat"),
    "kl_of_tilt": ("KL that the true difference of λ allows", "nat"),
    "diameter": ("Hilbert diameter Δ", "nat"),
    "marginal_error": ("Σ|m − π| of the projected teacher", "1"),
    "duality_gap": ("primal less dual of the projected teacher", "nat"),
    "vacuous_below": ("temperature from which downwards the certified total variation is vacuous", "logit"),
}
"""Along `pair`: a teacher against the projected one, or centering against the inverse prior (J7 alone)."""


def _at(log_p: Tensor, rounds: tuple[int, ...]) -> xr.Dataset:
    projected = theory.project(log_p, tol=1e-13)
    gap, centering = theory.jensen_gap(log_p), theory.centering_log_tilt(log_p)
    after = {t: theory.sinkhorn_log_tilt(log_p, rounds=t) for t in {*rounds, *(t - 1 for t in rounds)}}
    certified = {t: theory.projected_distance_bound(log_p, after[t] - after[t - 1]) for t in rounds}
    oscillation = gap.amax(dim=-1) - gap.amin(dim=-1)
    # name: λ of the teacher, of its reference, and the certified osc of their difference
    pairs = {"centering, inverse_prior": (centering, after[1], oscillation)}
    pairs["centering"] = centering, projected.log_tilt, oscillation + certified[1]
    pairs |= {f"sinkhorn {t}": (after[t], projected.log_tilt, certified[t]) for t in rounds}
    rows = [_distances(log_p, *pair) for pair in pairs.values()]
    found = xr.Dataset(
        {name: (("pair", "seed"), torch.stack([r[name] for r in rows]).numpy()) for name in rows[0]},
        coords={"pair": list(pairs)},
    )
    found["diameter"] = "seed", theory.hilbert_diameter(log_p).numpy()
    found["marginal_error"] = "seed", projected.marginal_error.numpy()
    found["duality_gap"] = "seed", projected.duality_gap.numpy()
    return found


def _distances(log_p: Tensor, log_tilt: Tensor, reference: Tensor, oscillation: Tensor) -> dict[str, Tensor]:
    log_a, log_b = theory.tilt(log_p, log_tilt), theory.tilt(log_p, reference)
    tv, kl = 0.5 * (log_a.exp() - log_b.exp()).abs().sum(dim=-1), theory.kl(log_a, log_b)
    bound = theory.teacher_distance_bound(torch.stack([oscillation, torch.zeros_like(oscillation)], dim=-1))
    of_tilt = theory.teacher_distance_bound(log_tilt - reference)
    return {
        "tv": tv.mean(dim=-1),
        "tv_max": tv.amax(dim=-1),
        "tv_bound": bound.total_variation,
        "tv_of_tilt": of_tilt.total_variation,
        "kl": kl.mean(dim=-1),
        "kl_max": kl.amax(dim=-1),
        "kl_bound": bound.kl,
        "kl_of_tilt": of_tilt.kl,
    }
