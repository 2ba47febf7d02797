"""T2 to T8: what the constrained teachers do in training, and how far they are from the projected one."""

import math

import numpy as np

from experiments.engine.store import settings_of
from tests.claims.measured.forms import fixed, interval, lower, span, upper
from tests.claims.measured.statements import results, says

USUAL = 0.04
NETWORKS = ("inverse_prior", "centering", "moving_centering", "projected")
CONSTRAINED = ("moving_centering", "centering", "inverse_prior", "projected")
STEEP, TRUE, UNIFORM, TOO_STEEP = 1.5, 1.0, 0.0, 1.5  # exponents of the shares, and of the target over them


def clusters() -> int:
    """K of the runs of `collapse`."""
    return settings_of(results("collapse"))["clusters"]


def usual():
    """`teacher_distance` at the grid's temperature nearest to DINO's."""
    return results("teacher_distance").sel(temperature=USUAL, method="nearest")


def mean_distance(pair: str, network: str) -> tuple[str, str]:
    """Mean TV to the projected teacher, mixture and digits, medians over seeds."""
    found = usual().tv.sel(pair=pair, network=network).median("seed")
    return tuple(fixed(found.sel(data=d), 2) for d in ("mixture", "digits"))


def true_costs(teacher: str):
    """NMI with the uniform and the too steep target less that with the true one, shares ∝ rank^−1.5."""
    difference = results("target_prior").nmi_difference.sel(zipf=STEEP, teacher=teacher)
    return difference.sel(exponent=UNIFORM), difference.sel(exponent=TOO_STEEP)


@says("T2")
def the_one_step_teacher():
    found = results("target_prior")
    missed = found.prior_error.sel(teacher="inverse_prior").median("seed")
    yield "`target_prior`, {} seeds", f"{found.sizes['seed']}"
    yield "does not meet its target (TV {}–{})", *span(missed, 2)
    uniform, _ = true_costs("inverse_prior")
    yield r"shares $\propto \text{rank}^{-{}}$", f"{STEEP:g}"
    yield "its NMI is {} [{}, {}] **lower** than with the uniform one", *interval(uniform, 2)


@says("T3")
def separated_from_all_starts():
    nmi = results("tabular").nmi_by_leak.sel(leak=0)
    whole = (nmi > 1 - 1e-6).all("seed")
    assert whole.sel(teacher="projected") and not whole.sel(teacher=["centering", "inverse_prior"]).any()
    yield "only the projected teacher separates the groups from all {} starts", f"{nmi.sizes['seed']}"


@says("T3")
def cost_of_a_wrong_target():
    found = results("target_prior").sel(teacher="projected")
    assert float(found.prior_error.max()) < 1e-6
    nmi = found.nmi.sel(zipf=STEEP, exponent=TRUE).median("seed")
    uniform, steep = true_costs("projected")
    yield (
        (r"Shares $\propto \text{rank}^{-{}}$: NMI {} in the median with the true target, "
        "uniform {} [{}, {}] (splits), too steep {} [{}, {}] (merges)"),
        f"{STEEP:g}", fixed(nmi, 3), *interval(uniform, 3), *interval(steep, 3),
    )  # fmt: skip
    flat = found.nmi_difference.sel(zipf=1.0, exponent=UNIFORM)
    assert flat.sel(bound="low") < 0 < flat.sel(bound="high")


@says("T4")
def certificates_of_the_projection():
    found = results("teacher_distance")
    error, gap = (abs(found[v]).max() for v in ("marginal_error", "duality_gap"))
    yield (
        "marginal error ≤ {} and duality gap ≤ {}",
        *(f"1e{math.ceil(math.log10(x))}" for x in (error, gap)),
    )
    tau = found.temperature
    yield "at {} temperatures from {} to {}", f"{tau.size}", f"{float(tau[0]):g}", f"{float(tau[-1]):g}"


@says("T5")
def the_certificate():
    found, at = results("teacher_distance"), usual()
    assert float((found.tv_max - found.tv_bound).max()) < 1e-12
    assert (at.tv_bound.sel(pair="sinkhorn 10") >= 0.99).all()
    yield (
        r"vacuous at $\tau = {}$ even after ten rounds ($\Delta$ = {} to {} nats)",
        f"{USUAL:g}", *span(at.diameter.median("seed"), 0),
    )  # fmt: skip
    silent = found.vacuous_below.median("seed")
    ends = (text for pair in ("sinkhorn 1", "sinkhorn 10") for text in span(silent.sel(pair=pair), 2))
    yield r"it begins to say something at $\tau$ = {}–{} after one round, {}–{} after ten", *ends


@says("T5")
def mean_distances():
    def of(pair):
        return [mean_distance(pair, network) for network in NETWORKS]

    own, centred, moving, projected = of("centering")
    yield (
        (r"Mean TV at $\tau = {}$ (mixture / digits): "
        "centred {} / {} in networks trained with inverse priors, {} / {} with centering, "
        "{} / {} with moving centering, {} / {} with the projected teacher"),
        f"{USUAL:g}", *own, *centred, *moving, *projected,
    )  # fmt: skip
    own, centred, moving, projected = of("sinkhorn 1")
    yield (
        "inverse prior {} / {}, {} / {}, {} / {} and {} / {} in the same",
        *own, *centred, *moving, *projected,
    )  # fmt: skip
    own, centred, moving, projected = of("sinkhorn 3")
    yield (
        "after {} rounds {} / {}, {} / {}, {} / {}, {} / {}",
        "3", *own, *centred, *moving, *projected,
    )  # fmt: skip
    after = usual().tv.sel(pair="sinkhorn 10", network=list(NETWORKS)).median("seed")
    yield "after {} at most {}", "10", upper(after.max(), 2)
    biased = mean_distance("sinkhorn 1", "biased")
    yield "takes the inverse prior to {} / {}, further than centering on the digits", *biased
    assert float(biased[1]) > float(mean_distance("centering", "biased")[1])


@says("T5")
def the_nearer_of_the_two():
    tv = results("teacher_distance").tv.sel(network=list(NETWORKS))
    nearer = (tv.sel(pair="sinkhorn 1") < tv.sel(pair="centering")).all(("data", "network", "seed"))
    last = int(np.flatnonzero(~nearer.values)[-1])
    yield (
        r"the inverse prior is the nearer of the two in every network at $\tau \ge {}$",
        fixed(tv.temperature[last + 1], 3),
    )


@says("T6")
def constrained_runs_live():
    found = results("collapse")
    held = found.sel(teacher=list(CONSTRAINED), teacher_temperature=USUAL)
    yield (
        "of {} constrained teachers × {} seeds × {} data sets",
        *(f"{held.sizes[dim]}" for dim in ("teacher", "seed", "data")),
    )
    yield (
        r"below {} nats ($\log K = {}$)",
        lower(held.student_prior_entropy.isel(step=-1).min(), 2), fixed(math.log(clusters()), 2),
    )  # fmt: skip
    used = held.clusters_in_use.sel(data="mixture").median("seed")
    own = used.sel(teacher="inverse_prior")
    low = own.min("step")
    yield (
        "for about {} steps ({} → {} of {} in use on the mixture)",
        f"{int(own.step[own == low][-1])}", f"{float(own[0]):g}", f"{float(low):g}", f"{clusters()}",
    )  # fmt: skip


@says("T6")
def biased_starts():
    found = results("tabular")
    nmi = found.nmi_by_bias.min("seed")
    assert (nmi.drop_sel(teacher="unconstrained") > 1 - 1e-6).all()
    assert (nmi.sel(teacher="unconstrained") < 1e-6).all()
    largest = float(found.bias.max()) / settings_of(found)["teacher_temperature"]
    yield r"biased by up to {} units of $\tau_t$", f"{largest:g}"


@says("T8")
def uniform_collapse():
    end = results("collapse").isel(step=-1).sel(teacher=list(CONSTRAINED), teacher_temperature=0.1)
    assert float(abs(end.loss - math.log(clusters())).max()) < 0.02
    yield (
        r"all {} constrained runs end at loss $\log K$ with $I \le {}$",
        f"{end.loss.size}", upper(end.student_information.max(), 3),
    )  # fmt: skip
    used = [end.clusters_in_use.sel(data=d).median() for d in ("mixture", "digits")]
    yield "({} and {} of {}, medians)", *(fixed(x, 0) for x in used), f"{clusters()}"


@says("figure target_prior")
def costs_of_the_caption():
    found = results("target_prior")
    uniform, _ = true_costs("projected")
    yield "the truth is best by {} of NMI over uniform", fixed(-uniform.sel(bound="mean"), 2)
    yield (
        "The centred teacher is off its target by {} to {}",
        *span(found.prior_error.sel(teacher="centering").median("seed"), 1),
    )
    uniform, _ = true_costs("inverse_prior")
    yield "the true target costs it {} of NMI against the uniform one", fixed(uniform.sel(bound="mean"), 2)


@says("figure teacher_distance")
def distances_of_the_caption():
    tv = usual().tv.median("seed")
    centred = tv.sel(pair="centering", network=list(NETWORKS))
    yield "At τ = {} centering is off by {} to {} in all of them", f"{USUAL:g}", *span(centred, 2)
    projected, own = (mean_distance("sinkhorn 1", n) for n in ("projected", "inverse_prior"))
    by_centre = tv.sel(pair="sinkhorn 1", network=["centering", "moving_centering"])
    yield (
        ("off by {} and {} in networks trained with the projected teacher, {} and {} with themselves, "
        "{} to {} with centering"),
        *projected, *own, *span(by_centre, 2),
    )  # fmt: skip
