"""What a batch does to a prior: exact expectations over every batch of a small population."""

from fractions import Fraction
from itertools import product

import array_api_strict
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import gammaln

import theory
from tests.claims.ledger import at_most, equal

seeds = st.integers(0, 2**32 - 1)
spreads = st.floats(0.01, 8.0)


def population(seed, *, spread, n=3, k=4):
    """Log-probabilities [n, k] of Gaussian logits, and uneven weights [n]."""
    rng = np.random.default_rng(seed)
    return theory.log_softmax(spread * rng.normal(size=(n, k))), rng.dirichlet(np.full(n, 3.0))


def every_batch(weights, size):
    """Shares [M, N] of the samples in every possible batch of independent draws, and its probability [M]."""
    counts = np.array([c for c in product(range(size + 1), repeat=len(weights) - 1) if sum(c) <= size])
    counts = np.column_stack([counts, size - counts.sum(axis=1)])
    log_chance = gammaln(size + 1) + (counts * np.log(weights) - gammaln(counts + 1)).sum(axis=1)
    return counts / size, np.exp(log_chance)


def batch_priors(log_p, weights, size):
    """log P̂ [M, K] of every batch, and the batch's probability [M]."""
    shares, chance = every_batch(weights, size)
    return theory.log_prior(np.broadcast_to(log_p, (len(shares), *log_p.shape)), weights=shares), chance


def expected_log_prior(log_p, weights, size):
    log_priors, chance = batch_priors(log_p, weights, size)
    return chance @ log_priors


@given(seeds, spreads, st.integers(1, 8))
@pytest.mark.claim("E1")
def test_centre_of_a_batch_is_unbiased_at_any_size(seed, spread, size):
    log_p, w = population(seed, spread=spread)
    shares, chance = every_batch(w, size)
    equal(chance @ (shares @ log_p), theory.log_prior(log_p, order=0.0, weights=w))


@given(seeds, spreads)
@example(0, 30.0)
@pytest.mark.claim("E1")
def test_log_prior_of_a_batch_rises_from_geometric_to_arithmetic_with_its_size(seed, spread):
    log_p, w = population(seed, spread=spread)
    expected = np.stack([expected_log_prior(log_p, w, size) for size in (1, 2, 3, 5, 8, 13)])
    equal(expected[0], theory.log_prior(log_p, order=0.0, weights=w), rtol=1e-11)
    at_most(expected[:-1], expected[1:], slack=1e-12)
    at_most(expected, theory.log_prior(log_p, weights=w)[None], slack=1e-12)


@given(seeds, spreads, st.integers(1, 10))
@pytest.mark.claim("E1")
def test_inverse_prior_of_a_batch_is_too_large_on_average(seed, spread, size):
    log_p, w = population(seed, spread=spread)
    log_priors, chance = batch_priors(log_p, w, size)
    at_most(1.0, chance @ np.exp(theory.log_prior(log_p, weights=w) - log_priors), slack=1e-12)


@given(seeds, st.floats(0.05, 1.5))
@pytest.mark.claim("E1")
def test_what_the_bias_formula_leaves_out_is_of_second_order(seed, spread):
    log_p, w = population(seed, spread=spread, n=2)
    w = 0.2 + 0.6 * w
    log_prior, c2 = theory.log_prior(log_p, weights=w), theory.prior_dispersion(log_p, weights=w)
    third = w @ np.expm1(log_p - log_prior) ** 3

    def scaled_rest(size):
        log_priors, chance = batch_priors(log_p, w, size)
        d = log_priors - log_prior
        bias = chance @ (d - np.expm1(d))  # E expm1(d) = 0 exactly; so the linear term costs no digits
        return (bias - theory.log_prior_bias(log_p, batch_size=size, weights=w)) * size**2

    limit = 2 * scaled_rest(1024) - scaled_rest(512)  # removes the term of order B⁻³
    equal(limit, (4 * third - 9 * c2**2) / 12, rtol=1e-2, atol=1e-6)


@given(seeds, st.floats(0.05, 1.5))
@pytest.mark.claim("E1")
def test_spread_of_the_log_prior_and_inflation_of_its_inverse_follow_the_dispersion(seed, spread):
    log_p, w = population(seed, spread=spread, n=2)
    w = 0.2 + 0.6 * w
    c2, log_prior = theory.prior_dispersion(log_p, weights=w), theory.log_prior(log_p, weights=w)

    def measured(size):
        log_priors, chance = batch_priors(log_p, w, size)
        mean = chance @ log_priors
        variance = chance @ (log_priors - mean) ** 2
        inflation = chance @ np.expm1(log_prior - log_priors)
        return size * np.stack([variance, inflation])

    equal(2 * measured(2048) - measured(1024), np.stack([c2, c2]), rtol=1e-4, atol=1e-9)
    equal(theory.log_prior_variance(log_p, batch_size=7, weights=w), c2 / 7)


@pytest.mark.control("E1")
def test_a_batch_of_pairs_is_biased_like_one_of_half_its_size():
    # Both views of every sample, or a sample drawn twice: the draws are no longer independent.
    log_p, w = population(5, spread=0.5, n=2)
    of_pairs = expected_log_prior(log_p, w, 256) - theory.log_prior(log_p, weights=w)
    equal(of_pairs, 2 * theory.log_prior_bias(log_p, batch_size=512, weights=w), rtol=0.02)
    assert (of_pairs < 1.8 * theory.log_prior_bias(log_p, batch_size=512, weights=w)).all()


@pytest.mark.control("E1")
def test_bias_formula_overshoots_for_a_cluster_the_batch_has_hardly_seen():
    # One sample in a thousand belongs to the cluster: cv² ≈ 1000, far above B = 8.
    p = np.array([0.99, 0.01])
    log_p, w = np.log(np.stack([p, 1 - p], axis=-1)), np.array([1e-3, 1 - 1e-3])
    measured = expected_log_prior(log_p, w, 8) - theory.log_prior(log_p, weights=w)
    predicted = theory.log_prior_bias(log_p, batch_size=8, weights=w)
    assert predicted[0] < 5 * measured[0] < 0
    equal(predicted[1], measured[1], rtol=0.1)  # while the common cluster keeps to it


@given(seeds, spreads)
def test_dispersion_averages_to_the_chi_square_information(seed, spread):
    log_p, w = population(seed, spread=spread, n=5)
    prior = np.exp(theory.log_prior(log_p, weights=w))
    chi2 = w @ ((np.exp(log_p) - prior) ** 2 / prior).sum(axis=-1)
    equal(prior @ theory.prior_dispersion(log_p, weights=w), chi2, rtol=1e-9)


def test_dispersion_of_hard_assignments_is_one_over_the_prior():
    w = np.array([0.05, 0.25, 0.7])
    with np.errstate(divide="ignore"):
        log_p = np.log(np.eye(3))
    equal(theory.prior_dispersion(log_p, weights=w), 1 / w - 1)


momenta = st.fractions(0, Fraction(99, 100), max_denominator=100)


@given(momenta, st.integers(1, 30))
@pytest.mark.claim("E2")
def test_moving_average_lowers_the_variance_by_its_factor_exactly(m, steps):
    shares, c = [], Fraction(0)  # shares[t]: what one batch, t steps ago, still contributes
    for x in [Fraction(1)] + [Fraction(0)] * (steps - 1):
        c = m * c + (1 - m) * x
        shares.append(c)
    exact = sum(share**2 for share in shares)
    assert exact == (1 - m) / (1 + m) * (1 - m ** (2 * steps))
    equal(theory.ema_variance_factor(float(m), steps=steps), float(exact), rtol=1e-12)
    at_most(float(exact), theory.ema_variance_factor(float(m)), slack=1e-15)


@given(seeds, st.floats(0.2, 0.8), st.sampled_from(("log_center", "log_prior", "prior")))
@pytest.mark.claim("E2")
def test_bias_of_a_moving_average_depends_on_what_is_averaged(seed, momentum, what):
    log_p, w = population(seed, spread=1e-3, n=2)
    w, steps = 0.2 + 0.6 * w, 10
    log_prior = theory.log_prior(log_p, weights=w)
    draws = np.array(list(product(range(2), repeat=steps)))  # every sequence of batches of one sample
    chance = w[draws].prod(axis=1)
    x = np.exp(log_p - log_prior) if what == "prior" else log_p - log_prior  # log P̂ = log Ĝ at B = 1
    average = np.full_like(x[draws[:, 0]], 1.0 if what == "prior" else 0.0)
    for t in range(steps):
        average = momentum * average + (1 - momentum) * x[draws[:, t]]
    factor = theory.ema_variance_factor(momentum, steps=steps)
    mean = chance @ average
    equal(chance @ (average - mean) ** 2, factor * (w @ (x - w @ x) ** 2), rtol=1e-9)
    bias = chance @ np.log(average) if what == "prior" else mean
    single = theory.log_prior_bias(log_p, batch_size=1, weights=w)
    kept = factor if what == "prior" else 1 - momentum**steps
    equal(bias, kept * single, rtol=0.02, atol=1e-13)


@pytest.mark.control("E2")
def test_moving_average_of_like_batches_keeps_more_of_the_variance():
    # Batches with autocorrelation ρ^|lag|, as when the encoder drifts: the factor gains (1 + ρm)/(1 − ρm).
    m, rho, steps = 0.9, 0.8, 400
    shares = (1 - m) * m ** np.arange(steps)
    correlation = rho ** np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    kept = shares @ correlation @ shares
    equal(kept, theory.ema_variance_factor(m) * (1 + rho * m) / (1 - rho * m), rtol=1e-9)
    assert kept > 6 * theory.ema_variance_factor(m)


@given(seeds, spreads)
@pytest.mark.claim("E1")
def test_at_the_crossing_the_spread_of_the_prior_is_the_jensen_gap(seed, spread):
    log_p, w = population(seed, spread=spread, n=2, k=2)
    crossing = theory.crossing_batch_size(log_p, weights=w)
    of_one = theory.log_prior_variance(log_p, batch_size=1.0, weights=w)
    equal(of_one / crossing, theory.jensen_gap(log_p, weights=w) ** 2, rtol=1e-9)


@given(seeds)
@pytest.mark.claim("E1")
def test_a_small_spread_crosses_at_four_over_the_variance_of_the_logarithm(seed):
    log_p, w = population(seed, spread=1e-3, n=2, k=2)
    crossing = theory.crossing_batch_size(log_p, weights=0.2 + 0.6 * w)
    equal(crossing * theory.log_variance(log_p, weights=0.2 + 0.6 * w), np.full(2, 4.0), rtol=0.02)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.claim("E1")
def test_at_the_teacher_crossing_noise_and_centering_cost_the_same_divergence(seed):
    log_p, w = population(seed, spread=0.5)
    inverse = theory.tilt(log_p, theory.inverse_prior_log_tilt(log_p, weights=w))
    centred = theory.tilt(log_p, theory.centering_log_tilt(log_p, weights=w))
    jensen = w @ theory.kl(inverse, centred)
    size = round(float(theory.teacher_crossing_batch_size(log_p, weights=w)))
    shares, chance = every_batch(w, size)
    many = np.broadcast_to(log_p, (len(shares), *log_p.shape))
    noisy = theory.tilt(many, theory.inverse_prior_log_tilt(many, weights=shares))
    equal(chance @ (theory.kl(inverse[None], noisy) @ w), jensen, rtol=0.01)


def test_crossings_where_one_of_the_errors_is_absent():
    cyclic = theory.log_softmax(np.stack([np.roll([3.0, 1.0, 0.0], i) for i in range(3)]))
    assert theory.teacher_crossing_batch_size(cyclic) == np.inf  # exchangeable clusters: J is constant
    constant = theory.log_softmax(np.zeros((3, 4)))
    assert (theory.crossing_batch_size(constant) == np.inf).all()
    with np.errstate(divide="ignore"):
        zeros = np.log(np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]))
    assert theory.crossing_batch_size(zeros)[2] == 0 and theory.teacher_crossing_batch_size(zeros) == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.claim("E1")
def test_the_teacher_crossing_is_the_same_on_either_side(seed):
    """Samples of weight 0 change nothing, but make more samples than clusters."""
    log_p, w = population(seed, spread=2.0, n=3, k=7)
    padded, weights = np.concatenate([log_p, np.repeat(log_p[:1], 7, axis=0)]), np.append(w, np.zeros(7))
    few = theory.teacher_crossing_batch_size(log_p, weights=w)
    equal(theory.teacher_crossing_batch_size(padded, weights=weights), few, rtol=1e-10)
    r, gap = (
        np.exp(theory.tilt(log_p, theory.inverse_prior_log_tilt(log_p, weights=w))),
        theory.jensen_gap(log_p, weights=w),
    )

    def metric(e):  # Q(e)
        return w @ (r @ e**2 - (r @ e) ** 2)

    deviation = np.exp(log_p - theory.log_prior(log_p, weights=w)) - 1
    equal(few, w @ [metric(e) for e in deviation] / metric(gap), rtol=1e-8)


@pytest.mark.parametrize("make", [lambda a: torch.tensor(a, dtype=torch.float32), array_api_strict.asarray])
def test_namespace_dtype_and_leading_axes_come_back(make):
    log_p, w = population(1, spread=1.0)
    stacked, weights = np.stack([log_p, log_p[::-1]]), np.stack([w, w[::-1]])
    for function in (
        theory.prior_dispersion,
        theory.crossing_batch_size,
        theory.teacher_crossing_batch_size,
        lambda x, weights: theory.log_prior_bias(x, batch_size=8, weights=weights),
    ):
        got = function(make(stacked), weights=make(weights))
        assert type(got) is type(make(stacked)) and got.dtype == make(stacked).dtype
        np.testing.assert_allclose(np.asarray(got), np.stack([function(log_p, weights=w)] * 2), rtol=2e-4)


def test_a_sample_of_weight_zero_changes_nothing():
    log_p, w = population(2, spread=1.0)
    with_zero = np.concatenate([log_p, theory.log_softmax(np.array([[900.0, 0.0, 0.0, 0.0]]))])
    for function in (theory.prior_dispersion, theory.crossing_batch_size, theory.teacher_crossing_batch_size):
        # the crossing of teachers is a difference of sums, which are summed in another order
        equal(function(with_zero, weights=np.append(w, 0.0)), function(log_p, weights=w), rtol=1e-13)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda p: theory.log_prior_bias(p, batch_size=0.5),
            "`batch_size` must be finite and at least 1, got 0.5",
        ),
        (lambda p: theory.log_prior_bias(p, batch_size=float("nan")), "`batch_size` must be"),
        (lambda p: theory.ema_variance_factor(1.0), "`momentum` must be below 1, got 1"),
        (lambda p: theory.ema_variance_factor(-0.1), r"`momentum` must be in \[0, 1\], got -0.1"),
        (lambda p: theory.ema_variance_factor(0.5, steps=-1), "`steps` must be at least 0, got -1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(theory.log_softmax(np.zeros((2, 3))))


def test_the_crossing_is_finite_where_the_square_of_a_gap_is_no_float():
    log_p = theory.log_softmax(np.array([[0, 0], [1e-5, 0]], np.float32))
    weights = np.array([1, 1e-12], np.float32)
    gap = theory.jensen_gap(log_p, weights=weights)
    assert (gap > 0).all() and (gap**2 == 0).all()
    wide = theory.crossing_batch_size(log_p.astype(float), weights=np.array([1 - 1e-12, 1e-12]))
    np.testing.assert_allclose(theory.crossing_batch_size(log_p, weights=weights), wide, rtol=0.2)
