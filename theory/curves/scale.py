"""What a logged number is of one cross-entropy: its mean over pairs of views, their sum, or a part of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from theory.checks import check_count, check_number
from theory.systems import SYSTEMS

__all__: list[str] = []

KINDS = ("mean", "sum of pairs", "part")
LOGGED_AS_MEAN = frozenset({"dino", "swav", "sela"})
"""Systems whose code logs the mean over pairs and nothing beside it."""
PARTS: Mapping[str, float] = {
    "dino_local_crops_loss": 16 / 18,
    "dino_global_crops_loss": 2 / 18,
    "ibot_loss": 1.0,
    "train_cls": 1.0,
    "train_patch": 1.0,
}
"""Column → its share of one cross-entropy: in DINOv2's logs with 2 global and 8 local crops, 18 pairs of
which 2 are global, and in iBOT's."""
MULTIPLES = ((2.0, "2"), (0.5, "1/2"), (16 / 18, "16/18"), (2 / 18, "2/18"), (1 / math.log(2), "1/log 2 ="))
"""Of log K at which a loss may rest that is a sum, a mean with something else, a part, or in bits."""


def share_of(loss_is: str | None, *, pairs: int | None = None, scale: float | None = None) -> float | None:
    """By what the logged number is to be divided to be the mean of one cross-entropy; None if nobody said."""
    if loss_is not in (None, *KINDS):
        raise ValueError(f"`loss_is` must be one of {', '.join(KINDS)}, got {loss_is!r}.")
    for name, value, owner in (("pairs", pairs, "sum of pairs"), ("scale", scale, "part")):
        if (value is not None) != (loss_is == owner):
            raise ValueError(
                f"`{name}` must be given where `loss_is` is {owner!r}, and only there, got {value}."
            )
    if pairs is not None:
        return float(check_count("pairs", pairs))
    if scale is not None:
        return check_number("scale", scale, low=0.0, open_low=True)
    return None if loss_is is None else 1.0


def other_clusters(clusters: int) -> Iterator[int]:
    """Numbers of clusters that heads usually have, but for this."""
    usual = {2**power for power in range(6, 19)} | {system.clusters for system in SYSTEMS.values()}
    yield from sorted(usual - {clusters})
