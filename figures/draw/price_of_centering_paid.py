"""What a centred run gives up: the cluster prior, the inverse-prior teacher, and the other runs' results."""

from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.training.names import MOVING
from figures.draw.shared import interval, name_lines, name_rows
from figures.look import LOOKS, PAGE

CAPTION = """
What the centred run gives up. Upper row, along the runs centred by the batch, median of eight seeds and
quartiles, three teachers made of one and the same p. a, b: distance of a teacher's cluster prior from
uniform, in nats; its information cannot exceed log K less that. c, d: total variation between the centred and
the inverse-prior teacher, mean and largest over samples, and the bound of [J7]. Lower row: the run centred by
the batch ("batch") minus each other run at the end, paired by seed, mean and 95% interval, filled where it
leaves out 0; circles mixture, squares digits.

What to see: at the sharp start centering meets the uniform prior better than one inverse-prior step; from
step 140 on it is worse, and stays 0.2 nat short. The bound holds and is within a factor of 1.4 of
the largest distance, once that is not everything. Between runs the price is paid in balance (g, h): three
to eight clusters. It is not paid in NMI, and not in information, of which the centred teacher has as much
or more (f): [J5] is about one ensemble and does not say that a run trained with L in the objective ends
poorer.
"""
SOURCE = "price_of_centering"

CENTRED = "centering"
OTHERS = ("moving_centering", "inverse_prior", "projected")
DISTANCES = {
    "tv_bound": ("bound, J7", "0.35", ":"),
    "tv_max": ("largest\nsample", "C3", "--"),
    "tv": ("mean\nsample", "C5", "-"),
}
DATA = (("0.1", "o"), ("0.55", "s"))
"""Colour and marker of a data set, in its order."""
MEASURES = {
    "nmi": "NMI",
    "teacher_information": "information (nat)",
    "prior_deficit": "from uniform (nat)",
    "clusters_in_use": "clusters in use",
}


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(2, 4, figsize=(PAGE, 3.9))
    for column, data in enumerate(dataset.data.values):
        part = dataset.sel(data=data, run=CENTRED)
        deficit, distance = axes[0, column], axes[0, column + 2]
        for name in part.aside.values:
            look = LOOKS[name].keywords(label=True)
            _band(deficit, part.deficit_of_teacher.sel(aside=name), markevery=0.2, **look)
        for name, (_, color, style) in DISTANCES.items():
            _band(distance, part[name], color=color, ls=style)
        deficit.set(
            title=f"{'ab'[column]}  {data}: prior's\ndistance from uniform", xlabel="step", ylim=(-0.05, 1.05)
        )
        distance.set(
            title=f"{'cd'[column]}  {data}: centering\nto inverse prior", xlabel="step", ylim=(0, 1.05)
        )
    last = dataset.sel(data=dataset.data[-1], run=CENTRED).isel(step=-1).median("seed")
    ends = [(float(last[name]), label, color) for name, (label, color, _) in DISTANCES.items()]
    name_lines(axes[0, 3], ends, apart=0.16)
    axes[0, 0].set_ylabel("$\\log K - H(\\bar r)$ (nat)")
    axes[0, 2].set_ylabel("total variation")
    axes[0, 0].legend(loc="upper right")
    keys = [
        Line2D([], [], color=color, ls="-", marker=marker, ms=4, label=data)
        for data, (color, marker) in zip(dataset.data.values, DATA, strict=True)
    ]
    words = "e to h: difference at the end, 95% interval; filled: leaves out 0"
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), title=words, title_fontsize=8)
    for column, (name, label) in enumerate(MEASURES.items()):
        _differences(axes[1, column], dataset[f"{name}_difference"], named=column == 0)
        axes[1, column].set_title(f"{'efgh'[column]}  {label}")
    return figure


def _band(axis: Axes, values: xr.DataArray, *, color: str, **look: Any) -> None:
    low, middle, high = (values.quantile(q, "seed") for q in (0.25, 0.5, 0.75))
    axis.fill_between(values.step, low, high, color=color, alpha=0.2, lw=0)
    axis.plot(values.step, middle, color=color, **look)


def _differences(axis: Axes, difference: xr.DataArray, *, named: bool) -> None:
    for row, run in enumerate(OTHERS):
        for data, shift, (color, marker) in zip(
            difference.coords["data"].values, (-0.17, 0.17), DATA, strict=True
        ):
            interval(axis, row + shift, difference.sel(data=data, run=run), color=color, marker=marker)
    names = [f"batch − {_paired(run)}" if named else "" for run in OTHERS]
    name_rows(axis, names)
    axis.axvline(0, color="0.3", ls=":", lw=0.8, zorder=0)
    axis.grid(axis="x")


def _paired(run: str) -> str:
    """What is taken off batch centering."""
    return f"moving {LOOKS[CENTRED].label}" if run == MOVING + CENTRED else LOOKS[run].label
