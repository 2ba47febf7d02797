"""J1 to J10: the gap and its bounds, what centering costs, power means, hot and cold teachers."""

import math
from functools import cache

import numpy as np

import theory
from experiments.data.named import make_source
from experiments.engine.store import settings_of
from experiments.studies import power_family
from experiments.studies.shared import paired_difference, variant_of
from experiments.training.distill import Training, train
from experiments.training.metrics import on_host
from experiments.training.model import Architecture
from tests.claims.measured.forms import fixed, span, word
from tests.claims.measured.objective import on_digits
from tests.claims.measured.statements import results, says
from tests.claims.measured.teachers import USUAL, usual

BOTH = "centering, inverse_prior"
DATA = ("mixture", "digits")


def ratio_of_half_variance(temperature: float):
    """½ Var/J, median over clusters and seeds, for each network and data set."""
    found = results("jensen_gap")
    ratio = (found.half_variance / found.gap).sel(temperature=temperature, method="nearest")
    return ratio.median(("seed", "cluster"))


@says("J1")
def never_negative():
    gap = results("jensen_gap").gap
    assert (gap > 0).all()
    yield "positive for all {} triples of cluster, temperature and network", f"{gap.size:,}"
    yield "smallest {} nats", f"{float(gap.min()):.1e}".replace("e-0", "e-")


def price():
    """L over I along training, medians of the seeds, as figure `price_of_centering` draws them."""
    found = results("price_of_centering").median("seed").drop_sel(run="unconstrained")
    return found.lautum_information / found.mutual_information


@says("J5")
def paired_over_seeds():
    end = results("collapse").isel(step=-1).sel(data="digits", teacher_temperature=USUAL)
    lautum = end.lautum_information
    reference = lautum.sel(teacher="centering")
    parts = []
    for teacher, sign in (("projected", -1), ("inverse_prior", 1)):
        found = paired_difference(lautum.sel(teacher=teacher), reference)
        mean, high = float(found.sel(bound="mean")), float(found.sel(bound="high"))
        parts.append((fixed(sign * mean, 2), fixed(high - mean, 2)))
    yield "`collapse`, digits, paired over {} seeds", f"{lautum.sizes['seed']}"
    yield (
        ("is {} ± {} nats below that of batch centering (95% interval; level {}), "
        "that of the inverse-prior run {} ± {} *above* it"),
        *parts[0], fixed(reference.mean(), 1), *parts[1],
    )  # fmt: skip


@says("J5")
def the_identity_and_the_price():
    found = results("price_of_centering")
    yield (
        ("`price_of_centering`, {} teachers × {} data sets × {} seeds: "
        "the identity holds at all {} steps to {} nats"),
        *(f"{found.sizes[dim]}" for dim in ("run", "data", "seed")),
        f"{int(found.step[-1]) + 1}", f"{float(found.identity_error.max()):.1e}",
    )  # fmt: skip
    start, end = price().isel(step=0), price().isel(step=-1)
    assert float(abs(end - 3).max()) < 0.55
    yield (
        "$L$ is {}–{} times $I$ at the start and about {} times at the end, whatever the constrained teacher",
        *span(start, 0), fixed(end.mean(), 0),
    )  # fmt: skip
    others = found.sel(bound="mean", run=["inverse_prior", "projected"])
    yield (
        "({}–{} nats of prior entropy, {}–{} clusters)",
        *span(others.prior_deficit_difference, 2), *span(-others.clusters_in_use_difference, 0),
    )  # fmt: skip


@says("J6")
def bounds_of_the_gap():
    found = results("jensen_gap")
    assert (found.gap <= found.specht).all() and (found.gap <= found.hoeffding).all()
    assert (abs(found.gap - found.half_variance) <= found.remainder).all()
    assert (found.specht < found.range).all()
    yield "logits of networks trained with four teachers, {} seeds each", f"{found.sizes['seed']}"
    looseness = (found.specht / found.gap).median(("seed", "cluster"))
    yield "Specht is {} to {} times the gap", *span(looseness, 0)
    assert float(found.hoeffding_silent_below.min()) > USUAL
    yield r"at DINO's $\tau_t = {}$ it says nothing", f"{USUAL:g}"
    silent = found.hoeffding_silent_below.median("seed")
    yield r"for $R > 8$, that is for $\tau \le {}$–{}", *span(silent, 2)
    yield (
        r"$\tfrac12\mathrm{Var}/J$ is {} to {} at $\tau = {}$, {} to {} at {}, {} to {} at {}",
        *span(ratio_of_half_variance(1.0), 2), "1",
        *span(ratio_of_half_variance(0.1), 1), "0.1",
        *span(ratio_of_half_variance(USUAL), 1), f"{USUAL:g}",
    )  # fmt: skip


@cache
def sharp_starts():
    """½ Var log p and J of the networks that `power_family` starts from, medians of clusters and seeds.

    No results file has them: this is the one definition of what the notes say of them.
    """
    settings = power_family.Settings()
    variant = variant_of(
        "cumulant",
        teacher_temperature=settings.teacher_temperature,
        student_temperature=settings.student_temperature,
        learning_rate=settings.learning_rate,
    )
    found = []

    def observe(snapshot):
        log_p = on_host(snapshot.log_p)
        found.append((np.median(log_p.var(-2)) / 2, np.median(theory.jensen_gap(log_p))))
        return {}

    for data in DATA:
        train(
            make_source(data, range(settings.seeds)),
            Architecture(clusters=settings.clusters, hidden=(64, 32)),
            [variant],
            Training(steps=1, batch_size=2, record_at=(0,), evaluation_size=settings.evaluation_size),
            observers=[observe],
        )
    half_variance, gap = np.transpose(found)[:, ::-1]  # digits first: they are the lower end
    return (*(f"{10 * round(x / 10)}" for x in half_variance), *(fixed(x, 0) for x in gap))


@says("J6")
@says("Directions")
def at_a_sharp_start():
    yield r"$\tfrac12\mathrm{Var}$ is {}–{} nats where", *sharp_starts()[:2]


@says("J6")
def the_cumulant_teacher_collapses():
    real = on_digits().sel(teacher="cumulant")
    family = results("power_family").isel(step=-1).sel(teacher="cumulant")
    ends = [real.nmi.median(), *family.nmi.median("seed")]
    used = [real.clusters_in_use.median(), *family.clusters_in_use.median("seed")]
    assert {float(x) for x in used} == {1}
    yield (
        "nats where $J$ is {}–{} (digits to mixture, medians), and **the cumulant teacher collapses**",
        *sharp_starts()[2:],
    )
    yield "(NMI {}, one cluster)", fixed(max(ends), 0)


@says("J7")
def within_the_certificate():
    found = results("teacher_distance").sel(pair=BOTH)
    ratio = found.tv_bound / found.tv_max
    yield (
        ("`teacher_distance`, {} seeds, {} temperatures, {} kinds of network: "
        "certified over largest measured TV lies between {} and {} (medians over seeds, {} to {})"),
        f"{found.sizes['seed']}", f"{found.sizes['temperature']}", word(found.sizes["network"]),
        fixed(ratio.min(), 2), fixed(ratio.max(), 1),
        fixed(ratio.median("seed").min(), 2), fixed(ratio.median("seed").max(), 1),
    )  # fmt: skip
    at = usual().sel(pair=BOTH)

    def measured(network, data, *, spread=True):
        part = at.sel(network=network, data=data)
        ends = span(part.tv_max, 2) if spread else ()
        return fixed(part.tv_max.median(), 2), *ends, fixed(part.tv_bound.median(), 2)

    yield (
        (r"At $\tau = {}$, networks trained with inverse priors: "
        "measured {} [{}, {}], certified {} (mixture); {} [{}, {}] against {} (digits)"),
        f"{USUAL:g}", *measured("inverse_prior", "mixture"), *measured("inverse_prior", "digits"),
    )  # fmt: skip
    yield (
        "with centering {} against {} and {} against {}",
        *measured("centering", "mixture", spread=False), *measured("centering", "digits", spread=False),
    )  # fmt: skip
    silent = found.vacuous_below.median("seed")
    assert (silent.drop_sel(network="biased") <= silent.sel(network="inverse_prior")).all()
    yield (
        r"Vacuous (≥ {}) only below $\tau$ = {} and {}, with a bias added {} and {}",
        f"{settings_of(found)['vacuous']:g}",
        *(fixed(silent.sel(network=n, data=d), 3) for n in ("inverse_prior", "biased") for d in DATA),
    )


@says("J7")
def along_centred_runs():
    end = results("price_of_centering").isel(step=-1).sel(run="centering").median("seed")
    values = (fixed(end[v].sel(data=d), 2) for d in DATA for v in ("tv_bound", "tv_max"))
    yield "the TV bound ends at {} for {} measured (mixture) and {} for {} (digits)", *values


@says("J9")
def power_means():
    found = results("power_family")
    assert float(found.prior_growth.min()) > -1e-12
    orders = found.order.dropna("teacher")
    yield (
        "`power_family`, {} seeds, orders {} to {}: monotone to rounding",
        f"{found.sizes['seed']}", fixed(orders.min(), 0), fixed(orders.max(), 0),
    )  # fmt: skip
    nmi = found.nmi.isel(step=-1).median("seed")
    mixture, digits = ([fixed(nmi.sel(data=d, teacher=s), 2) for s in ("0", "1", "16")] for d in DATA)
    yield (
        "NMI {} at $s = {}$, {} at {}, {} at {} (mixture), {}, {}, {} (digits)",
        mixture[0], "0", mixture[1], "1", mixture[2], "16", *digits,
    )  # fmt: skip
    assert not any(found[v].any() for v in found if v.endswith("better_than_both"))


def slope(pair: str, low: float, high: float):
    """Exponent of the mean TV to the projected teacher between two temperatures, median of all networks."""
    tv = results("teacher_distance").tv.sel(pair=pair, temperature=slice(low, high)).median("seed")
    rise = np.log(tv.isel(temperature=-1) / tv.isel(temperature=0))
    return float((rise / math.log(float(tv.temperature[-1] / tv.temperature[0]))).median())


@says("J10")
def hot_teachers():
    found = results("jensen_gap").isel(temperature=-1)
    ratio = (found.gap * found.temperature**2 / found.hot_limit).median()
    yield (
        r"$\tau^2 J/(\tfrac12\mathrm{Var})$ at $\tau = {}$ is {}",
        fixed(found.temperature, 0), fixed(ratio, 3),
    )  # fmt: skip
    centred, one = (fixed(slope(pair, 30, 100), 1) for pair in ("centering", "sinkhorn 1"))
    yield (
        r"falls as $\tau^{{}}$ for centering, $\tau^{{}}$ for the inverse prior",
        centred.replace("−", "-"), one.replace("−", "-"),
    )  # fmt: skip
    rounds = [
        -slope(f"sinkhorn {t}", 1.9, 8) for t in (1, 2, 3)
    ]  # colder than where rounding is all there is
    a, b = np.polyfit((1, 2, 3), rounds, 1)
    yield r"$\tau^{-({}t+{})}$ for $t$ Sinkhorn rounds", fixed(a, 0), fixed(b, 0)
