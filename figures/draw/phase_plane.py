"""Where a student learns: below a straight line where there is a constraint, nearly nowhere without one."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from experiments.engine.store import settings_of
from figures.draw.phase_diagram import ALONG, HALO, edges, hatch, plain, words
from figures.draw.shared import note
from figures.look import PAGE

SOURCE = "phase_diagram"
CAPTION = """
Information I(X;K) that a linear student holds about the samples at the end, in units of log K, in the plane
of cross-view correlation ρ and teacher temperature [D2, D3]: without a constraint, and centred by the batch.
Eight Gaussian components, four runs a cell. The line τ_t = ρ τ_s was there before the runs. Hatched: below
τ_t = τ_s, where the runs were too short to show in what they end.

What to see: with the constraint the student learns below the line and nothing above it, where its answer is
uniform. Without it most of the plane below τ_t = τ_s ends in one cluster; a few clusters are left only for ρ
above about 0.65, and never all of them. What each dead region looks like, for all four teachers, is in
`phase_diagram`.
"""
MAP = LinearSegmentedColormap.from_list("information", ["#F4F4F4", "#56B4E9", "#0072B2", "#003A5C"])
DARK, LIGHT = "0.2", "white"
REGIONS = {
    "unconstrained": (
        (0.1, 0.55, "one cluster:\nall samples alike", DARK),
        (0.42, 1.075, "uniform", DARK),
    ),
    "centering": ((0.1, 0.75, "uniform:\nnothing is learnt", DARK), (0.74, 0.42, "learnt", LIGHT)),
}
"""Teacher → place, name and ink of its regions."""


def draw(dataset: xr.Dataset) -> Figure:
    part = dataset.sel(student="linear")
    unit = np.log(settings_of(dataset)["components"])
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 3.2), sharex=True, sharey=True)
    for axis, (teacher, regions) in zip(axes, REGIONS.items(), strict=True):
        information = part.student_information.sel(teacher=teacher).mean("seed") / unit
        image = axis.pcolormesh(
            edges(part.correlation), edges(part.ratio), information.transpose("ratio", "correlation"),
            vmin=0, vmax=1, cmap=MAP, rasterized=True,
        )  # fmt: skip
        plain(axis)
        words(axis, regions)
        axis.set_xlabel(r"cross-view correlation $\rho$: how much two views agree")
    bare, centred = axes
    learnt = part.sel(teacher="unconstrained").mean("seed")
    best = float(learnt.student_information.max() / unit)
    words(bare, [(0.72, 0.26, f"keeps only\na few clusters,\n{best:.1f} at best", LIGHT)])
    hatch(bare, learnt, unit, (0.03, 0.95))
    bare.axhline(1.0, color="black", ls=":", lw=1.0)
    note(bare, 0.02, 1.02, r"$\tau_t=\tau_s$: above it nothing grows", fontsize=7)
    centred.plot([0, 1], [0, 1], color="black", ls="-", lw=1.4, path_effects=HALO)
    note(centred, 0.33, 0.37, r"predicted: $\tau_t=\rho\,\tau_s$", fontsize=7.5, **ALONG)
    bare.set_title("a  no constraint: mostly collapse")
    centred.set_title("b  centering: learns below the line")
    bare.set_ylabel(r"teacher temperature $\tau_t/\tau_s$   (warmer $\rightarrow$)")
    bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=30)
    bar.set_label(r"what is learnt: information $I(X;K)/\log K$")
    bar.outline.set_visible(False)
    return figure
