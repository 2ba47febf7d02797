"""Free logits under each teacher: what they end as, the loss, and where groups are found."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.look import LOOKS, PAGE, Look

CAPTION = """
Free logits for each of 60 samples in six groups; positive pairs keep to a group but for a share, the leak.
Nothing is learnt but the logits themselves. Upper row: the student's q after training at a leak of 0.25,
one start, samples by group, clusters in the order of the groups that use them. Lower row, medians over
starts with the range as a band. e: the excess loss D = Σ w KL(r‖q) (lines) and, for the projected teacher,
the information I_r that a constant student would have to pay (grey) [O5]. f: entropy of the student's
cluster prior. g: information that the student holds about the samples at the end, against the leak; the
dotted line is 1 − τ_t/τ_s, predicted by [D2] and not fitted.

What to see: without a constraint the samples end in one cluster, and there D is least, near 0: the
objective itself prefers collapse [O4]. Each constraint keeps all clusters in use, at a D that stays high
and yet below I_r, which certifies the result. The constrained teachers lie on one another because equal
groups make clusters exchangeable, so that J is the same for all [J8]. They find the groups up to the
predicted leak and nothing beyond it, by a jump.
"""


def draw(dataset: xr.Dataset) -> Figure:
    figure = plt.figure(figsize=(PAGE, 4.3))
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.15), squeeze=False)[:, 0]
    _pictures(figure, upper.subplots(1, dataset.sizes["teacher"], sharey=True), dataset)
    excess, entropy, leak = lower.subplots(1, 3)
    for name in dataset.teacher.values:
        part, look = dataset.sel(teacher=name), LOOKS[name]
        _over_time(excess, part.excess, look)
        _over_time(entropy, part.prior_entropy, look)
        end = part.student_information_by_leak
        leak.fill_between(dataset.leak, end.min("seed"), end.max("seed"), color=look.color, alpha=0.15, lw=0)
        leak.plot(dataset.leak, end.median("seed"), **look.keywords())
    price = dataset.teacher_information.sel(teacher="projected").median("seed")
    excess.plot(dataset.step, price, color="0.5", ls="-", lw=2.2, zorder=1)
    excess.annotate("$I_r$", (240, float(price[-1])), (0, 3), textcoords="offset points", ha="right")
    leak.axvline(float(dataset.critical_leak), color="0.3", ls=":", lw=0.9)
    for axis in (excess, entropy):
        axis.set_xlim(-5, 240)
    excess.set(title="e  excess loss", xlabel="step", ylabel="$D$ (nat)")
    entropy.set(
        title="f  cluster prior", xlabel="step", ylabel="entropy of $\\bar q$ (nat)", ylim=(-0.08, 2.0)
    )
    entropy.axhline(np.log(dataset.sizes["cluster"]), color="0.6", ls="-", lw=0.6, zorder=0)
    entropy.text(240, np.log(dataset.sizes["cluster"]) + 0.09, "$\\log K$", ha="right")
    leak.set(title="g  what is learnt", xlabel="leak", ylabel="$I(X;K)$ of the student (nat)")
    entropy.legend(loc="center right")
    return figure


def _pictures(figure: Figure, axes: np.ndarray, dataset: xr.Dataset) -> None:
    samples = dataset.sizes["sample"]
    for axis, letter, name in zip(axes, "abcd", dataset.teacher.values, strict=True):
        picture = dataset.picture.sel(teacher=name)
        image = axis.imshow(picture, aspect="auto", cmap="Greys", vmin=0, vmax=1)
        axis.set(
            title=f"{letter}  {LOOKS[name].label}", xlabel="cluster", xticks=range(dataset.sizes["cluster"])
        )
        axis.set_xticklabels(range(1, dataset.sizes["cluster"] + 1))
        axis.set_yticks(range(0, samples + 1, 10))
    axes[0].set_ylabel("sample")
    figure.colorbar(image, ax=axes, label="$q$", pad=0.01)


def _over_time(axis: Axes, value: xr.DataArray, look: Look) -> None:
    axis.fill_between(value.step, value.min("seed"), value.max("seed"), color=look.color, alpha=0.15, lw=0)
    axis.plot(value.step, value.median("seed"), markevery=0.07, **look.keywords(label=True))
