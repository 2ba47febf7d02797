"""The exact constrained teacher, checked by its certificate."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import theory
from tests.claims.ledger import at_most, equal
from tests.support.strategies import ensembles, fixed, lift, log_distributions

COLD = {"reach": 30.0, "temperatures": (0.02, 1.0)}


def dual(case, lam):
    scores = case.log_p + lam[..., None, :]
    return np.sum(case.pi * lam, axis=-1) - case.mean(np.logaddexp.reduce(scores, axis=-1))


def mean_kl(case, log_a, log_b):
    """Σ w KL(a‖b)."""
    return case.mean(theory.kl(log_a, log_b))


@given(ensembles(**COLD))
@pytest.mark.claim("T3")
def test_projection_tilts_each_cluster_by_one_factor_and_meets_the_target(case):
    result = case.project()
    marginal = case.mean(np.exp(result.log_r))
    at_most(np.abs(marginal - case.pi).sum(axis=-1), np.full(marginal.shape[:-1], 1e-9), slack=1e-12)
    ratio = result.log_r - case.log_p - result.log_tilt[..., None, :]
    equal(np.ptp(ratio, axis=-1), np.zeros(ratio.shape[:-1]), atol=1e-11 * (1 + np.abs(case.log_p).max()))


@given(ensembles(**COLD), st.data())
@pytest.mark.claim("T3")
def test_projection_maximises_the_concave_dual(case, data):
    result = case.project()
    step = data.draw(arrays(np.float64, result.log_tilt.shape, elements=st.floats(-3.0, 3.0)))
    best = dual(case, result.log_tilt)
    slack = 1e-9 * 6 + 1e-13 * (1 + np.abs(best).max() + np.abs(case.log_p).max())
    at_most(dual(case, result.log_tilt + step), best, slack=slack)


@given(ensembles(batch=False, samples=(2, 6), clusters=(2, 4)))
@pytest.mark.claim("T3")
def test_gradient_and_hessian_of_the_dual_are_the_stated_ones(case):
    log_p, w, pi = (torch.tensor(np.ascontiguousarray(a)) for a in (case.log_p, case.w, case.pi))

    def g(lam):
        return pi @ lam - w @ torch.logsumexp(log_p + lam, dim=-1)

    lam = torch.linspace(-1.0, 1.0, log_p.shape[1], dtype=torch.float64)
    r = np.exp(theory.tilt(case.log_p, lam.numpy()))
    m = case.mean(r)
    equal(torch.autograd.functional.jacobian(g, lam), case.pi - m)
    equal(-torch.autograd.functional.hessian(g, lam), np.diag(m) - np.einsum("n,nk,nj->kj", case.w, r, r))


@given(ensembles(batch=False, samples=(2, 9)), st.data())
@pytest.mark.claim("T3")
def test_projection_is_unique_wherever_it_starts(case, data):
    start = data.draw(arrays(np.float64, case.logits.shape[-1:], elements=st.floats(-20.0, 20.0)))
    here, there = case.project(tol=1e-12), case.project(tol=1e-12, log_tilt=start)
    equal(np.exp(there.log_r), np.exp(here.log_r), atol=1e-8)


@pytest.mark.control("T3")
def test_one_sinkhorn_round_is_not_the_optimum():
    case = fixed([[3.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 0.0, 1.0]])
    log_r, lam = case.teacher(theory.inverse_prior_log_tilt)
    assert np.abs(case.mean(np.exp(log_r)) - case.pi).sum() > 0.02
    assert dual(case, lam) < dual(case, case.project().log_tilt) - 1e-4


@given(ensembles(**COLD))
@pytest.mark.claim("T4")
def test_primal_equals_dual_at_the_projection(case):
    result = case.project()
    primal = mean_kl(case, result.log_r, case.log_p)
    gap = primal - dual(case, result.log_tilt)
    scale = 1e-9 * np.ptp(result.log_tilt, axis=-1) + 1e-13 * (1 + np.abs(case.log_p).max())
    at_most(np.abs(gap), scale, slack=1e-13)
    at_most(np.abs(result.duality_gap - gap), scale, slack=1e-13)


@given(ensembles(batch=False, samples=(2, 9)), st.data())
@pytest.mark.claim("T4")
def test_pythagoras_holds_for_every_ensemble_that_meets_the_target(case, data):
    found = case.project(tol=1e-12)
    exact = found.log_r
    other = case.project(data.draw(log_distributions(case.logits.shape)), tol=1e-12).log_r
    total = mean_kl(case, other, case.log_p)
    # Two marginals, each within tol of the target, times λ; and the rounding of log p.
    off = 2e-12 * np.ptp(found.log_tilt) + 8e-15 * (1 + np.abs(case.log_p).max())
    equal(total, mean_kl(case, other, exact) + mean_kl(case, exact, case.log_p), rtol=0.0, atol=off)
    at_most(mean_kl(case, exact, case.log_p), total, slack=off)


@pytest.mark.control("T4")
def test_pythagoras_and_the_certificate_fail_off_the_constraint():
    case = fixed([[3.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 0.0, 1.0]])
    exact = case.project().log_r
    centred, lam = case.teacher(theory.centering_log_tilt)
    sides = mean_kl(case, centred, exact) + mean_kl(case, exact, case.log_p)
    assert abs(mean_kl(case, centred, case.log_p) - sides) > 0.01
    assert abs(mean_kl(case, centred, case.log_p) - dual(case, lam)) > 0.01


@given(ensembles(batch=False), st.data())
@pytest.mark.claim("T6")
def test_the_projected_teacher_ignores_biases_and_commutes_with_permutations(case, data):
    n, k = case.logits.shape
    bias = data.draw(arrays(np.float64, (k,), elements=st.floats(-30.0, 30.0)))
    shift = np.linspace(-50.0, 70.0, n)[:, None]
    log_r = np.exp(case.project(tol=1e-12).log_r)
    biased = theory.log_softmax(case.logits + bias + shift, temperature=case.temperature)
    equal(np.exp(case.project(biased, tol=1e-12).log_r), log_r, atol=1e-8)
    turned = fixed(
        case.logits[::-1, ::-1],
        temperature=case.temperature,
        weights=None if case.weights is None else case.weights[::-1],
        log_target=None if case.log_target is None else case.log_target[::-1],
    )
    equal(np.exp(turned.project(tol=1e-12).log_r), log_r[::-1, ::-1], atol=1e-8)


# -- numerics: cold, wide, large, batched --


def mixture_logits(n, k, temperature, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(2, k // 4), k))
    return theory.log_softmax(
        centres[rng.integers(0, len(centres), n)] + 0.3 * rng.standard_normal((n, k)), temperature=temperature
    )


@pytest.mark.parametrize("temperature", [1e3, 1.0, 0.04, 0.01, 1e-3])
@pytest.mark.parametrize(("n", "k"), [(256, 16), (24, 96)], ids=["tall", "wide"])
@pytest.mark.claim("T3")
def test_projection_converges_in_few_steps_at_every_temperature(n, k, temperature):
    result = theory.project(mixture_logits(n, k, temperature))
    at_most(result.marginal_error, 1e-9, slack=1e-12)
    assert result.iterations <= 30


def test_projection_of_huge_logits_still_meets_the_target():
    logits = 1e4 * np.random.default_rng(1).standard_normal((40, 8))
    result = theory.project(theory.log_softmax(logits, temperature=1e-3))
    at_most(result.marginal_error, 1e-9)


@pytest.mark.claim("T3")
def test_projection_converges_where_the_curvature_is_below_rounding():
    logits = np.full((5, 5), -11.0)
    logits[:, 0], logits[3, 2] = -5.0, 0.0
    target = np.log(np.array([1.0, 14.0, 8.0, 8.0, 8.0]) / 39.0)
    result = theory.project(theory.log_softmax(logits, temperature=0.125), log_target=target)
    at_most(result.marginal_error, 1e-9)


@pytest.mark.claim("T3")
@pytest.mark.parametrize("samples, clusters, height", [(101, 2, 1e3), (401, 4, 1e3), (30, 3, 1e5)])
def test_a_sharp_ensemble_that_nearly_meets_its_target_is_projected_too(samples, clusters, height):
    """Every r is one-hot at the start and the Hessian 0: without annealing nothing would move."""
    rng = np.random.default_rng(0)
    own = np.eye(clusters)[np.arange(samples) % clusters]
    logits = height * own * (1.0 + 0.3 * rng.random((samples, 1)))
    found = theory.project(theory.log_softmax(logits), tol=1e-9)
    assert found.marginal_error <= 1e-9 and found.iterations <= 80
    two = theory.log_softmax(np.array([[1000.0, 0.0], [0.0, 1100.0]]))
    assert theory.project(two, log_target=np.log([0.499, 0.501])).marginal_error <= 1e-9


@given(ensembles(batch=False, samples=(2, 5)), ensembles(batch=False, samples=(2, 5), **COLD))
def test_a_batch_is_projected_as_its_members_are(easy, hard):
    n = min(len(easy.logits), len(hard.logits))
    k = min(easy.logits.shape[1], hard.logits.shape[1])
    pair = np.stack([theory.log_softmax(c.logits[:n, :k], temperature=c.temperature) for c in (easy, hard)])
    together = lift(theory.project, easy.namespace)(pair, tol=1e-11)
    for i in range(2):
        equal(np.exp(together.log_r[i]), np.exp(theory.project(pair[i], tol=1e-11).log_r), atol=1e-7)


def test_a_good_start_saves_steps_and_a_bad_one_costs_no_accuracy():
    log_p = mixture_logits(256, 16, 0.04)
    cold = theory.project(log_p)
    assert theory.project(log_p, log_tilt=cold.log_tilt).iterations <= 1
    assert theory.project(log_p, log_tilt=cold.log_tilt + 1e8).marginal_error <= 1e-9
    assert theory.project(log_p, log_tilt=100.0 * np.cos(np.arange(16.0))).marginal_error <= 1e-9


def test_failing_to_converge_raises_with_the_error_reached_and_what_to_change():
    with pytest.raises(theory.NotConverged, match=r"marginal error of .*, not tol = 1e-09, in 2 iterations"):
        theory.project(mixture_logits(256, 16, 0.01), max_iter=2)
    with pytest.raises(theory.NotConverged) as raised:
        theory.project(mixture_logits(256, 16, 0.04), max_iter=40, tol=1e-30)
    assert 0 < raised.value.marginal_error < 1e-6


def test_float32_is_solved_in_float64_and_reports_the_rounded_error():
    log_p = mixture_logits(256, 16, 0.04).astype(np.float32)
    result = theory.project(log_p)
    assert result.log_r.dtype == result.marginal_error.dtype == np.float32
    equal(np.exp(result.log_r), np.exp(theory.project(log_p.astype(float)).log_r), atol=1e-4)
    at_most(result.marginal_error, 1e-4)


def test_an_unfinished_projection_can_be_had_and_gone_on_from():
    log_p = mixture_logits(256, 16, 0.01)
    reached = theory.project(log_p, max_iter=2, throw=False)
    assert reached.iterations == 2
    assert reached.marginal_error > 1e-9
    equal(np.exp(reached.log_r), np.exp(theory.tilt(log_p, reached.log_tilt)))
    with pytest.raises(theory.NotConverged) as raised:
        theory.project(log_p, max_iter=2)
    assert np.array_equal(raised.value.projection.log_tilt, reached.log_tilt)
    at_most(theory.project(log_p, log_tilt=reached.log_tilt).marginal_error, 1e-9, slack=1e-12)


@pytest.mark.parametrize("shape", [(24, 6), (6, 24)], ids=["tall", "wide"])
def test_the_error_of_an_unfinished_projection_is_that_of_its_arrays(shape):
    log_p = theory.log_softmax(np.random.default_rng(2).standard_normal(shape), temperature=0.02)
    reached = theory.project(log_p, max_iter=1, throw=False)
    off = np.abs(np.exp(theory.log_prior(reached.log_r)) - 1.0 / shape[1]).sum()
    equal(reached.marginal_error, off)
    with pytest.raises(theory.NotConverged) as raised:
        theory.project(log_p, max_iter=1)
    equal(raised.value.marginal_error, off)
