"""Orders of the power mean from below centering to beyond inverse priors, and the cumulant teacher."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.draw.shared import name_lines, name_rows, spread
from figures.look import LOOKS, PAGE, Look

CAPTION = """
Teachers log π − log M_s of orders s from below centering (s = 0) to beyond the inverse prior (s = 1), and the
cumulant teacher; 12 seeds, paired. a, e: NMI of the student's clusters with the labels along training, median
and quartiles. b to d, f to h: each run (dots), median and quartiles at the end; the entropy is that of the
constrained teacher's cluster prior on held-out samples (log K = 2.77); the last column is the first step at
which NMI has come half-way to the end of the same seed's run with s = 1, or "never" within the run. Dotted:
medians of both ends. A star would mark an order better than both ends, with Bonferroni's correction: there is
none.

What to see: log M_s never falls with s on any snapshot [J9], but results do not follow it. Beyond the ends,
on either side, NMI is lower: s = −1 keeps the prior even and learns nothing, s ≥ 2 loses balance, then
clusters, and NMI. Between the ends NMI and speed are centering's or slightly less, and the prior is more even
than centering's: s = ¼ has the NMI of s = 0 and the evenness of s = 1. The cumulant teacher, a correct
second-order expansion [J6], collapses at once: at a sharp start ½ Var log p is hundreds of nats.
"""

PANELS = {
    "nmi": "NMI at the end",
    "teacher_prior_entropy": "evenness (nat)",
    "half_way_at": "half-way at step",
}
CURVES = ("0", "1", "16", "cumulant")
NEVER = 1.2
"""Place of "never", in lengths of the run."""
ENDS = {"0": "centering", "1": "inverse_prior"}
"""The power means that are other teachers of the table."""


def look_of(teacher: str) -> Look:
    """The look of an order of the power mean, or of the cumulant teacher."""
    return LOOKS[ENDS.get(teacher, teacher if teacher in LOOKS else "power_mean")]


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(
        2, 4, figsize=(PAGE, 4.4), width_ratios=(1.35, 1, 1, 1), sharex="col", layout="constrained"
    )
    teachers = list(dataset.teacher.values)
    names = [_name(teacher) for teacher in teachers]
    for row, data in enumerate(dataset.data.values):
        part = dataset.sel(data=data)
        _curves(axes[row, 0], part)
        axes[row, 0].set_title(f"{'ae'[row]}  {data}: NMI in training")
        for column, (name, label) in enumerate(PANELS.items(), start=1):
            axis = axes[row, column]
            values = part[name].isel(step=-1) if "step" in part[name].dims else part[name]
            for y, teacher in enumerate(teachers):
                look, better = look_of(teacher), bool(part[f"{name}_better_than_both"].sel(teacher=teacher))
                marker = "*" if better else look.marker
                runs = values.sel(teacher=teacher)
                spread(
                    axis,
                    y,
                    _beyond(runs, dataset.step[-1]) if name == "half_way_at" else runs,
                    color=look.color,
                    marker=marker,
                )
            name_rows(axis, names if column == 1 else [""] * len(names), groups=(len(names) - 1,))
            axis.set_title(f"{'abcdefgh'[4 * row + column]}  {label}")
            axis.grid(axis="x")
            axis.margins(x=0.06)
            for end in ENDS:
                median = float(values.sel(teacher=end).median())
                axis.axvline(median, color=look_of(end).color, ls=":", lw=0.8, zorder=0)
    axes[1, 0].set_xlabel("step")
    for axis in axes[:, 3]:
        last = float(dataset.step[-1])
        axis.axvspan(1.08 * last, 1.30 * last, color="0.93", lw=0, zorder=-1)
        axis.set_xticks([0, last / 2, NEVER * last], ["0", f"{last / 2:g}", "never"])
        axis.set_xlim(right=1.30 * last)
    axes[1, 2].set_xlabel("dotted: medians of $s$ = 0 and $s$ = 1")
    return figure


def _beyond(step: xr.DataArray, last: xr.DataArray) -> xr.DataArray:
    """The step, and where the run ended before it a place of its own."""
    return step.where(step < last, NEVER * last)


def _name(teacher: str) -> str:
    return LOOKS[teacher].label if teacher in LOOKS else f"$s$ = {teacher.replace('-', '−')}"


def _curves(axis: Axes, part: xr.Dataset) -> None:
    ends = []
    for teacher in (t for t in CURVES if t in part.teacher):
        nmi, look = part.nmi.sel(teacher=teacher), look_of(teacher)
        label = f"{_name(teacher)},\n{look.label}" if teacher in ENDS else _name(teacher)
        low, middle, high = (nmi.quantile(q, "seed") for q in (0.25, 0.5, 0.75))
        axis.fill_between(part.step, low, high, color=look.color, alpha=0.15, lw=0)
        axis.plot(part.step, middle, **look.keywords(marker=False))
        ends.append((float(middle[-1]), label, look.color))
    axis.set(ylabel="NMI", ylim=(-0.02, np.ceil(float(part.nmi.max()) * 10) / 10))
    name_lines(axis, ends, apart=0.13)
