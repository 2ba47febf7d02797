"""A loss that is held holds the other one through the head they share, from a share of the gradient on."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.draw.shared import note
from figures.look import PAGE

CAPTION = """
Two kinds of token, as [CLS] and patches: the first kind's teacher has a fast centre, the second's none [D8].
Shown is the entropy of the second kind's cluster prior at the end, in units of log K, against the share of
the gradient that comes from the first kind; circles: one bias for both kinds, crosses: a bias for each; every
run is a mark. Vertical: 1 − τ_t/τ_s, from which on the second needs no centre. (a, b) A bias alone. (c, d)
With tables worth learning (ρ = 0.8), where bars show the information that the second kind keeps on the shared
head. τ_t is that of iBOT's patches before and after their warm-up; its two losses weigh the same, at 0.5.

What to see: a bias that is shared falls on the predicted side at both temperatures; one that is not shared is
lost whatever the share. With features the threshold is soft, on the side of the run: below it some clusters
survive.
"""

KEPT = "shared head: information kept, $I/\\log K$"
PREDICTED = "predicted:\nheld from\nhere on,\n$1 - \\tau_t/\\tau_s$"


def draw(dataset: xr.Dataset) -> Figure:
    temperatures = dataset.teacher_temperature.values
    figure, axes = plt.subplots(1, 2 * len(temperatures), figsize=(PAGE, 2.5), sharey=True, squeeze=False)
    cells = [(features, tau) for features in (False, True) for tau in temperatures]
    for axis, letter, (features, tau) in zip(axes[0], "abcdefgh", cells, strict=False):
        at = dataset.sel(features=features, teacher_temperature=tau)
        _panel(axis, at, information=features)
        axis.set_title(f"{letter}  {'features' if features else 'a bias alone'}, $\\tau_t$ = {tau:g}")
    axes[0, 0].set_ylabel("patches: clusters in use,\n$H(P)/\\log K$")
    figure.supxlabel("share of the gradient from the [CLS] loss", fontsize=8)
    keys, labels = axes[0, -1].get_legend_handles_labels()
    figure.legend(keys, labels, loc="outside upper center", ncols=len(labels), handlelength=1)
    return figure


def _panel(axis: Axes, at: xr.Dataset, *, information: bool) -> None:
    share = at.share.to_numpy()
    for head, marker, color in (("shared", "o", "C0"), ("untied", "x", "C1")):
        runs = at.prior_entropy.sel(head=head).transpose("share", "seed").to_numpy()
        axis.plot(
            np.repeat(share, runs.shape[1]), runs.ravel(), ls="", marker=marker, ms=3, mfc="none",
            color=color, label=f"{head} head: clusters in use",
        )  # fmt: skip
    if information:
        kept = at.information.sel(head="shared").mean("seed").to_numpy()
        axis.bar(share, kept, width=0.035, color="C0", alpha=0.25, zorder=0, label=KEPT)
    axis.axvline(float(at.held_share), color="0.4", ls="--", lw=0.8)
    note(axis, float(at.held_share) + 0.02, 0.57, PREDICTED, fontsize=6)
    axis.set(ylim=(-0.04, 1.06), xlim=(-0.04, 1))
