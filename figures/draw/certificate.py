"""Runs that survive and runs that collapse: the certificate, the loss, and the clusters themselves."""

from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.training.names import split
from figures.draw.shared import name_lines, note
from figures.look import LOOKS, PAGE
from theory import TEACHERS

CAPTION = """
The no-collapse certificate along training runs, on held-out samples; medians over seeds with the range as a
band. Upper row: the margin I_r − D, which is also the entropy of the teacher's cluster prior less the loss;
above 0 (grey) the student provably depends on its input [O5]. Middle row: the loss, with log K (solid) and
the threshold of a monitor that reports success once the loss has lost half of log K (dotted). Lower row:
NMI of the student's clusters with the true labels. On the upper edge, for the runs that survive: median
step at which the certificate first speaks (filled) and at which NMI is half-way to its end (open). Two runs
collapse: the unconstrained one into few clusters, and moving centering that is not sharpened, τ_t = τ_s,
to the uniform answer. The first four steps are left out.

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
    """Colour, line and marker of a run."""
    if run in LOOKS:
        return LOOKS[run].keywords()
    return LOOKS["moving_centering"].keywords() | NOT_SHARPENED


def name_of(run: str) -> str:
    """What a run is, and what becomes of it where it does not survive."""
    if run not in LOOKS:
        return "moving, not sharpened:\ncollapses to uniform"
    held = TEACHERS[split(run)[0]].constrained
    return LOOKS[run].label if held else f"{LOOKS[run].label}:\ncollapses to few clusters"


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(3, 2, figsize=(PAGE, 6.2), sharex=True, sharey="row")
    dataset = dataset.sel(step=slice(5, None))
    last = float(dataset.step[-1])
    for column, data in enumerate(dataset.data.values):
        part = dataset.sel(data=data)
        margin, loss, nmi = axes[:, column]
        margin.set(ylim=(-1, 2), xscale="log", xlim=(5, last))
        loss.set(ylim=(0, 5))
        nmi.set(xlabel="step", ylim=(-0.02, 0.86))
        titles = ("certificate", "loss", "agreement with the truth")
        for row, (quantity, title) in enumerate(zip(("margin", "loss", "nmi"), titles, strict=True)):
            axis = axes[row, column]
            for name in part.run.values:
                _line(axis, part[quantity].sel(run=name), **look_of(name))
            axis.set_title(f"{'abcdef'[2 * row + column]}  {data}: {title}")
            if column == 1:
                end = part[quantity].isel(step=-1).median("seed")
                ends = [(float(end.sel(run=n)), name_of(n), look_of(n)["color"]) for n in part.run.values]
                name_lines(axis, ends, apart=0.13)
        margin.axhspan(0, 2, color="0.92", lw=0, zorder=-1)
        loss.axhline(float(part.log_clusters), color="0.4", ls="-", lw=0.6)
        loss.axhline(float(part.monitor_threshold), color="0.4", ls=":", lw=1)
        _events(nmi, part)
    for axis, label in zip(axes[:, 0], ("margin $I_r - D$ (nat)", "loss (nat)", "NMI"), strict=True):
        axis.set_ylabel(label)
    margin, loss, nmi = axes[:, 0]
    note(margin, 5.5, 1.9, "above 0: certified not constant", va="top", fontsize=7)
    note(margin, 5.5, -0.1, "nothing certified", va="top", fontsize=7)
    note(loss, 5.5, float(dataset.log_clusters) + 0.08, "$\\log K$", fontsize=7)
    words = "below, a monitor\nreports success"
    note(loss, 5.5, float(dataset.monitor_threshold) - 0.12, words, va="top", fontsize=7)
    return figure


def _events(axis: Axes, part: xr.Dataset) -> None:
    across = axis.get_xaxis_transform()
    words = {"certified_at": ("certificate speaks", "right", 0.8), "nmi_at": ("NMI half-way", "left", 1.25)}
    for event, (label, side, shift) in words.items():
        steps = [float(part[event].sel(run=name).median()) for name in SURVIVE]
        for row, (name, step) in enumerate(zip(SURVIVE, steps, strict=True)):
            dots = LOOKS[name].dots(filled=event == "certified_at")
            axis.plot(step, 0.97 - 0.07 * row, transform=across, **dots)
        x = shift * (min(steps) if side == "right" else max(steps))
        note(axis, x, 0.90, label, ha=side, va="center", transform=across)


def _line(axis: Axes, value: xr.DataArray, *, color: str, **look: Any) -> None:
    axis.fill_between(value.step, value.min("seed"), value.max("seed"), color=color, alpha=0.15, lw=0)
    axis.plot(value.step, value.median("seed"), color=color, markevery=0.12, **look)
