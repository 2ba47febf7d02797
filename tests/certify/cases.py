"""Instances that are exact numbers: random ones from a seed, and the worst that are known.

Random logits and Dirichlet rows are rounded to multiples of 2⁻²⁴ and then normalised in balls, so that the
same floats come out on every machine. Weights are dyadic and sum to 1 exactly; some are 0.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from flint import arb

from tests.certify.balls import balls, bits, log_softmax

Numbers = np.ndarray | Callable[[], list]

GRID = 2.0**-24
SHAPES = ((1, 2), (2, 2), (3, 3), (2, 8), (8, 4), (5, 3), (16, 16), (64, 2), (4, 64), (64, 64))
CONCENTRATIONS = (0.05, 0.3, 1.0, 10.0, 1000.0)
TEMPERATURES = (0.04, 0.25, 1.0, 10.0, 100.0)
SAME = (
    "0 ≤ J",
    "J ≤ log S(e^R)",
    "log S(e^R) ≤ R²/8",
    "∣J − ½Var∣ ≤ R³/(36√3)",
    "M_s ≤ M_t",
    "∣log c − log r∣ ≤ osc J",
    "KL(c‖r) ≤ osc²/8",
    "KL(r‖c) ≤ osc²/8",
    "TV ≤ tanh(osc/4)",
    "osc(λ_c − λ*) ≤ osc J + κ/(1 − κ) osc λ₁",
    "KL(r̄‖q̄) ≤ D",
    "KL(π‖m) does not increase",
    "g rises by KL(π‖m)",
    "osc(λ − λ*) shrinks by κ",
    "osc(λ₁ − λ*) ≤ κ/(1 − κ) osc λ₁",
)
"""Inequalities that are equalities where all samples are the same."""
SMALL, SEEDS = 32, 12  # shapes of at most so many entries come with so many seeds, others with one


@dataclass(frozen=True, kw_only=True)
class Case:
    """An ensemble [N, K]: floats, or a function that makes balls where the worst case is no float."""

    name: str
    log_p: Numbers
    weights: Numbers
    log_q: Numbers | None = None
    log_tilt: Numbers | None = None
    equal: tuple[str, ...] = ()
    """Inequalities that are equalities here, in some of their entries at least."""

    def log_p_balls(self):
        return balls(self.log_p)

    def weight_balls(self):
        return balls(self.weights)

    def log_q_balls(self):
        return balls(self.log_q)

    def log_tilt_balls(self):
        return None if self.log_tilt is None else balls(self.log_tilt)

    @property
    def in_floats(self):
        given = (self.log_p, self.weights, self.log_q, self.log_tilt)
        return all(isinstance(x, np.ndarray) for x in given if x is not None)


def normalised(scores) -> np.ndarray:
    """log softmax of the rows of exact scores, each entry the float next to the true one."""
    with bits(128):
        rows = [log_softmax(row) for row in balls(np.asarray(scores, float))]
        return np.array([[float(x.mid()) for x in row] for row in rows])


def on_grid(values: np.ndarray) -> np.ndarray:
    return np.round(values / GRID) * GRID


def drawn_weights(rng: np.random.Generator, n: int) -> np.ndarray:
    cuts = np.sort(rng.integers(0, 2**16 + 1, n - 1))
    return np.diff(cuts, prepend=0, append=2**16) / 2.0**16


def rows(rng, law, n, k):
    """log p of `n` rows under a law, ("dirichlet", concentration) or ("logits", temperature)."""
    kind, value = law
    if kind == "dirichlet":
        p = rng.dirichlet(np.full(k, value), size=n)
        return normalised(on_grid(np.log(np.maximum(p, 1e-300))))
    return normalised(on_grid(rng.standard_normal((n, k)) / value))


def random_cases() -> Iterator[Case]:
    laws = [*(("dirichlet", a) for a in CONCENTRATIONS), *(("logits", t) for t in TEMPERATURES)]
    for law in laws:
        for n, k in SHAPES:
            for seed in range(SEEDS if n * k <= SMALL else 1):
                rng = np.random.default_rng([seed, n, k])
                log_p, weights = rows(rng, law, n, k), drawn_weights(rng, n)
                log_q = rows(rng, law, n, k)
                log_tilt = on_grid(rng.standard_normal(k))
                name = f"{law[0]} {law[1]:g}, N = {n}, K = {k}, seed {seed}"
                equal = SAME if n == 1 else ()
                yield Case(
                    name=name, log_p=log_p, weights=weights, log_q=log_q, log_tilt=log_tilt, equal=equal
                )


# -- worst cases ----------------------------------------------------------------------------------

HALF = np.array([0.5, 0.5])
RANGES = (2.0**-30, 2.0**-10, 0.5, 2.0, 16.0, 500.0)


def two_points(r: float) -> np.ndarray:
    """Two samples whose cluster 0 has ½e^{−R} and ½."""
    scores = np.array([[-r - np.log(2.0), np.log1p(-np.exp(-r) / 2)], [-np.log(2.0), -np.log(2.0)]])
    return normalised(scores)


def specht_weights(r: arb) -> list[arb]:
    """At w = 1/R − 1/(e^R − 1) on the upper of two points the gap is Specht's."""
    upper = 1 / r - 1 / r.expm1()
    return [1 - upper, upper]


def exact_two_points(r: float):
    return lambda: [[-arb(r) - arb(2).log(), (1 - (-arb(r)).exp() / 2).log()], [-arb(2).log(), -arb(2).log()]]


def worst_columns() -> Iterator[Case]:
    """For J1, J6 and J9: nothing varies, or next to nothing; two points at the worst weight; sure rows."""
    even = np.log(np.full((4, 2), 0.5))
    yield Case(name="no sample differs", log_p=even, weights=np.full(4, 0.25), equal=SAME)
    near = even.copy()
    near[0, 0] = np.nextafter(near[0, 0], 0.0)
    near[1, 1] = np.nextafter(near[1, 1], -1.0)
    yield Case(name="samples differ by one ulp", log_p=near, weights=np.full(4, 0.25))
    for r in RANGES:
        with bits(256):
            upper = round(float(specht_weights(arb(r))[1].mid()) * 2.0**53) / 2.0**53
        yield Case(
            name=f"two points, R = {r:.4g}, at the float next to the worst weight",
            log_p=two_points(r),
            weights=np.array([1 - upper, upper]),
        )
        yield Case(
            name=f"two points, R = {r:.4g}, at the worst weight itself",
            log_p=exact_two_points(r),
            weights=lambda r=r: specht_weights(arb(r)),
            equal=("J ≤ log S(e^R)",),
        )
        skew = (1 - np.sqrt(1 / 3)) / 2  # the weight of the largest third central moment
        for upper in (skew, 1 - skew, 2.0**-40):
            upper = np.round(upper * 2.0**50) / 2.0**50
            weights = np.array([1 - upper, upper])
            name = f"two points, R = {r:.4g}, upper weight {upper:.4g}"
            yield Case(name=name, log_p=two_points(r), weights=weights)
    for sure in (30.0, 700.0):
        name = f"sure of one cluster each, by {sure:g} nats"
        yield Case(name=name, log_p=normalised(sure * np.eye(2)), weights=HALF)


MET = "osc(λ_c − λ*) ≤ osc J + κ/(1 − κ) osc λ₁"  # an equality where P = π already


def worst_teachers() -> Iterator[Case]:
    """For J7: a third sample of weight 0 on which the two teachers are as far apart as the gap allows."""
    zero = np.zeros(2)
    even = normalised(np.zeros((4, 2)))
    yield Case(name="no sample differs", log_p=even, weights=np.full(4, 0.25), log_tilt=zero, equal=SAME)
    for spread in (2.0**-10, 0.5, 4.0, 40.0):
        bulk = normalised([[spread, 0.0], [-spread / 3, 0.0]])
        weights = np.array([0.25, 0.75, 0.0])
        yield Case(
            name=f"total variation at its worst, spread {spread:.4g}",
            log_p=attaining(bulk),
            weights=weights,
            log_tilt=zero,
            equal=("TV ≤ tanh(osc/4)", MET),
        )
        for stray in (0.0, 30.0, 700.0, -700.0):
            log_p = np.vstack([bulk, normalised([[stray, 0.0]])])
            name = f"spread {spread:.4g}, a sample of weight 0 sure by {stray:g} nats"
            yield Case(name=name, log_p=log_p, weights=weights, log_tilt=zero, equal=(MET,))


def attaining(bulk: np.ndarray):
    """Two weighted rows of two clusters, and a third whose two teachers are (u, 1 − u) and (1 − u, u)."""

    def build():
        first, second = (log_softmax(row) for row in balls(bulk))
        log_mean = [(a.exp() / 4 + 3 * b.exp() / 4).log() for a, b in zip(first, second, strict=True)]
        gap = [m - a / 4 - 3 * b / 4 for m, a, b in zip(log_mean, first, second, strict=True)]
        # As π = P, r is p itself: log-odds of −osc/2 towards the cluster of the larger gap.
        return [first, second, [(gap[1] - gap[0]) / 2, arb(0)]]

    return build


def worst_certificates() -> Iterator[Case]:
    """For O5: one sample, students next to their teacher, and what makes Pinsker's inequality tight."""
    for far in (2.0**-26, 2.0**-10, 1.0, 300.0):
        name = f"one sample, log-odds {far:.4g} against even"
        log_p, log_q = normalised([[far, 0.0]]), normalised(np.zeros((1, 2)))
        tilt = np.array([far, 0.0])  # π = r
        yield Case(
            name=name,
            log_p=log_p,
            weights=np.ones(1),
            log_q=log_q,
            log_tilt=tilt,
            equal=("KL(r̄‖q̄) ≤ D",),
        )
        name = f"two sure samples, a student that is off by {far:.4g}"
        log_p = normalised(5.0 * np.eye(2))
        log_q = normalised(5.0 * np.eye(2) + np.array([[far, 0.0], [far, 0.0]]))
        yield Case(name=name, log_p=log_p, weights=HALF, log_q=log_q, log_tilt=np.zeros(2))


def worst_rounds() -> Iterator[Case]:
    """For T5: nothing to contract, and two samples next to the fixed point, where κ is attained."""
    even = np.log(np.full((4, 2), 0.5))
    tilt = np.array([1.5, 0.0])
    yield Case(name="no sample differs", log_p=even, weights=np.full(4, 0.25), log_tilt=tilt, equal=SAME)
    for odds in (0.25, 2.0, 20.0):
        for off in (2.0**-20, 2.0**-5):
            name = f"two samples of opposite odds {odds:g}, {off:.4g} from the fixed point"
            log_p = normalised([[odds, 0.0], [0.0, odds]])
            yield Case(name=name, log_p=log_p, weights=HALF, log_tilt=np.array([off, 0.0]))


WORST = {
    "O5": worst_certificates,
    "T5": worst_rounds,
    "J1": worst_columns,
    "J6": worst_columns,
    "J7": worst_teachers,
    "J9": worst_columns,
}


@functools.cache
def cases(claim: str) -> dict[str, Case]:
    """All instances of a claim by name, the worst ones first."""
    return {case.name: case for make in (WORST[claim], random_cases) for case in make()}
