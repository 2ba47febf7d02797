"""Priors and the Jensen gap."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import theory
from tests.claims.ledger import at_most, equal
from tests.support.strategies import ensembles, fixed


@given(ensembles(reach=40.0, temperatures=(0.05, 4.0)))
@example(fixed([[0.0, 0.0], [0.0, 0.0]]))
@example(fixed([[1e4, 0.0], [0.0, 1e4]], temperature=1e-3))
@pytest.mark.claim("J1")
def test_jensen_gap_is_never_negative(case):
    gap = case.weighted(theory.jensen_gap)
    at_most(0.0, gap)
    arithmetic, geometric = (case.weighted(theory.log_prior, order=s) for s in (1.0, 0.0))
    equal(gap, arithmetic - geometric, rtol=0.0, atol=8e-15 * (1 + np.abs(geometric).max()))


@given(ensembles(batch=False, samples=(2, 9)), st.integers(0, 1), st.floats(0.01, 3.0))
@pytest.mark.claim("J1")
def test_jensen_gap_vanishes_exactly_where_a_cluster_does_not_vary_over_samples_that_count(case, k, bump):
    p = case.p.copy()
    p[:, k] = 0.3
    rest = np.delete(np.arange(p.shape[1]), k)
    p[:, rest] *= 0.7 / p[:, rest].sum(axis=1, keepdims=True)
    assert case.weighted(theory.jensen_gap, np.log(p))[k] == 0.0
    stray = np.log(np.vstack([p, np.roll(p[:1], 1 + k, axis=1)]))
    weights = np.append(case.w, 0.0)
    assert case.call(theory.jensen_gap, stray, weights=weights)[k] == 0.0
    vary = case.logits.copy()
    vary[0] = 0.0
    vary[1:, k] = bump
    vary[1:, rest] = 0.0
    assert theory.jensen_gap(theory.log_softmax(vary))[k] > 1e-6


@pytest.mark.control("J1")
def test_priors_of_two_different_weightings_break_the_inequality():
    log_p = theory.log_softmax(np.array([[2.0, 0.0], [-2.0, 0.0]]))
    arithmetic = theory.log_prior(log_p, weights=np.array([0.1, 0.9]))
    geometric = theory.log_prior(log_p, order=0.0, weights=np.array([0.9, 0.1]))
    assert (arithmetic - geometric)[0] < -0.5


@given(ensembles(), st.floats(-3.0, 3.0), st.floats(0.0, 3.0))
@pytest.mark.claim("J9")
def test_power_means_do_not_decrease_with_their_order(case, order, more):
    lower = case.weighted(theory.log_prior, order=order)
    upper = case.weighted(theory.log_prior, order=order + more)
    at_most(lower, upper, slack=1e-13)
    at_most(case.weighted(theory.log_prior, order=-np.inf), lower, slack=1e-13)
    at_most(upper, case.weighted(theory.log_prior, order=np.inf), slack=1e-13)


@given(ensembles())
@pytest.mark.claim("J9")
def test_power_means_run_from_the_geometric_to_the_arithmetic_prior_and_on_to_the_largest(case):
    mean_log = case.mean(case.log_p)
    log_mean = np.log(case.mean(case.p))
    equal(case.weighted(theory.log_prior, order=0.0), mean_log)
    equal(case.weighted(theory.log_prior, order=1.0), log_mean)
    equal(case.weighted(theory.log_prior, order=1e-9), mean_log, atol=1e-6)
    counted = np.where(case.w[..., None] > 0, case.log_p, -np.inf)
    equal(case.weighted(theory.log_prior, order=np.inf), counted.max(axis=-2))


@pytest.mark.control("J9")
def test_power_sums_without_weights_decrease_instead():
    log_p = theory.log_softmax(np.array([[2.0, 0.0], [-2.0, 0.0]]))
    sums = [np.log(np.sum(np.exp(s * log_p), axis=0)) / s for s in (0.5, 1.0, 2.0)]
    assert np.all(sums[0] > sums[1] + 0.1)
    assert np.all(sums[1] > sums[2] + 0.02)


@given(ensembles(temperatures=(1.0, 1.0)))
@pytest.mark.claim("J10")
def test_hot_limit_of_the_gap_is_half_the_variance_of_the_row_centred_logits(case):
    centred = case.logits - case.logits.mean(axis=-1, keepdims=True)
    variance = case.mean(centred**2) - case.mean(centred) ** 2
    range_ = np.ptp(case.logits, axis=-1).max() + 1.0
    for temperature in (1e2, 1e3, 1e4):
        gap = case.weighted(theory.jensen_gap, theory.log_softmax(case.logits, temperature=temperature))
        at_most(
            np.abs(gap * temperature**2 - variance / 2),
            np.full(gap.shape, range_**3 / temperature),
            slack=1e-15,
        )


@given(ensembles(temperatures=(1.0, 1.0), uniform=True))
@pytest.mark.claim("J10")
def test_hot_teachers_agree_to_first_order(case):
    k = case.logits.shape[-1]
    centred = case.logits - case.mean(case.logits)[..., None, :]
    first_order = (centred - centred.mean(axis=-1, keepdims=True)) / k
    range_ = np.ptp(case.logits, axis=-1).max() + 1.0
    for temperature in (1e2, 1e3):
        log_p = theory.log_softmax(case.logits, temperature=temperature)
        log_r = [
            case.teacher(choose, log_p)[0]
            for choose in (theory.centering_log_tilt, theory.inverse_prior_log_tilt)
        ]
        log_r.append(case.project(log_p, tol=1e-12).log_r)
        for each in log_r:
            error = np.abs((np.exp(each) - 1 / k) * temperature - first_order)
            at_most(error, np.full(error.shape, 4 * range_**2 / temperature), slack=1e-10)


@given(ensembles(temperatures=(1.0, 1.0)))
@pytest.mark.claim("J10")
def test_cold_limit_of_the_gap_grows_like_one_over_the_temperature(case):
    hard = case.logits - case.logits.max(axis=-1, keepdims=True)
    counted = np.where(case.w[..., None] > 0, hard, -np.inf)
    slope = counted.max(axis=-2) - case.mean(hard)
    log_k, log_w = np.log(hard.shape[-1]), -np.log(case.w[case.w > 0].min())
    for temperature in (1e-2, 1e-4, 1e-6):
        gap = case.weighted(theory.jensen_gap, theory.log_softmax(case.logits, temperature=temperature))
        at_most(
            np.abs(gap * temperature - slope),
            np.full(gap.shape, temperature * (2 * log_k + log_w)),
            slack=1e-9,
        )


@pytest.mark.control("J10")
def test_raw_logits_are_the_wrong_variance_when_samples_carry_shifts():
    logits = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]) + np.array([[5.0], [-5.0]])
    gap = theory.jensen_gap(theory.log_softmax(logits, temperature=1e3)) * 1e6
    assert np.all(np.abs(gap - logits.var(axis=0) / 2) > 10.0)
    centred = logits - logits.mean(axis=-1, keepdims=True)
    assert np.all(np.abs(gap - centred.var(axis=0) / 2) < 1e-2)


@pytest.mark.control("J10")
def test_cold_gaps_grow_together_where_the_mean_logits_agree():
    """Every cluster wins somewhere and has mean 0: the gaps grow as 1/τ, their differences do not."""
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=3)))
    for temperature in (1e-3, 1e-5):
        same, other = (
            theory.jensen_gap(theory.log_softmax(signs * spread + mean, temperature=temperature))
            for spread, mean in (([2.0, 1.0, 1.0], 0.0), ([2.0, 1.0, 1.0], [0.5, 0.0, 0.0]))
        )
        assert np.all(same * temperature > 1.0) and np.ptp(same) < 2.0
        assert np.ptp(other) * temperature > 0.4


def test_zeros_in_p_make_the_gap_infinite_unless_the_cluster_is_empty():
    with np.errstate(divide="ignore"):
        log_p = np.log([[0.5, 0.5, 0.0, 0.0], [0.0, 0.5, 0.0, 0.5]])
    assert np.array_equal(theory.jensen_gap(log_p), [np.inf, 0.0, 0.0, np.inf])
    assert np.array_equal(theory.log_variance(log_p), [np.inf, 0.0, 0.0, np.inf])
    assert np.array_equal(theory.log_range(log_p), [np.inf, 0.0, 0.0, np.inf])
    assert np.array_equal(theory.log_prior(log_p, order=0.0), [-np.inf, np.log(0.5), -np.inf, -np.inf])
    assert np.array_equal(theory.log_prior(log_p, order=-1.0), [-np.inf, np.log(0.5), -np.inf, -np.inf])
