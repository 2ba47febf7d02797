"""The comparisons refuse what is not so, and record how near it came."""

import array_api_strict
import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from tests.claims.evidence import Evidence, at_most, equal


def test_at_most_reports_the_worst_entry():
    message = r"at_most: 3\.0 > 1\.0 at index \[1, 0\], over by 2; 2 of 4 entries violate"
    with pytest.raises(AssertionError, match=message):
        at_most([[0.0, 2.5], [3.0, 0.0]], 1.0)


def test_equal_reports_the_worst_entry():
    message = r"equal: got 2\.0, expected 1\.0 at index \[1\], difference 1 where 0\.1 is allowed; 1 of 2"
    with pytest.raises(AssertionError, match=message):
        equal([1.05, 2.0], [1.0, 1.0], rtol=0.0, atol=0.1)


def test_worst_margin_and_error_are_kept():
    seen = Evidence()
    with seen.gathering():
        at_most([0.0, 1.0], [3.0, 1.5])
        at_most(0.0, 9.0)
        equal([1.0, 2.0], [1.0, 2.5], rtol=0.0, atol=1.0)
        equal(1.0, 1.0)
    assert (seen.margin, seen.error) == (0.5, 0.5)


def test_finite_margins_steer_the_search(monkeypatch):
    steered = []
    monkeypatch.setattr(hypothesis, "target", lambda observation, label: steered.append((observation, label)))

    @hypothesis.settings(max_examples=1, database=None)
    @hypothesis.given(x=st.just(2.0))
    def search(x):
        at_most([0.0, 1.0], x)
        at_most(0.0, np.inf)
        at_most(x, 5.0)

    with Evidence().gathering():
        search()
    assert steered == [(-1.0, "comparison 1"), (-3.0, "comparison 3")]


def test_comparisons_outside_a_test_are_not_recorded():
    seen = Evidence()
    at_most(0.0, 1.0)
    assert seen.margin is None


@pytest.mark.parametrize(
    "pair", [(np.inf, np.inf), (-np.inf, -np.inf), (-np.inf, np.inf), (0.0, np.inf), (-np.inf, 0.0)]
)
def test_at_most_orders_infinities(pair):
    at_most(*pair)


@pytest.mark.parametrize(
    "pair", [(np.inf, -np.inf), (np.inf, 0.0), (0.0, -np.inf), (np.nan, 1.0), (1.0, np.nan)]
)
def test_at_most_refuses_wrong_order_and_nan(pair):
    with pytest.raises(AssertionError):
        at_most(*pair)


def test_at_most_allows_the_slack_it_is_given():
    at_most(1.0 + 1e-13, 1.0, slack=1e-12)
    with pytest.raises(AssertionError):
        at_most(1.0 + 1e-11, 1.0, slack=1e-12)


@pytest.mark.parametrize("pair", [(np.inf, np.inf), (-np.inf, -np.inf), (0.0, -0.0)])
def test_equal_infinities_agree(pair):
    equal(*pair, rtol=0.0, atol=0.0)


@pytest.mark.parametrize(
    "pair", [(np.nan, np.nan), (np.inf, -np.inf), (np.inf, 1.0), (1.0, np.inf), (0.0, np.nan)]
)
def test_equal_refuses_nan_and_unequal_infinities(pair):
    with pytest.raises(AssertionError):
        equal(*pair)


def test_exact_equality_is_zero_tolerance():
    with pytest.raises(AssertionError):
        equal(1.0 + 2.0**-52, 1.0, rtol=0.0, atol=0.0)


@pytest.mark.parametrize(
    "array",
    [
        np.asarray,
        array_api_strict.asarray,
        lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True),
        lambda x: torch.tensor(x, dtype=torch.bfloat16),
    ],
    ids=["numpy", "strict", "torch", "bfloat16"],
)
def test_comparisons_take_any_namespace(array):
    at_most(array([1.0, 2.0]), array([1.5, 2.0]))
    equal(array([1.0, 2.0]), array([1.0, 2.0]))
    with pytest.raises(AssertionError):
        at_most(array([1.0, 2.5]), array([1.5, 2.0]))


def test_default_tolerance_follows_the_less_precise_operand():
    equal(np.float32(1.000002), 1.0)
    with pytest.raises(AssertionError):
        equal(1.000002, 1.0)


@pytest.mark.parametrize("compare", [at_most, equal])
@pytest.mark.parametrize("shapes", [((3,), (3, 1)), ((0,), (0,))], ids=["outer", "empty"])
def test_comparing_by_accident_is_refused(compare, shapes):
    with pytest.raises(AssertionError, match="shape"):
        compare(*map(np.zeros, shapes))


def test_equal_does_not_stretch_what_it_got():
    equal(np.ones((2, 3)), np.ones(3))
    with pytest.raises(AssertionError, match=r"got shape \(3,\), expected shape \(2, 3\)"):
        equal(np.ones(3), np.ones((2, 3)))
