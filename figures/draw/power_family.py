"""Orders of the power mean from below centring to beyond inverse priors, and the cumulant teacher."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.draw.shared import name_rows, spread
from figures.save import PAGE

CAPTION = """
Teachers log π − log M_s of orders s from below centring (s = 0) to beyond the inverse prior (s = 1), both
in squares, and the cumulant teacher; 12 seeds, paired. a, e: NMI of the student's clusters with the labels
along training, median and quartiles. b to d, f to h: each run (dots), median and quartiles at the end; the
entropy is that of the constrained teacher's cluster prior on held-out samples (log K = 2.77); the last
column is the first step at which NMI has come half-way to the end of the same seed's run with s = 1, or
600. Dotted: medians of both ends. A star would mark an order better than both ends, with Bonferroni's
correction: there is none.

What to see: log M_s never falls with s on any snapshot [J9], but results do not follow it. Beyond the ends,
on either side, NMI is lower: s = −1 keeps the prior even and learns nothing, s ≥ 2 loses balance, then
clusters, and NMI. Between the ends NMI and speed are centring's or slightly less, and the prior is more
even than centring's: s = ¼ has the NMI of s = 0 and the evenness of s = 1. The cumulant teacher, a correct
second-order expansion [J6], collapses at once: at a sharp start ½ Var log p is hundreds of nats.
"""

PANELS = {
    "nmi": "NMI",
    "teacher_prior_entropy": "entropy of $\\bar r$ (nat)",
    "half_way_at": "half-way at step",
}
CURVES = {
    "0": ("$s$ = 0, centred", "C0", "-"),
    "1": ("$s$ = 1, inverse prior", "C1", "--"),
    "16": ("$s$ = 16", "C2", "-."),
    "cumulant": ("cumulant", "C6", ":"),
}


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(
        2, 4, figsize=(PAGE, 4.4), width_ratios=(1.35, 1, 1, 1), sharex="col", layout="constrained"
    )
    teachers = list(dataset.teacher.values)
    names = [f"$s$ = {t.replace('-', '−')}" if t != "cumulant" else t for t in teachers]
    for row, data in enumerate(dataset.data.values):
        part = dataset.sel(data=data)
        _curves(axes[row, 0], part)
        axes[row, 0].set_title(f"{'ae'[row]}  {data}")
        for column, (name, label) in enumerate(PANELS.items(), start=1):
            axis = axes[row, column]
            values = part[name].isel(step=-1) if "step" in part[name].dims else part[name]
            for y, teacher in enumerate(teachers):
                end = teacher in ("0", "1")
                better = bool(part[f"{name}_better_than_both"].sel(teacher=teacher))
                look = {"color": "C1" if end else "C0", "marker": "*" if better else "s" if end else "o"}
                spread(axis, y, values.sel(teacher=teacher), **look)
            name_rows(axis, names if column == 1 else [""] * len(names), groups=(len(names) - 1,))
            axis.set_title(f"{'abcdefgh'[4 * row + column]}  {label}")
            axis.grid(axis="x")
            axis.margins(x=0.06)
            for order in ("0", "1"):
                axis.axvline(float(values.sel(teacher=order).median()), color="C1", ls=":", lw=0.8, zorder=0)
    axes[1, 0].set_xlabel("step")
    axes[1, 0].legend(loc="upper left")
    return figure


def _curves(axis: Axes, part: xr.Dataset) -> None:
    for teacher, (label, color, style) in CURVES.items():
        if teacher not in part.teacher:
            continue
        nmi = part.nmi.sel(teacher=teacher)
        low, middle, high = (nmi.quantile(q, "seed") for q in (0.25, 0.5, 0.75))
        axis.fill_between(part.step, low, high, color=color, alpha=0.15, lw=0)
        axis.plot(part.step, middle, color=color, ls=style, label=label)
    axis.set(ylabel="NMI", ylim=(-0.02, np.ceil(float(part.nmi.max()) * 10) / 10))
