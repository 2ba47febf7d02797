"""Four fates in one plane: learnt, uniform, one cluster, few clusters."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
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
mean answer H, as many clusters as e^H (ticks above) in even use; upwards: mean entropy of its answers, how
undecided each of them is. The distance below the diagonal is the information I(X;K) that the clusters hold
about the samples. Markers: ends of single runs, eight for each of five teachers; lines: medians on the way
from the common start. Filled: sharpened, τ_t = 0.4 τ_s; open, with faint lines: not, τ_t = τ_s. The
unconstrained teacher without sharpening, which stops at constant answers on the diagonal, is left out
(`collapse` has it).

What to see: with a constraint and sharpening a student has learnt: nearly all clusters in use, each sample
sure of its own. Without sharpening it ends uniform (loss log K), without a constraint in one cluster (loss
near 0) or in few. Only those that have learnt lie far below the diagonal: the loss tells the others apart no
better than chance would.
"""
LINE = {"arrowstyle": "-", "color": "0.4", "lw": 0.6, "shrinkA": 0, "shrinkB": 4}


def draw(dataset: xr.Dataset) -> Figure:
    clusters = settings_of(dataset)["clusters"]
    log_k = np.log(clusters)
    sharpened, plain = (dataset.sel(data="digits").isel(teacher_temperature=i) for i in (0, 1))
    constrained = [teacher for teacher in plain.teacher.values if TEACHERS[split(teacher)[0]].constrained]
    figure, axis = plt.subplots(figsize=(5.2, 3.7))
    fates(axis, sharpened, plain.sel(teacher=constrained), log_k)
    axis.set(
        ylim=(-0.26 * log_k, 1.05 * log_k),
        yticks=np.arange(0, log_k, 0.5),
        title="Four fates of a run: only one of them has learnt",
        xlabel="entropy of the mean answer (nat)",
        ylabel="mean entropy of the answers (nat): how unsure",
    )
    powers = 2 ** np.arange(int(np.log2(clusters)) + 1)
    above = axis.secondary_xaxis("top")
    above.set_xticks(np.log(powers), [*map(str, powers[:-1]), f"{powers[-1]} clusters in use"])
    _names(axis, sharpened.isel(step=-1), plain.sel(teacher=constrained).isel(step=-1), log_k)
    note(
        axis, 0.34 * log_k, 0.37 * log_k, "same answer for all samples, $I(X;K) = 0$", rotation=45,
        rotation_mode="anchor", transform_rotates_text=True,
    )  # fmt: skip
    note(axis, 0.45 * log_k, 0.88 * log_k, "no run can be here", color="0.45", style="italic")
    keys = [
        axis.plot([], [], label=LOOKS[t].label, **LOOKS[t].dots(filled=True))[0]
        for t in dataset.teacher.values
    ]
    for face, label in (("0.3", "sharpened"), ("white", "not sharpened")):
        keys += axis.plot([], [], ls="none", marker="h", ms=4, color="0.3", mfc=face, label=label)
    keys += axis.plot(
        [], [], ls="-", lw=0.8, color="0.3", label=f"median path, {dataset.sizes['seed']} runs each"
    )
    axis.legend(handles=keys, loc="upper left", bbox_to_anchor=(0.06, 0.98), handlelength=1.2)
    return figure


def _names(axis: Axes, sharpened: xr.Dataset, plain: xr.Dataset, log_k: float) -> None:
    """Each fate at its place, what led there, and how many runs met it."""
    bare, held = sharpened.sel(teacher="unconstrained"), sharpened.drop_sel(teacher="unconstrained")
    one = bare.student_prior_entropy < 0.05 * log_k
    learnt = held.student_information > 0.5 * log_k
    uniform = plain.student_entropy > 0.95 * log_k
    for (x, y), (x_end, y_end), name, found, how in (
        ((1.12, 0.31), (1.0, 0.27), "learnt", learnt, "constrained\nand sharpened,\n$\\tau_t<\\tau_s$"),
        ((1.12, 0.92), (1.01, 0.99), "uniform", uniform, "constrained,\nnot sharpened"),
        ((-0.02, -0.10), (0.0, 0.0), "one cluster", one, ""),
        ((0.26, -0.10), (0.23, 0.03), "few clusters", ~one, ""),
    ):
        count = f"{int(found.sum())} of {found.size} runs"
        start = (x * log_k, (y if y > 0 else y + 0.05) * log_k)
        axis.annotate("", (x_end * log_k, y_end * log_k), start, arrowprops=LINE)
        note(axis, x * log_k, y * log_k, name, weight="bold", fontsize=8.5, va="bottom")
        note(axis, x * log_k, y * log_k, f"{how}\n{count}".strip(), va="top")
    note(axis, -0.02 * log_k, -0.21 * log_k, "both: sharpened, not constrained", va="center")
