"""Cold start, warm-up and learnt start across the critical temperature: where each one dies (D3).

Views are noisy labels: each of two views keeps the label with probability √ρ and is otherwise drawn at
random, so that they agree beyond chance with probability ρ, the one correlation. A student with a table
(one-hot features) then has its whole bifurcation diagram in closed form: from uniform nothing grows above
τ_t/τ_s = ρ, a learnt solution lives up to `survival_temperature`, higher for more than two clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from experiments.data.sources import Batch, Split, generators, normal, population_moments, uniform
from experiments.engine import sweep
from experiments.studies.shared import input_correlations, learning_rate_of, over, variant_of
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from theory.dynamics import CrossViewMoments, critical_temperature, survival_temperature
from theory.nn.schedules import Schedule

CLAIMS = ("D3",)
MINUTES = 1.3
STARTS = ("cold", "warmed up", "learnt")
BATCHES = ("population", "minibatch")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Temperatures and the three ways to start."""

    seeds: int = 2
    correlation: float = 0.5
    ratios: tuple[float, ...] = tuple(round(0.35 + 0.025 * i, 3) for i in range(15))
    """τ_t/τ_s at the end of training."""
    student_temperature: float = 0.1
    warm_up_from: float = 0.2
    """τ_t/τ_s at the start of the warm-up."""
    warm_up: int = 300
    """Steps of the warm-up."""
    steps: int = 800
    records: int = 21
    batch_size: int = 128
    """Of the runs on minibatches; the others see the population at every step."""
    step_size: float = 0.3
    """α = η/(K τ_s²)."""
    head_scale: float = 0.0003


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """Numbers of clusters, temperatures and the three ways to start."""

    clusters: tuple[int, ...] = (2, 4, 12)

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=1, clusters=(4,), ratios=(0.4, 0.52, 0.7), warm_up=60, steps=150, records=4)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """All starts and temperatures at one number of clusters, on the population or on minibatches."""

    batch: str
    clusters: int


class NoisyLabels:
    """Views are one-hot labels, each replaced by a random one with probability 1 − √ρ; see `sources.Source`.

    Features are √C (e_c − 1/C): variance 1 in C − 1 directions, correlation ρ in each.
    whole: every batch is the population itself, each pair of labels as often as it should be.
    """

    def __init__(
        self, seeds: Sequence[int], *, classes: int, correlation: float, whole: bool = False
    ) -> None:
        self.seeds, self.dim, self.classes = tuple(seeds), classes, classes
        self.correlation, self.whole = correlation, whole
        self._stream = generators(self.seeds, "label stream")

    @property
    def moments(self) -> tuple[CrossViewMoments, ...]:
        """Exact moments: C₂₂ = I − 11ᵀ/C, C₁₂ = ρ C₂₂."""
        c = self.classes
        view = torch.eye(c, dtype=torch.float64) - 1.0 / c
        many = view.expand(len(self.seeds), c, c)
        mean = torch.zeros(len(self.seeds), c, dtype=torch.float64)
        return population_moments(mean, many, self.correlation * many)

    @property
    def population(self) -> Tensor:
        """The smallest list of pairs of labels in the right proportions, [2, B].

        Unlike labels once, like ones 1 + C ρ/(1 − ρ) times: raises ValueError where that is no whole number.
        """
        more = self.classes * self.correlation / (1 - self.correlation)
        if abs(more - round(more)) > 1e-9:
            raise ValueError(f"`correlation` must make C ρ/(1 − ρ) a whole number, got {more:g}.")
        pairs = torch.cartesian_prod(torch.arange(self.classes), torch.arange(self.classes)).T
        like = torch.arange(self.classes).repeat(round(more)).expand(2, -1)
        return torch.cat([pairs, like], dim=1)

    def draw(self, batch_size: int, *, views: int = 2) -> Batch:
        """The next batch of every seed's stream, or the whole population."""
        if self.whole:
            pairs = self.population.expand(len(self.seeds), -1, -1)
            return Batch(views=self._features(pairs), labels=pairs[:, 0])
        return self._sample(self._stream, batch_size, views, self.correlation**0.5)

    def held_out(self, size: int, *, views: int = 2) -> Batch:
        """Samples of a stream of their own, or the whole population."""
        if self.whole:
            return self.draw(size, views=views)
        return self._sample(generators(self.seeds, "label held-out"), size, views, self.correlation**0.5)

    def gallery(self, split: Split, size: int | None = None) -> Batch:
        """True labels as one-hot features."""
        return self._sample(generators(self.seeds, f"label {split} gallery"), size or 1024, 1, 1.0)

    def _sample(self, streams: Sequence[torch.Generator], size: int, views: int, keep: float) -> Batch:
        draws = uniform(streams, (1 + 2 * views, size))
        labels = (draws[:, 0] * self.classes).long()
        noise = (draws[:, 1 : 1 + views] * self.classes).long()
        seen = torch.where(draws[:, 1 + views :] < keep, labels[:, None], noise)
        return Batch(views=self._features(seen), labels=labels)

    def _features(self, labels: Tensor) -> Tensor:
        one_hot = torch.nn.functional.one_hot(labels, self.classes).double()
        return (one_hot - 1.0 / self.classes) * self.classes**0.5


def work(chunk: Chunk) -> xr.Dataset:
    """Every start at every temperature, and the two temperatures predicted from the moments."""
    k, tau, whole = chunk.clusters, chunk.student_temperature, chunk.batch == "population"
    source = NoisyLabels(range(chunk.seeds), classes=k, correlation=chunk.correlation, whole=whole)
    leading = input_correlations(source.moments[0])[0]
    critical = critical_temperature(leading, student_temperature=tau)
    survival = survival_temperature(leading, clusters=k, student_temperature=tau)
    variants = [
        variant_of(
            "centering",
            name=f"{start} {ratio}",
            teacher_temperature=Schedule(start=chunk.warm_up_from * tau, end=ratio * tau, steps=chunk.warm_up)
            if start == "warmed up"
            else ratio * tau,
            student_temperature=tau,
            teacher_momentum=0.0,
            learning_rate=learning_rate_of(chunk.step_size, clusters=k, student_temperature=tau),
        )
        for start in STARTS
        for ratio in chunk.ratios
    ]
    records = train(
        source,
        Architecture(clusters=k, hidden=()),
        variants,
        Training(
            steps=chunk.steps,
            batch_size=chunk.batch_size,
            momentum=0.0,
            records=chunk.records,
            evaluation_size=512,
        ),
        parameters=_start(chunk, k),
        dtype=torch.float64,
        description=f"hysteresis, K = {k}",
    ).records
    shape = (len(STARTS), len(chunk.ratios), chunk.seeds, records.sizes["step"])
    dims = ("start", "ratio", "seed", "step")
    return xr.Dataset(
        {
            name: (dims, (records[name].to_numpy().reshape(shape) / np.log(k)).astype(np.float32))
            for name in ("student_information", "loss")
        }
        | {"critical_ratio": float(critical) / tau, "survival_ratio": float(survival) / tau},
        coords={"step": records.step.to_numpy()},
    )


def _start(setup: Setup, k: int) -> dict[str, Tensor]:
    """Small random tables for the cold start and the warm-up, one that knows its labels for the learnt."""
    streams = generators(range(setup.seeds), "tables")
    shape = (len(STARTS), len(setup.ratios), setup.seeds, k, k)
    weight = torch.empty(shape, dtype=torch.float64)
    weight[:] = normal(streams, (k, k), torch.float64) * setup.head_scale
    # Own cluster against the rest by 2 log K in units of τ_s: sharper than any solution above τ_t/τ_s = ρ.
    learnt = 2 * np.log(k) * setup.student_temperature * (torch.eye(k, dtype=torch.float64) - 1 / k) / k**0.5
    weight[STARTS.index("learnt")] = learnt
    bias = torch.zeros(*shape[:-2], 1, k, dtype=torch.float64)
    return {"head.weight": weight.flatten(0, 1), "head.bias": bias.flatten(0, 1)}


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """All numbers of clusters; informations and losses in units of log K."""
    dataset = over(work, Chunk, settings, context=context, batch=BATCHES, clusters=settings.clusters)
    return dataset.assign_coords(
        start=list(STARTS), ratio=list(settings.ratios), seed=np.arange(settings.seeds)
    )
