"""The clusters that each teacher cuts the plane into, where the constraint is true and where it is not."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from figures.look import LOOKS, PAGE

CAPTION = """
Clusters of a student of a two-dimensional mixture, one panel for each teacher, all sharpened [O4, T6, D3]:
the regions of the clusters, samples (dots), the true centres (crosses, their size is the component's
share). Upper row: equal shares; lower row: Zipf's. Left: the exact posterior's regions. Each panel is the
run of eight whose normalised mutual information with the component (NMI) is the median, the lower of the
two in the middle; below it, its NMI, the median of all eight in brackets, and how many of its clusters are in
use. Clusters have the colours of components under the one-to-one matching that shares most samples.

What to see: without a constraint three of six clusters are left, and the loss would go on falling with
fewer. With equal shares the constraint tells the truth: centred and projected teachers find the components,
the inverse prior's median run merges two and splits one. With unequal shares it does not: the centred
teachers leave a cluster unused, while the projected teacher and the inverse prior must make their clusters
more equal, cut the most common component in two and merge rare ones.
"""

# light enough for black dots, neighbours apart in lightness, and none that is a teacher's
COLORS = ("#6A51A3", "#DDCC77", "#882255", "#BBCC33", "#8C6D31", "#BBBBBB", "#44AA99", "#FFAABB")


def draw(dataset: xr.Dataset) -> Figure:
    columns = 1 + dataset.sizes["teacher"]
    figure, axes = plt.subplots(
        dataset.sizes["zipf"],
        columns,
        figsize=(PAGE, 1.5 * dataset.sizes["zipf"] + 0.2),
        sharex=True,
        sharey=True,
    )
    for row, zipf in enumerate(dataset.zipf.values):
        part = dataset.sel(zipf=zipf)
        _panel(axes[row, 0], part, part.true_region.values)
        axes[row, 0].set_ylabel("equal shares" if zipf == 0 else f"Zipf shares, exponent {zipf:g}")
        for axis, teacher in zip(axes[row, 1:], dataset.teacher.values, strict=True):
            one = part.sel(teacher=teacher)
            _panel(axis, part, one.region.values)
            shown = one.isel(seed=int(one.shown))
            axis.set_xlabel(
                f"NMI {float(shown.nmi):.2f} (median {float(one.nmi.median()):.2f})\n"
                f"{float(shown.clusters_in_use):g} of {part.sizes['component']} used",
                fontsize=7,
            )
            axis.set_title(LOOKS[teacher].label if row == 0 else "", loc="center")
    axes[0, 0].set_title("truth", loc="center")
    return figure


def _panel(axis: Axes, part: xr.Dataset, region: np.ndarray) -> None:
    x, y, clusters = part.x.values, part.y.values, part.sizes["component"]
    axis.pcolormesh(
        x,
        y,
        region,
        cmap=ListedColormap(COLORS[:clusters]),
        vmin=-0.5,
        vmax=clusters - 0.5,
        alpha=0.55,
        rasterized=True,
    )
    for cluster in range(clusters):
        if 0 < (region == cluster).mean() < 1:
            axis.contour(x, y, region == cluster, levels=[0.5], colors="0.2", linewidths=0.5)
    axis.plot(part.point[:, 0], part.point[:, 1], ls="none", marker=".", ms=1.2, mew=0, color="black")
    size = 14 + 160 * part.share.values
    axis.scatter(part.center[:, 0], part.center[:, 1], marker="+", s=size, color="white", lw=2.2)
    axis.scatter(part.center[:, 0], part.center[:, 1], marker="+", s=size, color="black", lw=0.9)
    axis.set(xticks=[], yticks=[], aspect="equal")
    axis.spines[:].set_visible(True)
