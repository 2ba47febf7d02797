"""One look for each teacher, the same in every figure: label, colour, line and marker.

Names are those of `theory.TEACHERS`; `moving_NAME` is that teacher normalised by a moving average over
batches, in a tint of its colour. Colours are Okabe and Ito's, told apart with any colour vision; the line and
the marker tell them apart in black and white.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from matplotlib.colors import to_hex, to_rgb

from experiments.training.names import MOVING
from theory import TEACHERS

Line = str | tuple[int, tuple[float, ...]]
PAGE = 7.0
"""Width of the page, in inches."""

DRAWN: Mapping[str, tuple[str, Line, str, str]] = MappingProxyType({
    "unconstrained": ("#000000", (0, (9, 2)), "X", ""),
    "centering": ("#D55E00", "--", "s", "D"),
    "inverse_prior": ("#0072B2", "-", "o", "<"),
    "power_mean": ("#CC79A7", ":", "v", "h"),
    "cumulant": ("#56B4E9", (0, (1.5, 1)), "P", "1"),
    "batch_softmax": ("#999999", (0, (3, 1, 1, 1, 1, 1)), "*", "x"),
    "sinkhorn": ("#E69F00", (0, (4, 1)), "p", "d"),
    "projected": ("#009E73", "-.", "^", ">"),
})  # fmt: skip
"""Name → colour, line, marker, and marker where a moving average normalises."""
MOVING_LINE: Line = (0, (6, 1.5, 1, 1.5, 1, 1.5))


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one teacher is drawn."""

    label: str
    color: str
    line: Line
    marker: str

    def keywords(self, *, marker: bool = True, label: bool = False) -> dict[str, Any]:
        """For `Axes.plot` and `errorbar`: colour, line style, and marker with a white face."""
        found: dict[str, Any] = {"color": self.color, "ls": self.line}
        if marker:
            found |= {"marker": self.marker, "mfc": "white"}
        return found | ({"label": self.label} if label else {})

    def dots(self, *, filled: bool = False) -> dict[str, Any]:
        """For markers without a line."""
        face = self.color if filled else "white"
        return {"color": self.color, "ls": "none", "marker": self.marker, "mfc": face}


def _tint(color: str) -> str:
    red, green, blue = (0.55 * x + 0.45 for x in to_rgb(color))
    return to_hex((red, green, blue))


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        name: Look(label=TEACHERS[name].label, color=color, line=line, marker=marker)
        for name, (color, line, marker, _) in DRAWN.items()
    }
    | {
        MOVING + name: Look(
            label=f"{TEACHERS[name].label}, moving",
            color=_tint(color),
            line=MOVING_LINE,
            marker=marker,
        )
        for name, (color, _, _, marker) in DRAWN.items()
        if TEACHERS[name].constrained
    }
)
"""Name → look.

:meta hide-value:
"""
