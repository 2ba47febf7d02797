"""Free logits under each teacher: what they end as, the loss, and where groups are found."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from figures.draw.shared import note
from figures.look import LOOKS, PAGE, Look
from theory import TEACHERS

CAPTION = """
Free logits for each of 60 samples in six groups; positive pairs keep to a group but for a share, the leak.
Nothing is learnt but the logits themselves. a, b: the student's q after training at a leak of 0.25, one
start, samples by group, clusters in the order of the groups that use them; the pictures of the three
constrained teachers are the same. c: information that the student holds about the samples at the end, against
the leak; the dotted line is 1 − τ_t/τ_s, predicted by [D2] and not fitted. c to e are medians over starts
with the range as a band. d: the excess loss D = Σ w KL(r‖q) (lines) and, for the projected teacher, the
information I_r that a constant student would have to pay (grey) [O5]. e: entropy of the student's cluster
prior.

What to see: without a constraint the samples end in one cluster, and there D is least, near 0: the objective
itself prefers collapse [O4]. Each constraint keeps all clusters in use, at a D that stays high and yet below
I_r, which certifies the result. The constrained teachers lie on one another because equal groups make
clusters exchangeable, so that J is the same for all [J8]. They find the groups up to the predicted leak and
nothing beyond it, by a jump.
"""


def draw(dataset: xr.Dataset) -> Figure:
    figure = plt.figure(figsize=(PAGE, 4.6))
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1), squeeze=False)[:, 0]
    pictures = upper.subplots(1, 3, width_ratios=(1, 1, 1.25))
    _pictures(upper, pictures[:2], dataset)
    leak = pictures[2]
    excess, entropy = lower.subplots(1, 2)
    for name in dataset.teacher.values:
        part, look = dataset.sel(teacher=name), LOOKS[name]
        _over_time(excess, part.excess, look)
        _over_time(entropy, part.prior_entropy, look)
        end = part.student_information_by_leak
        leak.fill_between(dataset.leak, end.min("seed"), end.max("seed"), color=look.color, alpha=0.15, lw=0)
        leak.plot(dataset.leak, end.median("seed"), **look.keywords())
    price = dataset.teacher_information.sel(teacher="projected").median("seed")
    excess.plot(dataset.step, price, color="0.5", ls="-", lw=2.2, zorder=1)
    log_k = np.log(dataset.sizes["cluster"])
    entropy.axhline(log_k, color="0.6", ls="-", lw=0.6, zorder=0)
    leak.axvline(float(dataset.critical_leak), color="0.3", ls=":", lw=0.9)
    for axis in (excess, entropy):
        axis.set(xlim=(-5, 240), xlabel="step")
    excess.set(title="d  collapse has the lowest excess loss", ylabel="excess loss $D$ (nat)")
    entropy.set(title="e  clusters in use", ylabel="entropy of $\\bar q$ (nat)", ylim=(-0.08, 2.0))
    leak.set(title="c  what is learnt", xlabel="share of false pairs (leak)", ylabel="$I(X;K)$ (nat)")
    note(excess, 235, float(price[-1]) - 0.05, "price of a constant answer, $I_r$", ha="right", va="top")
    note(entropy, 235, log_k + 0.07, "uniform, $\\log K$", ha="right")
    constrained = sum(TEACHERS[name].constrained for name in dataset.teacher.values)
    note(leak, 0.17, 1.42, f"{constrained} constrained:\non one line")
    note(leak, float(dataset.critical_leak) + 0.02, 1.3, "predicted:\n$1-\\tau_t/\\tau_s$")
    keys, labels = entropy.get_legend_handles_labels()
    figure.legend(keys, labels, loc="outside upper center", ncols=len(labels), handlelength=2.6)
    return figure


def _pictures(figure: SubFigure, axes: np.ndarray, dataset: xr.Dataset) -> None:
    """One of the unconstrained teacher, one of the others, which are the same."""
    samples = dataset.sizes["sample"]
    found = {TEACHERS[name].constrained: name for name in dataset.teacher.values}
    titles = {found[False]: f"a  {LOOKS[found[False]].label}", found[True]: "b  any constraint"}
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        picture = dataset.picture.sel(teacher=name)
        image = axis.imshow(picture, aspect="auto", cmap="Greys", vmin=0, vmax=1)
        axis.set(title=title, xlabel="cluster", xticks=range(dataset.sizes["cluster"]))
        axis.set_xticklabels(range(1, dataset.sizes["cluster"] + 1))
        axis.set_yticks(range(0, samples + 1, 10))
    axes[0].set_ylabel("sample")
    axes[1].set_yticklabels([])
    figure.colorbar(image, ax=axes[1], label="answer $q$", pad=0.02)


def _over_time(axis: Axes, value: xr.DataArray, look: Look) -> None:
    axis.fill_between(value.step, value.min("seed"), value.max("seed"), color=look.color, alpha=0.15, lw=0)
    axis.plot(value.step, value.median("seed"), markevery=0.07, **look.keywords(label=True))
