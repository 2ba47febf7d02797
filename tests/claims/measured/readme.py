"""What README found, and the directions of the notes: the same numbers, shorter."""

from tests.claims.measured.forms import fixed, span, upper
from tests.claims.measured.jensen import sharp_starts
from tests.claims.measured.objective import on_digits
from tests.claims.measured.statements import results, says
from tests.claims.measured.teachers import CONSTRAINED, NETWORKS, USUAL, true_costs, usual


@says("README.md")
def what_it_found():
    tv = usual().tv.median("seed")
    centred = tv.sel(pair="centering", network=list(NETWORKS))
    yield "its answers are {} to {} in total variation", *span(centred, 2)
    yield ("in networks trained with any of four teachers",)
    assert len(NETWORKS) == 4
    for score in ("nmi", "knn_accuracy", "probe_accuracy"):
        assert not (on_digits()[f"{score}_difference"].sel(bound="low", teacher=list(CONSTRAINED)) > 0).any()
    nmi = on_digits().nmi.median("seed")
    assert (
        nmi.drop_sel(teacher=["k-means", "Gaussian mixture", "pixels"]) < nmi.sel(teacher="k-means")
    ).all()


@says("Directions")
def corrected_centering():
    found = results("power_family").isel(step=-1).median("seed")
    ends = found.sel(teacher=["0.25", "0", "1"])
    assert float(abs(ends.nmi.sel(teacher="0.25") - ends.nmi.sel(teacher="0")).max()) < 0.01
    entropy = ends.teacher_prior_entropy
    assert float(abs(entropy.sel(teacher="0.25") - entropy.sel(teacher="1")).max()) < 0.05
    for teacher in ("2", "4", "16"):
        assert (found.nmi.sel(teacher=teacher) < found.nmi.sel(teacher=["0", "1"])).all()
    yield "order above {} loses both", "1"
    yield "nats where the gap is {}–{}", *sharp_starts()[2:]


@says("Directions")
def small_batches():
    found = results("batch_size")
    used = found.clusters_in_use.sel(training_batch_size=4, teacher="inverse_prior").median("seed")
    assert float(used.sel(normaliser="moving average")) == 1
    assert float(used.sel(normaliser="batch")) > 8
    yield "at $B = {}$ the averaged inverse prior collapsed where that of the batch did not", "4"
    ten = found.crossing_measured.sel(temperature=USUAL).median()
    yield r"At $\tau_t = {}$ Jensen's gap outweighs", f"{USUAL:g}"
    assert 8 < float(ten) < 12
    yield ("for every batch above about ten samples",)


@says("Directions")
def linear_runs():
    found = results("center_momentum")
    right = (found.bias_spread > 1) == (found.fine_center_rate < found.critical_line)
    yield "{} of {} linear runs as predicted", f"{int(right.sum())}", f"{right.size}"


@says("Directions")
def wrong_targets():
    costs = [-float(part.sel(bound="mean")) for part in true_costs("projected")]
    yield "a wrong target then costs {} to {} of NMI", fixed(min(costs), 2), fixed(max(costs), 2)
    uniform, _ = true_costs("inverse_prior")
    yield "the *true* one costs {}", fixed(uniform.sel(bound="mean"), 2)


@says("Directions")
def the_margin():
    found = results("certificate")
    alive = found.sel(run=["moving_centering", "inverse_prior", "projected"])
    earlier = alive.nmi_at.median("seed") / alive.certified_at.median("seed")
    yield "It certified live runs {} to {} times earlier", fixed(earlier.min(), 1), fixed(earlier.max(), 0)
    last = found.margin.isel(step=-1).sel(run="uniform collapse")
    yield "fell to {} nats or less in every uniform collapse", upper(last.max(), 3)
