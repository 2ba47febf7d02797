"""What a wrong target prior costs, in NMI and in components split or merged."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.draw.shared import note
from figures.look import LOOKS, PAGE

CAPTION = """
Eight well separated components with shares ∝ 1/rank (upper row) and ∝ rank^−1.5 (lower row), eight clusters,
and a target π ∝ share^a: uniform at a = 0, true at a = 1 (vertical line), too steep beyond. Eight seeds; the
runs of a seed share data and initial weights. a, e: total variation between the teacher's cluster prior and
the target, median and quartiles. b, f: NMI of the student's clusters with the components, median and
quartiles; the dotted line is the largest that a clustering which meets π can have, and the exact posterior
has 1. c, g: components split over two clusters or more; d, h: components left without a cluster of their own;
means and their standard errors.

What to see: only the projected teacher meets its target [T3], and only for it a wrong target costs what one
expects: a uniform one splits large components, one too steep merges small ones, and where shares are steep
the truth is best by 0.16 of NMI over uniform. The centred teacher is off its target by 0.2 to 0.5 and hardly
cares which it is given; it lies above the ceiling because it does not obey. The inverse-prior teacher [T2]
does not meet its target either, and the steeper the target the more small components it loses: with steep
shares the true target costs it 0.25 of NMI against the uniform one.
"""

PANELS = {
    "prior_error": ("off its target (TV)", (-0.02, 0.58)),
    "nmi": ("clusters found (NMI)", (0, 1.16)),
    "split": ("components split", (-0.06, 1.45)),
    "merged": ("components merged", (0, 5.1)),
}
COUNTS = ("split", "merged")
SAID = {
    "prior_error": (0.05, 0.14, "only the projected\nteacher meets its target ..."),
    "nmi": (0.05, 0.07, "... so it gains most\nfrom a true one"),
    "split": (0.34, 0.80, "uniform: large\nones are split"),
    "merged": (0.04, 0.92, "too steep: small\nones are merged"),
}
"""Panel → place in the lower row, and what to see there."""


def draw(dataset: xr.Dataset) -> Figure:
    rows = dataset.sizes["zipf"]
    figure, axes = plt.subplots(
        rows, 4, figsize=(PAGE, 0.6 + 2.1 * rows), sharex=True, sharey="col", squeeze=False
    )
    for row, zipf in enumerate(dataset.zipf.values):
        part = dataset.sel(zipf=zipf)
        for column, (name, (title, limits)) in enumerate(PANELS.items()):
            axis = axes[row, column]
            _lines(axis, part[name])
            axis.axvline(1, color="0.5", ls=":", lw=0.8, zorder=0)
            axis.set(ylim=limits, title=f"{'abcdefgh'[4 * row + column]}  {title}")
        ceiling = axes[row, 1]
        ceiling.plot(part.exponent, part.ceiling, color="0.35", ls=(0, (1, 1)), lw=1)
        note(ceiling, 0.75, 1.03, "ceiling if the target is met", ha="center", va="bottom")
        axes[row, 0].annotate(
            f"component shares $\\propto$ rank$^{{-{zipf:g}}}$", (0, 1), (-18, 16), xycoords="axes fraction",
            textcoords="offset points", weight="bold", fontsize=9,
        )  # fmt: skip
    for axis, (x, y, words) in zip(axes[-1], SAID.values(), strict=True):
        note(axis, x, y, words, transform=axis.transAxes, va="center", weight="bold")
    for axis in axes[-1]:
        axis.set_xlabel("target $\\propto$ share$^a$")
        axis.set_xticks([0, 0.5, 1, 1.5], ["$a$ = 0\nuniform", "0.5\n ", "1\ntrue", "1.5\ntoo steep"])
    keys = [axes[0, 0].plot([], [], **LOOKS[t].keywords(label=True))[0] for t in dataset.teacher.values]
    figure.legend(handles=keys, loc="outside upper center", ncols=len(keys), handlelength=2.6)
    return figure


def _lines(axis: Axes, values: xr.DataArray) -> None:
    """One line for each teacher; small shifts keep the bars apart."""
    for shift, teacher in zip((-0.03, 0, 0.03), values.teacher.values, strict=True):
        runs = values.sel(teacher=teacher)
        if values.name in COUNTS:
            middle = runs.mean("seed")
            error = (runs.std("seed", ddof=1) / np.sqrt(runs.sizes["seed"]),) * 2
        else:
            low, middle, high = (runs.quantile(q, "seed") for q in (0.25, 0.5, 0.75))
            error = middle - low, high - middle
        axis.errorbar(
            values.exponent + shift,
            middle,
            yerr=np.stack(error),
            elinewidth=0.8,
            **LOOKS[teacher].keywords(),
        )
