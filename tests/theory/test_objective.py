"""The objective, why collapse is among its minima, and what a loss value proves."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import theory
from tests.claims.ledger import at_most, equal
from tests.support.strategies import ensembles, fixed, log_distributions


def one_hot(labels, k):
    """log of one-hot rows: 0 and −inf."""
    return np.where(np.arange(k) == np.asarray(labels)[..., None], 0.0, -np.inf)


def student(data, case):
    return data.draw(log_distributions(case.logits.shape))


# -- O1, O2: supervised learning, and what of the loss can be lowered --


@given(ensembles(batch=False), st.data())
@pytest.mark.claim("O1")
def test_with_one_hot_teachers_the_objective_is_the_negative_log_likelihood(case, data):
    n, k = case.logits.shape
    labels = data.draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    value = case.call(theory.evaluate, one_hot(labels, k), case.log_p, weights=case.weights)
    likelihood = -case.w @ case.log_p[np.arange(n), labels]
    equal(value.cross_entropy, likelihood)
    equal(value.kl, likelihood)
    equal(value.teacher_entropy, 0.0, atol=0.0)


@pytest.mark.control("O1")
def test_with_soft_teachers_the_two_differ_by_the_entropy_of_the_teacher():
    case = fixed([[1.0, 0.0], [0.0, 2.0]])
    value = theory.evaluate(case.log_p, case.log_p[::-1].copy())
    assert value.cross_entropy > value.kl + 0.4


@given(ensembles(), st.data())
@pytest.mark.claim("O2")
def test_cross_entropy_is_the_entropy_of_the_teacher_plus_the_divergence(case, data):
    log_q = student(data, case)
    value = case.call(theory.evaluate, case.log_p, log_q, weights=case.weights)
    equal(value.cross_entropy, value.teacher_entropy + value.kl)
    equal(value.cross_entropy, -case.mean(np.sum(case.p * log_q, axis=-1)))
    equal(value.kl, case.mean(np.sum(case.p * (case.log_p - log_q), axis=-1)), atol=1e-11)
    at_most(0.0, value.kl)


@given(ensembles(batch=False), st.data(), st.floats(0.1, 3.0))
@pytest.mark.claim("O2")
def test_cross_entropy_and_divergence_have_one_gradient_in_the_student(case, data, temperature):
    scores = torch.tensor(data.draw(log_distributions(case.logits.shape)), requires_grad=True)
    log_r = torch.tensor(case.log_p)
    value = theory.evaluate(
        log_r, theory.log_softmax(scores, temperature=temperature), weights=torch.tensor(case.w)
    )
    by_cross_entropy, by_kl = (
        torch.autograd.grad(loss, scores, retain_graph=True)[0] for loss in (value.cross_entropy, value.kl)
    )
    q = np.exp(theory.log_softmax(scores.detach().numpy(), temperature=temperature))
    closed_form = case.w[:, None] * (q - case.p) / temperature
    equal(by_cross_entropy, closed_form)
    equal(by_kl, closed_form)


@pytest.mark.control("O2")
def test_a_teacher_that_is_differentiated_parts_the_two_gradients():
    z = torch.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=torch.float64, requires_grad=True)
    value = theory.evaluate(theory.log_softmax(z, temperature=0.5), theory.log_softmax(z))
    by_cross_entropy, by_kl = (
        torch.autograd.grad(loss, z, retain_graph=True)[0] for loss in (value.cross_entropy, value.kl)
    )
    assert (by_cross_entropy - by_kl).abs().max() > 0.05


# -- O4: mode collapse --


@given(ensembles(), st.data())
@pytest.mark.claim("O4")
def test_every_constant_distribution_is_a_global_minimum_without_a_constraint(case, data):
    constant = data.draw(log_distributions(case.logits.shape[-1:]))
    both = np.broadcast_to(constant, case.logits.shape).copy()
    value = case.call(theory.evaluate, both, both, weights=case.weights)
    equal(value.kl, np.zeros_like(value.kl), atol=0.0)
    equal(value.student_information, np.zeros_like(value.kl), atol=1e-15)
    at_most(value.kl, case.call(theory.evaluate, case.log_p, student(data, case), weights=case.weights).kl)


@given(ensembles(), st.data())
@pytest.mark.claim("O4")
def test_cross_entropy_is_least_where_both_are_one_hot_in_one_cluster(case, data):
    k = case.logits.shape[-1]
    collapsed = one_hot(np.full(case.logits.shape[:-1], data.draw(st.integers(0, k - 1))), k)
    value = case.call(theory.evaluate, collapsed, collapsed, weights=case.weights)
    equal(value.cross_entropy, np.zeros_like(value.kl), atol=0.0)
    other = case.call(theory.evaluate, case.log_p, student(data, case), weights=case.weights)
    at_most(value.cross_entropy, other.cross_entropy)


@pytest.mark.control("O4")
def test_under_the_constraint_one_cluster_is_no_minimum():
    log_p = np.log([[0.98, 0.01, 0.01], [0.97, 0.01, 0.02], [0.98, 0.015, 0.005]])
    teacher = theory.project(log_p).log_r
    value = theory.evaluate(teacher, log_p)
    assert value.kl > 0.5
    assert theory.evaluate(teacher, one_hot([0, 0, 0], 3)).kl == np.inf


# -- O5: the two-sided certificate --


@given(ensembles(samples=(2, 9)), st.data())
@pytest.mark.claim("O5")
def test_a_small_divergence_rules_out_one_cluster_collapse(case, data):
    teacher = case.project().log_r
    log_q = student(data, case)
    proof = case.call(theory.certificate, teacher, log_q, weights=case.weights, log_target=case.log_target)
    student_prior = case.mean(np.exp(log_q))
    prior_kl = theory.kl(np.broadcast_to(case.log_pi, student_prior.shape), np.log(student_prior))
    at_most(prior_kl, proof.kl, slack=1e-8)
    at_most(proof.prior_kl, proof.kl, slack=1e-14)
    distance = 0.5 * np.abs(student_prior - case.pi).sum(axis=-1)
    at_most(distance, proof.prior_distance_bound, slack=1e-12)
    at_most(distance, np.sqrt(proof.kl / 2), slack=1e-8)


@given(ensembles(), st.data())
@pytest.mark.claim("O5")
def test_the_distance_bound_holds_for_teachers_that_miss_the_target_too(case, data):
    log_q = student(data, case)
    proof = case.call(theory.certificate, case.log_p, log_q, weights=case.weights, log_target=case.log_target)
    distance = 0.5 * np.abs(case.mean(np.exp(log_q)) - case.pi).sum(axis=-1)
    at_most(distance, proof.prior_distance_bound, slack=1e-12)


@given(ensembles(samples=(2, 9)), st.data())
@pytest.mark.claim("O5")
def test_a_constant_student_pays_the_information_of_the_teacher(case, data):
    teacher = case.project().log_r
    constant = np.broadcast_to(data.draw(log_distributions(case.logits.shape[-1:])), teacher.shape).copy()
    proof = case.call(theory.certificate, teacher, constant, weights=case.weights, log_target=case.log_target)
    entropies = theory.entropy(case.log_pi) - case.mean(theory.entropy(teacher))
    equal(proof.teacher_information, entropies, atol=1e-7)
    at_most(proof.teacher_information, proof.kl, slack=1e-13)


@given(st.integers(2, 6), st.floats(1.0, 6.0), st.floats(0.6, 1.5))
@pytest.mark.claim("O5")
def test_a_student_near_a_decided_teacher_is_certified_as_not_constant(k, margin, sharpness):
    teacher = theory.log_softmax(margin * np.eye(k))
    proof = theory.certificate(teacher, theory.log_softmax(sharpness * margin * np.eye(k)))
    at_most(proof.kl, proof.teacher_information)
    assert proof.not_constant


@pytest.mark.control("O5")
def test_without_the_constraint_a_loss_of_zero_certifies_nothing():
    collapsed = np.broadcast_to(np.log([0.98, 0.01, 0.01]), (4, 3)).copy()
    proof = theory.certificate(collapsed, collapsed)
    assert proof.kl == 0.0
    assert not proof.not_constant
    assert theory.kl(np.log(np.full(3, 1 / 3)), collapsed[0]) > 1.0  # KL(π‖q̄) ≤ D needs Σ w r = π
    assert proof.prior_distance_bound > 0.6  # the distance of the teacher itself from π


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.claim("O5")
def test_rounding_never_certifies_a_constant_student(dtype):
    """At q = r̄ the two sides are equal, and which of them comes out larger is chance."""
    rng = np.random.default_rng(0)
    logits = 3.0 * rng.standard_normal((150, 64, 16))
    log_r = theory.project(theory.log_softmax(logits)).log_r.astype(dtype)
    own, uniform = theory.log_prior(log_r)[:, None], np.full(16, -np.log(16), dtype)
    for constant in (own, uniform):
        assert not theory.certificate(log_r, np.broadcast_to(constant, log_r.shape)).not_constant.any()
    off = theory.log_softmax(own + 1e-3 * logits.astype(dtype) / 3.0)
    assert theory.certificate(log_r, off).not_constant.all()


@pytest.mark.control("O5")
def test_uniform_collapse_has_a_loss_of_zero_too():
    uniform = np.full((4, 3), -np.log(3))
    proof = theory.certificate(uniform, uniform)
    assert proof.kl == proof.teacher_information == 0.0
    assert not proof.not_constant


# -- O6: many views --


@given(ensembles(samples=(2, 6)), st.data())
@pytest.mark.claim("O6")
def test_averaging_views_before_the_divergence_never_exceeds_averaging_after(case, data):
    log_q = student(data, case)  # axis −2 holds the views
    before = case.call(theory.kl, case.weighted(theory.log_prior), case.weighted(theory.log_prior, log_q))
    after = case.mean(case.call(theory.kl, case.log_p, log_q))
    at_most(before, after, slack=1e-14)


@pytest.mark.control("O6")
def test_averaging_the_logits_of_the_views_instead_can_exceed_it():
    teacher_views, student_views = np.log([[0.9, 0.1], [0.2, 0.8]]), np.log([[0.95, 0.05], [0.2, 0.8]])
    after = theory.kl(teacher_views, student_views).mean()
    pooled = (theory.log_softmax(views.mean(axis=0)) for views in (teacher_views, student_views))
    assert theory.kl(*pooled) > after + 1e-3
