"""The tightest cases are as tight as they were, no drawn case violates, and what is false is found."""

import ast

import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.certify.balls import balls, bits, total
from tests.certify.cases import Case
from tests.certify.statements import STATEMENTS
from tests.claims.claim_table import ROOT
from tests.claims.ledger import at_most, equal
from tests.search.descent import search
from tests.search.hunts import (
    HUNTS,
    both_teachers,
    centred_from_projected,
    gap_below_specht,
    half_the_variance,
    inequality,
    one_round_is_near,
    round_contracts,
)
from tests.search.points import ATTAINED, LIMIT, REACH, relative
from tests.search.rounding import ROUNDING
from tests.search.table import ALL, NOT_SEARCHED, PAGE, attained, load, page, violated

CASES = load()
BY_KEY = {hunt.key: hunt for hunt in ALL}


@pytest.mark.parametrize("key", BY_KEY)
def test_the_tightest_case_is_as_tight_as_it_was(key):
    hunt, stored = BY_KEY[key], CASES[key]
    margin = hunt.value(np.array(stored["variables"]), tuple(stored["shape"]))
    equal(margin, stored["margin"], rtol=1e-6, atol=ROUNDING)
    at_most(0.0, margin, slack=ROUNDING)
    assert attained(hunt, margin)


def test_the_page_is_in_step():
    assert CASES.keys() == BY_KEY.keys()
    assert page(CASES) == PAGE.read_text(encoding="utf-8"), "run: make search"


def drawn(data, hunt):
    """The variables of a case, and its shape."""
    shape = data.draw(st.sampled_from(hunt.shapes))
    reach = data.draw(st.sampled_from([1e-3, 1.0, 10.0]))
    return data.draw(arrays(np.float64, hunt.size(*shape), elements=st.floats(-reach, reach))), shape


@pytest.mark.parametrize("key", BY_KEY)
@given(data=st.data())
def test_no_drawn_case_is_a_counterexample(key, data):
    """Hypothesis raises −margin; with the profile `thorough` it tries 1000 cases of each."""
    hunt = BY_KEY[key]
    at_most(0.0, hunt.value(*drawn(data, hunt)), slack=ROUNDING)


@pytest.mark.parametrize("hunt", HUNTS, ids=lambda hunt: hunt.key)
def test_gradients_reach_the_variables_through_theory(hunt):
    generator = torch.Generator().manual_seed(0)
    for shape in hunt.shapes:
        theta = 2.0 * torch.randn(12, hunt.size(*shape), generator=generator, dtype=torch.float64)
        theta.requires_grad_()
        hunt.margins(theta, *shape).sum().backward()
        assert torch.isfinite(theta.grad).all()
        assert (theta.grad.abs().amax(-1) > 1e-6).sum() >= 3  # the others are too small to count


# -- what rounding may do -------------------------------------------------------------------------


def in_balls(hunt, c):
    """Larger side less smaller side of a case in floats, which are taken exactly; weights sum to 1."""

    def weights():
        w = balls(c.w.numpy())
        return [x / total(w) for x in w]

    case = Case(name=hunt.key, log_p=c.log_p.numpy(), weights=weights, log_tilt=c.lam.numpy())
    small, large = STATEMENTS[hunt.claim](case)[hunt.name][0]
    return large - small


def opposite(odds, off):
    """Two samples as sure of one cluster each, and λ* = (off, −off), as a point of the shape (2, 2)."""
    free = np.zeros(14)
    free[:4], free[10:12] = (odds, 0, 0, odds), (off, -off)
    return REACH * np.arctanh(free / REACH)


NO_DIGITS = [opposite(odds, off) for odds in (20.0, 22.0, 24.0) for off in np.geomspace(5e-6, 5e-5, 10)]
"""osc λ₁ is 1e-14, of which floats keep no digit, and κ/(1 − κ) is 1e9: the bound is one by rounding."""
OF_TILTS = [hunt for hunt in HUNTS if hunt.name.startswith("osc(λ")]
NEAR = next(hunt for hunt in OF_TILTS if hunt.sides is one_round_is_near)


def assert_rounding_is_allowed(hunt, variables, shape):
    """Of floats and balls the margins differ by no more than what is allowed to be below 0."""
    c = hunt.case(torch.tensor(variables), *shape)
    small, raised, large = (float(side) for side in hunt.sides(c))
    with bits(256):
        off = float((arb(large) - arb(small) - in_balls(hunt, c)).abs_upper())
    at_most(off, raised - large + ROUNDING * large)


@pytest.mark.parametrize("hunt", OF_TILTS, ids=lambda hunt: hunt.key)
@given(data=st.data())
def test_rounding_moves_no_side_by_more_than_is_allowed(hunt, data):
    assert_rounding_is_allowed(hunt, *drawn(data, hunt))


@pytest.mark.parametrize("hunt", OF_TILTS, ids=lambda hunt: hunt.key)
def test_rounding_is_allowed_where_floats_keep_no_digit(hunt):
    for point in NO_DIGITS:
        assert_rounding_is_allowed(hunt, point, (2, 2))


def test_what_rounding_alone_brings_below_zero_is_no_counterexample():
    in_floats = []
    for point in NO_DIGITS:
        c = NEAR.case(torch.tensor(point), 2, 2)
        small, _, large = NEAR.sides(c)
        in_floats.append(float((large - small) / large))
        with bits(256):
            assert in_balls(NEAR, c) > 0
        assert not violated(NEAR, NEAR.value(point, (2, 2)))
    assert violated(NEAR, min(in_floats))


# -- what is false --------------------------------------------------------------------------------


def tighter(sides, share):
    def changed(c):
        small, large, scale = sides(c)
        return small, share * large, scale

    return changed


def distance_by_a_fifth(c):
    """tanh(osc/5) in place of tanh(osc/4)."""
    log_c, log_r, bound = both_teachers(c)
    return relative((log_c.exp() - log_r.exp()).abs().sum(-1) / 2, torch.tanh(bound.log_ratio / 5)[..., None])


def wrong(claim, name, sides, sharp, low):
    return inequality(claim, name, sides, sharp, low, shapes=((2, 2),))


WRONG = [
    wrong("J6", "99 % of Specht", tighter(gap_below_specht, 0.99), ATTAINED, 1e-2),
    wrong("J6", "R³/(72√3)", tighter(half_the_variance, 0.5), LIMIT, 1e-6),
    wrong("J7", "osc/5", distance_by_a_fifth, ATTAINED, 1e-2),
    wrong("J7", "99 % of osc J + κ/(1 − κ) osc λ₁", tighter(centred_from_projected, 0.99), ATTAINED, 1e-2),
    wrong("T5", "99 % of κ", tighter(round_contracts, 0.99), ATTAINED, 1e-5),
    wrong("T5", "99 % of κ/(1 − κ)", tighter(one_round_is_near, 0.99), ATTAINED, 1e-5),
]


@pytest.mark.parametrize("hunt", WRONG, ids=lambda hunt: hunt.key)
def test_a_counterexample_to_what_is_false_is_found(hunt):
    found = search(hunt, starts=5, steps=25)
    assert violated(hunt, found.margin)
    assert hunt.value(found.theta, found.shape) == found.margin


@pytest.mark.slow
@pytest.mark.parametrize("key", BY_KEY)
def test_another_seed_finds_no_counterexample(key):
    hunt = BY_KEY[key]
    found = search(hunt, seed=1)
    at_most(0.0, found.margin, slack=ROUNDING)


def compared_claims():
    """The claims of which some test outside this folder compares by `at_most`."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body if "at_most" in text else []:
            calls = [x for x in ast.walk(node) if isinstance(x, ast.Call)]
            if any(ast.unparse(call.func) == "at_most" for call in calls):
                labels = [x for x in calls if ast.unparse(x.func) == "pytest.mark.claim"]
                yield from (ast.literal_eval(label) for mark in labels for label in mark.args)


def test_every_claim_with_an_inequality_is_searched_or_says_why_not():
    assert set(compared_claims()) == {hunt.claim for hunt in ALL} | NOT_SEARCHED.keys()
    assert not {hunt.claim for hunt in ALL} & NOT_SEARCHED.keys()
