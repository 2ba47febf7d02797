"""From which batch size on the noise of a batch moves a teacher less than Jensen's gap does."""

from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.draw.batch_size import MARKERS
from figures.draw.shared import name_lines, note
from figures.look import LOOKS, PAGE

SOURCE = "batch_size"
CAPTION = """
What the noise of a batch costs a teacher beside what centering costs it. a: KL that the noise of a batch
makes in the inverse-prior teacher (solid) and in the centred one (dashed), from the population's
inverse-prior teacher, on digits logits, for four temperatures. b: batch size where the noise costs what
Jensen's gap costs (the plateau of the dashed curves): predicted by [E1] and measured.

What to see: noise costs more than Jensen's gap only below about ten samples at the temperatures in use, and
below a B that grows like τ² when hot. The centre of the same batch is as noisy there: only a centre averaged
over batches profits.
"""


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.9))
    _noise(axes[0], dataset)
    _crossing(axes[1], dataset)
    return figure


def _noise(axis: Axes, d: xr.Dataset) -> None:
    shown, ends = d.temperature.values[:: max(1, d.sizes["temperature"] // 3)][:4], []
    for tau, color, marker in zip(shown, ("C0", "C1", "C2", "C6"), MARKERS, strict=False):
        part = d.sel(temperature=tau).teacher_kl.median("seed")
        for every, teacher in enumerate(part.order.values):
            axis.plot(
                d.crossing_batch_size,
                part.sel(order=teacher),
                color=color,
                ls=LOOKS[teacher].line,
                marker=marker,
                markevery=(2 * every, 4),
                mfc="white",
            )
            ends.append(
                (float(part.sel(order=teacher)[-1]), f"{LOOKS[teacher].label}, $\\tau$ = {tau:g}", color)
            )
    axis.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel="KL of the teacher (nat)")
    axis.set_title("a  noise falls, Jensen's gap stays")
    name_lines(axis, ends)


def _crossing(axis: Axes, d: xr.Dataset) -> None:
    middle, low, high = {}, {}, {}
    for name, color, style, marker in (
        ("crossing_predicted", "0.2", "-", ""),
        ("crossing_measured", "C1", "none", "o"),
    ):
        value = d[name]
        middle[name], low[name], high[name] = value.median("seed"), value.min("seed"), value.max("seed")
        spread = [middle[name] - low[name], high[name] - middle[name]]
        axis.errorbar(d.temperature, middle[name], spread, color=color, ls=style, marker=marker, mfc="white")
    axis.set(xscale="log", yscale="log", xlabel="temperature $\\tau$ (raw logits)", ylabel="batch size $B$")
    axis.set_xticks(d.temperature.values, [f"{tau:g}" for tau in d.temperature.values])
    axis.minorticks_off()
    axis.set_title("b  where both cost the same, $B^*$")
    start = float(d.temperature[0])
    measured = 1.5 * float(high["crossing_measured"].isel(temperature=0))
    note(axis, start, measured, "measured", color="#D55E00", fontsize=7)
    second = middle["crossing_predicted"].isel(temperature=slice(0, 2))
    note(axis, 1.12 * float(d.temperature[:2][-1]), 0.6 * float(second[-1]), "predicted", fontsize=7)
    inside: dict[str, Any] = {"weight": "bold", "fontsize": 7.5, "transform": axis.transAxes}
    note(axis, 0.2, 0.75, "Jensen's gap\ncosts more", **inside)
    note(axis, 0.65, 0.15, "noise\ncosts more", **inside)
