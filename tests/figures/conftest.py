"""Every figure drawn once for all tests of a file that look at it."""

import matplotlib as mpl
import pytest
from matplotlib import pyplot

from experiments.engine import registry, runner, store
from figures import save

FIGURES = registry.figures()


@pytest.fixture(scope="module")
def drawn(request):
    """Figure and dataset, once for all tests of one figure: none changes them."""
    entry = FIGURES[request.param]
    dataset = store.load(runner.RESULTS / f"{entry.source}.nc")
    with mpl.rc_context():
        mpl.style.use(save.STYLE)
        figure = entry.module.draw(dataset)
        for axis in figure.axes:  # which gives ticks their labels, as drawing would
            for labels in (axis.get_xticklabels, axis.get_yticklabels):
                labels(which="both")
        yield figure, dataset
        pyplot.close(figure)
