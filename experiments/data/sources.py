"""Where the samples come from: batches of views with a leading seed axis, and their population moments.

A source serves every seed at once, each from its own generator, so that the data of one seed do not
depend on which other seeds train beside it, and every variant of a seed sees the same batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from theory.dynamics import CrossViewMoments

Split = Literal["train", "held_out"]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Views [S, V, B, D] of B samples for each of S seeds, and their true labels [S, B]."""

    views: Tensor
    labels: Tensor


class Source(Protocol):
    """What `distill.train` needs of a data set."""

    seeds: tuple[int, ...]
    dim: int
    classes: int

    @property
    def moments(self) -> tuple[CrossViewMoments, ...]:
        """The population moments of two views of one sample, for each seed.  [D2]"""

    def draw(self, batch_size: int, *, views: int = 2) -> Batch:
        """The next batch of every seed's stream."""

    def held_out(self, size: int, *, views: int = 2) -> Batch:
        """Views of samples never drawn for training; the same at every call."""

    def gallery(self, split: Split, size: int | None = None) -> Batch:
        """Samples without view noise (V = 1), for k-NN and probes; the same at every call."""


def generators(seeds: Sequence[int], purpose: str) -> list[torch.Generator]:
    """One independent generator for each (seed, purpose)."""
    streams = [np.random.SeedSequence([seed, crc32(purpose.encode())]) for seed in seeds]
    return [torch.Generator().manual_seed(int(s.generate_state(1, np.uint64)[0] >> 1)) for s in streams]


def normal(generators: Sequence[torch.Generator], shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Standard normal draws [S, *shape], slice i from generator i."""
    out = torch.empty((len(generators), *shape), dtype=dtype)
    for row, generator in zip(out, generators, strict=True):
        row.normal_(generator=generator)
    return out


def uniform(generators: Sequence[torch.Generator], shape: tuple[int, ...]) -> Tensor:
    """Uniform draws on [0, 1), float64, [S, *shape], slice i from generator i."""
    out = torch.empty((len(generators), *shape), dtype=torch.float64)
    for row, generator in zip(out, generators, strict=True):
        row.uniform_(generator=generator)
    return out


def population_moments(mean: Tensor, view: Tensor, cross: Tensor) -> tuple[CrossViewMoments, ...]:
    """Moments of views known exactly, from E x [S, D], Cov(x, x) and Cov(x, x') [S, D, D]."""
    return tuple(
        CrossViewMoments(
            mass=1.0,
            views=2,
            directed=False,
            student_mean=m.numpy(),
            teacher_mean=m.numpy(),
            covariance=v.numpy(),
            cross_covariance=c.numpy(),
        )
        for m, v, c in zip(mean, view, cross, strict=True)
    )
