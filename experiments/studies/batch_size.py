"""What the batch size does to the prior and to training, and where estimation costs what Jensen costs.

[E1, E2, J5] Three parts.

`bias`: log P̂ over batches of 4 to 4096 samples of a population, for K from 4 to 1024: bias and spread
against E1. The populations are exact posteriors of Gaussian mixtures with Zipf shares, so that rare
clusters exist. Batches are drawn with replacement from a finite population, whose P is then known exactly,
and the linear term of log P̂, whose mean is 0, is taken off before averaging: without it the bias would
drown in the spread.

`crossing`: on logits of networks trained on digits, the KL that a batch's noise makes in the inverse-prior
teacher, the KL that centering makes by Jensen's gap, and the batch size where they are equal, for
temperatures around those in use. Centering from the same batch, with its own noise, is measured beside it.

`training`: each teacher at each batch size, normalised by the batch or by a moving average, with one number
of steps; the projected teacher takes most of the time. Three Sinkhorn rounds are those of SwAV and DINOv2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

import theory
from experiments.data.mixtures import Mixture
from experiments.engine import progress, sweep
from experiments.studies.shared import over, variant_of
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from experiments.training.names import MOVING
from experiments.training.trained_logits import TrainedLogits

CLAIMS = ("E1", "E2", "J5")
MINUTES = 4
BINS = np.geomspace(1e-4, 1e3, 29)
"""Edges of cv²/B."""
TEACHERS = ("centering", "inverse_prior", "sinkhorn", "projected")
ROUNDS = 3
"""Of Sinkhorn."""
NOISY = {"inverse_prior": 1.0, "centering": 0.0}
"""The teachers of the crossing, by their order in the family of power means."""
NORMALISERS = {"batch": "", "moving average": MOVING}
"""What normalises the teachers, and what is put before their names."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Populations, batches and training."""

    seeds: int = 4
    """Populations, networks and runs of each kind."""
    clusters: tuple[int, ...] = (4, 16, 64, 256, 1024)
    """K of the populations."""
    population: int = 2048
    """Samples of each population."""
    batch_sizes: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    """B for bias and spread."""
    batches: int = 256
    """Batches drawn of each size."""
    temperatures: tuple[float, ...] = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)
    """τ of the crossing, in units of the raw logits."""
    crossing_batches: int = 16
    """Batches of each size for the crossing."""
    training_batch_sizes: tuple[int, ...] = (4, 16, 64, 256, 1024, 4096)
    """B of the training runs."""
    steps: int = 300
    """Training steps, at every batch size and of the networks of the crossing."""
    center_momentum: float = 0.9
    """m of the moving averages."""

    def __post_init__(self) -> None:
        for name in ("clusters", "batch_sizes", "temperatures", "training_batch_sizes"):
            value = getattr(self, name)
            if not value or min(value) <= 0 or list(value) != sorted(set(value)):
                raise ValueError(f"`{name}` must hold increasing positive numbers, got {value}.")

    @classmethod
    def quick(cls) -> Settings:
        return cls(
            seeds=2,
            clusters=(4, 32),
            population=512,
            batch_sizes=(4, 32, 256),
            batches=64,
            temperatures=(0.04, 0.64),
            crossing_batches=8,
            training_batch_sizes=(4, 64),
            steps=20,
        )


@dataclass(frozen=True, kw_only=True)
class Bias:
    """The populations of one seed."""

    seed: int
    clusters: tuple[int, ...]
    population: int
    batch_sizes: tuple[int, ...]
    batches: int


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """The networks at every temperature, which share the batches' stream of random numbers."""

    seeds: int
    steps: int
    temperatures: tuple[float, ...]
    crossing_batches: int


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Training at one batch size."""

    training_batch_size: int
    seeds: int
    steps: int
    center_momentum: float


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    sizes = settings.training_batch_sizes
    parts = [
        over(measure_bias, Bias, settings, context=context, seed=range(settings.seeds)),
        over(measure_crossing, Crossing, settings, context=context),
        over(measure_runs, Runs, settings, context=context, training_batch_size=sizes),
    ]
    return xr.merge(parts)


def measure_bias(chunk: Bias) -> xr.Dataset:
    """Bias and spread of log P̂ (clusters, batch_size), averaged over clusters with weight P, and by cv²/B."""
    populations = [_population(k, chunk.population, chunk.seed) for k in chunk.clusters]
    rng = np.random.default_rng([chunk.seed, chunk.population])
    shape = (len(chunk.clusters), len(chunk.batch_sizes))
    found = {name: np.zeros(shape) for name in ("bias", "spread", "rare_bias")}
    binned = np.full((*shape, len(BINS) - 1, 2), np.nan)
    for j, size in enumerate(progress.track(chunk.batch_sizes, description=f"bias, seed {chunk.seed}")):
        counts = rng.multinomial(size, np.full(chunk.population, 1 / chunk.population), size=chunk.batches)
        for i, (prior, c2, _, x) in enumerate(populations):
            sample = counts @ x / size
            log_x = np.log(sample)
            bias, spread = (log_x - (sample - 1)).mean(axis=0), log_x.std(axis=0)
            found["bias"][i, j], found["spread"][i, j] = prior @ bias, np.sqrt(prior @ spread**2)
            found["rare_bias"][i, j] = bias[_rarest(prior)].mean()
            ratios = np.stack([-2 * size * bias / c2, spread / np.sqrt(c2 / size)])
            place = np.digitize(c2 / size, BINS) - 1
            for b in np.unique(place[(place >= 0) & (place < len(BINS) - 1)]):
                binned[i, j, b] = np.median(ratios[:, place == b], axis=1)
    dims = ("clusters", "batch_size")
    data = xr.Dataset({name: (dims, value) for name, value in found.items()})
    data["bias_ratio"] = (*dims, "bin"), binned[..., 0]
    data["spread_ratio"] = (*dims, "bin"), binned[..., 1]
    # Σ P cv² is the χ²-information and Σ P J the lautum information
    for name, part in (("dispersion", 1), ("gap", 2)):
        data[f"mean_{name}"] = "clusters", [p[0] @ p[part] for p in populations]
        data[f"rare_{name}"] = "clusters", [p[part][_rarest(p[0])].mean() for p in populations]
    centres = np.sqrt(BINS[1:] * BINS[:-1])
    return data.astype("float32").assign_coords(
        clusters=list(chunk.clusters), batch_size=list(chunk.batch_sizes), bin=centres
    )


def measure_crossing(chunk: Crossing) -> xr.Dataset:
    """KL from the population's inverse-prior teacher to those of batches, and where it meets Jensen's."""
    sizes = 2 ** np.arange(0, 15)
    z = TrainedLogits(data="digits", samples=256, steps=chunk.steps).logits(chunk.seeds)
    rng = np.random.default_rng([chunk.seeds, z.shape[-2]])
    kl = np.zeros((len(chunk.temperatures), chunk.seeds, 2, len(sizes)))
    jensen, predicted = np.zeros((2, len(chunk.temperatures), chunk.seeds))
    for i, tau in enumerate(progress.track(chunk.temperatures, description="crossing")):
        for seed in range(chunk.seeds):
            log_p = theory.log_softmax(z[seed], temperature=tau)
            log_r = theory.tilt(log_p, theory.inverse_prior_log_tilt(log_p))
            jensen[i, seed] = theory.kl(log_r, theory.tilt(log_p, theory.centering_log_tilt(log_p))).mean()
            predicted[i, seed] = theory.teacher_crossing_batch_size(log_p)
            for j, size in enumerate(sizes):
                chance = np.full(len(log_p), 1 / len(log_p))
                shares = torch.from_numpy(rng.multinomial(size, chance, size=chunk.crossing_batches) / size)
                many = log_p.expand(len(shares), *log_p.shape)
                for a, order in enumerate(NOISY.values()):
                    noisy = theory.tilt(many, theory.power_mean_log_tilt(many, order=order, weights=shares))
                    kl[i, seed, a, j] = theory.kl(log_r, noisy).mean()
    noise = kl[:, :, 0]
    measured = [
        [_meeting(sizes, noise[i, k], jensen[i, k]) for k in range(chunk.seeds)] for i in range(len(jensen))
    ]
    dims = ("temperature", "seed")
    data = xr.Dataset(
        {
            "teacher_kl": ((*dims, "order", "crossing_batch_size"), kl),
            "jensen_kl": (dims, jensen),
            "crossing_predicted": (dims, predicted),
            "crossing_measured": (dims, np.array(measured)),
        }
    )
    return data.astype("float32").assign_coords(
        temperature=list(chunk.temperatures),
        seed=range(chunk.seeds),
        order=list(NOISY),
        crossing_batch_size=sizes,
    )


def measure_runs(chunk: Runs) -> xr.Dataset:
    """NMI, cluster prior and information at the end of training, with and without a moving average."""
    variants = [
        variant_of(prefix + teacher, rounds=ROUNDS, center_momentum=chunk.center_momentum, learning_rate=0.01)
        for teacher in TEACHERS
        for prefix in NORMALISERS.values()
    ]
    records = train(
        Mixture().source(range(chunk.seeds)),
        Architecture(clusters=16, hidden=(32,)),
        variants,
        Training(steps=chunk.steps, batch_size=chunk.training_batch_size, records=2),
        description=f"training, batch size {chunk.training_batch_size}",
    ).records.isel(step=-1, drop=True)
    names = ["nmi", "student_information", "student_prior_entropy", "clusters_in_use"]
    shape = (len(TEACHERS), len(NORMALISERS), chunk.seeds)
    dims = ("teacher", "normaliser", "seed")
    data = xr.Dataset({name: (dims, records[name].values.reshape(shape)) for name in names}).astype("float32")
    return data.assign_coords(teacher=list(TEACHERS), normaliser=list(NORMALISERS), seed=range(chunk.seeds))


def _population(clusters: int, samples: int, seed: int) -> tuple[np.ndarray, ...]:
    """P, cv² and J [K], and p/P [N, K], of the exact posteriors of views of a mixture with Zipf shares."""
    source = Mixture(components=clusters, dim=16, zipf=1.0).source([seed])
    points = source.held_out(samples, views=1).views[:, 0]
    log_p = torch.cat([source.log_posterior(part)[0] for part in points.split(256, dim=1)]).numpy()
    log_prior, dispersion = theory.log_prior(log_p), theory.prior_dispersion(log_p)
    return np.exp(log_prior), dispersion, theory.jensen_gap(log_p), np.exp(log_p - log_prior)


def _rarest(prior: np.ndarray) -> np.ndarray:
    """The rarest tenth of the clusters, at least one."""
    return np.argsort(prior)[: -(-len(prior) // 10)]


def _meeting(sizes: np.ndarray, falling: np.ndarray, level: float) -> float:
    """The size at which `falling` comes down to `level`, straight lines in log-log; NaN outside the sizes."""
    below = falling <= level
    if below[0] or not below[-1]:
        return float("nan")
    j = int(below.argmax())
    x, y = np.log(sizes[j - 1 : j + 1]), np.log(falling[j - 1 : j + 1])
    return float(np.exp(x[0] + (np.log(level) - y[0]) * (x[1] - x[0]) / (y[1] - y[0])))
