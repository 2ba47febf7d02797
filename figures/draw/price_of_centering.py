"""Mutual and lautum information along training with each teacher, and the identity J5 at every step."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.look import LOOKS, PAGE

CAPTION = """
I(X;K) and L(X;K) of the teacher's p before any constraint, along training with each teacher (columns) on a
Gaussian mixture and on digits (rows), on 256 held-out samples: median of eight seeds, quartiles as bands.
Dotted: their sum, the Jeffreys information; circles: what centering has in the place of I, computed from the
geometric prior. Lowest row: the largest difference, of all seeds and of every step of training since the
point before, between the two sides of [J5].

What to see: the circles lie on the dotted line, whatever the teacher, at all 401 steps of 80 runs, to
2·10⁻¹⁴ nat [J5]. So what centering adds to I [J4] is no small correction: L starts at 13 to 19 times I,
since a sharp p makes KL(P‖p) large, and ends at about three times. It is a property of how sharp p is, not
of the run's own teacher: runs that do not centre carry nearly the same L.
"""


def draw(dataset: xr.Dataset) -> Figure:
    data = list(dataset.data.values)
    figure, axes = plt.subplots(
        3, dataset.sizes["run"], figsize=(PAGE, 4.7), sharex=True, sharey="row", height_ratios=(1.5, 1.5, 1)
    )
    for column, run in enumerate(dataset.run.values):
        part = dataset.sel(run=run)
        for row, name in enumerate(data):
            _informations(axes[row, column], part.sel(data=name))
        axes[0, column].set_title(LOOKS[run].label)
        error = axes[-1, column]
        for name, color, style in zip(data, ("C0", "C1"), ("-", "--"), strict=True):
            error.plot(part.step, part.identity_error.sel(data=name), color=color, ls=style, label=name)
        error.set(yscale="log", ylim=(1e-16, 1e-11), xlabel="step", yticks=(1e-15, 1e-13, 1e-11))
        error.minorticks_off()
    for row, name in enumerate(data):
        axes[row, 0].set_ylabel(f"{name}\ninformation (nat)")
    axes[-1, 0].set_ylabel("largest error\nof J5 (nat)")
    axes[0, 2].legend(loc="lower left")
    axes[-1, 2].legend(loc="upper right")
    return figure


def _informations(axis: Axes, part: xr.Dataset) -> None:
    for name, label, color, style in (
        ("mutual_information", "$I$", "C0", "-"),
        ("lautum_information", "$L$", "C1", "--"),
        ("jeffreys_information", "$I + L$", "0.35", ":"),
    ):
        low, middle, high = (part[name].quantile(q, "seed") for q in (0.25, 0.5, 0.75))
        if name != "jeffreys_information":
            axis.fill_between(part.step, low, high, color=color, alpha=0.2, lw=0)
        axis.plot(part.step, middle, color=color, ls=style, label=label)
    axis.plot(
        part.step,
        part.centred_log_ratio.median("seed"),
        ls="none",
        marker="o",
        ms=3,
        mfc="none",
        mec="0.1",
        markevery=2,
        label="$\\Sigma\\, w\\, p\\, \\log(p/G)$",
    )
    axis.set(yscale="log", ylim=(0.06, 60), yticks=(0.1, 1, 10))
    axis.set_yticklabels(["0.1", "1", "10"])
    axis.minorticks_off()
    axis.margins(x=0.05)
