"""Four fates of a student: one cluster, one constant answer, uniform, or clusters that tell samples apart."""

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.engine.store import settings_of
from experiments.training.names import split
from figures.look import LOOKS, PAGE
from theory import TEACHERS

CAPTION = """
Five teachers, sharpened (τ_t = 0.4 τ_s, filled markers) and not (τ_t = τ_s, open markers), on a Gaussian
mixture and on handwritten digits [O4, T6, T8, D2, D3]. Left: entropy of the student's mean answer against
the mean entropy of its answers; lines are medians over seeds from the common start, markers the ends of
single runs. On the diagonal the answer does not depend on the sample; the distance below it is the mutual
information I(X;K). Other columns: medians over seeds with quartiles. Thin lines in the second column: not
sharpened.

What to see: without a constraint a sharpened teacher gives up its clusters one after the other, on the
mixture down to the last (lower left corner, loss 0), on digits to between one and three by the last step.
Without sharpening every constrained teacher goes to the uniform answer (upper right corner, loss log K);
the unconstrained one stops at some constant answer on the diagonal. Sharpened and constrained, all four
tell samples apart. They differ in how evenly they use the clusters: the projected teacher's prior is
uniform from the first step, the inverse-prior teacher's falls at first and recovers, the centred teachers
settle below both. Even clusters are not better clusters: on digits, ten classes in sixteen clusters, the
projected teacher agrees least with the truth.
"""


def draw(dataset: xr.Dataset) -> Figure:
    clusters = settings_of(dataset)["clusters"]
    figure, axes = plt.subplots(2, 4, figsize=(PAGE, 4.0), width_ratios=(1.35, 1, 1, 1))
    for row, data in enumerate(dataset.data.values):
        sharpened, plain = (dataset.sel(data=data).isel(teacher_temperature=i) for i in (0, 1))
        _fates(axes[row, 0], sharpened, plain, np.log(clusters))
        _series(axes[row, 1], sharpened.teacher_entropy, plain.teacher_entropy)
        _series(axes[row, 2], sharpened.teacher_prior_entropy)
        _series(axes[row, 3], sharpened.nmi)
        for axis in axes[row, 1:3]:
            _mark_log_k(axis, np.log(clusters))
        axes[row, 3].set_ylim(bottom=-0.02)
        titles = (
            f"{data}: fates",
            "teacher's entropy (nat)",
            "entropy of its prior (nat)",
            "NMI with the truth",
        )
        for axis, letter, title in zip(axes[row], "abcdefgh"[4 * row :], titles, strict=False):
            axis.set_title(f"{letter}  {title}")
    for axis in axes[1, 1:]:
        axis.set_xlabel("step")
    axes[1, 0].set_xlabel("entropy of the mean answer (nat)")
    handles = [
        axes[0, 0].plot([], [], **(LOOKS[teacher].keywords(label=True) | {"mfc": LOOKS[teacher].color}))[0]
        for teacher in dataset.teacher.values
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, handlelength=3.2)
    return figure


def _fates(axis: Axes, sharpened: xr.Dataset, plain: xr.Dataset, log_k: float) -> None:
    axis.fill_between([0, log_k], [0, log_k], log_k, color="0.93", lw=0)
    axis.plot([0, log_k], [0, log_k], color="0.5", ls="-", lw=0.6)
    axis.plot([log_k, log_k], [0, log_k], color="0.5", ls=":", lw=0.8)
    for part, filled in ((plain, False), (sharpened, True)):
        for teacher in part.teacher.values:
            look, runs = LOOKS[teacher], part.sel(teacher=teacher)
            x, y = runs.student_prior_entropy, runs.student_entropy
            axis.plot(x.median("seed"), y.median("seed"), lw=0.9, **look.keywords(marker=False))
            end = {"step": -1}
            axis.plot(x[end], y[end], ms=3.0, clip_on=False, **look.dots(filled=filled))
    start = sharpened.isel(step=0, teacher=0).median("seed")
    x0, y0 = float(start.student_prior_entropy), float(start.student_entropy)
    axis.plot(x0, y0, color="black", marker="*", ms=6, ls="none")
    note: dict[str, Any] = {"fontsize": 6.5, "color": "0.25"}
    axis.text(x0 + 0.05 * log_k, y0 - 0.02, "start", va="top", **note)
    axis.text(-0.02 * log_k, -0.04 * log_k, "one cluster", va="top", **note)
    axis.text(1.04 * log_k, log_k, "uniform", va="center", **note)
    constrained = [t for t in sharpened.teacher.values if TEACHERS[split(t)[0]].constrained]
    told = float(sharpened.student_entropy.isel(step=-1).sel(teacher=constrained).median())
    axis.text(1.04 * log_k, told, "told\napart", va="center", **note)
    axis.text(1.04 * log_k, 0.0, "log $K$", **note)
    constant: dict[str, Any] = {"rotation": 45, "rotation_mode": "anchor", "transform_rotates_text": True}
    axis.text(0.13 * log_k, 0.20 * log_k, "constant, $I = 0$", **note, **constant)
    axis.set(
        xlim=(-0.04 * log_k, 1.28 * log_k), ylim=(-0.13 * log_k, 1.08 * log_k), xticks=range(math.ceil(log_k))
    )
    axis.set_ylabel("mean entropy of the answers (nat)")


def _series(axis: Axes, sharpened: xr.DataArray, plain: xr.DataArray | None = None) -> None:
    for teacher in sharpened.teacher.values:
        look, runs = LOOKS[teacher], sharpened.sel(teacher=teacher)
        line = look.keywords(marker=False)
        if plain is not None:
            axis.plot(plain.step, plain.sel(teacher=teacher).median("seed"), lw=0.6, **line)
        low, high = (runs.quantile(q, "seed") for q in (0.25, 0.75))
        axis.fill_between(runs.step, low, high, color=look.color, alpha=0.2, lw=0)
        axis.plot(runs.step, runs.median("seed"), **line)
        axis.plot(runs.step[-1:], runs.median("seed")[-1:], clip_on=False, **look.dots(filled=True))


def _mark_log_k(axis: Axes, log_k: float) -> None:
    axis.axhline(log_k, color="0.5", ls=":", lw=0.8)
    axis.text(
        0.98, log_k, "log $K$", ha="right", va="bottom", fontsize=6.5, transform=axis.get_yaxis_transform()
    )
    axis.set_ylim(-0.04 * log_k, 1.12 * log_k)
