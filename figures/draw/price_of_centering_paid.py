"""What a centred run gives up: the cluster prior, the inverse-prior teacher, and the other runs' results."""

from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.draw.shared import interval, name_rows
from figures.look import LOOKS, PAGE

CAPTION = """
What the centred run gives up. Upper row, along the runs centred by the batch, median of eight seeds and
quartiles, three teachers made of one and the same p. a, b: distance of a teacher's cluster prior from
uniform, in nats; its information cannot exceed log K less that. c, d: total variation between the centred
and the inverse-prior teacher, mean and largest over samples, and the bound of [J7]. Lower row: the centred
run minus each other run at the end, paired by seed, mean and 95% interval, filled where it leaves out 0;
circles mixture, squares digits.

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
    "tv_max": ("largest sample", "C3", "--"),
    "tv": ("mean sample", "C5", "-"),
}
DATA = (("0.1", "o"), ("0.55", "s"))
"""Colour and marker of a data set, in its order."""
MEASURES = {
    "nmi": "NMI",
    "teacher_information": "information (nat)",
    "prior_deficit": "off uniform (nat)",
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
        for name, (label, color, style) in DISTANCES.items():
            _band(distance, part[name], label=label, color=color, ls=style)
        deficit.set(title=f"{'ab'[column]}  {data}: off uniform", xlabel="step", ylim=(-0.05, 1.05))
        distance.set(title=f"{'cd'[column]}  {data}: apart", xlabel="step", ylim=(0, 1.05))
    axes[0, 0].set_ylabel("prior: $\\log K - H(\\bar r)$ (nat)")
    axes[0, 2].set_ylabel("centred to inverse prior (TV)")
    axes[0, 0].legend(loc="upper right")
    axes[0, 3].legend(loc="upper right")
    for data, (color, marker) in zip(dataset.data.values, DATA, strict=True):
        axes[1, 3].plot([], [], color=color, ls="-", marker=marker, label=data)
    axes[1, 3].legend(loc="upper left")
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
    name_rows(axis, [f"centred − {LOOKS[run].label}" for run in OTHERS] if named else [""] * len(OTHERS))
    axis.axvline(0, color="0.3", ls=":", lw=0.8, zorder=0)
    axis.grid(axis="x")
