"""Distances between the teachers in Kullback-Leibler divergence, measured and certified."""

import xarray as xr
from matplotlib.figure import Figure

from figures.draw.teacher_distance import draw_measure

SOURCE = "teacher_distance"
CAPTION = """
As the figure of total variation, for the KL divergence from each teacher to its reference, the largest over
held-out samples: certified by osc(J)²/8 in a and d [J7] and by way of [T5] in b and e. KL has no largest
value, so there is no mark where a bound becomes vacuous other than that of total variation, repeated on the
upper edge.

What to see: the orders of the total variation, doubled. Cold, the KL between teachers reaches tens of nats:
two teachers that share every logit then disagree altogether about some samples. In c and f the mean KL of the
inverse-prior teacher, where clusters have biases, passes that of the centred one at the temperatures in use.
"""


def draw(dataset: xr.Dataset) -> Figure:
    return draw_measure(dataset, "kl")
