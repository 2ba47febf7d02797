"""Runs that survive and runs that collapse: the certificate, the loss, and the clusters themselves."""

from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.look import LOOKS, PAGE

CAPTION = """
The no-collapse certificate along training runs, on held-out samples; medians over seeds with the range as a
band. Upper row: the margin I_r − D, which is also the entropy of the teacher's cluster prior less the loss;
above 0 (grey) the student provably depends on its input [O5]. Middle row: the loss, with log K (solid) and
the threshold of a monitor that reports success once the loss has lost half of log K (dotted). Lower row:
NMI of the student's clusters with the true labels. On the upper edge, for the runs that survive: median
step at which the certificate first speaks (filled) and at which NMI is half-way to its end (open). Uniform
collapse is moving centering that is not sharpened, τ_t = τ_s.

What to see: the certificate speaks after 30 to 50 steps, before the labels would show clusters. It says
that the student is not constant, no more: the runs that collapse have it too until they get there, and it
is the size of the margin, falling towards 0, that tells them apart. The loss alone tells the wrong story:
it is lowest, and soonest below the monitor's threshold, where there is no constraint and all samples fall
into few clusters [O4].
"""

SURVIVE = ("moving_centering", "inverse_prior", "projected")
NOT_SHARPENED = {"ls": ":", "marker": "x"}
"""How moving centering is drawn that is not sharpened."""


def look_of(run: str) -> dict[str, Any]:
    """Colour, line, marker and label of a run."""
    if run in LOOKS:
        return LOOKS[run].keywords(label=True)
    return LOOKS["moving_centering"].keywords() | NOT_SHARPENED | {"label": run}


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(3, 2, figsize=(PAGE, 5.6), sharex=True, sharey="row")
    dataset = dataset.sel(step=slice(1, None))
    for column, data in enumerate(dataset.data.values):
        part = dataset.sel(data=data)
        margin, loss, nmi = axes[:, column]
        for name in part.run.values:
            for axis, quantity in ((margin, "margin"), (loss, "loss"), (nmi, "nmi")):
                _line(axis, part[quantity].sel(run=name), **look_of(name))
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
        look, across = LOOKS[name], axis.get_xaxis_transform()
        for event in ("certified_at", "nmi_at"):
            step = float(part[event].sel(run=name).median())
            axis.plot(step, 0.97 - 0.07 * row, transform=across, **look.dots(filled=event == "certified_at"))


def _line(axis: Axes, value: xr.DataArray, *, color: str, **look: Any) -> None:
    axis.fill_between(value.step, value.min("seed"), value.max("seed"), color=color, alpha=0.15, lw=0)
    axis.plot(value.step, value.median("seed"), color=color, markevery=0.12, **look)
