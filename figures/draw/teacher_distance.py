"""Distances between the teachers in total variation, measured and certified."""

from dataclasses import replace

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from figures.look import LOOKS, PAGE, Line, Look

CAPTION = """
Total variation between constrained teachers of trained networks' logits against the temperature τ, the
largest over held-out samples, median over networks with their range as a band. a, d: centred against
inverse-prior teacher, with the certificate tanh(osc(J)/4) of [J7]. b, e: distance from the projected teacher
of the centred one and of 1 (inverse prior), 2, 3 and 10 Sinkhorn rounds. c, f: the same for 1, 3 and 10
rounds (lines), with the certificate of [T5] (thin, markers). Triangles on top mark the temperature at and
below which the certificate is 0.99 or more and says nothing. The shaded strip holds the teacher temperatures
in use, 0.04 to 0.07.

What to see: hot, the centred teacher is off by τ⁻², the inverse-prior one by τ⁻³ and t rounds by τ^−(2t+1)
[J10]. J7 is never more than 2.6 times the measured distance and keeps saying something wherever teachers
differ by less than everything. T5 loses a factor that grows like sinh²(Δ/4), Δ ∝ 1/τ, and at the temperatures
in use it says nothing even after ten rounds.
"""

BOTH = "centering, inverse_prior"
PAIRS = ("centering", "sinkhorn 1", "sinkhorn 2", "sinkhorn 3", "sinkhorn 10")
CERTIFIED = ("sinkhorn 1", "sinkhorn 3", "sinkhorn 10")
ROUNDS: dict[str, tuple[float, Line]] = {"2": (1.0, ":"), "3": (0.75, "-."), "10": (0.5, (0, (8, 1.5)))}
"""Number of rounds → share of the brightness of Sinkhorn's colour, and line."""
FLOOR = {"tv": 1e-9, "kl": 1e-15}
NAMES = {"tv": "total variation", "kl": "KL divergence (nat)"}


def look_of(pair: str) -> Look:
    """That of the pair's first teacher; Sinkhorn is the inverse prior after one round, then ever darker."""
    name, _, rounds = pair.partition(",")[0].partition(" ")
    if not rounds:
        return LOOKS[name]
    if rounds == "1":
        return LOOKS["inverse_prior"]
    brightness, line = ROUNDS[rounds]
    red, green, blue = (brightness * x for x in to_rgb(LOOKS[name].color))
    return replace(LOOKS[name], label=f"{rounds} rounds", color=to_hex((red, green, blue)), line=line)


def draw(dataset: xr.Dataset) -> Figure:
    return draw_measure(dataset, "tv")


def draw_measure(dataset: xr.Dataset, measure: str) -> Figure:
    """Rows: data; columns: centering against the inverse prior, all against projected, with certificates."""
    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.4), sharex=True, sharey=True)
    for row, data in enumerate(dataset.data.values):
        part = dataset.sel(data=data)
        _line(axes[row, 0], part, BOTH, measure, label="measured")
        _bound(axes[row, 0], part, BOTH, measure, label="certified, J7")
        for pair in PAIRS:
            _line(axes[row, 1], part, pair, measure, label=look_of(pair).label)
        for pair in CERTIFIED:
            _line(axes[row, 2], part, pair, measure, label=look_of(pair).label)
            _bound(axes[row, 2], part, pair, measure, label="certified, T5" if pair == CERTIFIED[0] else "")
        for column, what in enumerate(
            ("centering – inverse prior", "to the projected one", "to the projected one")
        ):
            axes[row, column].set_title(f"{'abcdef'[3 * row + column]}  {data}, {what}")
            axes[row, column].axvspan(0.04, 0.07, color="0.88", lw=0, zorder=-1)
        axes[row, 0].set_ylabel(NAMES[measure])
    coldest, hottest = (float(dataset.temperature[i]) for i in (0, -1))
    top = 8 if measure == "tv" else 1e3
    # a certificate that always says something has its mark at 0, where a logarithmic axis has no place
    axes[0, 0].set(
        xscale="log", yscale="log", xlim=(coldest / 1.2, hottest * 1.2), ylim=(FLOOR[measure], top)
    )
    for column in range(3):
        axes[0, column].legend(loc="upper right", borderaxespad=0.8)
        axes[1, column].set_xlabel("temperature $\\tau$ (raw logits)")
    return figure


def _line(axis: Axes, part: xr.Dataset, pair: str, measure: str, *, label: str) -> None:
    look, value = look_of(pair), part[f"{measure}_max"].sel(pair=pair)
    low, middle, high = (value.quantile(q, "seed") for q in (0, 0.5, 1))
    shown = middle > FLOOR[measure]
    axis.fill_between(
        part.temperature, low.where(shown), high.where(shown), color=look.color, alpha=0.2, lw=0
    )
    axis.plot(part.temperature, middle.where(shown), label=label, **look.keywords(marker=False))


def _bound(axis: Axes, part: xr.Dataset, pair: str, measure: str, *, label: str) -> None:
    thin = look_of(pair).keywords() | {"ls": "-", "lw": 0.5, "ms": 2.6}
    edge = float(part.vacuous_below.sel(pair=pair).median())
    value = part[f"{measure}_bound"].sel(pair=pair).median("seed")
    value = value.where(part.temperature > edge)
    axis.plot(part.temperature, value, label=label, **thin)
    axis.plot(edge, 0.97, "v", color=thin["color"], ms=4, transform=axis.get_xaxis_transform())
