"""Under Adam the line has no gain in it, and the learning rate sets the height of the turns alone."""

from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.engine.store import settings_of
from figures.look import PAGE

CAPTION = """
One bias of two clusters under a centre of momentum m_c, DINO's teacher (m_t = 0.996) and temperatures (0.1,
0.04), all softmaxes in full [D6]. (a) The largest bias in the last two fifths of 40,000 steps over the
learning rate, for Adam at four rates (circle 1e-5, square 1e-4, diamond 5e-4, triangle 2e-3) and for plain
descent at the same; black: the turns that the theory gives; vertical: the line of the fastest student,
0.99398. (b) Adam's largest bias in units of τ_s against the learning rate, for the centres that DINO
published (0.9, 0.99 live, 0.999 dies) and one between; black: predicted; above the grey line a cluster's
share changes e-fold in every turn. DINO's base rate is marked. (c) As (a) for eight clusters and AdamW
(weight decay 0.04).

What to see: whatever the learning rate, Adam is quiet to the left of one line and turns to the right of it.
In units of the learning rate heights are one curve as long as they are below some τ_s; there the softmax
saturates, the gradient falls faster than Adam's second moment forgets, and turns stop at some τ_s, which is
enough to lose a run. Plain descent lives beyond the line where its rate is small. At DINO's learning rate
the turns of 0.999 pass τ_s: no free number is left.
"""

MARKERS = "osD^"


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(1, 3, figsize=(PAGE, 2.7))
    _line(axes[0], dataset, optimizer="Adam", clusters=2)
    axes[0].set_title("a  two clusters")
    _heights(axes[1], dataset)
    axes[1].set_title("b  heights, Adam")
    last = {"optimizer": dataset.optimizer.values[-2 if dataset.sizes["optimizer"] > 1 else 0]}
    _line(axes[2], dataset, optimizer=str(last["optimizer"]), clusters=int(dataset.clusters.values[-1]))
    axes[2].set_title(f"c  {int(dataset.clusters.values[-1])} clusters, {last['optimizer']}")
    return figure


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
                np.maximum(runs.ravel(), 1e-2),
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
    axis.invert_xaxis()
    axis.annotate(
        "the line", (1 - float(dataset.line), 0.02), rotation=90, fontsize=6, color="0.4", ha="right"
    )
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
            np.repeat(eta, runs.shape[1]), runs.ravel(), ls="", marker=MARKERS[i % 4], ms=3, mfc="none",
            color=f"C{i}",
        )  # fmt: skip
        side: Literal["bottom", "top"] = "bottom" if i % 2 else "top"  # neighbours of one height
        axis.annotate(f"{m:g}", (eta[-1] * 1.3, runs[-1].mean()), fontsize=6.5, color=f"C{i}", va=side)
        if float(at.predicted_size) > 0:
            axis.plot(eta, float(at.predicted_size) * eta / tau, color="k", ls="-", lw=0.8)
    axis.axhline(1, color="0.6", lw=0.8)
    axis.axvline(5e-4, color="0.4", ls=":", lw=0.8)
    axis.annotate(
        "DINO", (5e-4, axis.get_ylim()[0]), fontsize=6, color="0.4", rotation=90, va="bottom", ha="right"
    )
    axis.set(
        xscale="log", yscale="log", xlabel=r"learning rate $\eta$", ylabel=r"largest bias $/\,\tau_s$",
        xlim=(eta[0] / 1.6, eta[-1] * 5),
    )  # fmt: skip
