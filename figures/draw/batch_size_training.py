"""What the batch size does to a run: NMI after training, normalised by the batch or by a moving average."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from experiments.training.names import MOVING
from figures.draw.shared import note
from figures.look import LOOKS, PAGE

SOURCE = "batch_size"
CAPTION = """
NMI after training on a mixture with each teacher, against the batch size, normalised by its batch (a) or by a
moving average of momentum 0.9 (b) [E2]; three rounds of Sinkhorn. Medians over seeds with the range as a
band.

What to see: in training every teacher is hurt below 16 samples, by noise in its gradient as well, the
projected one least and centering most; from there on batch size and averaging change little. At 4 samples
the averaged inverse prior collapses, which that of the batch does not.
"""


def draw(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.7), sharey=True)
    for axis, normaliser, prefix, title in (
        (axes[0], "batch", "", "a  normalised by its batch"),
        (axes[1], "moving average", MOVING, "b  normalised by a moving average"),
    ):
        for teacher in dataset.teacher.values:
            value, look = dataset.nmi.sel(teacher=teacher, normaliser=normaliser), LOOKS[prefix + teacher]
            low, high = value.min("seed"), value.max("seed")
            axis.fill_between(dataset.training_batch_size, low, high, color=look.color, alpha=0.15, lw=0)
            axis.plot(dataset.training_batch_size, value.median("seed"), **look.keywords(label=True))
        axis.axvline(16, color="0.4", ls=":", lw=0.8, zorder=0)
        note(axis, 18, 0.02, "from 16 samples on: as good", fontsize=7)
        axis.set(xscale="log", xlabel="batch size $B$", ylim=(0, 0.56))
        axis.set_xticks(dataset.training_batch_size.values, dataset.training_batch_size.values)
        axis.minorticks_off()
        axis.set_title(title)
        axis.legend(loc="lower right", bbox_to_anchor=(1, 0.12))
    axes[0].set_ylabel("NMI after training")
    return figure
