"""Random walks: small enough for the tests of the engine.

It is an experiment and a figure at once, found by the registry in the package `tests` as the real ones are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import xarray as xr

from experiments.engine import sweep

CLAIMS = ("O4", "J5")
MINUTES = 0.05
CAPTION = """Random walks. They do not depend on anything, as [O4] does not say."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is walked."""

    seeds: int = 4
    """Independent walks."""
    steps: int = 64
    """Steps of each walk."""
    scales: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Step lengths; one chunk each."""
    law: Literal["normal", "uniform"] = "normal"
    """Law of a step."""
    pause: float = 0.0
    """Seconds that each chunk sleeps."""
    diary: str = ""
    """File that each chunk adds a line to, to count the work done."""
    device: str = "cpu"
    """Torch device."""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"`seeds` must be at least 1, got {self.seeds}.")

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=2, steps=8)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One step length, with what its walks depend on."""

    scale: float
    seeds: int
    steps: int
    law: str
    pause: float
    diary: str


def chunks(settings: Settings) -> list[Chunk]:
    """One for each step length."""
    names = [field.name for field in fields(Chunk) if field.name != "scale"]
    common = {name: getattr(settings, name) for name in names}
    return [Chunk(scale=scale, **common) for scale in settings.scales]


def work(chunk: Chunk) -> xr.Dataset:
    """The walks of one step length."""
    import torch  # here, so that drawing alone need not wait for it

    if chunk.diary:
        with open(chunk.diary, "a") as diary:
            diary.write(f"{chunk.scale}\n")
    time.sleep(chunk.pause)
    walks = []
    for seed in range(chunk.seeds):
        generator = torch.Generator().manual_seed(seed)
        steps = getattr(torch, {"normal": "randn", "uniform": "rand"}[chunk.law])
        walks.append((chunk.scale * steps(chunk.steps, generator=generator)).cumsum(0).numpy())
    walk = np.stack(walks)
    return xr.Dataset(
        {
            "walk": (("seed", "step"), walk, {"long_name": "position"}),
            "up": (("seed",), walk[:, -1] > 0),
            "threads": torch.get_num_threads(),
        },
        coords={
            "seed": np.arange(chunk.seeds),
            "side": (("seed",), ["left", "right"] * (chunk.seeds // 2)),
        },
    )


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """The walks of all step lengths."""
    parts = sweep.sweep(work, chunks(settings), context=context)
    return xr.concat(parts, dim=xr.Variable("scale", list(settings.scales)))


def draw(dataset: xr.Dataset) -> Any:
    """The first walk of each step length."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.0, 1.5), layout="none")
    axes = figure.add_subplot(xlabel="step", ylabel=r"position $\lambda$", xticks=(0, 5), yticks=(0,))
    for scale in dataset.scale.values:
        axes.plot(dataset.walk.sel(scale=scale, seed=0), label=f"scale {scale}")
    axes.legend()
    return figure
