"""The plane of fates for a student that learns its features: the line bends to what its features can know."""

import xarray as xr
from matplotlib.figure import Figure

from figures.draw.phase_diagram import ALONG, EDGE, HALO, planes, words
from figures.draw.shared import note

SOURCE = "phase_diagram"
CAPTION = """
As `phase_diagram`, for a student with two hidden layers, all trained [D2, D3]. The black lines are those
of the data (solid: τ_t = ρ τ_s; dotted: τ_t = τ_s), the orange ones were computed from each seed's network
and data before training and are drawn as medians, where a constraint makes them matter: solid, "leading, at
the start", the leading correlation of its initial features; dashed, "predicted within this run", where the
linear theory of these features, kept fixed, sees logits grow tenfold within the run; dash-dotted, "largest
possible", the largest correlation that any features of these data have.

What to see: features beyond the data's own coordinates correlate more, so the student learns above the black
line, up to the dashed one. The leading correlation itself is an asymptotic statement: near it growth is too
slow for the run. Nothing is learnt above the last line, but for the sharpest targets at small ρ, which
batches of 32 make out of noise. Without a constraint nearly all is lost below τ_t = τ_s, at large ρ too,
where the linear student still kept a few clusters.
"""
LINES = {
    "maximal_correlation": ("-.", "largest possible", (0.05, 0.80), (0.235, 0.80), 0.42),
    "initial_correlation": ("-", "leading,\nat the start", (0.655, 0.905), (0.71, 0.875), 0.71),
    "visible_ratio": ("--", "predicted within\nthis run", (0.53, 0.24), (0.59, 0.28), 0.59),
}
"""Name → line, words, their place, the end of the words where their leader starts, and the ρ it points at."""


def draw(dataset: xr.Dataset) -> Figure:
    part = dataset.sel(student="mlp")
    figure, axes = planes(part, short=(0.03, 0.975))
    for axis in axes.flat[1:]:
        for name, (style, *_) in LINES.items():
            line = part[name].median("seed")
            axis.plot(part.correlation, line, color="#D55E00", ls=style, lw=1.3, path_effects=HALO)
    words(axes[0, 0], [(0.45, 0.2, "one cluster", "white")])
    note(axes[0, 0], 0.97, 0.45, EDGE, color="white", path_effects=[], ha="right")
    for axis in axes.flat[1:]:
        words(axis, [(0.7, 0.4, "learnt", "0.1")])
    for axis in axes[1]:
        words(axis, [(0.08, 0.85, "uniform", "0.2")])
    named = axes[0, 1]
    for name, (_, label, place, start, at) in LINES.items():
        line = part[name].median("seed").interp(correlation=at)
        arrow = {"arrowstyle": "-", "color": "#D55E00", "lw": 0.6, "shrinkA": 0, "shrinkB": 0}
        named.annotate("", (at, float(line)), start, arrowprops=arrow)
        note(named, *place, label, color="#A04000", va="center")
    note(named, 0.34, 0.30, r"the data's, $\tau_t=\rho\,\tau_s$", **ALONG)
    note(axes[1, 0], 0.45, 0.115, "empty clusters")
    note(named, 0.02, 1.015, r"$\tau_t=\tau_s$")
    return figure
