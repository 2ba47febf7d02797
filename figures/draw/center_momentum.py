"""The slowest centre that still works: predicted line, measured stability, clusters taking turns."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from experiments.engine.store import settings_of
from figures.draw.shared import name_lines, note
from figures.look import PAGE

CAPTION = """
Momentum m_c of the moving centre against momentum m_t of the moving teacher, on axes logarithmic in 1 − m, as
in `critical_center` [D4]; τ_t = 0.4 τ_s, α = 0.1. a: a bias alone, trained in DINO's order: how much larger
or smaller it is after the run than before. Solid: the critical rate in closed form; dotted, its two limits,
fast student μ(τ_s/τ_t − 1)/(1 − μ) with μ = 1 − m_t, and no momentum teacher α(τ_s/τ_t − 1)/(1 − α). b: a
linear student with features worth learning (ρ = 0.8): entropy of its mean answer late in the run, in units of
log K; the line is that of a bias alone, the extra row a centre by the batch. c: shares of the four clusters
of a bias at 0.9 of the critical rate. d: the same with features, at 0.15 of it.

What to see: the line separates growth from decay cell by cell. Just beyond it the clusters take turns in
swallowing the data, with the period predicted from the eigenvalues (grey bar) while shares are small, a few
per cent longer once they saturate. Features that have been learnt hold the answer apart and protect it: with
them the run survives centres four to ten times slower than the line, and dies by turns of the same kind
further below it. A centre by the batch has no lag and never loses.
"""


LOST, HELD = "#D55E00", "#8FBBD9"
GROWTH = LinearSegmentedColormap.from_list("growth", [HELD, "#F7F7F7", LOST])
EVENNESS = LinearSegmentedColormap.from_list("evenness", [LOST, "#F3C9A5", "#EDF1F4", HELD])
"""In both planes orange is lost and blue is held."""
MOMENTA = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplot_mosaic("ab\ncd", figsize=(PAGE, 5.2), height_ratios=(1.6, 1))
    settings = settings_of(dataset)
    for name in "ab":
        axes[name].set(xscale="log", yscale="log")
        axes[name].minorticks_off()
    _bias(figure, axes["a"], dataset)
    _features(figure, axes["b"], dataset)
    for name in "ab":
        _lines(axes[name], dataset, settings)
        axes[name].set_xlabel(r"teacher momentum $m_t$   (slower $\rightarrow$)")
        axes[name].set_ylabel(r"centre momentum $m_c$   (slower $\rightarrow$)")
        axes[name].set_xticks([1 - m for m in MOMENTA], [f"{m:g}" for m in MOMENTA])
    axes["a"].set_title("a  a bias alone: the line decides")
    axes["b"].set_title("b  with features: they hold themselves")
    axes["a"].set_yticks([1 - m for m in MOMENTA], [f"{m:g}" for m in MOMENTA])
    _words(axes["a"], axes["b"])
    period = float(dataset.predicted_period)
    for name, x, share, title in (
        ("c", dataset.bias_step, dataset.bias_share, "c  a bias alone, just beyond the line"),
        ("d", dataset.step, dataset.share, "d  with features, far beyond the line"),
    ):
        axis, ends = axes[name], []
        for k in range(share.sizes["cluster"]):
            (line,) = axis.plot(x, share.isel(cluster=k), lw=0.9)
            ends.append((float(share.isel(cluster=k)[-1]), f"cluster {k + 1}", str(line.get_color())))
        axis.set(xlabel="step", ylabel="share of the cluster", ylim=(-0.02, 1.08), xlim=(0, float(x.max())))
        axis.set_title(title)
        name_lines(axis, ends, apart=0.1)
    axes["c"].plot([100, 100 + period], [0.97, 0.97], color="0.5", ls="-", lw=3, solid_capstyle="butt")
    said = f"predicted period of the turns, {period:.0f} steps"
    note(axes["c"], 220 + period, 0.97, said, va="center", in_layout=False)  # the small variant ends before
    return figure


def _words(bias: Axes, features: Axes) -> None:
    bold: dict[str, Any] = {"weight": "bold", "fontsize": 8.5, "ha": "center", "va": "center"}
    note(bias, 0.15, 0.013, "too slow:\nbias grows", **bold)
    note(bias, 0.0085, 0.05, "keeps up:\nbias decays", **bold)
    note(bias, 0.036, 0.031, "critical rate", ha="right", va="bottom", fontsize=7)
    note(bias, 0.0034, 0.18, "no momentum teacher", ha="right", va="top")
    note(bias, 0.25, 0.56, "fast student", rotation=52, rotation_mode="anchor", va="top")
    note(features, 0.25, 0.0058, "lost, by\nturns", **bold)
    note(features, 0.0085, 0.05, "features\nheld", **bold)
    note(features, 0.036, 0.03, "critical rate\nof a bias", ha="right", va="bottom", fontsize=7)


def _bias(figure: Figure, axis: Axes, dataset: xr.Dataset) -> None:
    values = np.log10(np.maximum(dataset.bias_spread.to_numpy(), 1e-12))
    x, y = dataset.fine_center_rate.to_numpy(), dataset.fine_teacher_rate.to_numpy()
    image = axis.pcolormesh(y, x, values.T, vmin=-4, vmax=4, cmap=GROWTH, shading="nearest", rasterized=True)
    bar = figure.colorbar(image, ax=axis, extend="both", pad=0.02, aspect=30)
    bar.set_label(r"size of the bias: $\log_{10}$ (late / initial)")
    bar.outline.set_visible(False)


def _features(figure: Figure, axis: Axes, dataset: xr.Dataset) -> None:
    values = dataset.student_prior_entropy.mean("seed").transpose("center", "teacher_rate").to_numpy()
    rate = dataset.teacher_rate.to_numpy()
    step = rate[1] / rate[0]
    y = np.append(rate, rate[-1] * step**1.6)
    image = axis.pcolormesh(
        rate, y, values, vmin=0, vmax=1, cmap=EVENNESS, shading="nearest", rasterized=True
    )
    axis.set_yticks([*(1 - m for m in MOMENTA), y[-1]], [*(f"{m:g}" for m in MOMENTA), "batch"])
    axis.axhline(rate[-1] * step**0.7, color="white", ls="-", lw=2)
    bar = figure.colorbar(image, ax=axis, pad=0.02, aspect=30)
    bar.set_label(r"clusters in use, $H(\bar q)/\log K$")
    bar.outline.set_visible(False)


def _lines(axis: Axes, dataset: xr.Dataset, settings: dict[str, Any]) -> None:
    excess = settings["student_temperature"] / settings["teacher_temperature"] - 1
    alpha, mu = settings["step_size"], dataset.fine_teacher_rate.to_numpy()
    low = settings["slowest"] * 0.93
    axis.set(xlim=(1.07, low), ylim=(axis.get_ylim()[1], low))
    axis.plot(mu, dataset.critical_line, color="black", ls="-", lw=1.2)
    with np.errstate(divide="ignore"):
        axis.plot(mu, excess * mu / (1 - mu), color="black", ls=":", lw=0.8)
    axis.plot([mu[0], 1], [excess * alpha / (1 - alpha)] * 2, color="black", ls=":", lw=0.8)
