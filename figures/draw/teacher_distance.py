"""Distances between the teachers in total variation, measured and certified."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.save import PAGE

CAPTION = """
Total variation between constrained teachers of trained networks' logits against the temperature τ, the
largest over held-out samples, median over networks with their range as a band. a, d: centred against
inverse-prior teacher, with the certificate tanh(osc(J)/4) of [J7]. b, e: distance from the exact teacher of
the centred one and of 1 (inverse prior), 2, 3 and 10 Sinkhorn rounds. c, f: the same for 1, 3 and 10 rounds
(lines), with the certificate of [T5] (thin, markers). Triangles on top mark the temperature at and below
which the certificate is 0.99 or more and says nothing. The shaded strip holds the teacher temperatures in
use, 0.04 to 0.07.

What to see: hot, the centred teacher is off by τ⁻², the inverse-prior one by τ⁻³ and t rounds by τ^−(2t+1)
[J10]. J7 is never more than 2.6 times the measured distance and keeps saying something wherever teachers
differ by less than everything. T5 loses a factor that grows like sinh²(Δ/4), Δ ∝ 1/τ, and at the
temperatures in use it says nothing even after ten rounds.
"""

ROUNDS = {
    "centred": ("centred", "C1", "--", "s"),
    "sinkhorn 1": ("inverse prior", "C0", "-", "o"),
    "sinkhorn 2": ("2 rounds", "C3", ":", "v"),
    "sinkhorn 3": ("3 rounds", "C2", "-.", "^"),
    "sinkhorn 10": ("10 rounds", "C6", (0, (8, 1.5)), "D"),
}
FLOOR = {"tv": 1e-9, "kl": 1e-15}
NAMES = {"tv": "total variation", "kl": "KL divergence (nat)"}


def draw(dataset: xr.Dataset) -> Figure:
    return draw_measure(dataset, "tv")


def draw_measure(dataset: xr.Dataset, measure: str) -> Figure:
    """Rows: data; columns: centred against inverse prior, all against exact, with certificates."""
    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.4), sharex=True, sharey=True)
    for row, data in enumerate(dataset.data.values):
        part = dataset.sel(data=data)
        _line(axes[row, 0], part, "centred, inverse", measure, color="C1", style="--", label="measured")
        _bound(axes[row, 0], part, "centred, inverse", measure, color="C1", marker="s", label="certified, J7")
        for pair, (label, color, style, _) in ROUNDS.items():
            _line(axes[row, 1], part, pair, measure, color=color, style=style, label=label)
        for pair in ("sinkhorn 1", "sinkhorn 3", "sinkhorn 10"):
            label, color, style, marker = ROUNDS[pair]
            _line(axes[row, 2], part, pair, measure, color=color, style=style, label=label)
            _bound(
                axes[row, 2],
                part,
                pair,
                measure,
                color=color,
                marker=marker,
                label="certified, T5" if pair == "sinkhorn 1" else "",
            )
        for column, what in enumerate(
            ("centred – inverse prior", "to the exact teacher", "to the exact teacher")
        ):
            axes[row, column].set_title(f"{'abcdef'[3 * row + column]}  {data}, {what}")
            axes[row, column].axvspan(0.04, 0.07, color="0.88", lw=0, zorder=-1)
        axes[row, 0].set_ylabel(NAMES[measure])
    top = 8 if measure == "tv" else 1e3
    axes[0, 0].set(xscale="log", yscale="log", ylim=(FLOOR[measure], top))
    for column in range(3):
        axes[0, column].legend(loc="upper right", borderaxespad=0.8)
        axes[1, column].set_xlabel("temperature $\\tau$ (raw logits)")
    return figure


def _line(
    axis: Axes, part: xr.Dataset, pair: str, measure: str, *, color: str, style: object, label: str
) -> None:
    value = part[f"{measure}_max"].sel(pair=pair)
    low, middle, high = (value.quantile(q, "seed") for q in (0, 0.5, 1))
    shown = middle > FLOOR[measure]
    axis.fill_between(part.temperature, low.where(shown), high.where(shown), color=color, alpha=0.2, lw=0)
    axis.plot(part.temperature, middle.where(shown), color=color, ls=style, label=label)


def _bound(
    axis: Axes, part: xr.Dataset, pair: str, measure: str, *, color: str, marker: str, label: str
) -> None:
    edge = float(part.vacuous_below.sel(pair=pair).median())
    value = part[f"{measure}_bound"].sel(pair=pair).median("seed")
    value = value.where(part.temperature > edge)
    axis.plot(
        part.temperature, value, color=color, ls="-", lw=0.5, marker=marker, ms=2.6, mfc="white", label=label
    )
    axis.plot(edge, 0.97, "v", color=color, ms=4, transform=axis.get_xaxis_transform())
