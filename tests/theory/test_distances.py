"""Distances between teachers: bounded by the gap, by Sinkhorn's contraction, and attained."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theory
from tests.claims.ledger import at_most, equal
from tests.support.strategies import ensembles, log_distributions


def total_variation(log_a, log_b):
    return 0.5 * np.abs(np.exp(log_a) - np.exp(log_b)).sum(axis=-1)


def osc(x):
    return np.ptp(x, axis=-1)


@given(ensembles(reach=20.0))
@pytest.mark.claim("J7")
def test_centred_and_inverse_prior_teachers_stay_within_the_oscillation_of_the_gap(case):
    log_c, log_r = (
        case.teacher(choose)[0] for choose in (theory.centering_log_tilt, theory.inverse_prior_log_tilt)
    )
    bound = case.call(theory.teacher_distance_bound, case.weighted(theory.jensen_gap))
    widen = np.broadcast_to(bound.log_ratio[..., None], log_c.shape[:-1])
    at_most(np.abs(log_c - log_r).max(axis=-1), widen, slack=1e-12)
    for a, b in ((log_c, log_r), (log_r, log_c)):
        at_most(theory.kl(a, b), np.broadcast_to(bound.kl[..., None], widen.shape), slack=1e-12)
    at_most(
        total_variation(log_c, log_r),
        np.broadcast_to(bound.total_variation[..., None], widen.shape),
        slack=1e-12,
    )


@given(log_distributions((3, 4)), st.floats(0.01, 20.0))
@pytest.mark.claim("J7")
def test_total_variation_bound_is_attained_by_two_clusters(log_p, spread):
    # r = (1 − u, u) with u = 1/(1 + e^{v/2}), tilted by v: the worst case of TV ≤ tanh(v/4).
    u = 1 / (1 + np.exp(spread / 2))
    log_r = np.log([[1 - u, u]])
    moved = theory.tilt(log_r, np.array([0.0, spread]))
    bound = theory.teacher_distance_bound(np.array([0.0, spread]))
    equal(total_variation(log_r, moved)[0], bound.total_variation)
    at_most(theory.kl(log_p, theory.tilt(log_p, np.array([0.0, spread, 0.0, spread]))), bound.kl, slack=1e-13)


@pytest.mark.control("J7")
def test_half_the_oscillation_bounds_nothing():
    log_tilt, half = np.array([0.0, 4.0]), theory.teacher_distance_bound(np.array([0.0, 2.0]))
    far, wide, even = (np.log([[p, 1 - p]]) for p in (0.99, 0.9, 0.88))
    assert np.abs(theory.tilt(far, log_tilt) - far).max() > half.log_ratio + 0.5
    assert theory.kl(wide, theory.tilt(wide, log_tilt))[0] > half.kl + 0.1
    assert total_variation(even, theory.tilt(even, log_tilt))[0] > half.total_variation + 0.1


@given(ensembles(batch=False, samples=(2, 9), temperatures=(1.0, 4.0)))
@pytest.mark.claim("J7", "T5")
def test_centred_and_inverse_prior_teachers_come_with_a_certified_distance_from_the_exact_one(case):
    exact = case.project(tol=1e-12).log_tilt
    centred, inverse = (
        case.weighted(choose, log_target=case.log_target)
        for choose in (theory.centering_log_tilt, theory.inverse_prior_log_tilt)
    )
    bound = case.call(theory.projected_distance_bound, case.log_p, inverse)
    at_most(osc(inverse - exact), bound, slack=1e-9)
    at_most(osc(centred - exact), osc(case.weighted(theory.jensen_gap)) + bound, slack=1e-9)


# -- T5: Sinkhorn --


def dual(case, lam):
    scores = case.log_p + lam
    return case.pi @ lam - case.w @ np.logaddexp.reduce(scores, axis=-1)


@given(ensembles(batch=False, samples=(2, 9)))
@pytest.mark.claim("T5")
def test_each_sinkhorn_round_lowers_the_divergence_and_raises_the_dual_by_it(case):
    lam = np.zeros(case.logits.shape[-1])
    for _ in range(5):
        log_m = case.weighted(theory.log_prior, theory.tilt(case.log_p, lam))
        after = case.weighted(theory.sinkhorn_log_tilt, rounds=1, log_target=case.log_target, log_tilt=lam)
        log_m_after = case.weighted(theory.log_prior, theory.tilt(case.log_p, after))
        before = theory.kl(case.log_pi, log_m)
        at_most(theory.kl(case.log_pi, log_m_after), before, slack=1e-13)
        at_most(before, dual(case, after) - dual(case, lam), slack=1e-12)
        lam = after


@given(ensembles(batch=False, samples=(2, 9), temperatures=(1.0, 4.0)))
@pytest.mark.claim("T5")
def test_sinkhorn_contracts_towards_the_exact_tilt_by_birkhoff_and_hopf(case):
    kappa = case.call(theory.sinkhorn_contraction, case.log_p)
    exact = case.project(tol=1e-12).log_tilt
    lam = np.zeros_like(exact)
    for _ in range(3):
        after = case.weighted(theory.sinkhorn_log_tilt, rounds=1, log_target=case.log_target, log_tilt=lam)
        at_most(osc(after - exact), kappa * osc(lam - exact), slack=1e-9)
        lam = after


@given(ensembles(batch=True))
@pytest.mark.claim("T5")
def test_diameter_is_the_largest_oscillation_of_a_difference_of_rows(case):
    x = case.log_p
    pairs = x[..., :, None, :] - x[..., None, :, :]
    equal(case.call(theory.hilbert_diameter, x), np.ptp(pairs, axis=-1).max(axis=(-1, -2)))


@pytest.mark.control("T5")
def test_at_low_temperature_the_contraction_says_nothing_and_sinkhorn_stalls():
    rng = np.random.default_rng(0)
    logits = 3.0 * np.eye(8)[rng.integers(0, 3, 64)] + rng.standard_normal((64, 8))
    log_p = theory.log_softmax(logits, temperature=0.02)
    assert theory.sinkhorn_contraction(log_p) == 1.0
    assert theory.projected_distance_bound(log_p, theory.inverse_prior_log_tilt(log_p)) > 1e30
    lam = theory.sinkhorn_log_tilt(log_p, rounds=500)
    stalled = np.abs(np.exp(theory.log_prior(theory.tilt(log_p, lam))) - 1 / 8).sum()
    assert stalled > 1e-5
    assert theory.project(log_p).marginal_error <= 1e-9


def test_zeros_that_split_the_rows_have_infinite_diameter():
    with np.errstate(divide="ignore"):
        split, shared = np.log([[0.5, 0.5, 0.0], [0.3, 0.3, 0.4]]), np.log([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0]])
    assert theory.hilbert_diameter(split) == np.inf
    assert theory.sinkhorn_contraction(split) == 1.0
    equal(theory.hilbert_diameter(shared), np.log(4.0))
    equal(theory.hilbert_diameter(np.concatenate([shared, shared, shared])), np.log(4.0))


def test_one_ensemble_whose_zeros_split_its_rows_leaves_the_others_their_diameter():
    with np.errstate(divide="ignore"):
        batch = np.log([[[0.5, 0.5], [0.0, 1.0]], [[0.5, 0.5], [0.2, 0.8]]])
    equal(theory.hilbert_diameter(batch), [np.inf, np.log(4.0)])


def test_a_distance_is_bounded_as_long_as_its_bound_is_a_float():
    """sinh²(Δ/4) ≤ e^{Δ/2}/4 at Δ = 1422: 1.5e308, for a change of one nat."""
    log_p = theory.log_softmax(np.array([[0.0, -711.0], [-711.0, 0.0]]))
    equal(theory.hilbert_diameter(log_p), 1422.0)
    found = theory.projected_distance_bound(log_p, np.array([0.0, 1.0]))
    equal(found, np.exp(711.0 - np.log(4.0)), rtol=1e-12)


def test_rounds_take_weights_as_shares_of_their_sum():
    """They may sum to 1 within a tolerance: what is off is not added to λ in every round."""
    rng = np.random.default_rng(0)
    log_p, w = theory.log_softmax(rng.normal(size=(9, 4))), rng.dirichlet(np.ones(9))
    found = theory.sinkhorn_log_tilt(log_p, rounds=20, weights=w * (1 + 8e-7))
    equal(found, theory.sinkhorn_log_tilt(log_p, rounds=20, weights=w), atol=1e-12)
