"""Cold and learnt starts under centres that are too slow: a race, and what needs no centre (D7).

Table students see whole populations, so that nothing but the start is random. Each pair of momenta is run
from small random logits and from the learnt solution; what is kept is the information of the student in units
of that solution's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.engine import sweep
from experiments.studies.shared import over
from experiments.studies.tables import channel, gap, information, small_tables
from theory.dynamics import center_race, learnt_solution

CLAIMS = ("D7",)
MINUTES = 1
STARTS = ("cold", "learnt")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Clusters, temperatures, momenta and the size of a step."""

    seeds: int = 4
    clusters: int = 8
    correlation: float = 0.7
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    step_size: float = 0.1
    """α = η/(K τ_s²) per step."""
    slower: tuple[float, ...] = (2.0, 1.4, 1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05)
    """1 − m_c, in units of (1 − m_t)(τ_s/τ_t − 1)."""
    start_size: float = 1e-4
    turns: float = 60.0
    """Steps, in units of 1/(1 − m_t); and at least `shortest`."""
    shortest: int = 3000
    longest: int = 12000


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """Teachers of several momenta."""

    teacher_rates: tuple[float, ...] = (1.0, 0.3, 0.1, 0.03, 0.01)
    """1 − m_t."""
    correlations: tuple[float, ...] = (0.5, 0.7, 0.9)

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(
            seeds=1, teacher_rates=(1.0,), correlations=(0.7,), slower=(2.0, 0.25), shortest=300, turns=10.0
        )


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """One teacher on data of one correlation."""

    teacher_rate: float


def work(chunk: Chunk) -> xr.Dataset:
    """Both starts under every centre, and what the theory says of each."""
    k, tau_s, tau_t = chunk.clusters, chunk.student_temperature, chunk.teacher_temperature
    temperatures = {"student_temperature": tau_s, "teacher_temperature": tau_t}
    solution = learnt_solution(chunk.correlation, clusters=k, **temperatures)
    rates = np.minimum(np.array(chunk.slower) * chunk.teacher_rate * (tau_s / tau_t - 1), 1.0)
    cold = small_tables(chunk.seeds, k, size=chunk.start_size)
    starts = np.stack([cold, cold + solution.logit * np.eye(k)])  # [start, seed, K, K]
    w = np.broadcast_to(starts, (len(rates), *starts.shape)).copy()
    v, c = w.copy(), w.mean(axis=-2, keepdims=True)
    gamma, p = rates[:, None, None, None, None], channel(chunk.correlation, k)
    steps = int(min(max(chunk.turns / chunk.teacher_rate, chunk.shortest), chunk.longest))
    speed, late = chunk.step_size * k * tau_s, []
    for step in range(steps):
        change = speed * gap(w, v - c, p, **temperatures)
        c = c + gamma * (v.mean(axis=-2, keepdims=True) - c)
        w = w - change
        v = v + chunk.teacher_rate * (w - v)
        if step >= 0.8 * steps and step % 10 == 0:
            late.append(information(w, tau_s))
    races = [
        center_race(
            chunk.correlation,
            gain=chunk.step_size * tau_s,
            teacher_momentum=1 - chunk.teacher_rate,
            center_momentum=1 - rate,
            **temperatures,
        )
        for rate in rates
    ]
    return xr.Dataset(
        {
            "kept": (("slower", "start", "seed"), np.mean(late, axis=0) / solution.information),
            "ratio": ("slower", [race.constant / race.features for race in races]),
            "lost": ("slower", [float(race.lost) for race in races]),
        }
    )


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """All teachers and correlations."""
    dataset = over(
        work, Chunk, settings, context=context, correlation=settings.correlations,
        teacher_rate=settings.teacher_rates,
    )  # fmt: skip
    return dataset.assign_coords(
        slower=list(settings.slower), start=list(STARTS), seed=np.arange(settings.seeds)
    )
