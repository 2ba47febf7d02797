"""Under Adam the line has no gain in it, and the learning rate sets the height of the turns alone."""

from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.engine.store import settings_of
from figures.draw.shared import note
from figures.look import PAGE

CAPTION = """
One bias of two clusters under a centre of momentum m_c, DINO's teacher (m_t = 0.996) and temperatures (0.1,
0.04), all softmaxes in full [D6]. (a) The largest bias in the last two fifths of 40,000 steps over the
learning rate, for Adam at four rates (circle 1e-5, square 1e-4, diamond 5e-4, triangle 2e-3) and for plain
descent at the same; what is below 10⁻² stands at 10⁻²; black: the turns that the theory gives; vertical: the
line of the fastest student, 0.99398. (b) Adam's largest bias in units of τ_s against the learning rate, for
the centres that DINO published (0.9, 0.99 live, 0.999 dies) and one between; black: predicted; above the grey
line a cluster's share changes e-fold in every turn. DINO's base rate is marked. (c) As (a) for eight clusters
and AdamW (weight decay 0.04).

What to see: whatever the learning rate, Adam is quiet to the left of one line and turns to the right of it.
In units of the learning rate heights are one curve as long as they are below some τ_s; there the softmax
saturates, the gradient falls faster than Adam's second moment forgets, and turns stop at some τ_s, which is
enough to lose a run. Plain descent lives beyond the line where its rate is small. At DINO's learning rate
the turns of 0.999 pass τ_s: no free number is left.
"""

MARKERS = "osD^"
"""One for each learning rate."""
CENTERS = ("+", "x", "v", "*")
"""One for each centre."""
FLOOR = 1e-2
"""Heights over η that stand for all below them."""


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(1, 3, figsize=(PAGE, 2.7))
    _line(axes[0], dataset, optimizer="Adam", clusters=2)
    axes[0].set_title("a  two clusters: quiet left of\nthe line, turns right of it")
    keys = [
        Line2D([], [], ls="", marker=MARKERS[i % 4], ms=3, mfc="none", color="0.2", label=_power(eta))
        for i, eta in enumerate(dataset.learning_rate.values)
    ]
    axes[0].legend(
        handles=keys, title="learning rate $\\eta$", ncols=2, fontsize=6.5, title_fontsize=6.5,
        loc="center left", bbox_to_anchor=(0.02, 0.56), handlelength=0.8, columnspacing=0.8,
    )  # fmt: skip
    _heights(axes[1], dataset)
    axes[1].set_title("b  Adam: heights grow with $\\eta$\nup to some $\\tau_s$")
    last = {"optimizer": dataset.optimizer.values[-2 if dataset.sizes["optimizer"] > 1 else 0]}
    _line(axes[2], dataset, optimizer=str(last["optimizer"]), clusters=int(dataset.clusters.values[-1]))
    axes[2].set_title(f"c  {int(dataset.clusters.values[-1])} clusters, {last['optimizer']}:\nthe same line")
    return figure


def _power(x: float) -> str:
    """5e-4 as 5·10⁻⁴."""
    digits, exponent = f"{x:.0e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if digits == "1" else rf"${digits} \cdot {power}$"


def _line(axis: Axes, dataset: xr.Dataset, *, optimizer: str, clusters: int) -> None:
    """Height over η against the centre's rate."""
    rate = 1 - dataset.center_momentum.to_numpy()
    for name, color in ((optimizer, "C0"), ("SGD", "C1")):
        if name not in dataset.optimizer.values:
            continue
        size = dataset["size"].sel(optimizer=name, clusters=clusters) / dataset.learning_rate
        for i, eta in enumerate(dataset.learning_rate.values):
            runs = size.sel(learning_rate=eta).transpose("center_momentum", "seed").to_numpy()
            x = np.repeat(rate, runs.shape[1]) * (1 + 0.03 * (i - 1.5))
            axis.plot(
                x,
                np.maximum(runs.ravel(), FLOOR),
                ls="",
                marker=MARKERS[i % 4],
                ms=2.6,
                mfc="none",
                color=color,
            )
    predicted = dataset.predicted_size.to_numpy()
    there = predicted > 0
    axis.plot(rate[there], predicted[there], color="k", ls="-", lw=1)
    axis.axvline(1 - float(dataset.line), color="0.4", ls="--", lw=0.8)
    axis.set(xscale="log", yscale="log", xlabel=r"$1 - m_c$", ylabel=r"largest bias $/\,\eta$")
    axis.set(ylim=(0.5 * FLOOR, 2e4))
    decades = range(round(np.log10(FLOOR)), 5)
    labels = [f"$10^{{{power}}}$" for power in decades]
    labels[0] = rf"$\leq {labels[0].strip('$')}$"
    axis.set_yticks([10.0**power for power in decades], labels)
    axis.invert_xaxis()
    axis.annotate("the line", (1 - float(dataset.line), 2), rotation=90, fontsize=6, color="0.4", ha="right")
    note(axis, 0.99, 0.97, "predicted height", ha="right", va="top", color="k", transform=axis.transAxes)
    axis.annotate(optimizer, (0.05, 0.9), xycoords="axes fraction", color="C0", fontsize=7)
    if "SGD" in dataset.optimizer.values:
        axis.annotate("plain descent", (0.05, 0.8), xycoords="axes fraction", color="C1", fontsize=7)


def _heights(axis: Axes, dataset: xr.Dataset) -> None:
    """Height over τ_s against η."""
    tau, eta = settings_of(dataset)["student_temperature"], dataset.learning_rate.to_numpy()
    shown = [m for m in (0.9, 0.99, 0.996, 0.999) if m in dataset.center_momentum.values]
    for i, m in enumerate(shown or dataset.center_momentum.values.tolist()):
        at = dataset.sel(center_momentum=m, optimizer="Adam", clusters=2)
        runs = at["size"].transpose("learning_rate", "seed").to_numpy() / tau
        axis.plot(
            np.repeat(eta, runs.shape[1]), runs.ravel(), ls="", marker=CENTERS[i % 4], ms=3.6, mfc="none",
            color=f"C{i}",
        )  # fmt: skip
        side: Literal["bottom", "top"] = "bottom" if i % 2 else "top"  # neighbours of one height
        axis.annotate(
            f"$m_c$ = {m:g}", (eta[-1] * 1.3, runs[-1].mean()), fontsize=6.5, color=f"C{i}", va=side
        )
        if float(at.predicted_size) > 0:
            predicted = float(at.predicted_size) * eta / tau
            axis.plot(eta, predicted, color="k", ls="-", lw=0.8)
    axis.axhline(1, color="0.6", lw=0.8)
    axis.axvline(5e-4, color="0.4", ls=":", lw=0.8)
    across: dict[str, Any] = {"transform": axis.get_xaxis_transform(), "fontsize": 6, "color": "0.4"}
    note(axis, 4.6e-4, 0.03, "DINO's rate", rotation=90, va="bottom", ha="right", **across)
    note(
        axis, 0.99, 0.8, "above: shares change\n$e$-fold per turn", va="top", ha="right", fontsize=6,
        color="0.4", transform=axis.get_yaxis_transform(),
    )  # fmt: skip
    note(axis, 0.35, 0.88, "predicted", ha="right", color="k", transform=axis.transAxes)
    axis.set(
        xscale="log", yscale="log", xlabel=r"learning rate $\eta$", ylabel=r"largest bias $/\,\tau_s$",
        xlim=(eta[0] / 1.6, eta[-1] * 9),
    )  # fmt: skip
