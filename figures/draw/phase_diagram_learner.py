"""The same plane for a student that learns its features: the line bends to what its features can know."""

import xarray as xr
from matplotlib.figure import Figure

from figures.draw.phase_diagram import planes

SOURCE = "phase_diagram"
CAPTION = """
As `phase_diagram`, for a student with two hidden layers, all of it trained [D2, D3]. The lines are those of
the data (white: τ_t = r τ_s; dotted: τ_t = τ_s) and three that were computed from each seed's network and
data before training, drawn as medians: solid orange, the leading correlation of its initial features; dashed
orange, where the linear theory of these features, kept fixed, sees logits grow tenfold within the run;
dash-dotted orange, the largest correlation that any features of these data have.

What to see: features beyond the data's own coordinates correlate more, so the student learns above the white
line, up to the dashed one. The leading correlation itself is an asymptotic statement: near it growth is too
slow for the run. Nothing is learnt above the last line, but for the sharpest targets at small r, which
batches of 32 make out of noise. Without a constraint nearly all is lost below τ_t = τ_s, at large r too,
where the linear student still kept a few clusters.
"""


def draw(dataset: xr.Dataset) -> Figure:
    part = dataset.sel(student="mlp")
    figure, axes = planes(part)
    for axis in axes.flat:
        for name, style in (
            ("initial_correlation", "-"),
            ("visible_ratio", "--"),
            ("maximal_correlation", "-."),
        ):
            axis.plot(part.correlation, part[name].median("seed"), color="C4", ls=style, lw=1.1)
    return figure
