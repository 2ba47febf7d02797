"""Published runs, row by row, beside what the theory says of them, and toys at DINO's settings."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.look import PAGE

CAPTION = """
Published runs beside what section D says of their settings (claims in brackets), what that depends on, and
the verdict [D3, D4, D5, D6, D7, D8, C1]. τ_s = 0.1, teacher momentum 0.996 and τ_t = 0.04 unless a row says
otherwise. Sources: Caron et al. (2021), DINO; Zhou et al. (2021), iBOT; Ruan et al. (2022); DINO-X, a public
log of one seed with further losses added. Grey rows are those from which ρ between 0.6 and 0.8 was read: they
could not fail. Gradient descent at DINO's rate, in place of AdamW, would have the gain 7.6e-8, where 0.999
lives (D5). "Inconclusive": the condition is met in part. "Held": the constant direction does not grow. Right:
toys at DINO's settings, a linear student on a mixture with ρ = 0.7; bars, information kept in log K, mean and
range of the runs; ticks, the twin centred by its batch. Beside a bar: what the theory says of the toy, whose
gain and correlation are known: dead, whole (at least 0.9 of the twin), less; red where it did not.

What to see: one published run contradicts. DINO-X at 0.999 lies beyond the line, where its loss falls and
retrieval does not, as predicted; but a hundred thousand steps later it has learnt, and the theory has it
lost. Three rows hang on numbers that are not known: the speed of a head without a momentum teacher, and the
share of iBOT's gradient that its [CLS] loss has. Of the toys two keep half of what they should: the softmax
over the batch, of which a theory at the uniform state knows nothing.
"""

COLUMNS = {"": 0.0, "observed": 0.25, "theory": 0.5, "depends on": 0.585, "verdict": 0.915}
COLORS = {"as predicted": "C2", "silent": "0.5", "inconclusive": "C0", "contradicts": "C1"}


def draw(dataset: xr.Dataset) -> Figure:
    rows = dataset.sizes["row"]
    figure, (text, axis) = plt.subplots(1, 2, figsize=(PAGE + 1, 9.6), width_ratios=(5, 1), sharey=True)
    sweeps = dataset.sweep.values
    y = -np.arange(rows) - 1.15 * np.cumsum(np.append(True, sweeps[1:] != sweeps[:-1]))
    _table(text, dataset, y)
    of_toys = dict(zip(dataset.toy_setting.values, range(dataset.sizes["toy"]), strict=True))
    names = [f"{a}: {b}" for a, b in zip(sweeps, dataset.setting.values, strict=True)]
    _toys(
        axis,
        dataset,
        {of_toys[name]: height for name, height in zip(names, y, strict=True) if name in of_toys},
    )
    for one in (text, axis):
        one.set_ylim(y[-1] - 1, 1.5)
    return figure


def _table(axis: Axes, dataset: xr.Dataset, y: np.ndarray) -> None:
    axis.set_axis_off()
    axis.set_xlim(0, 1.03)
    for title, x in COLUMNS.items():
        axis.text(x, 0.7, title, fontsize=6.5, color="0.4", va="bottom")
    previous = ""
    for i, height in enumerate(y):
        row = {name: str(dataset[name].values[i]) for name in ("sweep", "setting", "source", "observed")}
        row |= {name: str(dataset[name].values[i]) for name in ("predicted", "depends", "claim", "verdict")}
        if row["sweep"] != previous:
            previous = row["sweep"]
            axis.text(
                0, height + 1, f"{previous} ({row['source']})", fontsize=6.3, weight="bold", va="center"
            )
        ink = "0.55" if dataset.free.values[i] else "k"
        cells = (
            row["setting"],
            row["observed"],
            row["predicted"] or "–",
            f"[{row['claim']}] {row['depends']}",
        )
        for x, cell in zip(COLUMNS.values(), cells, strict=False):
            word = cell.replace("τ_t", r"$\tau_t$").replace("τ_s", r"$\tau_s$")
            axis.text(x + 0.01 * (x == 0), height, word, fontsize=5.6, va="center", color=ink)
        shade = "0.55" if dataset.free.values[i] else COLORS[row["verdict"]]
        axis.text(COLUMNS["verdict"], height, row["verdict"], fontsize=5.8, va="center", color=shade)


def _toys(axis: Axes, dataset: xr.Dataset, heights: dict[int, float]) -> None:
    order = list(heights)
    y = np.array(list(heights.values()))
    kept = dataset.student_information.isel(toy=order)
    mean = kept.mean("seed").to_numpy()
    span = np.abs(np.stack([kept.min("seed").to_numpy(), kept.max("seed").to_numpy()]) - mean)
    axis.barh(y, mean, height=0.7, color="C5", xerr=span, error_kw={"elinewidth": 0.6})
    twin = dataset.twin_information.isel(toy=order).mean("seed").to_numpy()
    axis.plot(twin, y, ls="", marker="|", ms=5, color="k", mew=0.8)
    for i, height in heights.items():
        wrong = str(dataset.toy_verdict.values[i]) == "contradicts"
        axis.text(
            1.04, height, str(dataset.toy_predicted.values[i]), fontsize=5.8, va="center", clip_on=False,
            color="C1" if wrong else "0.2",
        )  # fmt: skip
    axis.text(0, 0.7, r"toy: $I(X;K)/\log K$", fontsize=6.5, color="0.4", va="bottom")
    axis.set(xlim=(0, 1), xticks=[])
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)
    axis.tick_params(left=False, labelleft=False)
