"""Batches against the prediction: bias and spread of the prior, where noise meets Jensen, training."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.training.names import MOVING
from figures.look import LOOKS, PAGE

CAPTION = """
What a batch of B samples does. a: bias of log P̂ for populations of K clusters with Zipf shares, averaged
with weight P: measured (symbols) and by [E1], χ²-information/(2B) (lines); at B = 1 it is the lautum
information (ticks at the left edge), what centering pays [J5]. b: measured bias and spread over their
prediction, against c²/B, the dispersion of p/P per sample of the batch; median over all clusters, sizes and
populations, 5% to 95% as a band. c: KL that the noise of a batch makes in the inverse-prior teacher (solid)
and in the centred one (dashed), from the population's inverse-prior teacher, on digits logits, for four
temperatures. d: batch size where the noise costs what Jensen's gap costs (the plateau of the dashed
curves): predicted by [E1] and measured. e, f: NMI after training on a mixture with each teacher, normalised
by its batch (e) or by a moving average of momentum 0.9 (f) [E2]; three rounds of Sinkhorn.

What to see: one curve for K from 4 to 1024. The prediction holds for B ≫ c²; near B = c² it can be too
small by a factor of two, and beyond it is too large, because the bias saturates at Jensen's gap. Noise
costs more than Jensen's gap only below about ten samples at the temperatures in use, and below a B that
grows like τ² when hot. The centre of the same batch is as noisy there: only a centre averaged over batches
profits. In training every teacher is hurt below 16 samples, by noise in its gradient as well, the projected
one least and centering most; from there on batch size and averaging change little. At 4 samples the averaged
inverse prior collapses, which that of the batch does not.
"""

MARKERS = "osD^vP*"


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.5))
    _bias(axes[0, 0], dataset)
    _universal(axes[0, 1], dataset)
    _noise(axes[0, 2], dataset)
    _crossing(axes[1, 0], dataset)
    _training(axes[1, 1], axes[1, 2], dataset)
    return figure


def _bias(axis: Axes, d: xr.Dataset) -> None:
    grey = np.linspace(0.0, 0.65, d.sizes["clusters"])
    for shade, marker, k in zip(grey, MARKERS, d.clusters.values, strict=False):
        part, color = d.sel(clusters=k).median("seed"), str(shade)
        axis.plot(d.batch_size, part.mean_dispersion / (2 * d.batch_size), color=color, ls="-", lw=0.8)
        axis.plot(d.batch_size, -part.bias, marker, color=color, mfc="white", label=f"$K$ = {k}")
        axis.plot(0.75 * d.batch_size[0], part.mean_gap, "_", color=color, ms=6, mew=1.2)
    axis.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel="−bias of $\\log\\hat P$ (nat)")
    axis.set_title("a  bias")
    axis.legend(loc="lower left")


def _universal(axis: Axes, d: xr.Dataset) -> None:
    over = ("seed", "clusters", "batch_size")
    d = d.dropna("bin", how="all", subset=["bias_ratio"])
    for name, color, style, label in (
        ("bias_ratio", "C0", "-", "bias"),
        ("spread_ratio", "C1", "--", "standard deviation"),
    ):
        low, middle, high = (d[name].quantile(q, over) for q in (0.05, 0.5, 0.95))
        axis.fill_between(d.bin, low, high, color=color, alpha=0.2, lw=0)
        axis.plot(d.bin, middle, color=color, ls=style, label=label)
    axis.axhline(1, color="0.4", ls="-", lw=0.6)
    axis.set(xscale="log", yscale="log", xlabel="$c^2/B$", ylabel="measured / predicted")
    axis.set_yticks([0.1, 0.2, 0.5, 1, 2, 4], ["0.1", "0.2", "0.5", "1", "2", "4"])
    axis.minorticks_off()
    axis.set_title("b  where the prediction holds")
    axis.legend(loc="lower left")


def _noise(axis: Axes, d: xr.Dataset) -> None:
    shown = d.temperature.values[:: max(1, d.sizes["temperature"] // 3)][:4]
    for tau, color, marker in zip(shown, ("C0", "C1", "C2", "C6"), MARKERS, strict=False):
        part = d.sel(temperature=tau).teacher_kl.median("seed")
        for every, teacher in enumerate(part.order.values):
            look, label = LOOKS[teacher], None if every else f"$\\tau$ = {tau:g}"
            axis.plot(
                d.crossing_batch_size,
                part.sel(order=teacher),
                color=color,
                ls=look.line,
                marker=marker,
                markevery=(2 * every, 4),
                mfc="white",
                label=label,
            )
    axis.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel="KL of the teacher (nat)")
    axis.set_title("c  noise and Jensen")
    axis.legend(loc="lower left")


def _crossing(axis: Axes, d: xr.Dataset) -> None:
    for name, color, style, marker, label in (
        ("crossing_predicted", "0.2", "-", "", "predicted"),
        ("crossing_measured", "C1", "none", "o", "measured"),
    ):
        value = d[name]
        middle = value.median("seed")
        spread = [middle - value.min("seed"), value.max("seed") - middle]
        axis.errorbar(
            d.temperature, middle, spread, color=color, ls=style, marker=marker, mfc="white", label=label
        )
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="temperature $\\tau$ (raw logits)",
        ylabel="crossing batch size $B^*$",
    )
    axis.set_xticks(d.temperature.values, [f"{tau:g}" for tau in d.temperature.values])
    axis.minorticks_off()
    axis.set_title("d  equal errors")
    axis.legend(loc="upper left")


def _training(batch: Axes, average: Axes, d: xr.Dataset) -> None:
    average.sharey(batch)
    for axis, normaliser, prefix, letter in (
        (batch, "batch", "", "e"),
        (average, "moving average", MOVING, "f"),
    ):
        for teacher in d.teacher.values:
            value, look = d.nmi.sel(teacher=teacher, normaliser=normaliser), LOOKS[prefix + teacher]
            low, high = value.min("seed"), value.max("seed")
            axis.fill_between(d.training_batch_size, low, high, color=look.color, alpha=0.15, lw=0)
            axis.plot(d.training_batch_size, value.median("seed"), **look.keywords(label=True))
        axis.set(xscale="log", xlabel="batch size $B$", ylabel="NMI after training")
        axis.set_xticks(d.training_batch_size.values, d.training_batch_size.values)
        axis.minorticks_off()
        axis.set_title(f"{letter}  {normaliser}")
    batch.set_ylim(0, 0.56)
    for axis in (batch, average):
        axis.legend(loc="lower right")
