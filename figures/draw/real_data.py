"""All teachers on handwritten digits, paired over seeds, beside clustering without a network."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from experiments.training.names import MOVING
from figures.draw.shared import interval, name_rows, spread
from figures.look import LOOKS, PAGE

CAPTION = """
Every teacher on scikit-learn's digits, K = 16 clusters, 16 seeds; teachers of a seed share data, order of
batches and initial weights. Power mean of order ½; three rounds of Sinkhorn. Upper row, 360 held-out images:
each run (dots), median and quartiles; below the line, in grey, the references: k-means and a Gaussian mixture
with 16 clusters, the network before training, the pixels. The features judged by c and d are the network's
32, for k-means the distances to its centres, for the mixture its posteriors. Lower row: the first teacher,
centred by a moving average ("moving"), minus each other one, paired: mean and 95% interval, filled where that
leaves out 0; the two teachers that collapse are left out.

What to see: without a constraint two clusters are left in the median run, none with more than four [O4], and
the cumulant teacher collapses as well. All other constrained teachers keep 11 clusters or more [T6] and are
hard to tell apart, as their common linearisation suggests [D1]: k-NN and probe accuracies differ by 0.01 at
most. Teachers normalised by the prior use two clusters more than centred ones, which buys no NMI, and exact
balance costs 0.03 of it. Collapse is in the head: the features of collapsed runs are about as good as
untrained ones. NMI stays below that of k-means and of the Gaussian mixture, accuracy below that of plain
pixels: on 1,437 small images clustering by self-distillation is not the method of choice.
"""

PANELS = {
    "nmi": "NMI with the digits",
    "clusters_in_use": "clusters in use",
    "knn_accuracy": "k-NN accuracy",
    "probe_accuracy": "linear-probe accuracy",
}
CENTRED = "moving_centering"
COLLAPSING = ("unconstrained", "cumulant")
REFERENCE = {"color": "0.4", "marker": "s"}


def draw(dataset: xr.Dataset) -> Figure:
    methods = list(dataset.method.values)
    teachers = [m for m in methods if m in LOOKS]
    compared = [m for m in teachers if m not in (CENTRED, *COLLAPSING)]
    figure, axes = plt.subplots(2, 4, figsize=(PAGE, 4.7), sharey="row", height_ratios=(12, 5.5))
    for column, (name, label) in enumerate(PANELS.items()):
        upper, lower = axes[:, column]
        for row, method in enumerate(methods):
            spread(upper, row, dataset[name].sel({"method": method}), **_look(method))
        name_rows(upper, [_name(method) for method in methods], groups=(len(teachers),))
        upper.set(title=f"{'abcd'[column]}  {label}")
        for row, method in enumerate(compared):
            interval(
                lower, row, _turned(dataset[f"{name}_difference"].sel({"method": method})), **_look(method)
            )
        name_rows(lower, [f"moving − {_paired(method)}" for method in compared])
        lower.axvline(0, color="0.3", ls=":", lw=0.8, zorder=0)
        lower.set(title=f"{'efgh'[column]}  {label}")
        for axis in (upper, lower):
            axis.grid(axis="x")
            axis.margins(x=0.06)
    figure.supxlabel("e to h: difference, 95% interval; filled: leaves out 0", fontsize=8)
    return figure


def _turned(difference: xr.DataArray) -> xr.DataArray:
    """Mean and interval of the difference the other way round."""
    return -difference.sel(bound=["mean", "high", "low"]).assign_coords(bound=["mean", "low", "high"])


def _look(method: str) -> dict[str, str]:
    return {"color": LOOKS[method].color, "marker": LOOKS[method].marker} if method in LOOKS else REFERENCE


def _paired(method: str) -> str:
    """What is taken off moving centering."""
    return f"batch {LOOKS[method].label}" if MOVING + method == CENTRED else LOOKS[method].label


def _name(method: str) -> str:
    return LOOKS[method].label if method in LOOKS else method
