"""Gaussian mixtures with views: x_v = μ_c + σ ε + ν ξ_v, all moments and posteriors in closed form.

A sample has a component c ~ `shares`, a latent point u = μ_c + σ ε, and views x_v = u + ν ξ_v with
independent noise. Hence, with B = Σ_c share_c (μ_c − μ̄)(μ_c − μ̄)ᵀ the covariance between components:
Cov(x, x) = B + σ² + ν² and Cov(x, x') = B + σ² (σ, ν diagonal).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

import theory
from experiments.data.sources import Batch, Split, generators, normal, population_moments, uniform
from theory.dynamics import CrossViewMoments

Noise = Literal["latent", "view"]


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Settings of a Gaussian mixture and of its views.

    components, dim: numbers of components C and of dimensions D.
    separation: distance between centres. "random": root mean square over draws, centres
        N(0, separation²/(2D)) for each seed; "simplex": every pair (needs D ≥ C); "circle": neighbours,
        in the first two dimensions.
    within, view_noise: standard deviations σ and ν, one number or one for each dimension.
    zipf: shares ∝ rank^−zipf; 0 is uniform.  shares: given explicitly instead (sum 1).
    """

    components: int = 8
    dim: int = 8
    separation: float = 4.0
    within: float | tuple[float, ...] = 0.5
    view_noise: float | tuple[float, ...] = 1.0
    layout: Literal["random", "simplex", "circle"] = "random"
    zipf: float = 0.0
    shares: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name, least in (("components", 1), ("dim", 1), ("separation", 0), ("zipf", 0)):
            if not getattr(self, name) >= least:
                raise ValueError(f"`{name}` must be at least {least}, got {getattr(self, name)}.")
        for name in ("within", "view_noise"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != self.dim:
                raise ValueError(
                    f"`{name}` must be one number or `dim` = {self.dim} numbers, got {len(value)}."
                )
            if min(value if isinstance(value, tuple) else (value,)) < 0:
                raise ValueError(f"`{name}` must not be negative, got {value}.")
        if self.layout == "simplex" and self.dim < self.components:
            raise ValueError(
                f"`layout` 'simplex' needs `dim` ≥ `components`, got {self.dim} < {self.components}."
            )
        if self.layout == "circle" and self.dim < 2:
            raise ValueError(f"`layout` 'circle' needs `dim` ≥ 2, got {self.dim}.")
        if self.shares is not None:
            if self.zipf:
                raise ValueError("`shares` and `zipf` exclude each other, got both.")
            if (
                len(self.shares) != self.components
                or min(self.shares) <= 0
                or abs(sum(self.shares) - 1) > 1e-9
            ):
                raise ValueError(
                    f"`shares` must be {self.components} positive numbers that sum to 1, got {self.shares}."
                )

    def source(
        self, seeds: Sequence[int], *, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> MixtureSource:
        """The data streams of `seeds`."""
        return MixtureSource(self, seeds, dtype=dtype, device=device)


class MixtureSource:
    """The streams of a `Mixture` for several seeds; see `sources.Source`."""

    def __init__(
        self,
        mixture: Mixture,
        seeds: Sequence[int],
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        self.mixture, self.seeds = mixture, tuple(seeds)
        self.dim, self.classes = mixture.dim, mixture.components
        self.dtype, self.device = dtype, torch.device(device)
        self._stream = generators(self.seeds, "mixture stream")

    @cached_property
    def log_shares(self) -> Tensor:
        """log share of each component, float64 [C]."""
        if self.mixture.shares is not None:
            return torch.tensor(self.mixture.shares, dtype=torch.float64).log()
        rank = torch.arange(1, self.classes + 1, dtype=torch.float64)
        return (
            theory.log_softmax(-self.mixture.zipf * rank.log())
            if self.classes > 1
            else torch.zeros(1).double()
        )

    @cached_property
    def centers(self) -> Tensor:
        """μ_c for each seed, float64 [S, C, D]."""
        m, seeds = self.mixture, len(self.seeds)
        if m.layout == "random":
            draws = normal(generators(self.seeds, "mixture centers"), (m.components, m.dim), torch.float64)
            return draws * (m.separation / math.sqrt(2 * m.dim))
        centers = torch.zeros(m.components, m.dim, dtype=torch.float64)
        if m.layout == "simplex":
            centers.fill_diagonal_(m.separation / math.sqrt(2))
            centers -= centers.mean(dim=0)
        elif m.components > 1:
            angle = torch.arange(m.components, dtype=torch.float64) * (2 * math.pi / m.components)
            radius = m.separation / (2 * math.sin(math.pi / m.components))
            centers[:, 0], centers[:, 1] = radius * angle.cos(), radius * angle.sin()
        return centers.expand(seeds, -1, -1)

    @cached_property
    def moments(self) -> tuple[CrossViewMoments, ...]:
        """E x, Cov(x, x) = B + σ² + ν² and Cov(x, x') = B + σ² for each seed, float64."""
        shares = self.log_shares.exp()
        mean = torch.einsum("c,scd->sd", shares, self.centers)
        offset = self.centers - mean[:, None]
        between = torch.einsum("c,scd,sce->sde", shares, offset, offset)
        return population_moments(
            mean, between + torch.diag(self._variance("view")), between + torch.diag(self._variance("latent"))
        )

    def log_posterior(self, points: Tensor, *, noise: Noise = "view") -> Tensor:
        """log P(c | x), exactly: [S, ..., D] → [S, ..., C], float64.

        noise: "latent" for points u without view noise, "view" for points x_v. The posterior given
        several views of one sample is that of their mean, under view noise ν/√V.
        """
        variance = self._variance(noise)
        if not bool((variance > 0).all()):
            raise ValueError(
                "`within` and `view_noise` must leave every dimension some noise for a posterior."
            )
        points = points.to("cpu", torch.float64)
        lead = (len(self.seeds),) + (1,) * (points.ndim - 2)
        centers = (self.centers / variance.sqrt()).reshape(*lead, self.classes, self.dim)
        distance = ((points / variance.sqrt())[..., None, :] - centers).square().sum(dim=-1)
        return theory.log_softmax(self.log_shares - distance / 2)

    def draw(self, batch_size: int, *, views: int = 2) -> Batch:
        """The next `batch_size` samples of every seed's endless stream."""
        return self._sample(self._stream, batch_size, views)

    def held_out(self, size: int, *, views: int = 2) -> Batch:
        """`size` samples of a stream of their own; the same at every call."""
        return self._sample(generators(self.seeds, "mixture held-out"), size, views)

    def gallery(self, split: Split, size: int | None = None) -> Batch:
        """Latent points, that is samples without view noise, V = 1; the same at every call."""
        return self._sample(generators(self.seeds, f"mixture {split} gallery"), size or 1024, 0)

    def _sample(self, streams: Sequence[torch.Generator], size: int, views: int) -> Batch:
        labels = torch.searchsorted(self._cumulative, uniform(streams, (size,)), right=True)
        rows, first_rows = self._rows_of_centers
        centers = rows.index_select(0, (labels + first_rows).flatten()).unflatten(0, labels.shape)
        noise = normal(streams, (1 + views, size, self.dim), self.dtype)
        within, between_views = self._spreads
        points = (centers + noise[:, 0] * within)[:, None]
        if views:
            points = noise[:, 1:].mul_(between_views).add_(points)
        return Batch(views=points.to(self.device), labels=labels.to(self.device))

    @cached_property
    def _cumulative(self) -> Tensor:
        """Shares of the components up to each but the last."""
        return self.log_shares.exp().cumsum(0)[:-1]

    @cached_property
    def _rows_of_centers(self) -> tuple[Tensor, Tensor]:
        """μ_c of all seeds [S · C, D] as data are, and the row of each seed's first [S, 1]."""
        first = torch.arange(len(self.seeds))[:, None] * self.classes
        return self.centers.to(self.dtype).flatten(0, 1), first

    @cached_property
    def _spreads(self) -> tuple[Tensor, Tensor]:
        """σ and ν [D], as data are."""
        within, between_views = self.mixture.within, self.mixture.view_noise
        return self._scale(within).to(self.dtype), self._scale(between_views).to(self.dtype)

    def _variance(self, noise: Noise) -> Tensor:
        latent = self._scale(self.mixture.within) ** 2
        return latent if noise == "latent" else latent + self._scale(self.mixture.view_noise) ** 2

    def _scale(self, value: float | tuple[float, ...]) -> Tensor:
        return torch.as_tensor(value, dtype=torch.float64).expand(self.dim)
