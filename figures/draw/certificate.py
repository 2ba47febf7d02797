"""Runs that survive and runs that collapse: the certificate, the loss, and the clusters themselves."""

from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.save import PAGE

CAPTION = """
The no-collapse certificate along training runs, on held-out samples; medians over seeds with the range as a
band. Upper row: the margin I_r − D, which is also the entropy of the teacher's cluster prior less the loss;
above 0 (grey) the student provably depends on its input [O5]. Middle row: the loss, with log K (solid) and
the threshold of a monitor that reports success once the loss has lost half of log K (dotted). Lower row:
NMI of the student's clusters with the true labels. On the upper edge, for the runs that survive: median
step at which the certificate first speaks (filled) and at which NMI is half-way to its end (open).

What to see: the certificate speaks after 30 to 50 steps, before the labels would show clusters. It says
that the student is not constant, no more: the runs that collapse have it too until they get there, and it
is the size of the margin, falling towards 0, that tells them apart. The loss alone tells the wrong story:
it is lowest, and soonest below the monitor's threshold, where there is no constraint and all samples fall
into few clusters [O4].
"""

STYLES = {
    "centred": ("C0", "-", "o"),
    "inverse prior": ("C2", "-.", "^"),
    "projected": ("C6", (0, (8, 2)), "D"),
    "uniform collapse": ("C3", ":", "v"),
    "one-cluster collapse": ("C1", "--", "s"),
}
SURVIVE = ("centred", "inverse prior", "projected")


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(3, 2, figsize=(PAGE, 5.6), sharex=True, sharey="row")
    dataset = dataset.sel(step=slice(1, None))
    for column, data in enumerate(dataset.data.values):
        part = dataset.sel(data=data)
        margin, loss, nmi = axes[:, column]
        for name, (color, style, marker) in STYLES.items():
            run = part.sel(run=name)
            for axis, quantity in ((margin, "margin"), (loss, "loss"), (nmi, "nmi")):
                _line(axis, run[quantity], color=color, ls=style, marker=marker, mfc="white", label=name)
        margin.axhspan(0, 2, color="0.9", lw=0, zorder=-1)
        margin.set(ylim=(-1, 2), xscale="log")
        loss.axhline(float(part.log_clusters), color="0.5", ls="-", lw=0.6)
        loss.axhline(float(part.monitor_threshold), color="0.3", ls=":", lw=0.9)
        loss.set(ylim=(0, 5))
        nmi.set(xlabel="step", ylim=(-0.02, 0.8))
        _events(nmi, part)
        for axis, letter, name in zip(
            (margin, loss, nmi), "ace" if column == 0 else "bdf", (data, "", ""), strict=True
        ):
            axis.set_title(f"{letter}  {name}")
    axes[0, 0].set_ylabel("margin $I_r - D$ (nat)")
    axes[1, 0].set_ylabel("loss (nat)")
    axes[2, 0].set_ylabel("NMI")
    axes[0, 0].text(1.1, 1.95, "certified", va="top")
    axes[1, 0].text(1.1, float(dataset.log_clusters) + 0.05, "$\\log K$")
    axes[1, 0].text(1.1, float(dataset.monitor_threshold) + 0.05, "monitor")
    axes[1, 1].legend(loc="lower left")
    return figure


def _events(axis: Axes, part: xr.Dataset) -> None:
    for row, name in enumerate(SURVIVE):
        color, _, marker = STYLES[name]
        for event, face in (("certified_at", color), ("nmi_at", "white")):
            step = float(part[event].sel(run=name).median())
            axis.plot(
                step, 0.97 - 0.07 * row, marker, color=color, mfc=face, transform=axis.get_xaxis_transform()
            )


def _line(axis: Axes, value: xr.DataArray, *, color: str, **look: Any) -> None:
    axis.fill_between(value.step, value.min("seed"), value.max("seed"), color=color, alpha=0.15, lw=0)
    axis.plot(value.step, value.median("seed"), color=color, markevery=0.12, **look)
