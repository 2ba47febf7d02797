"""The tightest cases are as tight as they were, no drawn case violates, and what is false is found."""

import ast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import theory
from tests.claims.claim_table import ROOT
from tests.claims.ledger import at_most, equal
from tests.search.descent import search
from tests.search.hunts import HUNTS, gap_below_specht, round_contracts
from tests.search.points import ATTAINED, LIMIT, Hunt, relative
from tests.search.table import ALL, NOT_SEARCHED, PAGE, ROUNDING, attained, load, page, violated

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


@pytest.mark.parametrize("key", BY_KEY)
@given(data=st.data())
def test_no_drawn_case_is_a_counterexample(key, data):
    """Hypothesis raises −margin; with the profile `thorough` it tries 1000 cases of each."""
    hunt = BY_KEY[key]
    shape = data.draw(st.sampled_from(hunt.shapes))
    reach = data.draw(st.sampled_from([1e-3, 1.0, 10.0]))
    variables = data.draw(arrays(np.float64, hunt.size(*shape), elements=st.floats(-reach, reach)))
    at_most(0.0, hunt.value(variables, shape), slack=ROUNDING)


@pytest.mark.parametrize("hunt", HUNTS, ids=lambda hunt: hunt.key)
def test_gradients_reach_the_variables_through_theory(hunt):
    generator = torch.Generator().manual_seed(0)
    for shape in hunt.shapes:
        theta = 2.0 * torch.randn(12, hunt.size(*shape), generator=generator, dtype=torch.float64)
        theta.requires_grad_()
        hunt.margins(theta, *shape).sum().backward()
        assert torch.isfinite(theta.grad).all()
        assert (theta.grad.abs().amax(-1) > 1e-6).sum() >= 3  # the others are too small to count


def tighter(sides, share):
    def changed(c):
        small, large, scale = sides(c)
        return small, share * large, scale

    return changed


def half_of_the_variance_bound(c):
    off = theory.jensen_gap(c.log_p, weights=c.w) - theory.log_variance(c.log_p, weights=c.w) / 2
    return relative(off.abs(), theory.variance_bound(theory.log_range(c.log_p, weights=c.w)) / 2)


def distance_by_a_fifth(c):
    """tanh(osc/5) in place of tanh(osc/4)."""
    log_c, log_r = (
        theory.tilt(c.log_p, choose(c.log_p, weights=c.w))
        for choose in (theory.centering_log_tilt, theory.inverse_prior_log_tilt)
    )
    gap = theory.jensen_gap(c.log_p, weights=c.w)
    bound = torch.tanh((gap.amax(-1) - gap.amin(-1)) / 5)
    return relative((log_c.exp() - log_r.exp()).abs().sum(-1) / 2, bound[..., None])


SMALL = ((2, 2),)
WRONG = [
    Hunt(
        claim="J6",
        name="99 % of Specht",
        sides=tighter(gap_below_specht, 0.99),
        sharp=ATTAINED,
        low=1e-2,
        shapes=SMALL,
    ),
    Hunt(
        claim="J6",
        name="R³/(72√3)",
        sides=half_of_the_variance_bound,
        sharp=LIMIT,
        low=1e-6,
        shapes=SMALL,
    ),
    Hunt(claim="J7", name="osc/5", sides=distance_by_a_fifth, sharp=ATTAINED, low=1e-2, shapes=SMALL),
    Hunt(
        claim="T5",
        name="99 % of κ",
        sides=tighter(round_contracts, 0.99),
        sharp=ATTAINED,
        low=1e-5,
        shapes=SMALL,
    ),
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
