"""DINO's published ablations, point by point, beside what the theory says of them and what a toy run does."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.look import PAGE

CAPTION = """
Published ablations of DINO (Caron et al. 2021; ViT-S, k-NN top-1 in per cent; τ_s = 0.1, momentum teacher
0.996 unless noted) beside what section D says of the same settings and a toy run at these settings
[D3, D4, D5]. A circle learns, a cross does not. "Needs" is what must be true of the published run for the
prediction: its gain a and its leading correlation r are not known. r between 0.6 and 0.8 is read off the
temperature sweep itself, so of that sweep only the order is a test. Toy: linear student on a Gaussian mixture
with r = 0.7; bars, information kept in units of log K, mean and range of the runs; the symbol is the
prediction for the toy, whose gain and correlation are known.

What to see: nothing contradicts, and one point is out of reach: at τ_t = 0 nothing is linear; taken at face
value the formula says that this run dies. "Consistent with" is all that can be said: a vision transformer is
not a linear model, and two points need a student that is fast enough. The toy departs from its own prediction
in one direction: where the centre is too slow the constant direction does grow, but features that are learnt
survive beside it, in part (0.999, in turns) or in full (no momentum). Sharpening alone leaves a few clusters
where the theory says one. The softmax over the batch learns, as predicted, but often half as much as Sinkhorn
with three rounds, which the published numbers do not show and a linear theory cannot.
"""


def draw(dataset: xr.Dataset) -> Figure:
    rows = dataset.sizes["point"]
    figure, (text, axis) = plt.subplots(1, 2, figsize=(PAGE, 4.6), width_ratios=(2.6, 1), sharey=True)
    y = np.arange(rows, 0, -1) + _gaps(dataset.sweep.values)
    _table(text, dataset, y)
    _toy(axis, dataset, y)
    for one in (text, axis):
        one.set_ylim(0.3, y[0] + 1.6)
    return figure


def _gaps(sweeps: np.ndarray) -> np.ndarray:
    """Extra space above each new sweep, from the bottom up."""
    new = np.append(sweeps[1:] != sweeps[:-1], False)
    return 0.9 * np.cumsum(new[::-1])[::-1]


def _table(axis: Axes, dataset: xr.Dataset, y: np.ndarray) -> None:
    columns = {"": 0.0, "published": 0.46, "theory": 0.49, "needs": 0.58, "verdict": 0.86}
    axis.set_axis_off()
    axis.set_xlim(0, 1)
    for title, x in columns.items():
        axis.text(
            x, y[0] + 1.3, title, fontsize=7, color="0.4", ha="right" if title == "published" else "left"
        )
    previous = ""
    for i, height in enumerate(y):
        row = dataset.isel(point=i)
        if str(row.sweep.values) != previous:
            previous = str(row.sweep.values)
            axis.text(
                0, height + 0.8, f"{previous} ({row.source.values})", fontsize=7, weight="bold", va="center"
            )
        number = float(row.published)
        axis.text(0.02, height, str(row.setting.values), fontsize=7, va="center")
        axis.text(
            0.46,
            height,
            "curve" if np.isnan(number) else f"{number:.1f}",
            fontsize=7,
            va="center",
            ha="right",
        )
        axis.plot(0.52, height, **_mark(float(row.predicted)))
        axis.text(0.58, height, str(row.needs.values), fontsize=7, va="center")
        axis.text(0.86, height, str(row.verdict.values), fontsize=7, va="center")


def _toy(axis: Axes, dataset: xr.Dataset, y: np.ndarray) -> None:
    kept = dataset.student_information
    mean = kept.mean("seed").to_numpy()
    span = np.abs(np.stack([kept.min("seed").to_numpy(), kept.max("seed").to_numpy()]) - mean)
    axis.barh(y, mean, height=0.6, color="C5", xerr=span, error_kw={"elinewidth": 0.6})
    for height, said in zip(y, dataset.toy_predicted.values, strict=True):
        axis.plot(-0.08, height, clip_on=False, **_mark(float(said)))
    axis.set(xlim=(-0.16, 1), xticks=[0, 0.5, 1], xlabel=r"toy: $I(X;K)/\log K$")
    axis.spines["left"].set_visible(False)
    axis.tick_params(left=False, labelleft=False)


def _mark(learns: float) -> dict[str, Any]:
    if learns > 0.5:
        return {"marker": "o", "color": "C2", "ms": 4, "ls": ""}
    return {"marker": "x", "color": "C1", "ms": 4, "ls": "", "mew": 1.2}
