"""D1 to D4: rates, lines and fates."""

import math

import numpy as np

from experiments.engine.store import settings_of
from tests.claims.measured.forms import fixed, interval, percent, span, upper, word
from tests.claims.measured.objective import on_digits
from tests.claims.measured.statements import results, says

HELD = ["centering", "inverse_prior", "projected"]
AXES = ("direction", "teacher", "ratio", "teacher_momentum", "seed")
LEARNT = 0.05  # of log K: information from which on something has been learnt


@says("D1")
def teachers_on_digits():
    found = on_digits()
    held = [m for m in found.teacher.values[:8] if m not in ("moving_centering", "unconstrained", "cumulant")]
    yield "`real_data`, {} seeds, paired against moving centering", f"{found.sizes['seed']}"
    within = []
    for name in ("knn_accuracy", "probe_accuracy"):
        difference = found[f"{name}_difference"].sel(teacher=held)
        assert (difference.sel(bound="low") < 0).all() and (difference.sel(bound="high") > 0).all()
        within.append(upper(round(float(abs(difference).max()), 7), 3))
    yield (
        (
            "k-NN within ±{} and linear probe within ±{} for every constrained teacher but the cumulant, "
            "no interval leaving out 0"
        ),
        *within,
    )
    yield (
        "the projected teacher's balance costs {} [{}, {}] NMI",
        *interval(found.nmi_difference.sel(teacher="projected"), 3, sign=-1),
    )
    nmi = found.nmi.median("seed")
    networks = nmi.sel(teacher=["moving_centering", *held])
    yield (
        "k-means ({}) and a Gaussian mixture ({}) on pixels beat all of them in NMI ({}–{})",
        *(fixed(nmi.sel(teacher=name), 3) for name in ("k-means", "Gaussian mixture")),
        *span(networks, 2),
    )
    assert (nmi.sel(teacher=["k-means", "Gaussian mixture"]) > networks.max()).all()


@says("D2")
def rates():
    found = results("growth")
    predicted, measured = found.predicted.mean("seed"), found.measured.mean("seed")
    scale = np.maximum(abs(predicted), 0.1 * abs(predicted).max("direction"))
    off = abs(measured - predicted) / scale
    yield (
        ("`growth`, {} rates ({} directions × {} teachers × {} temperatures × {} teacher momenta, "
        "means over {} seeds): off by {}% in the median and {}% at most"),
        f"{off.size}", *(f"{found.sizes[d]}" for d in AXES),
        percent(off.median(), 2), percent(off.max(), 1),
    )  # fmt: skip


def agreement(student: str, *, beyond: float = 0.0):
    """Share of the cells, farther than `beyond` from τ_t = ρ τ_s, on the right side of it."""
    found = results("phase_diagram").sel(student=student, teacher=HELD)
    kept = found.student_information.mean("seed") / math.log(settings_of(found)["components"])
    right = (kept > LEARNT) == (found.ratio < found.correlation)
    far = abs(found.ratio - found.correlation) > beyond + 1e-9 if beyond else right.notnull()
    return right.where(far).mean(("ratio", "correlation"))


def share(part) -> tuple[str, str]:
    """Least and largest in per cent, to a tenth where that is above 99."""
    low, high = (percent(x, 1 if 0.99 < x < 1 else 0) for x in (float(part.min()), float(part.max())))
    return low, high


@says("D2")
def the_line():
    found = results("phase_diagram")
    yield (
        "`phase_diagram`, {} × {} cells × {} seeds",
        *(f"{found.sizes[d]}" for d in ("correlation", "ratio", "seed")),
    )
    near, far = ([agreement(s, beyond=b) for s in ("linear", "mlp")] for b in (0.0, 0.1))
    yield (
        (r"the line $\tau_t = \rho\tau_s$ decides {}–{}% of the cells of the linear student "
        r"for each constrained teacher and {}–{}% for an MLP (learnt: $I$ above ${}\log K$); "
        "farther than {} from it, {}–{}% and {}–{}%"),
        *share(near[0]), *share(near[1]), f"{LEARNT:g}", "0.1", *share(far[0]), *share(far[1]),
    )  # fmt: skip


@says("D2")
def large_starts():
    found = results("initialisation")
    off = abs(found.rate / found.predicted_rate).mean("seed")
    worst = abs(off - 1).max("teacher")
    small, third = (worst.sel({"size": slice(None, top * 1.01)}).max() for top in (0.1, 0.316))
    yield "the predicted rate holds within {}% up to logits of a tenth", percent(small)
    yield r"within {}% up to a third, and not at $\tau_s$", percent(third)
    assert float(worst.sel({"size": 1.0})) > 0.5
    constrained = found.nmi.sel(teacher=HELD).where(found["size"] <= 10, drop=True)
    assert float(constrained.min()) > 0.85
    free = (found.nmi.sel(teacher="unconstrained") > 0.5).sum("seed")
    assert int(free.sel({"size": slice(None, 0.05)}).sum()) == 0
    yield (
        r"without one, {} run of {} already survives at a tenth of $\tau_s$ and all from $\tau_s$ on",
        word(free.sel({"size": 0.1})), f"{found.sizes['seed']}",
    )  # fmt: skip
    assert (free.sel({"size": slice(1.0, 10.0)}) == found.sizes["seed"]).all()


def last_alive(start: str, clusters: int, batch: str = "population") -> float:
    """The warmest grid point at which every seed's run keeps a hundredth of log K."""
    end = (
        results("hysteresis")
        .student_information.isel(step=-1)
        .sel(start=start, clusters=clusters, batch=batch)
    )
    return float(end.ratio[(end > 0.01).all("seed")].max())


@says("D3")
def hysteresis():
    found = results("hysteresis")
    counts = [int(k) for k in found.clusters]
    predicted = [fixed(found.survival_ratio.sel(clusters=k, batch="population"), 3) for k in counts]
    yield (
        r"$\rho = {}$: predicted survival at $\tau_t/\tau_s$ = {}, {}, {} for {}, {}, {} clusters",
        f"{float(found.critical_ratio[0, 0]):g}", *predicted, *map(str, counts),
    )  # fmt: skip
    warmed = [fixed(last_alive("warmed up", k), 3) for k in counts]
    cold = [fixed(last_alive("cold", k), 3) for k in counts]
    yield (
        ("the last grid point (step {}) that a warmed-up run survives is {}, {}, {}, "
        "and cold runs start up to {}, {}, {}"),
        fixed(found.ratio[1] - found.ratio[0], 3), *warmed, *cold,
    )  # fmt: skip
    lost = last_alive("warmed up", counts[-1], "minibatch") + float(found.ratio[1] - found.ratio[0])
    batch = settings_of(found)["batch_size"]
    yield (
        "On batches of {} the {}-cluster run is lost at {} already",
        f"{batch}",
        f"{counts[-1]}",
        fixed(lost, 3),
    )


@says("D4")
def the_critical_line():
    found = results("center_momentum")
    grown = found.bias_spread > 1
    predicted = found.fine_center_rate < found.critical_line
    right = int((grown == predicted).sum())
    yield "growth or decay is the predicted one in {} of {} cells", f"{right}", f"{grown.size}"


@says("D4")
@says("figure center_momentum")
def slower_than_the_line():
    """In words: how much slower than the line a centre is where some run loses half of its entropy."""
    found = results("center_momentum")
    rate = found.center_rate.to_numpy()[:-1]  # the last column is a centre by the batch
    line = np.exp(
        np.interp(np.log(found.teacher_rate), np.log(found.fine_teacher_rate), np.log(found.critical_line))
    )
    kept = found.student_prior_entropy.isel(center=slice(-1)).min("seed").to_numpy()
    half = math.log(settings_of(found)["clusters"]) / 2
    last = [max(np.flatnonzero(row < half), default=-1) for row in kept]
    slower = [at / (rate[i] * rate[i + 1]) ** 0.5 for at, i in zip(line, last, strict=True) if i >= 0]
    assert min(slower) > 4 and max(slower) < 10
    yield ("four to ten times slower than the line",)


@says("figure growth")
def the_band():
    found = results("growth")
    predicted, measured = found.predicted.mean("seed"), found.measured.mean("seed")
    scale = abs(predicted).max("direction")
    assert float((abs(measured - predicted) / scale).max()) < 0.01
    yield ("the band is ±1%",)


@says("figure adaptive")
def the_line_of_the_fastest_student():
    found = results("adaptive")
    yield "the line of the fastest student, {}", fixed(found.line, 5)
