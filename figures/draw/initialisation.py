"""The linear theory holds until the initial logits reach a fraction of the temperature."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from figures.draw.shared import note
from figures.look import LOOKS, PAGE

CAPTION = """
Size of the initial logits, in units of τ_s, against what becomes of the linear theory and of the run
[D2, D3]. Gaussian mixture with ρ = 0.7, τ_t = τ_s/2, four teachers. a: rate over the first ten steps in
units of the rate predicted at uniform. b: agreement with the truth after training. c: information. Points
are means over seeds, bars their range. Shaded: up to a tenth of τ_s.

What to see: up to logits of a tenth of τ_s the predicted rate holds to a few per cent (what the constrained
teachers miss there is the finite batch: centred by its own mean it sees 1 − (1 + ρ)/2B of the correlation).
At logits of the size of τ_t growth stops, beyond them saturated outputs shrink. The fate is more robust: the
constrained runs find the truth from logits up to ten times τ_s; from there on they keep much of the arbitrary
clusters that they began with. The unconstrained one loses everything from small logits, and less from large
ones: what is there already competes with the constant direction.
"""


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(1, 3, figsize=(PAGE, 2.7), sharex=True)
    panels = {
        "the linear theory": ("initial rate / predicted", dataset.rate / dataset.predicted_rate),
        "what is found": ("NMI with the truth", dataset.nmi),
        "what is held": (r"information $I(X;K)$ (nat)", dataset.student_information),
    }
    axes[0].axhline(1, color="0.6", ls="-", lw=0.7)
    axes[0].axhline(0, color="0.6", ls=":", lw=0.7)
    for axis, letter, (title, (label, values)) in zip(axes, "abc", panels.items(), strict=True):
        for shift, teacher in enumerate(dataset.teacher.values):
            runs = values.sel(teacher=teacher)
            x = runs["size"] * 1.06 ** (shift - 1.5)
            mean = runs.mean("seed")
            bars = [mean - runs.min("seed"), runs.max("seed") - mean]
            look = LOOKS[teacher].keywords()
            axis.errorbar(x, mean, yerr=bars, lw=0.8, elinewidth=0.5, **look)
        axis.set(xscale="log", xlabel=r"initial logits / $\tau_s$", ylabel=label)
        axis.set_title(f"{letter}  {title}")
        axis.axvspan(axis.get_xlim()[0], 0.1, color="0.95", lw=0, zorder=-1)
        axis.set_xlim(left=float(dataset["size"].min()) / 1.6)
    rate, nmi, held = axes
    grey = "logits < $\\tau_s/10$"
    note(rate, 0.0012, 0.99, grey, va="top", color="0.4", transform=rate.get_xaxis_transform())
    note(rate, 0.0012, 0.93, "as predicted", va="top")
    note(rate, 1.2, 0.62, "logits too large:\ngrowth stops", va="center")
    note(rate, 0.0012, 0.02, "no growth", color="0.4")
    note(nmi, 0.0012, 0.03, "unconstrained:\nnothing left")
    note(nmi, 0.0012, 0.92, "constrained: the truth", va="top")
    note(nmi, 110, 0.34, "clusters of\nthe start", ha="right", va="top")
    note(held, 0.0012, 1.31, "projected: softer answers", va="top", color=LOOKS["projected"].color)
    keys = [held.plot([], [], **LOOKS[t].keywords(label=True))[0] for t in dataset.teacher.values]
    figure.legend(handles=keys, loc="outside upper center", ncols=len(keys))
    return figure
