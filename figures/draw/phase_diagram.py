"""Where a linear student collapses, predicted by straight lines: four teachers, three signs of life."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.engine.store import settings_of
from figures.look import LOOKS, PAGE

CAPTION = """
Fates of a linear student in the plane of cross-view correlation r and teacher temperature, for four teachers
[D1, D2, D3]. Eight Gaussian components at the corners of a simplex, all directions of variance 1; each cell
is the mean of four runs from logits of a tenth of τ_s. Columns: entropy of the student's mean answer, mean
entropy of its target, and mutual information of samples and clusters, in units of log K. Lines were there
before the runs: white, τ_t = r τ_s; white dotted, τ_t = τ_s.

What to see: with a constraint, whichever it is, something is learnt below the line and nothing above it,
where student and target are uniform (loss log K). Without one the constant direction, whose correlation is 1,
takes over below τ_t = τ_s whatever r is: one cluster, no information, a target without entropy. Where r is
large (lower right) other directions grow nearly as fast and a few clusters are left; the last row of cells
below τ_t = τ_s is too slow for the run. The constrained teachers differ where the theory near uniform says
nothing, in the lower left: sharp targets on views that agree little leave clusters empty under centering and
inverse priors, never under the projection.
"""

COLUMNS = {
    "student_prior_entropy": r"entropy of mean answer, $H(\bar q)$",
    "teacher_entropy": r"entropy of target, $\sum w\,H(r_n)$",
    "student_information": r"information, $I(X;K)$",
}


def draw(dataset: xr.Dataset) -> Figure:
    return planes(dataset.sel(student="linear"))[0]


def planes(part: xr.Dataset) -> tuple[Figure, Any]:
    """One image for each teacher and quantity, the line τ_t = r τ_s and τ_t = τ_s on it, one colour bar."""
    figure, axes = plt.subplots(part.sizes["teacher"], 3, figsize=(PAGE, 7.6), sharex=True, sharey=True)
    clusters = settings_of(part)["components"]
    for row, teacher in zip(axes, part.teacher.values, strict=True):
        row[0].set_ylabel(f"{LOOKS[teacher].label}\n" + r"temperature $\tau_t/\tau_s$")
        for axis, name in zip(row, COLUMNS, strict=True):
            image = _image(axis, part[name].sel(teacher=teacher).mean("seed"), np.log(clusters))
    for axis in axes.flat:
        axis.plot([0, 1], [0, 1], color="white", ls="-", lw=1.0)
        axis.axhline(1.0, color="white", ls=":", lw=1.0)
    for axis, letter, title in zip(axes[0], "abc", COLUMNS.values(), strict=True):
        axis.set_title(f"{letter}  {title}")
    for axis in axes[-1]:
        axis.set_xlabel(r"cross-view correlation $r$ of the data")
    bar = figure.colorbar(image, ax=axes, shrink=0.4, aspect=30, pad=0.01)
    bar.set_label(r"in units of $\log K$")
    bar.outline.set_visible(False)
    return figure, axes


def _image(axis: Axes, values: xr.DataArray, unit: float) -> Any:
    values = values.transpose("ratio", "correlation")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=1.5)
    axis.set(xlim=(0, 1), ylim=(0.1, 1.15), xticks=[0, 0.5, 1], yticks=[0.2, 0.4, 0.6, 0.8, 1.0])
    return axis.pcolormesh(
        _edges(values.correlation), _edges(values.ratio), values / unit, vmin=0, vmax=1, rasterized=True
    )


def _edges(centres: xr.DataArray) -> np.ndarray:
    x = centres.to_numpy()
    half = (x[1] - x[0]) / 2
    return np.append(x - half, x[-1] + half)
