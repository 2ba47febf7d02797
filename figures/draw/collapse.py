"""Four fates of a student: one cluster, one constant answer, uniform, or learnt."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.engine.store import settings_of
from figures.draw.shared import name_lines, note
from figures.look import LOOKS, PAGE

CAPTION = """
Five teachers, sharpened (τ_t = 0.4 τ_s, filled markers) and not (τ_t = τ_s, open markers), on a Gaussian
mixture and on handwritten digits [O4, T6, T8, D2, D3]. a, d: entropy of the student's mean answer against the
mean entropy of its answers; lines are medians over seeds from the common start (faint where not sharpened),
markers the ends of single runs. On the diagonal the answer does not depend on the sample; the distance below
it is the mutual information I(X;K). Other panels: sharpened runs, medians over seeds with quartiles. b, e:
entropy of the teacher's cluster prior; c, f: NMI of the student's clusters with the truth.

What to see: without a constraint a sharpened teacher gives up its clusters one after the other, on the
mixture down to the last (lower left corner, loss 0), on digits to between one and three by the last step.
Without sharpening every constrained teacher goes to the uniform answer (upper right corner, loss log K); the
unconstrained one stops at some constant answer on the diagonal. Sharpened and constrained, all four have
learnt: their clusters tell samples apart. They differ in how evenly they use the clusters: the projected
teacher's prior is uniform from the first step, the inverse-prior teacher's falls at first and recovers, the
centred teachers settle below both. Even clusters are not better clusters: on digits, ten classes in sixteen
clusters, the projected teacher agrees least with the truth.
"""


def draw(dataset: xr.Dataset) -> Figure:
    log_k = np.log(settings_of(dataset)["clusters"])
    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 5.2), width_ratios=(1.75, 1, 1))
    for row, data in enumerate(dataset.data.values):
        sharpened, plain = (dataset.sel(data=data).isel(teacher_temperature=i) for i in (0, 1))
        plane, evenness, truth = axes[row]
        fates(plane, sharpened, plain, log_k)
        _name(plane, sharpened, log_k)
        _series(evenness, sharpened.teacher_prior_entropy)
        evenness.set_ylim(-0.04 * log_k, 1.12 * log_k)
        evenness.axhline(log_k, color="0.5", ls="-", lw=0.6)
        note(evenness, float(sharpened.step[-1]), 1.02 * log_k, "uniform, log $K$", ha="right", va="bottom")
        _series(truth, sharpened.nmi)
        truth.set_ylim(-0.02, 0.66)
        titles = (f"{data}: fates", "entropy of the prior (nat)", "NMI with the truth")
        for axis, letter, title in zip(axes[row], "abcdef"[3 * row :], titles, strict=False):
            axis.set_title(f"{letter}  {title}")
        _name_ends(truth, sharpened.nmi)
    for axis in axes[1, 1:]:
        axis.set_xlabel("step")
    axes[1, 0].set_xlabel("entropy of the mean answer (nat)")
    keys = [
        axes[0, 0].plot([], [], **(LOOKS[teacher].keywords(label=True) | {"mfc": LOOKS[teacher].color}))[0]
        for teacher in dataset.teacher.values
    ]
    for face, label in (("0.3", "sharpened"), ("white", "not sharpened")):
        keys += axes[0, 0].plot([], [], ls="none", marker="h", ms=4, color="0.3", mfc=face, label=label)
    figure.legend(handles=keys, loc="outside upper center", ncols=len(keys), handlelength=2.6)
    return figure


def fates(axis: Axes, sharpened: xr.Dataset, plain: xr.Dataset, log_k: float) -> None:
    """Paths from the start and ends of single runs, in the plane of the two entropies."""
    axis.fill_between([0, log_k], [0, log_k], log_k, color="0.93", lw=0)
    axis.plot([0, log_k], [0, log_k], color="0.5", ls="-", lw=0.6)
    for part, filled in ((plain, False), (sharpened, True)):
        for teacher in part.teacher.values:
            look, runs = LOOKS[teacher], part.sel(teacher=teacher)
            x, y = runs.student_prior_entropy, runs.student_entropy
            weight: dict[str, Any] = {"lw": 0.8, "alpha": 0.75} if filled else {"lw": 0.5, "alpha": 0.35}
            axis.plot(x.median("seed"), y.median("seed"), **weight, **look.keywords(marker=False))
            end = {"step": -1}
            axis.plot(x[end], y[end], ms=4.0, clip_on=False, **look.dots(filled=filled))
    start = sharpened.isel(step=0, teacher=0).median("seed")
    x0, y0 = float(start.student_prior_entropy), float(start.student_entropy)
    axis.plot(x0, y0, color="black", marker="*", ms=7, ls="none")
    note(axis, x0 - 0.04 * log_k, y0 - 0.02 * log_k, "start", va="top", ha="right")
    axis.set(xlim=(-0.06 * log_k, 1.05 * log_k), ylim=(-0.08 * log_k, 1.14 * log_k), xticks=range(3))
    axis.set_ylabel("mean entropy of the answers (nat)")


def _name(axis: Axes, sharpened: xr.Dataset, log_k: float) -> None:
    ends = sharpened.isel(step=-1)
    told = float(ends.student_entropy.drop_sel(teacher="unconstrained").median())
    few = float(ends.student_prior_entropy.sel(teacher="unconstrained").median()) > 0.1
    bold = {"weight": "bold"}
    note(axis, 0.98 * log_k, 1.03 * log_k, "uniform", ha="right", va="bottom", **bold)
    note(axis, 0.05 * log_k, -0.03 * log_k, "one cluster, or a few" if few else "one cluster", **bold)
    note(axis, 1.05 * log_k, told, "learnt", va="center", **bold)
    note(
        axis, 0.16 * log_k, 0.23 * log_k, "one constant answer, $I = 0$", rotation=45, **bold,
        rotation_mode="anchor", transform_rotates_text=True,
    )  # fmt: skip


def _series(axis: Axes, sharpened: xr.DataArray) -> None:
    for teacher in sharpened.teacher.values:
        look, runs = LOOKS[teacher], sharpened.sel(teacher=teacher)
        low, high = (runs.quantile(q, "seed") for q in (0.25, 0.75))
        axis.fill_between(runs.step, low, high, color=look.color, alpha=0.15, lw=0)
        axis.plot(runs.step, runs.median("seed"), **look.keywords(marker=False))
        axis.plot(runs.step[-1:], runs.median("seed")[-1:], clip_on=False, **look.dots(filled=True))


def _name_ends(axis: Axes, values: xr.DataArray) -> None:
    end = values.isel(step=-1).median("seed")
    looks = [(float(end.sel(teacher=teacher)), LOOKS[teacher]) for teacher in values.teacher.values]
    name_lines(axis, [(height, look.label, look.color) for height, look in looks])
