"""What has been learnt outlives every centre; whether it is learnt is a race."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.engine.store import settings_of
from figures.draw.shared import note
from figures.look import PAGE
from theory.dynamics import learnt_solution

CAPTION = """
Table students on whole populations, eight clusters, α = 0.1, τ = 0.1/0.04 [D7]. (a) Information kept at the
end, in units of the learnt solution's, against the ratio of two growth rates at uniform: that of the constant
direction under the centre (D4) over that of the features (D2). Circles start cold, from small random logits;
squares start learnt; every run of all teacher momenta, centres and correlations (colours). Left of 0 the
centre is inside the line of D4; ratios below −0.6 stand in one column beyond the break. Dotted: the least
ratio at which a cold run loses more than a tenth. (b) The growth rate along what the constant direction
becomes at the learnt solution when no centre moves at all, against the correlation, from the least at which
there is such a solution: below 0 it holds itself.

What to see: a learnt start keeps everything under every centre, also where a cold one loses all. A cold start
beyond the line keeps everything while features grow more than some two and a half times as fast, and loses
most when they are slower. Only just above the critical correlation, and only with few clusters, does what is
learnt still need its centre.
"""

LEFT, PILE = -0.6, -0.9
"""The least ratio that stands in its place, and the place of all that are less."""
LOST = 0.1
"""Share of the information whose loss counts."""


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.8), width_ratios=(1.6, 1))
    _race(axes[0], dataset)
    _held(axes[1], dataset)
    return figure


def _race(axis: Axes, dataset: xr.Dataset) -> None:
    for i, rho in enumerate(dataset.correlation.values):
        at = dataset.sel(correlation=rho)
        dims = ("teacher_rate", "slower", "seed")
        ratio = np.broadcast_to(
            at.ratio.transpose("teacher_rate", "slower").to_numpy()[..., None],
            [at.sizes[d] for d in dims],
        )
        for start, marker, size in (("learnt", "s", 3.4), ("cold", "o", 2.6)):
            kept = at.kept.sel(start=start).transpose(*dims).to_numpy()
            axis.plot(
                np.where(ratio < LEFT, PILE, ratio).ravel(), kept.ravel(), ls="", marker=marker, ms=size,
                mfc="none", mew=0.6, color=f"C{i}",
            )  # fmt: skip
    for x in (0, 1):
        axis.axvline(x, color="0.4", ls="--", lw=0.8)
    for middle, words in (
        (-0.45, "centre inside\nthe line"),
        (0.5, "features\nfaster"),
        (1.5, "constant\nfaster"),
    ):
        note(axis, middle, 1.04, words, fontsize=6, ha="center", color="0.4")
    axis.set(
        xlabel="growth of the constant direction / growth of the features",
        ylabel="information kept", ylim=(-0.03, 1.17), title="a  learnt starts keep all, cold ones race",
    )  # fmt: skip
    last = int(np.ceil(float(dataset.ratio.max())))
    axis.set_xlim(PILE - 0.1, max(float(dataset.ratio.max()), 1) + 0.1)
    axis.set_xticks([PILE, *range(last)], [f"< −{-LEFT:g}", *map(str, range(last))])
    for shift in (-0.025, 0.025):  # the axis is broken between the pile and the rest
        axis.plot(
            (LEFT + PILE) / 2 + shift, 0, marker=[(-0.4, -1), (0.4, 1)], ms=7, mew=0.8, color="0.2",
            transform=axis.get_xaxis_transform(), clip_on=False, zorder=5,
        )  # fmt: skip
    _losing(axis, dataset)
    keys = [
        Line2D([], [], ls="", marker="s", ms=3.4, mfc="none", color="0.2", label="learnt start"),
        Line2D([], [], ls="", marker="o", ms=2.6, mfc="none", color="0.2", label="cold start"),
    ]
    keys += [
        Line2D([], [], ls="-", lw=3, color=f"C{i}", label=rf"$\rho$ = {rho:g}")
        for i, rho in enumerate(dataset.correlation.values)
    ]
    axis.legend(handles=keys, fontsize=6.5, loc="center right", handlelength=1.2)


def _losing(axis: Axes, dataset: xr.Dataset) -> None:
    """The least ratio at which a cold run loses more than a tenth, if one does."""
    least = dataset.ratio.where((dataset.kept.sel(start="cold") < 1 - LOST).any("seed")).min()
    if np.isfinite(least):
        axis.plot([least, least], [axis.get_ylim()[0], 1], color="0.1", ls=":", lw=1)
        words = f"cold starts begin to lose (over {LOST:.0%})"
        note(axis, float(least) - 0.03, 0.02, words, rotation=90, ha="right", va="bottom")


def _held(axis: Axes, dataset: xr.Dataset) -> None:
    settings = settings_of(dataset)
    tau_s, tau_t = settings["student_temperature"], settings["teacher_temperature"]
    for i, k in enumerate((2, 8, 1024)):
        found = [(rho, _rate(rho, k, tau_s, tau_t)) for rho in np.linspace(0.2, 0.99, 159)]
        rho, rate = zip(*[one for one in found if np.isfinite(one[1])], strict=True)
        axis.plot(rho, np.array(rate) * tau_s, color=f"C{i + 3}", ls="-")
        at = next((j for j, one in enumerate(rate) if one * tau_s < 1.1), 0)
        side: dict[str, Any] = {"ha": "left", "va": "top"} if at == 0 and rate[at] < 0 else {"ha": "right"}
        axis.annotate(f"$K$ = {k} ", (rho[at], rate[at] * tau_s), fontsize=6.5, color=f"C{i + 3}", **side)
    axis.axhline(0, color="0.4", lw=0.8)
    axis.set(
        xlabel=r"correlation $\rho$", ylabel=r"growth rate $\times\ \tau_s/a$", title="b  learnt, no centre",
        xlim=(0.05, 1), ylim=(-1.3, 1.3),
    )  # fmt: skip
    axis.annotate("held", (0.75, -1.1), fontsize=7, color="0.3")
    axis.annotate("needs a centre", (0.55, 1.05), fontsize=7, color="0.3")


def _rate(rho: float, k: int, tau_s: float, tau_t: float) -> float:
    """NaN where nothing learnt lives."""
    try:
        found = learnt_solution(rho, clusters=k, student_temperature=tau_s, teacher_temperature=tau_t)
    except ValueError:
        return np.nan
    return found.rate
