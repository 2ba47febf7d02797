"""The data sets that studies share, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from experiments.data.digits import Digits
from experiments.data.mixtures import Mixture
from experiments.data.sources import Source

Data = Literal["mixture", "digits"]
DATA: tuple[Data, ...] = ("mixture", "digits")


def make_source(
    data: Data, seeds: Sequence[int], *, mixture: Mixture | None = None, device: str = "cpu"
) -> Source:
    """The streams of all seeds.

    data: "mixture" is `mixture`, by default that with eight components; "digits" are scikit-learn's.
    """
    kind = Digits() if data == "digits" else mixture or Mixture()
    return kind.source(seeds, device=device)
