"""The page of certified margins is in step, what is false is refuted, and instances are exact."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb

from tests.certify import proofs, statements
from tests.certify.balls import log_mean_exp, mean, osc
from tests.certify.cases import WORST, Case, cases
from tests.certify.floats import allowed, compared
from tests.certify.table import FLOATS, PAGE, PROVED, page, proved_row, read, smallest_margins
from tests.claims.ledger import at_most

CLAIMS = (
    pytest.param("O5", marks=pytest.mark.claim("O5")),
    pytest.param("T5", marks=pytest.mark.claim("T5")),
    pytest.param("J1", marks=pytest.mark.claim("J1")),
    pytest.param("J6", marks=pytest.mark.claim("J6")),
    pytest.param("J7", marks=pytest.mark.claim("J7")),
    pytest.param("J9", marks=pytest.mark.claim("J9")),
)
EVERY = 40  # of the instances, one in so many is proved again by default


@pytest.mark.parametrize("claim", CLAIMS)
def test_smallest_margins_come_out_again_digit_by_digit(claim):
    instances = cases(claim)
    rows = [each for each in read(PROVED) if each["claim"] == claim]
    for each in rows:
        assert int(each["instances"]) == len(instances)
        if each["where"] != "—":
            found = proofs.prove(claim, [instances[each["where"]]])[each["inequality"]]
            again = proved_row(claim, each["inequality"], found).split(" | ")
            assert again[4:7] == [each["smallest certified margin"], each["±"], each["bits"]]
            at_most(0.0, float(found.smallest.ball))
    assert [each["inequality"] for each in rows] == list(
        proofs.prove(claim, [next(iter(instances.values()))])
    )


@pytest.mark.parametrize("claim", WORST)
def test_no_margin_of_a_sample_of_the_instances_is_below_the_smallest(claim):
    smallest = {
        each["inequality"]: arb(each["smallest certified margin"])
        for each in read(PROVED)
        if each["claim"] == claim and each["where"] != "—"
    }
    found = proofs.prove(claim, list(cases(claim).values())[::EVERY])
    for name, least in smallest.items():
        assert found[name].smallest is None or found[name].smallest.ball > least
        assert found[name].widest < proofs.ATTAINED


@pytest.mark.parametrize("claim", WORST)
def test_floats_lie_within_their_rounding_of_the_truth(claim):
    listed = {each["what `theory` returns"]: each for each in read(FLOATS) if each["claim"] == claim}
    names = set()
    for case in list(cases(claim).values())[::EVERY]:
        for each in compared(claim, case):
            names.add(f"`{each.name}`")
            at_most(each.error, allowed(each.name))
    assert names == listed.keys()
    for each in listed.values():
        at_most(float(each["seen"]), float(each["allowed"]))


@pytest.mark.parametrize("claim", WORST)
def test_an_error_of_some_units_is_seen(claim):
    case = next(case for case in cases(claim).values() if compared(claim, case))
    for each in compared(claim, case):
        off = np.asarray(each.got, float) + 1.1 * each.allowed * 2.0**-52 * max(float(x) for x in each.scale)
        moved = type(each)(name=each.name, got=off + 1e-70, true=each.true, scale=each.scale)
        assert moved.error > each.allowed


@pytest.mark.parametrize("claim", WORST)
def test_instances_are_exact(claim):
    """Weights sum to 1 with nothing left, rows are log-probabilities, names are keys."""
    instances = cases(claim)
    for case in instances.values():
        if case.in_floats:
            assert sum(map(Fraction, case.weights.tolist())) == 1
            assert (case.weights >= 0).all()
            assert np.allclose(np.exp(case.log_p).sum(axis=-1), 1.0, rtol=0, atol=1e-13)
    assert len(instances) > 750


@pytest.mark.slow
def test_the_whole_page_is_in_step():
    before, after = (
        text.partition("## The floats")[0] for text in (PAGE.read_text(encoding="utf-8"), page())
    )
    assert before == after, "run: make certify"


def test_the_table_of_claims_has_the_smallest_of_each():
    assert smallest_margins().keys() == set(WORST)


# -- what is false is refuted -----------------------------------------------------------------------


def refuted(claim):
    """Whether some instance certainly violates what now stands there for the claim."""
    for case in cases(claim).values():
        try:
            proofs.margins(claim, case)
        except proofs.Refuted:
            return True
        except proofs.Undecided:
            continue
    return False


def tighter(bound):
    return lambda x: bound(x) * arb(99) / 100


def dearer(bound):
    return lambda x: bound(x) * arb(101) / 100


def unweighted(column, w, order):
    return statements_as_they_are["power_mean"](column, [arb(1)] * len(w), order)


def without_the_root(column, w, order):
    plain = abs(order) == statements.INF or order == 0
    true = statements_as_they_are["power_mean"](column, w, order)
    return true if plain else true * order


def nearer(column, w, order):
    """Means whose distance is 1 % of their orders' more than it is."""
    true = statements_as_they_are["power_mean"](column, w, order)
    return true if abs(order) == statements.INF else true - arb(order) / 100


statements_as_they_are = dict(vars(statements))

WRONG = [
    ("O5", "pinsker", "1 % too tight", tighter(statements.pinsker)),
    ("O5", "pinsker", "no root", lambda d: d / 2),
    ("O5", "pinsker", "a sign", lambda d: -statements_as_they_are["pinsker"](d)),
    ("O5", "price_of_constancy", "1 % too dear", dearer(statements.price_of_constancy)),
    ("T5", "contraction", "1 % too tight", tighter(statements.contraction)),
    ("T5", "contraction", "Δ/8 for Δ/4", lambda delta: (delta / 8).tanh() * (delta / 8).tanh()),
    ("T5", "to_projected", "1 % too tight", tighter(statements.to_projected)),
    ("T5", "to_projected", "κ for κ/(1 − κ)", statements.contraction),
    ("T5", "dual_gain", "1 % too much", dearer(statements.dual_gain)),
    ("J1", "gap", "a sign", lambda column, w: mean(w, column) - log_mean_exp(w, column)),
    ("J1", "gap", "two weightings", lambda column, w: log_mean_exp(w, column) - mean(w[::-1], column)),
    ("J1", "gap", "1 % of the range", lambda c, w: statements_as_they_are["gap"](c, w) - osc(c) / 100),
    ("J6", "specht", "1 % too tight", tighter(statements.specht)),
    ("J6", "hoeffding", "1 % too tight", tighter(statements.hoeffding)),
    ("J6", "hoeffding", "R²/16", lambda r: r * r / 16),
    ("J6", "third_order", "1 % too tight", tighter(statements.third_order)),
    ("J6", "third_order", "√3 too much", lambda r: r * r * r / 108),
    ("J7", "ratio_bound", "1 % too tight", tighter(statements.ratio_bound)),
    ("J7", "kl_bound", "1 % too tight", tighter(statements.kl_bound)),
    ("J7", "tv_bound", "1 % too tight", tighter(statements.tv_bound)),
    ("J7", "tv_bound", "osc/8", lambda wide: (wide / 8).tanh()),
    ("J7", "to_projected", "no distance of one round", lambda delta: arb(0)),
    ("J7", "to_projected", "a sign", lambda delta: -statements_as_they_are["to_projected"](delta)),
    ("J9", "power_mean", "no weights", unweighted),
    ("J9", "power_mean", "no root", without_the_root),
    ("J9", "power_mean", "1 % of the order", nearer),
]


@pytest.mark.parametrize("claim, name, how, wrong", WRONG, ids=[f"{c}-{n}-{h}" for c, n, h, _ in WRONG])
def test_a_wrong_statement_is_refuted(claim, name, how, wrong, monkeypatch):
    monkeypatch.setattr(statements, name, wrong)
    assert refuted(claim)


def test_each_claim_has_wrong_statements():
    assert all(sum(claim == wrong for wrong, *_ in WRONG) >= 2 for claim in WORST)


def test_an_equality_must_be_announced_and_must_be_one():
    even, apart = np.log(np.full((2, 2), 0.5)), np.log([[0.5, 0.5], [0.25, 0.75]])
    given = {"weights": np.array([0.5, 0.5]), "log_tilt": None}
    with pytest.raises(proofs.Undecided, match="4096 bits"):
        proofs.margins("J1", Case(name="same", log_p=even, **given))
    with pytest.raises(proofs.Undecided, match="announced"):
        proofs.margins("J1", Case(name="apart", log_p=apart, equal=("0 ≤ J",), **given))
    (margin, attained, entries) = proofs.margins("J1", Case(name="apart", log_p=apart, **given))["0 ≤ J"]
    assert (attained, entries) == ([], 2)
    assert margin.ball > 0
