"""Bounds on the Jensen gap: sharp, ordered, and right from tiny to huge ranges."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import theory
from tests.claims.ledger import at_most, equal
from tests.support.strategies import ensembles, fixed


@given(ensembles(reach=30.0, temperatures=(0.1, 4.0)))
@example(fixed([[0.0, 0.0], [5.0, 0.0]], weights=[0.2, 0.8]))
@pytest.mark.claim("J6")
def test_jensen_gap_stays_below_specht_and_specht_below_hoeffding(case):
    range_ = case.weighted(theory.log_range)
    specht = case.call(theory.specht_bound, range_)
    at_most(case.weighted(theory.jensen_gap), specht, slack=1e-13)
    at_most(specht, case.call(theory.hoeffding_bound, range_), slack=1e-15)


@given(st.floats(1e-6, 500.0))
@pytest.mark.claim("J6")
def test_specht_is_attained_by_two_points(range_):
    # The gap log(1 + w(eᴿ − 1)) − wR of weight w at the upper end is largest at w = 1/R − 1/(eᴿ − 1).
    weight = 1 / range_ - 1 / np.expm1(range_) if range_ > 1e-3 else 0.5 - range_ / 12
    column = np.array([[-range_], [0.0]]) - np.log(2.0)
    log_p = np.concatenate([column, np.log1p(-np.exp(column))], axis=-1)
    gap = theory.jensen_gap(log_p, weights=np.array([1 - weight, weight]))[0]
    equal(gap, theory.specht_bound(range_), rtol=1e-9, atol=1e-25)


@given(ensembles(reach=6.0))
@pytest.mark.claim("J6")
def test_half_the_variance_is_off_by_a_third_order_term(case):
    gap, variance = case.weighted(theory.jensen_gap), case.weighted(theory.log_variance)
    bound = case.call(theory.variance_bound, case.weighted(theory.log_range))
    at_most(np.abs(gap - variance / 2), bound, slack=1e-13)


@pytest.mark.control("J6")
def test_a_range_that_leaves_out_the_extremes_bounds_nothing():
    log_p = theory.log_softmax(np.array([[6.0, 0.0], [0.1, 0.0], [0.0, 0.0], [-6.0, 0.0]]))
    inner = theory.log_range(log_p[1:3])
    assert np.all(theory.jensen_gap(log_p) > 10 * theory.specht_bound(inner))


def test_specht_is_right_from_tiny_to_huge_ranges():
    got = theory.specht_bound(np.array([0.0, 1e-8, 1.0, 30.0, 5000.0, np.inf]))
    # log S(e) from the definition, h^{1/(h−1)} / (e log h^{1/(h−1)}), at 50 digits.
    want = [0.0, 1.25e-17, 0.12330156148224453, 25.598802618340556, 4990.482806808584, np.inf]
    equal(got, np.array(want), rtol=1e-14, atol=1e-32)
