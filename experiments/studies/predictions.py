"""The registered predictions of `predictions/`, measured: what was said before, and what came (C1, D1 to D8).

Files were committed before this ran; `judge` compares the bounds in them with the runs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from experiments.engine import sweep
from experiments.studies.measures import MEASURES
from experiments.studies.shared import only

CLAIMS = ("D1", "D3", "D4", "D6", "D7", "D8", "D9", "J7", "C1")
MINUTES = 8
FILES = Path(__file__).parents[2] / "predictions"


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Runs of each prediction, as its file says unless this is the small variant."""

    seeds: int = 8
    scale: float = 1.0
    """Of the number of steps."""


@dataclass(frozen=True, kw_only=True)
class Settings(Setup):
    """All predictions."""

    names: tuple[str, ...] = tuple(sorted(MEASURES))

    @classmethod
    def quick(cls) -> Settings:
        """The small variant: it runs the code and tests no prediction."""
        return cls(seeds=1, scale=0.02, names=("adaptive_line", "between", "heads"))


@dataclass(frozen=True, kw_only=True)
class Chunk(Setup):
    """One prediction."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One bound of a prediction, beside what came; None where there is none on that side."""

    measure: str
    of: str
    at_least: float | None
    at_most: float | None
    values: Sequence[float]

    @property
    def holds(self) -> bool:
        """Whether every run, or the mean of all, lies within."""
        said = np.array([np.mean(self.values)] if self.of == "mean" else self.values)
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        return bool(((low <= said) & (said <= high)).all())


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a file says, with the runs in its bounds."""

    name: str
    claim: str
    title: str
    bounds: tuple[Bound, ...]

    @property
    def hit(self) -> bool:
        """All bounds hold."""
        return all(bound.holds for bound in self.bounds)


def work(chunk: Chunk) -> xr.Dataset:
    """The measures of one prediction, each with as many runs as it has."""
    found = MEASURES[chunk.name](chunk.seeds, chunk.scale)
    return xr.Dataset({name: (f"run of {name}", np.asarray(values)) for name, values in found.items()})


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """All measures."""
    chunks = [only(Chunk, settings, name=name) for name in settings.names]
    return xr.merge(sweep.sweep(work, chunks, context=context), combine_attrs="drop")


def judge(dataset: xr.Dataset) -> list[Prediction]:
    """Every prediction whose measures are there, misses first."""
    found = []
    for path in sorted(FILES.glob("*.toml")):
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        if not all(test["measure"] in dataset for test in said["test"]):
            continue
        bounds = tuple(
            Bound(
                measure=test["measure"],
                of=test["of"],
                at_least=test.get("at_least"),
                at_most=test.get("at_most"),
                values=dataset[test["measure"]].to_numpy().tolist(),
            )
            for test in said["test"]
        )
        found.append(Prediction(name=path.stem, claim=said["claim"], title=said["title"], bounds=bounds))
    return sorted(found, key=lambda one: (one.hit, one.name))
