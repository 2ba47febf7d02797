"""The Jensen gap at every temperature, between its bounds, and how loose each bound is."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.draw.shared import name_lines, note
from figures.look import PAGE

CAPTION = """
The Jensen gap J(k) = log P(k) − log G(k) of trained networks' logits against the temperature τ, and its
bounds [J1, J6]. Upper row: median over clusters and networks trained with inverse priors; the band holds 90%
of them, thin blue lines are the medians of networks trained with centering, by the batch and moving, and
projected, and of the first with a bias per cluster added. Thin grey lines are the two asymptotes of [J10],
hot ½ Var(z)/τ² (logits less their mean over clusters) and cold a constant over τ. Lower row: each bound
divided by the gap it bounds, medians.

What to see: J falls from tens of nats to 10⁻⁶, quadratically once τ passes the spread of the logits. Specht's
bound is the only one that never says less than the trivial J ≤ R; it is sharp for two-valued p only, and here
3 to 8 times too large. Hoeffding's R²/8 equals it where R < 1 and says nothing left of the dotted line, where
it passes R. The second-order value ½ Var is a third or more too large at the dotted line and within three per
cent from three times that temperature on; its certified error is smaller than the value itself only right of
the dash-dotted line.
"""

BOUNDS = {
    "hoeffding": ("Hoeffding, $R^2/8$", "C1", (0, (4, 1.5)), "s"),
    "specht": ("Specht, $\\log S(e^R)$", "C2", (0, (5, 1, 1, 1)), "^"),
    "half_variance": ("second order, ½ Var", "C3", (0, (1, 1)), "D"),
}
THRESHOLDS = {
    "hoeffding_silent_below": (":", "Hoeffding says\nnothing", "right"),
    "second_order_silent_below": ("-.", "second order\ncertified", "left"),
}
"""Vertical → its line, what holds beside it, and on which side the words stand."""


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(2, 2, figsize=(PAGE, 5.0), sharex=True, sharey="row", height_ratios=(1.5, 1))
    figure.set_layout_engine("constrained", wspace=0.06)
    for column, data in enumerate(dataset.data.values):
        everyone = dataset.sel(data=data)
        part = everyone.sel(network="inverse_prior")
        _gap(axes[0, column], part)
        _others(axes[0, column], everyone.drop_sel(network="inverse_prior"))
        _looseness(axes[1, column], part)
        axes[0, column].set_title(f"{'ab'[column]}  {data} logits: the gap and its bounds")
        axes[1, column].set_title(f"{'cd'[column]}  {data} logits: how loose each bound is")
        axes[1, column].set_xlabel("temperature $\\tau$ (units of the raw logits)")
    axes[0, 0].set_ylabel("Jensen gap (nat)")
    axes[1, 0].set_ylabel("bound / Jensen gap")
    _name(axes[0, 1], axes[1, 1], dataset.sel(network="inverse_prior"))
    return figure


def _name(gap: Axes, looseness: Axes, dataset: xr.Dataset) -> None:
    """The lines at their hot ends."""
    part = dataset.isel(data=-1)
    hot = part.isel(temperature=-1).median(("seed", "cluster"))
    ends = [(float(hot[name]), label, color) for name, (label, color, _, _) in BOUNDS.items()]
    ends += [(0.5 * float(hot.gap), "Jensen gap $J$ (thin:\nother networks)", "#0072B2")]
    name_lines(gap, ends)
    of_ratios = [(float(hot[n] / hot.gap), label, color) for n, (label, color, _, _) in BOUNDS.items()]
    of_ratios += [(0.99, "1: the gap itself", "#0072B2")]
    name_lines(looseness, of_ratios, apart=0.11)


def _others(axis: Axes, part: xr.Dataset) -> None:
    middle = part.gap.median(("seed", "cluster"))
    for i, network in enumerate(part.network.values):
        label = "$J$ of other networks" if i == 0 else None
        axis.plot(part.temperature, middle.sel(network=network), color="C0", ls="-", lw=0.5, label=label)


def _gap(axis: Axes, part: xr.Dataset) -> None:
    tau, over = part.temperature, ("seed", "cluster")
    hot, cold = float(part.hot_limit.median()), float(part.cold_limit.median())
    axis.plot(tau, hot / tau**2, color="0.6", ls="-", lw=0.6)
    axis.plot(tau, cold / tau, color="0.6", ls="-", lw=0.6)
    low, high = (part.gap.quantile(q, over) for q in (0.05, 0.95))
    axis.fill_between(tau, low, high, color="C0", alpha=0.25, lw=0)
    axis.plot(tau, part.gap.median(over), color="C0", ls="-", lw=1.6, label="Jensen gap $J$")
    for name, (label, color, style, marker) in BOUNDS.items():
        axis.plot(
            tau, part[name].median(over), color=color, ls=style, marker=marker, markevery=(2, 6), label=label
        )
    axis.plot(tau, part.range.median(over), color="0.35", ls=(0, (8, 2)), lw=0.8)
    axis.set(xscale="log", yscale="log", ylim=(1e-7, 1e4))
    last, middle = float(tau[-1]), part.range.median(over)
    note(axis, 0.9 * last, 0.6 * cold / last, "cold asymptote", ha="right", va="top", color="0.4")
    x, height = 0.15 * last, float(low.sel(temperature=0.15 * last, method="nearest"))
    note(axis, x, 0.6 * height, "$J$ on its hot asymptote", ha="right", va="top", color="#0072B2")
    x, height = 0.1 * last, float(middle.sel(temperature=0.1 * last, method="nearest"))
    note(axis, x, 1.3 * height, "trivial, $J \\leq R$", color="0.35", va="bottom")
    _thresholds(axis, part, words=True)


def _looseness(axis: Axes, part: xr.Dataset) -> None:
    for name, (_, color, style, marker) in BOUNDS.items():
        ratio = (part[name] / part.gap).median(("seed", "cluster"))
        axis.plot(part.temperature, ratio, color=color, ls=style, marker=marker, markevery=(2, 6))
    axis.axhline(1, color="C0", ls="-", lw=1)
    axis.set(yscale="log", ylim=(0.7, 60))
    axis.set_yticks([1, 3, 10, 30], ["1", "3", "10", "30"])
    axis.minorticks_off()
    _thresholds(axis, part)


def _thresholds(axis: Axes, part: xr.Dataset, *, words: bool = False) -> None:
    for name, (style, says, side) in THRESHOLDS.items():
        x = float(np.median(part[name]))
        axis.axvline(x, color="0.3", ls=style, lw=0.8)
        if words:
            place = 0.93 * x if side == "right" else 1.08 * x
            note(axis, place, 0.03, says, ha=side, transform=axis.get_xaxis_transform())
