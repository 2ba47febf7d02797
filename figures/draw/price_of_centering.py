"""What centering has in the place of I: mutual and lautum information along training with each teacher."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.draw.shared import name_lines, note
from figures.look import LOOKS, PAGE

CAPTION = """
I(X;K) and L(X;K) of the teacher's p before any constraint, along training with each teacher (columns) on a
Gaussian mixture and on digits (rows), on 256 held-out samples: median of eight seeds, quartiles as bands.
Dotted: their sum, the Jeffreys information; circles: what centering has in the place of I, computed from the
geometric prior.

What to see: the circles lie on the dotted line, whatever the teacher, at all 401 steps of 80 runs, to
2·10⁻¹⁴ nat [J5]. So what centering adds to I [J4] is no small correction: L starts at 13 to 19 times I,
since a sharp p makes KL(P‖p) large, and ends at about three times. It is a property of how sharp p is, not
of the run's own teacher: runs that do not centre carry nearly the same L.
"""


QUANTITIES = {
    "mutual_information": ("mutual, $I$", "C0", "-"),
    "lautum_information": ("lautum, $L$", "C1", "--"),
    "jeffreys_information": ("$I + L$", "0.35", ":"),
}


def draw(dataset: xr.Dataset) -> Figure:
    runs, data = list(dataset.run.values), list(dataset.data.values)
    figure, axes = plt.subplots(len(data), len(runs), figsize=(PAGE, 3.6), sharex=True, sharey=True)
    for row, name in enumerate(data):
        for column, run in enumerate(runs):
            axis = axes[row, column]
            _informations(axis, dataset.sel(run=run, data=name))
            axis.set_title(f"{'abcdefghij'[row * len(runs) + column]}  {LOOKS[run].label}")
        axes[row, 0].set_ylabel(f"{name}\ninformation (nat)")
        part = dataset.sel(run=runs[-1], data=name).isel(step=-1)
        ends = [(float(part[q].median("seed")), label, color) for q, (label, color, _) in QUANTITIES.items()]
        name_lines(axes[row, -1], ends)
    first = axes[0, 0]
    x, y = float(dataset.step[4]), float(dataset.isel(step=4, run=0, data=0).centred_log_ratio.median())
    first.annotate("", (x, y), (x + 60, 2.6 * y), arrowprops={"arrowstyle": "-", "color": "0.3", "lw": 0.6})
    note(first, x + 62, 2.6 * y, "circles: what\ncentering has\nin place of $I$", va="center")
    for axis in axes[-1]:
        axis.set_xlabel("step")
    return figure


def _informations(axis: Axes, part: xr.Dataset) -> None:
    for name, (_, color, style) in QUANTITIES.items():
        low, middle, high = (part[name].quantile(q, "seed") for q in (0.25, 0.5, 0.75))
        if name != "jeffreys_information":
            axis.fill_between(part.step, low, high, color=color, alpha=0.2, lw=0)
        axis.plot(part.step, middle, color=color, ls=style)
    axis.plot(
        part.step,
        part.centred_log_ratio.median("seed"),
        ls="none",
        marker="o",
        ms=3,
        mfc="none",
        mec="0.1",
        markevery=2,
    )
    axis.set(yscale="log", ylim=(0.18, 60), yticks=(0.2, 1, 5, 25))
    axis.set_yticklabels(["0.2", "1", "5", "25"])
    axis.minorticks_off()
    axis.margins(x=0.05)
