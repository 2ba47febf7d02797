"""A learnt solution outlives the temperature at which it could have been learnt, as far as predicted."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.engine.store import settings_of
from figures.draw.shared import note
from figures.look import PAGE

CAPTION = """
Information that a student keeps, against the temperature it ends at, for three ways to start [D3]: cold
(small random logits), warmed up (τ_t raised from 0.2 τ_s), and from the answer. Views are noisy labels that
agree with ρ = 0.5; the teacher is centred by the batch, which is the whole population or 128 random pairs
(crosses). Solid and dashed vertical lines: the critical temperature ρ τ_s and the survival temperature,
predicted; grey curve: the stable solution in closed form.
Markers are single runs. Last panel: runs with twelve clusters in time, at one temperature between the two
lines and one above both.

What to see: for two clusters the three starts agree, there is no hysteresis. For more there is a window,
wider with every cluster, in which the cold run never starts while the warmed-up one goes on; it dies at the
survival temperature, and keeps until then what the closed form says. Small batches cost information, the more
clusters share them the more, and tip runs over before the line.
"""

STARTS = {
    "learnt": ("C2", {"marker": "s", "ms": 6.0, "mfc": "none"}),
    "warmed up": ("C1", {"marker": "^", "ms": 4.2, "mfc": "none"}),
    "cold": ("C0", {"marker": "o", "ms": 2.6}),
}
"""Start → its colour and marker; the later ones are smaller and drawn on top."""


def draw(dataset: xr.Dataset) -> Figure:
    count = dataset.sizes["clusters"]
    figure, axes = plt.subplots(1, count + 1, figsize=(PAGE + 0.4, 2.7), sharey=True, squeeze=False)
    last = dataset.student_information.isel(step=-1).sel(batch="population")
    noisy = dataset.student_information.isel(step=-1).sel(batch="minibatch", start="warmed up")
    for axis, k, letter in zip(axes[0], dataset.clusters.values, "abcdefg", strict=False):
        lines = [
            float(dataset[name].sel(clusters=k, batch="population"))
            for name in ("critical_ratio", "survival_ratio")
        ]
        axis.axvline(lines[0], color="0.4", ls="-", lw=0.8)
        axis.axvline(lines[1], color="0.4", ls="--", lw=0.8)
        axis.plot(*branch(settings_of(dataset)["correlation"], int(k)), color="0.7", ls="-", lw=2.2, zorder=1)
        for start, (color, marker) in STARTS.items():
            runs = last.sel(clusters=k, start=start)
            axis.plot(
                np.repeat(runs.ratio, runs.sizes["seed"]),
                runs.transpose("ratio", "seed").to_numpy().ravel(),
                ls="", color=color, label=start, zorder=3, **marker,
            )  # fmt: skip
        runs = noisy.sel(clusters=k)
        x = np.repeat(runs.ratio, runs.sizes["seed"])
        y = runs.transpose("ratio", "seed").to_numpy().ravel()
        axis.plot(x, y, ls="", marker="x", color="0.45", ms=3, label="warmed up, minibatches", zorder=2)
        axis.set_xlim(float(dataset.ratio.min()) - 0.02, float(dataset.ratio.max()) + 0.02)
        axis.set_xlabel(r"final $\tau_t/\tau_s$")
        axis.set_title(f"{letter}  {k} clusters")
        axis.set_ylim(-0.012, 0.405)
        _reach(axis, lines[0], 0.355, "a cold run starts", words_end=min(lines))
        _reach(axis, lines[1], 0.310, "a learnt one lives", words_end=min(lines))
    note(axes[0, 0], 0.385, 0.135, "closed form", color="0.4")
    _in_time(axes[0, -1], dataset.isel(clusters=-1).sel(batch="population"))
    axes[0, -1].set_title(f"{'abcdefgh'[count]}  {dataset.clusters.values[-1]} clusters, in time")
    axes[0, 0].set_ylabel(r"information $I(X;K)/\log K$")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), handlelength=1)
    return figure


def branch(correlation: float, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """τ_t/τ_s and I(X;K)/log K along the symmetric solutions, from the sharpest to the fold.

    In the notation of `survival_temperature`: τ_t/τ_s = ℓ(ρy)/ℓ(y), and the student gives its own cluster
    1/K + (1 − 1/K) ρ y.
    """
    y = 1 - np.geomspace(1e-12, 1 - 1e-3, 4000)
    ratio = _log_odds(correlation * y, clusters) / _log_odds(y, clusters)
    stable = slice(0, int(ratio.argmax()) + 1)
    own = (1 + (clusters - 1) * correlation * y[stable]) / clusters
    rest = (1 - own) / (clusters - 1)
    information = 1 + (own * np.log(own) + (clusters - 1) * rest * np.log(rest)) / np.log(clusters)
    return ratio[stable], information


def _log_odds(y: np.ndarray, clusters: int) -> np.ndarray:
    return np.log1p((clusters - 1) * y) - np.log1p(-y)


def _reach(axis: Axes, end: float, height: float, words: str, *, words_end: float) -> None:
    """An arrow from a vertical line towards all that lies below it."""
    start = axis.get_xlim()[0]
    axis.annotate(
        "", (start, height), (end, height), arrowprops={"arrowstyle": "->", "color": "0.3", "lw": 0.7}
    )
    note(axis, words_end - 0.004, height + 0.003, words, ha="right", va="bottom")


def _in_time(axis: Axes, part: xr.Dataset) -> None:
    critical, survival = float(part.critical_ratio), float(part.survival_ratio)
    ratios = part.ratio.to_numpy()
    between = ratios[np.abs(ratios - (critical + survival) / 2).argmin()]
    above = ratios[ratios > survival + 0.02].min()
    for start, (color, _) in STARTS.items():
        if start == "learnt":
            continue
        for ratio, style in ((between, "-"), (above, ":")):
            runs = part.student_information.sel(start=start, ratio=ratio)
            axis.plot(part.step, runs.T, color=color, ls=style, lw=1.1)
    last = float(part.step[-1])
    kept = float(part.student_information.sel(start="warmed up", ratio=between).isel(step=-1).mean())
    up, cold = STARTS["warmed up"][0], STARTS["cold"][0]
    inside = "between the lines,\n" + rf"$\tau_t/\tau_s={between:g}$: goes on"
    note(axis, last, kept + 0.006, inside, color=up, ha="right", va="bottom")
    beyond = "above both,\n" + rf"$\tau_t/\tau_s={above:g}$: dies"
    note(axis, 0.42 * last, 0.09, beyond, color=up, va="center")
    note(axis, 0.99, 0.98, f"{part.sizes['seed']} runs each", ha="right", va="top", transform=axis.transAxes)
    note(axis, 0.12 * last, 0.29, "warmed up", color=up, va="bottom")
    note(axis, last, 0.006, "cold: never starts", color=cold, ha="right", va="bottom")
    axis.set_xlabel("step")
