"""Distances between the teachers in total variation, measured and certified."""

from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.draw.shared import note
from figures.look import LOOKS, PAGE, Line, Look

CAPTION = """
Total variation between constrained teachers of trained networks' logits against the temperature τ. a, d:
the largest over held-out samples, of networks trained with inverse priors, median over networks with their
range as a band: centred against inverse-prior teacher, with the certificate tanh(osc(J)/4) of [J7]. b, e:
the same for the distance from the projected teacher of the centred one and of 1 (inverse prior), 3 and 10
Sinkhorn rounds, with the certificate of [T5] (thin, markers). Triangles on top mark the temperature at and
below which a certificate is 0.99 or more and says nothing. c, f: the mean over samples from the projected
teacher, at the temperatures in use, of the centred (broken) and the inverse-prior teacher, for networks
trained with four teachers, and for the first with a bias per cluster from 0 to 2 added: centering and the
projection ignore it.

What to see: how far one normalisation by inverse priors is from the projected teacher hangs on what trained
the network, how far centering is does not. At τ = 0.04 centering is off by 0.34 to 0.45 in all of them.
Inverse priors are off by 0.04 and 0.07 in networks trained with the projected teacher, 0.15 and 0.16 with
themselves, 0.21 to 0.28 with centering, and by as much as centering where the clusters have biases. Hot,
the centred teacher is off by τ⁻², the inverse-prior one by τ⁻³ and t rounds by τ^−(2t+1) [J10]. J7 keeps
saying something wherever teachers differ by less than everything; T5 loses a factor that grows like
sinh²(Δ/4), Δ ∝ 1/τ, and says next to nothing at the temperatures in use even after ten rounds.
"""

STYLES = {name: LOOKS[name].line for name in ("centering", "inverse_prior")}
"""The two teachers whose mean distance is shown, whatever the network was trained with."""
BOTH = "centering, inverse_prior"
PAIRS = ("centering", "sinkhorn 1", "sinkhorn 3", "sinkhorn 10")
CERTIFIED = ("sinkhorn 1", "sinkhorn 3", "sinkhorn 10")
ROUNDS: dict[str, tuple[float, Line]] = {"3": (0.75, "-."), "10": (0.5, (0, (8, 1.5)))}
"""Number of rounds → share of the brightness of Sinkhorn's colour, and line."""
FLOOR = {"tv": 1e-9, "kl": 1e-15}
NAMES = {"tv": "TV over samples", "kl": "KL over samples (nat)"}


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
    """Rows: data; columns: centering against the inverse prior, all against projected, by what trained."""
    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 5.0))
    for row, data in enumerate(dataset.data.values):
        part = dataset.sel(data=data, network="inverse_prior")
        _line(axes[row, 0], part, BOTH, measure, label="measured")
        _bound(axes[row, 0], part, BOTH, measure)
        for pair in PAIRS:
            _line(axes[row, 1], part, pair, measure, label=look_of(pair).label)
        for pair in CERTIFIED:
            _bound(axes[row, 1], part, pair, measure)
        for column in range(2):
            _logarithmic(axes[row, column], dataset.temperature, measure)
        _by_network(axes[row, 2], dataset.sel(data=data), measure)
        letters = "abcdef"[3 * row : 3 * row + 3]
        axes[row, 0].set_title(f"{letters[0]}  {data}: centering\nto inverse prior")
        axes[row, 1].set_title(f"{letters[1]}  {data}: each\nto the projected")
        axes[row, 2].set_title(f"{letters[2]}  {data}: to the projected,\nby what trained the network")
        for column, which in enumerate(("largest", "largest", "mean")):
            axes[row, column].set_ylabel(f"{which} {NAMES[measure]}")
    for column in range(3):
        if column < 2:
            for axis in axes[:, column]:
                axis.legend(loc="upper right", fontsize=6.5, labelspacing=0.2, borderaxespad=0.6)
        axes[1, column].set_xlabel("temperature $\\tau$ (raw logits)")
    plain: dict[str, Any] = {"color": "0.2", "mfc": "white"}
    words = "certified (thin, colour and marker of the teacher), J7 in a, d and T5 in b, e"
    thin = Line2D([], [], ls="-", lw=0.5, marker="o", ms=2.6, label=words, **plain)
    silent = Line2D([], [], ls="", marker="v", ms=4, color="0.2", label="certificate silent left of it")
    figure.legend(handles=[thin, silent], loc="outside lower center", ncols=2)
    return figure


def _logarithmic(axis: Axes, temperature: xr.DataArray, measure: str) -> None:
    coldest, hottest = (float(temperature[i]) for i in (0, -1))
    # a certificate that always says something has its mark at 0, where a logarithmic axis has no place
    axis.set(xscale="log", yscale="log", xlim=(coldest / 1.2, hottest * 1.2))
    axis.set_ylim(FLOOR[measure], 3e3 if measure == "tv" else 1e6)
    if measure == "tv":
        axis.set_yticks([1e-8, 1e-6, 1e-4, 1e-2, 1])  # there is no more; what is above holds the legend
    axis.axvspan(0.04, 0.07, color="0.88", lw=0, zorder=-1)
    note(
        axis,
        0.053,
        0.02,
        "in use",
        transform=axis.get_xaxis_transform(),
        rotation=90,
        ha="center",
        va="bottom",
    )


def _by_network(axis: Axes, part: xr.Dataset, measure: str) -> None:
    """Mean distance from the projected teacher, linear, each line named at its cold end."""
    near = part.sel(temperature=slice(0.029, 0.11))
    for pair, style in zip(("centering", "sinkhorn 1"), STYLES.values(), strict=True):
        for network in part.network.values:
            value = near[measure].sel(pair=pair, network=network)
            color = "0.35" if network == "biased" else LOOKS[network].color
            axis.plot(near.temperature, value.median("seed"), color=color, ls=style, lw=1.1)
    for network in part.network.values:
        color = "0.35" if network == "biased" else LOOKS[network].color
        label = "inverse prior, biased" if network == "biased" else LOOKS[network].label
        axis.plot([], [], color=color, ls="-", lw=3, label=f"with {label}")
    highest = float(near[measure].sel(pair=["centering", "sinkhorn 1"]).median("seed").max())
    axis.set(xlim=(0.03, 0.1), ylim=(0, 1.35 * highest))
    small: dict[str, Any] = {"fontsize": 6, "title_fontsize": 6, "labelspacing": 0.2}
    trained = axis.legend(loc="upper right", title="network trained", handlelength=1.2, **small)
    axis.add_artist(trained)
    teachers = [
        Line2D([], [], color="0.2", ls=style, lw=1.1, label=LOOKS[name].label)
        for name, style in STYLES.items()
    ]
    axis.legend(handles=teachers, loc="upper left", title="teacher", handlelength=1.8, **small)


def _line(axis: Axes, part: xr.Dataset, pair: str, measure: str, *, label: str) -> None:
    look, value = look_of(pair), part[f"{measure}_max"].sel(pair=pair)
    low, middle, high = (value.quantile(q, "seed") for q in (0, 0.5, 1))
    shown = middle > FLOOR[measure]
    axis.fill_between(
        part.temperature, low.where(shown), high.where(shown), color=look.color, alpha=0.2, lw=0
    )
    axis.plot(part.temperature, middle.where(shown), label=label, **look.keywords(marker=False))


def _bound(axis: Axes, part: xr.Dataset, pair: str, measure: str) -> None:
    thin = look_of(pair).keywords() | {"ls": "-", "lw": 0.5, "ms": 2.6}
    edge = float(part.vacuous_below.sel(pair=pair).median())
    value = part[f"{measure}_bound"].sel(pair=pair).median("seed")
    value = value.where(part.temperature > edge)
    axis.plot(part.temperature, value, **thin)
    axis.plot(edge, 0.97, "v", color=thin["color"], ms=4, transform=axis.get_xaxis_transform())
