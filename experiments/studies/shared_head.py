"""Two losses on one head: how much of the gradient the held one needs (D8).

Two kinds of token, as [CLS] and patches, each with a table of its own and either one bias for both or a bias
for each. The first kind's teacher is centred by a fast moving average, the second's by nothing at all. A bias
alone shows the threshold; with tables worth learning the race of D7 goes on beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.engine import sweep
from experiments.studies.shared import over
from experiments.studies.tables import channel, gap, information, prior_entropy, small_tables
from theory.dynamics import held_share

CLAIMS = ("D8",)
MINUTES = 1
HEADS = ("shared", "untied")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Clusters, temperatures, momenta, shares."""

    seeds: int = 4
    clusters: int = 8
    correlation: float = 0.8
    student_temperature: float = 0.1
    step_size: float = 0.1
    """α = η/(K τ_s²) per step, of both losses together."""
    teacher_rate: float = 0.05
    """1 − m_t."""
    center_rate: float = 0.3
    """1 − m of the first loss's centre."""
    shares: tuple[float, ...] = (0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9)
    """s, of the loss that is held."""
    start_size: float = 1e-3
    steps: int = 5000

    def __post_init__(self) -> None:
        if not all(0 <= s <= 1 for s in self.shares):
            raise ValueError(f"`shares` must be in [0, 1], got {self.shares}.")


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """Temperatures before and after iBOT's warm-up."""

    teacher_temperatures: tuple[float, ...] = (0.04, 0.07)

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=1, shares=(0.1, 0.9), steps=300)


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """One temperature of the teachers, a bias alone or tables worth learning."""

    teacher_temperature: float
    features: bool


def work(chunk: Chunk) -> xr.Dataset:
    """The second kind's prior entropy and information at the end, for every share and both heads."""
    entropy, kept = two_losses(chunk)
    scale = np.log(chunk.clusters)
    dims = ("head", "share", "seed")
    return xr.Dataset(
        {
            "prior_entropy": (dims, entropy / scale),
            "information": (dims, kept / scale),
            "held_share": held_share(
                student_temperature=chunk.student_temperature, teacher_temperature=chunk.teacher_temperature
            ),
        }
    )


def two_losses(chunk: Chunk, *, center_second: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Prior entropy and information [head, share, seed] of the second kind, in nats; late means.

    center_second: both kinds have the first one's centre, for comparison.
    """
    k, tau_s, tau_t = chunk.clusters, chunk.student_temperature, chunk.teacher_temperature
    p = channel(chunk.correlation, k)
    share = np.array(chunk.shares)[:, None, None, None]
    weigh = np.stack([share, 1 - share])[:, None]  # of each kind
    shared = np.array([True, False])[:, None, None, None, None]  # of each head
    shape = (2, 2, len(chunk.shares), chunk.seeds)  # kind, head, share, seed
    start = small_tables(2 * chunk.seeds, k, size=chunk.start_size * chunk.features)
    w = np.broadcast_to(start.reshape(2, 1, 1, chunk.seeds, k, k), (*shape, k, k)).copy()
    first = small_tables(chunk.seeds, k, size=chunk.start_size)[:, :1]
    b = np.broadcast_to(first - first.mean(axis=-1, keepdims=True), (*shape, 1, k)).copy()
    v, d, c = w.copy(), b.copy(), np.zeros_like(b)
    speed, late = chunk.step_size * k * tau_s, []
    for step in range(chunk.steps):
        change = weigh * gap(w + b, v + d - c, p, student_temperature=tau_s, teacher_temperature=tau_t)
        mean = (v + d).mean(axis=-2, keepdims=True)
        c[0] += chunk.center_rate * (mean[0] - c[0])
        if center_second:
            c[1] += chunk.center_rate * (mean[1] - c[1])
        of_bias = change.mean(axis=-2, keepdims=True)
        both = of_bias.sum(axis=0)
        b = b - speed * np.where(shared, both, of_bias / np.maximum(weigh, 1e-9))
        if chunk.features:
            w = w - speed * (change - of_bias) / np.maximum(weigh, 1e-9)
        v, d = v + chunk.teacher_rate * (w - v), d + chunk.teacher_rate * (b - d)
        if step >= 0.8 * chunk.steps and step % 20 == 0:
            late.append((prior_entropy(w[1] + b[1], tau_s), information(w[1] + b[1], tau_s)))
    entropy, kept = np.mean(late, axis=0)
    return entropy, kept


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Both temperatures, with and without features; in units of log K."""
    dataset = over(
        work, Chunk, settings, context=context, features=(False, True),
        teacher_temperature=settings.teacher_temperatures,
    )  # fmt: skip
    return dataset.assign_coords(
        head=list(HEADS), share=list(settings.shares), seed=np.arange(settings.seeds)
    )
