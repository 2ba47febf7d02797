"""E1 and E2: what a batch does to the prior, and training on small batches."""

from experiments.engine.store import settings_of
from tests.claims.measured.forms import fixed, middle
from tests.claims.measured.statements import results, says
from tests.claims.measured.teachers import USUAL

SMALL = 0.1  # cv²/B up to which the leading term is asked for


@says("E1")
def bias_over_prediction():
    found = results("batch_size")
    yield (
        "`batch_size`, populations with $K$ {}–{}, {} seeds",
        f"{int(found.clusters.min())}", f"{int(found.clusters.max())}", f"{found.sizes['seed']}",
    )  # fmt: skip
    ratio = found.bias_ratio
    small = ratio.where(ratio.bin <= SMALL).quantile([0.5, 0.05, 0.95])
    at = 4
    yield (
        "bias over prediction {} [{}, {}] for $\\mathrm{cv}^2/B \\le {}$, {} at {}",
        *(fixed(x, 2) for x in small), f"{SMALL:g}",
        fixed(ratio.sel(bin=at, method="nearest").median(), 2), f"{at}",
    )  # fmt: skip
    least = found.sel(clusters=at, batch_size=at)
    factor = (-least.bias * 2 * at / least.mean_dispersion).median()
    yield "and up to {} too small at $K = B = {}$", fixed(factor, 1), f"{at}"


@says("E1")
def crossings():
    found = results("batch_size")
    ratio = (found.crossing_measured / found.crossing_predicted).median("seed")
    warm = 0.16
    above = ratio.sel(temperature=slice(2 * warm, None))
    at = found.sel(temperature=USUAL)
    yield (
        (r"measured over predicted $B^*$ is {} at $\tau = {}$ and within {}% above, but {} at {} "
        "({} predicted, {} [{}, {}] measured)"),
        fixed(ratio.sel(temperature=warm), 2), f"{warm:g}", fixed(100 * abs(above - 1).max(), 0),
        fixed(ratio.sel(temperature=USUAL), 1), f"{USUAL:g}",
        fixed(at.crossing_predicted.median(), 1), *middle(at.crossing_measured, 1),
    )  # fmt: skip


@says("E1")
def training_on_small_batches():
    found = results("batch_size")
    smallest = int(found.training_batch_size[0])
    nmi = found.nmi.sel(normaliser="batch", training_batch_size=smallest)
    order = nmi.median("seed")
    assert order.idxmax() == "projected" and order.idxmin() == "centering"
    yield (
        ("In training ({} seeds) the small-batch advantage of centering that this suggests is **not seen**: "
        "from $B = {}$ on"),
        f"{found.sizes['seed']}", f"{int(found.training_batch_size[1])}",
    )  # fmt: skip
    yield (
        ("by the batch at $B = {}$ the projected teacher is hurt least and centering most "
        "(NMI {} [{}, {}] and {} [{}, {}]; inverse prior {}, three Sinkhorn rounds {})"),
        f"{smallest}", *middle(nmi.sel(teacher="projected"), 2), *middle(nmi.sel(teacher="centering"), 2),
        fixed(order.sel(teacher="inverse_prior"), 2), fixed(order.sel(teacher="sinkhorn"), 2),
    )  # fmt: skip


@says("E2")
def the_averaged_inverse_prior():
    everything = results("batch_size")
    found = everything.isel(training_batch_size=0).sel(teacher="inverse_prior").clusters_in_use
    median, low, high = middle(found.sel(normaliser="moving average"), 0)
    assert float(found.sel(normaliser="batch").min()) > float(found.sel(normaliser="moving average").max())
    yield (
        "the averaged inverse prior at $B = {}$, $m = {}$ collapses ({} [{}, {}] clusters in use)",
        f"{int(found.training_batch_size)}",
        f"{settings_of(everything)['center_momentum']:g}",
        median, low, high,
    )  # fmt: skip
