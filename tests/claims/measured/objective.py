"""O4 and O5: what training without a constraint ends as, and when the loss certifies that it has not."""

from tests.claims.measured.forms import fixed, interval, middle, span, upper, word
from tests.claims.measured.statements import results, says

SHARPENED, CONSTANT = 0.04, 0.01  # τ_t; nats of information below which an answer is constant


def unconstrained(data: str):
    """Ends of the sharpened unconstrained runs of `collapse`, one for each seed."""
    end = results("collapse").isel(step=-1).sel(teacher_temperature=SHARPENED)
    return end.sel(teacher="unconstrained", data=data)


def on_digits():
    """`real_data`, whose dimension `method` would be a keyword of xarray's."""
    return results("real_data").rename(method="teacher")


@says("O4")
def ends_of_collapse():
    mixture, digits = map(unconstrained, ("mixture", "digits"))
    seeds = mixture.sizes["seed"]
    constant = mixture.student_information < CONSTANT
    alive = mixture.clusters_in_use.where(~constant, drop=True)
    assert (mixture.clusters_in_use.where(constant, drop=True) == 1).all() and alive.size == 1
    yield "`collapse`, {} seeds, sharpened, no constraint", f"{seeds}"
    loss = fixed(mixture.loss.where(constant).max(), 3)
    yield (
        ("on the mixture {} of {} runs end one-hot constant (loss {}, one cluster), "
        "one still holds {} clusters"),
        f"{int(constant.sum())}", f"{seeds}", loss, fixed(alive[0], 0),
    )  # fmt: skip
    constant = digits.student_information < CONSTANT
    rest = digits.where(~constant, drop=True)
    yield (
        "on the digits {} of {}, the others rest at {}–{} clusters with $I$ of {}–{}",
        f"{int(constant.sum())}", f"{seeds}",
        *span(rest.clusters_in_use, 0), *span(rest.student_information, 2),
    )  # fmt: skip


@says("O4")
def free_logits():
    loss = results("tabular").loss.isel(step=-1)
    held = loss.drop_sel(teacher="unconstrained")
    free = loss.sel(teacher="unconstrained")
    assert (free < held).all()
    yield (
        "the lowest loss is the collapse, {} against {} with a constraint, in all {} starts",
        fixed(free.max(), 4), fixed(held.min(), 2), f"{loss.sizes['seed']}",
    )  # fmt: skip


@says("O4")
def digits_of_sixteen_seeds():
    found = on_digits().sel(teacher="unconstrained")
    of = fixed(on_digits().clusters_in_use.max(), 0)
    yield "`real_data`, {} seeds, digits", f"{found.sizes['seed']}"
    yield "{} [{}, {}] of {} clusters in use", *middle(found.clusters_in_use, 0), of
    yield "NMI {} [{}, {}] below centering", *interval(found.nmi_difference, 2, sign=-1)


@says("O5")
def certified_ends():
    end = results("collapse").isel(step=-1).sel(teacher_temperature=SHARPENED)
    certified = end.teacher_information > end.kl
    held = certified.drop_sel(teacher="unconstrained")
    free = certified.sel(teacher="unconstrained")
    assert held.all()
    assert (free == (end.student_information.sel(teacher="unconstrained") > CONSTANT)).all()
    yield "all {} sharpened constrained runs are certified at the end", f"{held.size}"
    counts, seeds = free.sum("seed"), f"{free.sizes['seed']}"
    yield (
        "exactly those that are not constant ({} of {} and {} of {})",
        f"{int(counts.sel(data='mixture'))}", seeds, f"{int(counts.sel(data='digits'))}", seeds,
    )  # fmt: skip


@says("O5")
def when_it_certifies():
    found = results("certificate")
    assert (found.prior_kl <= found.kl).all() and (found.prior_distance <= found.prior_distance_bound).all()
    yield "`certificate`, {} seeds: (i) held at every record", f"{found.sizes['seed']}"
    alive = found.sel(run=["moving_centering", "inverse_prior", "projected"])
    first, half_way = alive.certified_at.median("seed"), alive.nmi_at.median("seed")
    yield (
        ("(ii) first certifies at step {}–{} (mixture) and {}–{} (digits), "
        "where NMI is half-way at {}–{} and {}–{}"),
        *span(first.sel(data="mixture"), 0), *span(first.sel(data="digits"), 0),
        *span(half_way.sel(data="mixture"), 0), *span(half_way.sel(data="digits"), 0),
    )  # fmt: skip
    earlier = half_way / first
    (low, _), (_, high) = span(earlier.sel(data="mixture"), 1), span(earlier.sel(data="mixture"), 0)
    yield "earlier by {}–{} and {}–{} times", low, high, *span(earlier.sel(data="digits"), 0)
    last = found.margin.isel(step=-1)
    yield (
        "{}–{} nats where alive, at most {} in uniform collapse",
        *span(last.sel(run=alive.run), 1), upper(last.sel(run="uniform collapse").max(), 3),
    )  # fmt: skip


@says("O5")
def what_the_loss_alone_says():
    """A claim in words: no run of a seed is reported before the unconstrained one."""
    reported = results("certificate").monitor_at.fillna(float("inf"))
    free = reported.sel(run="unconstrained")
    others = reported.drop_sel(run="unconstrained")
    assert (free < float("inf")).all() and (free <= others).all()
    yield ("calls it earliest for every unconstrained run",)


@says("figure certificate")
def steps_of_the_caption():
    first = results("certificate").certified_at.median("seed")
    low, high = (10 * round(float(x) / 10) for x in (first.min(), first.max()))
    yield "the certificate speaks after {} to {} steps", f"{low}", f"{high}"


@says("figure collapse")
def digits_by_the_last_step():
    used = unconstrained("digits").clusters_in_use
    yield "on digits to between {} and {} by the last step", word(used.min()), word(used.max())


@says("figure real_data")
def counts_of_the_caption():
    found = on_digits()
    used = found.clusters_in_use
    yield "K = {} clusters, {} seeds", fixed(used.max(), 0), f"{found.sizes['seed']}"
    free = used.sel(teacher="unconstrained")
    yield (
        "{} clusters are left in the median run, none with more than {}",
        word(free.median()),
        word(free.max()),
    )
    assert float(used.sel(teacher="cumulant").median()) == 1
    held = [m for m in found.teacher.values[:8] if m not in ("unconstrained", "cumulant")]
    yield "All other constrained teachers keep {} clusters or more", fixed(used.sel(teacher=held).min(), 0)
    means = found[["knn_accuracy_difference", "probe_accuracy_difference"]].sel(bound="mean", teacher=held)
    yield "k-NN and probe accuracies differ by {} at most", fixed(abs(means).to_dataarray().max(), 2)
    more = found.clusters_in_use_difference.sel(
        bound="mean", teacher=["power_mean", "inverse_prior", "sinkhorn"]
    )
    yield "Teachers normalised by the prior use {} clusters more", word(round(float(more.mean())))
    cost = found.nmi_difference.sel(bound="mean", teacher="projected")
    yield "exact balance costs {} of it", fixed(-cost, 2)
    pixels = found.sel(teacher="pixels").knn_accuracy
    assert (
        found.nmi.sel(teacher=held).median("seed") < found.nmi.sel(teacher="k-means").median("seed")
    ).all()
    assert (found.knn_accuracy.sel(teacher=held).median("seed") < pixels.median("seed")).all()
