"""Exact zeros: which targets a tilt can meet, and which clusters block the others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import theory
from tests.claims.ledger import at_most, equal


@st.composite
def supports(draw):
    """A 0/1 pattern with something in every row and every column."""
    n, k = draw(st.integers(3, 8)), draw(st.integers(2, 5))
    pattern = draw(arrays(bool, (n, k)))
    pattern[np.arange(n), np.arange(n) % k] = True
    pattern[np.arange(k) % n, np.arange(k)] = True
    return pattern


def log_p_on(pattern, scores):
    return theory.log_softmax(np.where(pattern, scores, -np.inf))


def scores_like(data, pattern):
    return data.draw(arrays(np.float64, pattern.shape, elements=st.floats(-4.0, 4.0)))


@given(supports(), st.data())
@pytest.mark.claim("T9")
def test_a_target_met_by_some_positive_plan_on_the_support_is_met_by_the_projection(pattern, data):
    plan = np.exp(log_p_on(pattern, scores_like(data, pattern)))
    target = np.log(plan.mean(axis=0))
    log_p = log_p_on(pattern, scores_like(data, pattern))
    result = theory.project(log_p, log_target=target)
    at_most(result.marginal_error, 1e-9, slack=1e-13)
    assert np.array_equal(np.isinf(result.log_r), ~pattern)


@given(supports(), st.data(), st.floats(1e-3, 0.2))
@pytest.mark.claim("T9")
def test_an_impossible_target_is_refused_with_a_blocking_set_of_clusters(pattern, data, excess):
    n, k = pattern.shape
    pattern[0], pattern[0, 0] = (
        False,
        True,
    )  # sample 0 has cluster 0 only: every other cluster can get 1 − 1/n at most
    rest = np.full(k - 1, (1 - 1 / n + excess / n) / (k - 1))
    log_target = np.log(np.append(1 - rest.sum(), rest))
    log_p = log_p_on(pattern, scores_like(data, pattern))
    with pytest.raises(theory.InfeasibleTarget) as raised:
        theory.project(log_p, log_target=log_target)
    blocking = list(raised.value.clusters)
    supply = pattern[:, blocking].any(axis=1).mean()
    demand = np.exp(log_target)[blocking].sum()
    at_most(supply, demand, slack=1e-9)
    equal([raised.value.demand, raised.value.supply], [demand, supply])


@given(st.integers(2, 4), st.integers(2, 4), st.data())
@pytest.mark.claim("T9")
def test_a_target_met_only_in_the_limit_is_refused_too(half, k, data):
    pattern = np.ones((2 * half, 2 * k), dtype=bool)
    pattern[:half, k:] = (
        False  # the second half of the clusters takes up all of the second half of the samples
    )
    with pytest.raises(theory.InfeasibleTarget, match="uses up all the weight") as raised:
        theory.project(log_p_on(pattern, scores_like(data, pattern)))
    assert raised.value.clusters == tuple(range(k, 2 * k))


@pytest.mark.control("T9")
def test_without_exact_zeros_every_target_can_be_met():
    pattern = np.ones((6, 3), dtype=bool)
    pattern[:4, 1:] = False
    logits = np.where(pattern, 0.0, -50.0)
    with pytest.raises(theory.InfeasibleTarget, match=r"clusters \{1, 2\} exceeds the weight 0.333333"):
        theory.project(log_p_on(pattern, logits))
    assert theory.project(theory.log_softmax(logits)).marginal_error <= 1e-9


def test_disconnected_supports_are_projected_block_by_block():
    rng = np.random.default_rng(0)
    pattern = np.kron(np.eye(2, dtype=bool), np.ones((8, 3), dtype=bool))
    log_p = log_p_on(pattern, rng.standard_normal(pattern.shape))
    whole = theory.project(log_p)
    block = theory.project(theory.log_softmax(log_p[:8, :3]))
    at_most(whole.marginal_error, 1e-9)
    equal(whole.log_r[:8, :3], block.log_r, atol=1e-9)


def test_samples_without_weight_do_not_make_a_target_feasible():
    pattern = np.array([[True, False], [True, False], [True, True]])
    log_p = log_p_on(pattern, np.zeros((3, 2)))
    with pytest.raises(theory.InfeasibleTarget, match=r"clusters \{1\} exceeds the weight 0 "):
        theory.project(log_p, weights=np.array([0.5, 0.5, 0.0]))


def test_the_blocking_set_is_named_per_ensemble_of_a_batch():
    good = np.zeros((4, 2))
    bad = np.where([[True, False], [True, False], [True, False], [True, True]], 0.0, -np.inf)
    with pytest.raises(theory.InfeasibleTarget, match=r"at batch index \(1,\)"):
        theory.project(theory.log_softmax(np.stack([good, bad])))


@pytest.mark.parametrize("share", [1e-3, 1e-9, 1e-12])
@pytest.mark.parametrize("where", [0, 2])
def test_a_cluster_out_of_reach_blocks_however_small_its_share(share, where):
    logits = np.insert(np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.5]]), where, -np.inf, axis=1)
    log_target = np.log(np.insert(np.array([0.5, 0.5 - share]), where, share))
    for weights in (None, np.array([0.5, 0.5, 0.0])):
        if weights is not None:
            logits[2, where] = 0.0  # reached, but by a sample that does not count
        with pytest.raises(theory.InfeasibleTarget) as caught:
            theory.project(theory.log_softmax(logits), weights=weights, log_target=log_target)
        assert caught.value.clusters == (where,)


def test_an_entry_that_must_vanish_makes_a_target_one_of_the_limit():
    """Sample 0 has cluster 0 only and fills it: sample 1 would have to leave it to nothing."""
    with pytest.raises(theory.InfeasibleTarget, match="uses up all the weight") as raised:
        theory.project(log_p_on(np.array([[True, False], [True, True]]), np.zeros((2, 2))))
    assert raised.value.clusters == (1,)


def test_a_share_below_the_slack_is_met_where_zeros_leave_room():
    """The flow must be positive relative to the share: one of 1e-12 is no flow of 0."""
    pattern = np.array([[True, True, False], [True, True, True], [True, True, True]])
    log_target = np.log([0.5, 0.5 - 1e-12, 1e-12])
    result = theory.project(log_p_on(pattern, np.zeros((3, 3))), log_target=log_target)
    assert result.marginal_error <= 1e-9


def test_an_entry_that_must_vanish_is_found_beside_clusters_that_can_share():
    """Sample 1 fills cluster 0, so that sample 2 has none of it; sample 0 is nobody's concern."""
    pattern = np.array([[False, True], [True, False], [True, True]])
    log_target = np.log([1 / 3, 2 / 3])
    with pytest.raises(theory.InfeasibleTarget, match="uses up all the weight") as raised:
        theory.project(log_p_on(pattern, np.zeros((3, 2))), log_target=log_target)
    assert raised.value.clusters == (1,)
