"""A batch's prior is biased: by as much as predicted while the batch is larger than the dispersion."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.draw.shared import name_lines, note
from figures.look import PAGE

CAPTION = """
What a batch of B samples does to the cluster prior. a: bias of log P̂ for populations of K clusters with Zipf
shares, averaged with weight P: measured (symbols) and by [E1], χ²-information/(2B) (lines); at B = 1 it is
the lautum information (ticks), what centering pays [J5]. b: measured bias and spread over
their prediction, against cv²/B, the dispersion of p/P per sample of the batch; median over all clusters,
sizes and populations, 5% to 95% as a band.

What to see: one curve for K from 4 to 1024. The prediction holds for B ≫ cv²; near B = cv² it can be too
small by a factor of two, and beyond it is too large, because the bias saturates at Jensen's gap. What that
noise costs the teacher is in `batch_size_noise`, what it costs in training in `batch_size_training`.
"""

MARKERS = "osD^vP*"


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.9))
    _bias(axes[0], dataset)
    _universal(axes[1], dataset)
    return figure


def _bias(axis: Axes, d: xr.Dataset) -> None:
    grey, ends = np.linspace(0.0, 0.62, d.sizes["clusters"]), []
    for shade, marker, k in zip(grey, MARKERS, d.clusters.values, strict=False):
        part, color = d.sel(clusters=k).median("seed"), str(shade)
        line = part.mean_dispersion / (2 * d.batch_size)
        axis.plot(d.batch_size, line, color=color, ls="-", lw=0.8)
        axis.plot(d.batch_size, -part.bias, marker, color=color, mfc="white", ms=4)
        axis.plot(1, part.mean_gap, "_", color=color, ms=6, mew=1.2)
        ends.append((float(line[-1]), f"$K$ = {k}", color))
    axis.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel="−bias of $\\log\\hat P$ (nat)")
    axis.set(xlim=(0.75, None), ylim=(None, 25))
    axis.set_title("a  bias: symbols measured, lines predicted")
    name_lines(axis, ends)
    highest = float(d.mean_gap.median("seed").max())
    note(axis, 0.85, 1.8 * highest, "at $B$ = 1: what\ncentering pays", va="bottom")


def _universal(axis: Axes, d: xr.Dataset) -> None:
    over = ("seed", "clusters", "batch_size")
    d = d.dropna("bin", how="all", subset=["bias_ratio"])
    ends = []
    for name, color, style, label in (
        ("bias_ratio", "C0", "-", "bias"),
        ("spread_ratio", "C1", "--", "standard\ndeviation"),
    ):
        low, middle, high = (d[name].quantile(q, over) for q in (0.05, 0.5, 0.95))
        axis.fill_between(d.bin, low, high, color=color, alpha=0.2, lw=0)
        axis.plot(d.bin, middle, color=color, ls=style)
        ends.append((float(middle[-1]), label, color))
    axis.axhline(1, color="0.4", ls="-", lw=0.6)
    axis.axvline(1, color="0.4", ls=":", lw=0.8)
    axis.set(xscale="log", yscale="log", ylabel="measured / predicted")
    axis.set_xlabel("$\\mathrm{cv}^2/B$: dispersion of $p/P$ per sample")
    axis.set_yticks([0.1, 0.2, 0.5, 1, 2, 4], ["0.1", "0.2", "0.5", "1", "2", "4"])
    axis.minorticks_off()
    axis.set_title("b  where the prediction holds")
    across = axis.get_xaxis_transform()
    note(axis, 0.8, 0.3, "large batch:\nholds", ha="right", transform=across, fontsize=7.5, weight="bold")
    note(axis, 1.3, 0.1, "small batch:\nprediction\ntoo large", transform=across, fontsize=7.5, weight="bold")
    name_lines(axis, ends)
