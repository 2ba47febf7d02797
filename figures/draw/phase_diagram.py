"""Where a linear student collapses, predicted by straight lines: four teachers, three fates mixed."""

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from experiments.engine.store import settings_of
from figures.draw.shared import note
from figures.look import LOOKS, PAGE
from theory import TEACHERS

CAPTION = """
Fates of a linear student in the plane of cross-view correlation ρ and teacher temperature, for four teachers
[D1, D2, D3]. Eight Gaussian components at the corners of a simplex, all directions of variance 1; each cell
is the mean of four runs from logits of a tenth of τ_s. log K is the sum of three entropies: the information
I(X;K) of samples and clusters (blue), the mean entropy of the answers (sand: samples that are undecided), and
what the mean answer lacks to uniform (dark: clusters that are not used); a cell's colour mixes the three
colours in these shares. Lines were there before the runs: solid, τ_t = ρ τ_s, which says nothing of a teacher
without a constraint; dotted, τ_t = τ_s. Thin and white in a: I = 0.1 log K. Hatched: below τ_t = τ_s, where
the constant direction grows too slowly to be seen in runs of this length.

What to see: with a constraint, whichever it is, something is learnt below the line and nothing above it,
where student and target are uniform (loss log K). Without one the constant direction, whose correlation is 1,
takes over below τ_t = τ_s whatever ρ is: one cluster, no information. Where ρ is large (lower right) other
directions grow nearly as fast and a few clusters are left. The constrained teachers differ where the theory
near uniform says nothing, in the lower left: sharp targets on views that agree little leave clusters empty
under centering and inverse priors, never under the projection.
"""

FATES = {"learnt": "#56B4E9", "undecided": "#F5E6C4", "not used": "#1C1C1C"}
"""Share of log K → its colour: I(X;K), H(q|x), and log K − H(q̄)."""
SHARES = ("$I(X;K)$", "$H(q\\,|\\,x)$", "$\\log K-H(\\bar q)$")
ALONG: dict[str, Any] = {"rotation": 45, "rotation_mode": "anchor", "transform_rotates_text": True}
"""Words along the diagonal."""
EDGE = r"$I=0.1\,\log K$"
HALO = [withStroke(linewidth=2.2, foreground="white")]


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = planes(dataset.sel(student="linear"), short=(0.36, 0.925))
    words(axes[0, 0], [(0.05, 0.55, "one cluster", "white"), (0.78, 0.30, "few\nclusters", "0.1")])
    note(axes[0, 0], 0.72, 0.62, EDGE, color="white", path_effects=[], ha="right")
    for axis in axes.flat[1:]:
        words(axis, [(0.1, 0.75, "uniform", "0.2"), (0.72, 0.42, "learnt", "0.1")])
    note(axes[0, 1], 0.33, 0.355, r"$\tau_t=\rho\,\tau_s$", **ALONG)
    note(axes[0, 1], 0.02, 1.015, r"$\tau_t=\tau_s$")
    note(axes[1, 0], 0.30, 0.115, "empty clusters", va="bottom")
    return figure


def words(axis: Axes, regions: Iterable[tuple[float, float, str, str]]) -> None:
    """Names of regions, in bold."""
    for x, y, name, color in regions:
        axis.text(x, y, name, color=color, weight="bold", fontsize=8.5, va="center", linespacing=1.0)


def planes(part: xr.Dataset, *, short: tuple[float, float]) -> tuple[Figure, Any]:
    """One plane of fates for each teacher, τ_t = τ_s on it and, where it is constrained, τ_t = ρ τ_s.

    `short` is the place of the words for rows where the run was too short, should there be any.
    """
    figure, axes = plt.subplots(2, 2, figsize=(PAGE, 6.2), sharex=True, sharey=True)
    log_k = np.log(settings_of(part)["components"])
    for axis, letter, teacher in zip(axes.flat, "abcd", part.teacher.values, strict=True):
        shown = part.sel(teacher=teacher).mean("seed")
        _mixture(axis, shown, log_k)
        axis.set_title(f"{letter}  {LOOKS[teacher].label}")
        if TEACHERS[teacher].constrained:
            axis.plot([0, 1], [0, 1], color="black", ls="-", lw=1.2, path_effects=HALO)
        else:
            hatch(axis, shown, log_k, short)
            _edge(axis, shown, log_k)
    for axis in axes.flat:
        axis.axhline(1.0, color="black", ls=":", lw=1.0)
    for axis in axes[-1]:
        axis.set_xlabel(r"cross-view correlation $\rho$ of the data")
    for axis in axes[:, 0]:
        axis.set_ylabel(r"teacher temperature $\tau_t/\tau_s$")
    keys = [Patch(color=c, label=f"{n}, {s}") for (n, c), s in zip(FATES.items(), SHARES, strict=True)]
    figure.legend(
        handles=keys,
        loc="outside upper center",
        ncols=3,
        title="colours mix in shares of log $K$",
        handlelength=1.2,
    )
    return figure, axes


def _mixture(axis: Axes, shown: xr.Dataset, log_k: float) -> None:
    shown = shown.transpose("ratio", "correlation")
    learnt = shown.student_information.to_numpy() / log_k
    unused = 1 - shown.student_prior_entropy.to_numpy() / log_k
    shares = np.stack([learnt, 1 - learnt - unused, unused], axis=-1).clip(0, 1)
    colors = (shares @ np.array([to_rgb(color) for color in FATES.values()])).clip(0, 1)
    axis.pcolormesh(edges(shown.correlation), edges(shown.ratio), colors, rasterized=True)
    plain(axis)


def plain(axis: Axes) -> None:
    """Limits and ticks of the plane."""
    axis.spines[:].set_visible(False)
    axis.tick_params(length=1.5)
    axis.set(xlim=(0, 1), ylim=(0.1, 1.15), xticks=[0, 0.5, 1], yticks=[0.2, 0.4, 0.6, 0.8, 1.0])


def _edge(axis: Axes, shown: xr.Dataset, log_k: float) -> None:
    """Where something is learnt, of a tenth of log K at least."""
    share = (shown.student_information / log_k).transpose("ratio", "correlation")
    if float(share.max()) > 0.1:
        x, y = shown.correlation.to_numpy(), shown.ratio.to_numpy()
        axis.contour(x, y, share, levels=[0.1], colors="white", linewidths=0.6)


def hatch(axis: Axes, shown: xr.Dataset, log_k: float, place: tuple[float, float]) -> None:
    """Rows below τ_t = τ_s at whose end most samples are undecided still."""
    undecided = (shown.student_prior_entropy - shown.student_information).median("correlation") / log_k
    slow = shown.ratio[(shown.ratio < 1) & (undecided > 0.1)].to_numpy()
    if not slow.size:
        return
    half = float(shown.ratio[1] - shown.ratio[0]) / 2
    note(axis, *place, "run too short", fontsize=7, va="center")
    axis.axhspan(slow.min() - half, slow.max() + half, fc="none", ec="0.55", hatch="////", lw=0)


def edges(centres: xr.DataArray) -> np.ndarray:
    """Edges of the cells of an even grid."""
    x = centres.to_numpy()
    half = (x[1] - x[0]) / 2
    return np.append(x - half, x[-1] + half)
