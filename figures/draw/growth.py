"""Rates of growth near uniform, predicted before training, on one identity line with those measured."""

from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.draw.shared import note
from figures.look import LOOKS, PAGE
from theory import TEACHERS

CAPTION = """
Growth rate per step of every direction of feature space, for six teachers (without a constraint, centering,
inverse prior, power mean of order 2, cumulant, projected), two temperatures and two teacher
momenta, predicted from the population moments of a Gaussian mixture and measured in minibatch training from
logits of 10⁻⁸ [D1, D2, D3]. Each point is the mean over seeds; bars are one standard error of it. Open
markers: the teacher is the student; filled: it follows with momentum 0.8. a: measured
against predicted, with the identity. b: difference in units of the fastest predicted rate of the same setting
and teacher; the band is ±1%.

What to see: one line for all. The five constrained teachers cannot be told apart, as D1 says: their points
coincide, the projected one on top. Without a constraint (crosses) the constant direction grows as well, and
every other one is as before. What scatter there is comes from the batches; it stays below one per cent of the
fastest rate.
"""


def draw(dataset: xr.Dataset) -> Figure:
    predicted = dataset.predicted.mean("seed")
    difference = dataset.measured - dataset.predicted
    count = dataset.sizes["seed"]
    error = difference.std("seed", ddof=1 if count > 1 else 0) / count**0.5
    scale = abs(predicted).max("direction")
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE, 2.9), width_ratios=(1, 1.2))
    span = [float(predicted.min()), float(predicted.max())]
    left.plot(span, span, color="0.6", ls="-", lw=0.7)
    note(left, 0.105, 0.098, "identity", va="top", color="0.4")
    right.axhspan(-1, 1, color="0.92", lw=0)
    right.axhline(0, color="0.6", ls="-", lw=0.7)
    for i, momentum in enumerate(dataset.teacher_momentum.values):
        for teacher in dataset.teacher.values:
            at = {"teacher": teacher, "teacher_momentum": momentum}
            x = predicted.sel(at).to_numpy().ravel()
            style = LOOKS[teacher].dots(filled=i > 0) | {"ms": 4}
            left.plot(x, (predicted + difference.mean("seed")).sel(at).to_numpy().ravel(), **style)
            y, bar = ((100 * v / scale).sel(at).to_numpy().ravel() for v in (difference.mean("seed"), error))
            right.errorbar(x, y, yerr=bar, elinewidth=0.6, capsize=0, **style)
        name = "teacher is the student" if momentum == 0 else f"teacher momentum {momentum:g}"
        left.plot([], [], "h", color="0.4", mfc="0.4" if i else "white", label=name)
    keys = {t: Line2D([], [], ms=4, **LOOKS[t].dots()) for t in dataset.teacher.values}
    held = tuple(key for t, key in keys.items() if TEACHERS[t].constrained)  # one on another, as in the data
    named: dict[str, Any] = {LOOKS[t].label: key for t, key in keys.items() if not TEACHERS[t].constrained}
    named |= {f"{len(held)} constrained (coincide)": held}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=len(named), handlelength=1)
    left.set(xlabel="predicted rate per step", ylabel="measured rate per step")
    left.set_title("a  every rate as predicted")
    left.legend(loc="upper left", handlelength=1)
    right.set(xlabel="predicted rate per step", ylabel="measured − predicted (%)", ylim=(-1.6, 1.6))
    right.set_title("b  what is left, in % of the fastest rate")
    note(right, 0.98, 0.99, "±1% of the fastest", transform=right.get_yaxis_transform(), ha="right", va="top")
    return figure
