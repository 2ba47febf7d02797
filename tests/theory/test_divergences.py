"""Divergences and informations: the compensation identity, non-negativity, the price of centering."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theory
from tests.claims.ledger import at_most, equal
from tests.support.strategies import ensembles, fixed, lift, log_distributions


@given(ensembles(), st.data())
@pytest.mark.claim("O3")
def test_constant_student_costs_the_information_plus_its_distance_from_the_prior(case, data):
    log_s = data.draw(log_distributions(case.logits.shape[-1:]))
    cost = case.mean(case.call(theory.kl, case.log_p, log_s))
    information = case.weighted(theory.mutual_information)
    equal(cost, information + lift(theory.kl)(case.weighted(theory.log_prior), log_s))
    at_most(information, cost, slack=1e-14)


@given(ensembles())
@pytest.mark.claim("O3")
def test_mutual_information_is_the_entropy_of_the_prior_less_the_mean_entropy(case):
    h_prior = case.call(theory.entropy, case.weighted(theory.log_prior))
    equal(
        case.weighted(theory.mutual_information), h_prior - case.mean(case.call(theory.entropy, case.log_p))
    )


@pytest.mark.control("O3")
def test_the_geometric_prior_is_not_the_best_constant_student():
    case = fixed([[4.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -2.0]])
    normalised = theory.log_softmax(theory.log_prior(case.log_p, order=0.0))
    cost = case.mean(theory.kl(case.log_p, normalised))
    assert cost > theory.mutual_information(case.log_p) + 0.02


@given(ensembles(), st.data())
@pytest.mark.claim("O3")
def test_divergences_are_never_negative_and_exactly_zero_between_equals(case, data):
    log_q = data.draw(log_distributions(case.logits.shape))
    at_most(0.0, case.call(theory.kl, case.log_p, log_q))
    equal(case.call(theory.kl, case.log_p, case.log_p), np.zeros(case.logits.shape[:-1]), atol=0.0)


@given(ensembles(batch=False), st.floats(1e-9, 1e-3))
@pytest.mark.claim("O3")
def test_divergence_of_near_equals_keeps_its_digits(case, size):
    direction = np.where(np.arange(case.logits.shape[-1]) % 2, 1.0, -1.0)
    log_q = theory.log_softmax(case.log_p + size * direction)
    fisher = np.sum(case.p * direction**2, axis=-1) - np.sum(case.p * direction, axis=-1) ** 2
    at_most(np.abs(case.call(theory.kl, case.log_p, log_q) - size**2 * fisher / 2), size**3 + 1e-15 * size)


@given(ensembles())
@pytest.mark.claim("J5")
def test_price_of_centering_is_the_lautum_information(case):
    gap = case.weighted(theory.jensen_gap)
    prior = np.exp(case.weighted(theory.log_prior))
    equal(np.sum(prior * gap, axis=-1), case.weighted(theory.lautum_information))


@given(ensembles())
@pytest.mark.claim("J5")
def test_centering_puts_the_jeffreys_divergence_in_place_of_the_mutual_information(case):
    log_g = case.weighted(theory.log_prior, order=0.0)[..., None, :]
    log_prior = case.weighted(theory.log_prior)[..., None, :]
    centred = case.mean(np.sum(case.p * (case.log_p - log_g), axis=-1))
    joint_to_product = case.mean(np.sum((case.p - np.exp(log_prior)) * (case.log_p - log_prior), axis=-1))
    jeffreys = case.weighted(theory.jeffreys_information)
    equal(centred, jeffreys)
    equal(joint_to_product, jeffreys)
    equal(case.weighted(theory.mutual_information) + case.weighted(theory.lautum_information), jeffreys)


@pytest.mark.control("J5")
def test_the_price_is_not_the_mutual_information_nor_another_weighting_of_the_gap():
    case = fixed([[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], weights=[0.6, 0.3, 0.1])
    lautum = case.weighted(theory.lautum_information)
    gap = case.weighted(theory.jensen_gap)
    assert abs(lautum - case.weighted(theory.mutual_information)) > 0.05
    assert abs(lautum - gap.mean()) > 0.05
    assert abs(lautum - np.exp(theory.log_prior(case.log_p)) @ gap) > 0.02  # the prior without its weights


def test_infinite_divergences_are_returned_as_infinite():
    log_p = np.log([[0.5, 0.5], [1.0, 0.25]] / np.array([[1.0], [1.25]]))
    with np.errstate(divide="ignore"):
        log_q = np.log([[1.0, 0.0], [1.0, 0.0]])
    assert np.array_equal(theory.kl(log_p, log_q), [np.inf, np.inf])
    assert np.array_equal(theory.cross_entropy(log_p, log_q), [np.inf, np.inf])
    assert np.all(np.isfinite(theory.kl(log_q, log_p)))
    mixed = np.stack([log_p[0], log_q[0]])
    assert theory.lautum_information(mixed) == np.inf
    assert np.isfinite(theory.mutual_information(mixed))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_probability_below_the_smallest_float_beside_a_large_one(dtype):
    """e^{log(q/p)} overflows where p underflows: such a row is summed in the other form."""
    low = -2000.0 if dtype == "float64" else -100.0
    log_p = np.array([[0.0, low, low], [np.log(0.5), np.log(0.5), low]], dtype)
    log_q = np.array([[low, np.log(0.5), np.log(0.5)], [low, 0.0, low]], dtype)
    equal(
        theory.kl(log_p, log_q), [-low, np.log(0.5) - 0.5 * low], rtol=1e-6 if dtype == "float32" else 1e-12
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clusters", [2, 7, 100])
def test_a_constant_ensemble_has_no_information_at_all(clusters, dtype):
    """Exactly: the square of a rounding error would prove that a collapsed student looks at its input."""
    rng = np.random.default_rng(clusters)
    for bias in (np.zeros(clusters), *(s * rng.standard_normal(clusters) for s in (1.0, 30.0))):
        log_p = np.repeat(theory.log_softmax(bias[None]), 13, axis=0).astype(dtype)
        for function in (theory.mutual_information, theory.lautum_information, theory.jeffreys_information):
            assert function(log_p) == 0.0
        assert theory.summarize(log_p).mutual_information <= 1e-30
        found = theory.certificate(log_p, log_p)
        assert found.teacher_information == 0.0 and not found.not_constant


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-9, 1e-8, 1e-6, 1e-4, 1e-2, 1.0])
@pytest.mark.parametrize(("samples", "clusters"), [(9, 6), (3, 2)])
def test_no_constant_student_is_ever_proved_to_vary(samples, clusters, scale, dtype):
    rng = np.random.default_rng(0)
    bias, spread = (rng.standard_normal((2000, n, clusters)) for n in (1, samples))
    log_r = theory.log_softmax((bias + scale * spread).astype(dtype))
    log_q = theory.log_softmax(np.repeat(theory.log_prior(log_r)[:, None], samples, axis=1))
    assert log_q.dtype == dtype
    assert not theory.certificate(log_r, log_q).not_constant.any()
