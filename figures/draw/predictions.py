"""What was predicted and registered before its run, and what came of it: misses first."""

import re
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.studies.predictions import Bound, judge

CAPTION = """
Predictions committed before the runs that test them (`predictions/`), misses first [D1, D3, D4, D6, D7, D8,
D9, J7, C1]. A row is one bound on one measured number: grey, what was predicted, its bounds as thin lines;
dots, runs; the bar, their mean. Bounded is the mean or all runs, as the row says; the number is the mean.
Each row has a scale of its own, logarithmic where it says log. A prediction is hit (✓) when all its rows
hold.

What to see: which of the theory's statements about runs that nobody had made came true, and which did not.
"""
LEFT, WIDTH = 0.44, 0.27
"""Of the scales, in shares of the width."""
HIT, MISS = "C2", "C1"
WORDS = {
    "adam_kept_beyond_line": "information kept, $m_c$ = .998",
    "adam_kept_inside_line": "information kept, $m_c$ = .97",
    "bias_beyond_line_over_eta": r"bias over $\eta$, $m_c$ = .997",
    "bias_growth_between": "growth of a bias, $m_c$ = .997",
    "bias_inside_line_over_eta": r"bias over $\eta$, $m_c$ = .99",
    "centering_gain_by_warmth": r"gain in NMI, $\tau_t$ from .02 to .07",
    "clusters_by_the_prior": r"clusters in use, $e^{H(\bar q)}$",
    "clusters_told_apart": "clusters told apart, $e^I$",
    "features_kept_between": "information kept, $m_c$ = .997",
    "features_kept_far_beyond": "information kept, $m_c$ = .9995",
    "growth_moved_at_each": "growth, centre moved at each",
    "growth_moved_once": "growth, centre moved once a step",
    "last_alive_128_less_32": "the same, batch 128 minus 32",
    "last_alive_32_at_a_quarter": r"last $\tau_t/\tau_s$ alive, batch 32, rate / 4",
    "last_alive_512": r"last $\tau_t/\tau_s$ alive, batch 512",
    "last_alive_512_less_128": "the same, batch 512 minus 128",
    "power_mean_less_centering": "NMI, order 1/4 minus centering",
    "power_mean_less_inverse_prior": "NMI, order 1/4 minus inverse prior",
    "shared_kept": "shared bias: information kept",
    "shared_prior_entropy": r"shared bias: $H(\bar q)/\log K$",
    "shift_2048": "short of the fold by, batch 2048",
    "shortfall_32_over_512": "short of the fold, batch 32 over 512",
    "untied_prior_entropy": r"own bias: $H(\bar q)/\log K$",
}
"""Measure → what it is."""


def draw(dataset: xr.Dataset) -> Figure:
    found = judge(dataset)
    rows = [(said, bound) for said in found for bound in said.bounds]
    figure, axis = plt.subplots(figsize=(5.2, 0.19 * len(rows) + 0.28 * len(found) + 0.5))
    y, previous = 0.0, None
    for said, bound in rows:
        if said is not previous:
            y -= 1.5
            title = re.sub(r"e\^(\w)", r"$e^\1$", said.title)
            words = f"{'hit' if said.hit else 'MISS'}  {title}  [{said.claim}]"
            _mark(axis, 0, y + 0.85, hit=said.hit)
            color = HIT if said.hit else MISS
            axis.text(0.025, y + 0.85, words, fontsize=7.5, weight="bold", color=color, va="center")
            previous = said
        _row(axis, y, bound)
        y -= 1
    _key(axis, 0.75)
    axis.set(xlim=(0, 1), ylim=(y + 0.4, 1.3))
    axis.set_axis_off()
    return figure


def _mark(axis: Axes, x: float, y: float, *, hit: bool) -> None:
    color, sign = (HIT, "✓") if hit else (MISS, "✗")
    axis.text(x, y, sign, fontsize=8, va="center", color=color, family="DejaVu Sans")


def _key(axis: Axes, y: float) -> None:
    """What a row is made of."""
    at = dict(zip(("predicted", "bound", "runs", "mean"), (0.02, 0.20, 0.33, 0.44), strict=True))
    for name, x in at.items():
        axis.text(x + 0.03, y, name, fontsize=7.5, va="center")
    axis.fill_between([0, 0.04], y - 0.38, y + 0.38, color="0.88", lw=0)
    axis.plot([0.215] * 2, [y - 0.38, y + 0.38], color="0.45", ls="-", lw=0.6)
    axis.plot([0.325, 0.335, 0.35], [y] * 3, ls="", marker=".", ms=4, color=HIT)
    axis.plot([0.455] * 2, [y - 0.38, y + 0.38], color=HIT, ls="-", lw=1.4)
    axis.text(0.57, y, "each row has its own scale; number: mean", fontsize=7, va="center", color="0.4")


def _row(axis: Axes, y: float, bound: Bound) -> None:
    axis.text(0.025, y, WORDS[bound.measure], fontsize=7, va="center")
    values = np.array(bound.values)
    ends = [end for end in (bound.at_least, bound.at_most) if end is not None]
    place, wide = _scale(np.concatenate([values, ends]))
    low = LEFT if bound.at_least is None else place(bound.at_least)
    high = LEFT + WIDTH if bound.at_most is None else place(bound.at_most)
    axis.fill_between([low, high], y - 0.38, y + 0.38, color="0.88", lw=0)
    for end in ends:
        axis.plot([place(end)] * 2, [y - 0.38, y + 0.38], color="0.45", ls="-", lw=0.6)
    color = HIT if bound.holds else MISS
    axis.plot([place(value) for value in values], [y] * len(values), ls="", marker=".", ms=4, color=color)
    axis.plot([place(values.mean())] * 2, [y - 0.38, y + 0.38], color=color, ls="-", lw=1.4)
    if wide:
        axis.text(LEFT - 0.005, y, "log", fontsize=6, va="center", ha="right", color="0.4")
    said = " ".join(
        f"{sign} {_number(end)}"
        for sign, end in (("≥", bound.at_least), ("≤", bound.at_most))
        if end is not None
    )
    axis.text(LEFT + WIDTH + 0.015, y, _number(values.mean()), fontsize=7, va="center")
    _mark(axis, LEFT + WIDTH + 0.095, y, hit=bound.holds)
    axis.text(LEFT + WIDTH + 0.12, y, f"{bound.of} {said}", fontsize=6.5, va="center", color="0.4")


def _number(value: float) -> str:
    """Four digits; what is nothing at four decimals is written as that."""
    return "0.0000" if 0 < abs(value) < 5e-5 else f"{value:.4g}".replace("-", "−")


def _scale(numbers: np.ndarray) -> tuple[Callable[[float], float], bool]:
    """From a number to its place in the row, and whether by its logarithm."""
    wide = bool((numbers > 0).all() and numbers.max() > 10 * numbers.min())
    ends = np.log10(numbers) if wide else numbers
    low, high = float(ends.min()), float(ends.max())
    room = 0.25 * (high - low) or 1.0
    low, high = low - room, high + room

    def place(value: float) -> float:
        x = np.log10(value) if wide else value
        return float(LEFT + WIDTH * (x - low) / (high - low))

    return place, wide
