"""Four fates in one plane: healthy, uniform, one cluster, few clusters."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.engine.store import settings_of
from experiments.training.names import split
from figures.draw.collapse import fates
from figures.draw.shared import note
from figures.look import LOOKS
from theory import TEACHERS

SOURCE = "collapse"
CAPTION = """
Four fates of a student of handwritten digits, 16 clusters [O4, T6, D2, D3]. Across: entropy of the student's
mean answer, how many clusters are in use; upwards: mean entropy of its answers, how undecided each of them
is. The distance below the diagonal is the information I(X;K) that the clusters hold about the samples.
Markers: ends of single runs, eight for each of five teachers; lines: medians on the way from the common
start. Filled: sharpened, τ_t = 0.4 τ_s; open: not, τ_t = τ_s. The unconstrained teacher without sharpening,
which stops at constant answers on the diagonal, is left out (`collapse` has it).

What to see: with a constraint and sharpening a student is healthy: all clusters in use, each sample sure of
its own. Without sharpening it ends uniform (loss log K), without a constraint in one cluster (loss near 0) or
in few. Only the healthy ones lie far below the diagonal: the loss tells the others apart no better than
chance would.
"""
LINE = {"arrowstyle": "-", "color": "0.4", "lw": 0.6, "shrinkA": 0, "shrinkB": 4}


def draw(dataset: xr.Dataset) -> Figure:
    log_k = np.log(settings_of(dataset)["clusters"])
    sharpened, plain = (dataset.sel(data="digits").isel(teacher_temperature=i) for i in (0, 1))
    constrained = [teacher for teacher in plain.teacher.values if TEACHERS[split(teacher)[0]].constrained]
    figure, axis = plt.subplots(figsize=(5.2, 3.7))
    fates(axis, sharpened, plain.sel(teacher=constrained), log_k)
    axis.set(
        ylim=(-0.06 * log_k, 1.05 * log_k),
        title="Four fates of a run: only one of them has learnt",
        xlabel="entropy of the mean answer (nat): how many clusters are used",
        ylabel="mean entropy of the answers (nat): how unsure",
    )
    for (x, y), (x_end, y_end), name, how in (
        ((1.15, 0.30), (0.99, 0.30), "healthy", "constrained\nand sharpened,\n$\\tau_t<\\tau_s$"),
        ((1.15, 0.97), (1.01, 1.0), "uniform", "constrained,\nnot sharpened"),
        ((0.03, 0.30), (0.0, 0.02), "one cluster", "sharpened,\nnot constrained"),
        ((0.36, 0.13), (0.28, 0.07), "few clusters", "sharpened,\nnot constrained"),
    ):
        axis.annotate("", (x_end * log_k, y_end * log_k), (x * log_k, y * log_k), arrowprops=LINE)
        note(axis, x * log_k, y * log_k, name, weight="bold", fontsize=8.5, va="bottom")
        note(axis, x * log_k, y * log_k, how, va="top")
    note(
        axis, 0.34 * log_k, 0.37 * log_k, "same answer for all samples, $I(X;K) = 0$", rotation=45,
        rotation_mode="anchor", transform_rotates_text=True,
    )  # fmt: skip
    note(axis, 0.09 * log_k, 0.55 * log_k, "no run can be here", color="0.45", style="italic")
    keys = [axis.plot([], [], label=LOOKS[t].label, **LOOKS[t].dots())[0] for t in dataset.teacher.values]
    axis.legend(handles=keys, loc="upper left", bbox_to_anchor=(0.07, 0.92), handlelength=1, title="teacher")
    return figure
