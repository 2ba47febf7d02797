"""Crossings and dispersions keep their digits where posteriors are nearly one-hot, or hardly vary."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal


def direct(log_p, w):
    """E Q(x − 1)/Q(J) with every variance a sum of squares about its own mean."""
    r = np.exp(theory.tilt(log_p, theory.inverse_prior_log_tilt(log_p, weights=w)))
    gap, x = theory.jensen_gap(log_p, weights=w), np.expm1(log_p - theory.log_prior(log_p, weights=w))

    def spread(e):  # Σₘ wₘ Var_{k∼rₘ} e(k), through the differences of every two clusters
        apart = (e[:, None] - e[None, :]) ** 2
        return w @ np.einsum("mk,mj,kj->m", r, r, apart) / 2

    return w @ np.array([spread(e) for e in x]) / spread(gap)


@pytest.mark.parametrize("n, k", [(12, 5), (5, 12)])
@pytest.mark.parametrize("temperature", [0.02, 0.05, 1.0, 50.0])
def test_the_teacher_crossing_of_nearly_one_hot_posteriors(n, k, temperature):
    rng = np.random.default_rng(n)
    log_p = theory.log_softmax(rng.normal(size=(n, k)), temperature=temperature)
    w = rng.dirichlet(np.ones(n))
    equal(theory.teacher_crossing_batch_size(log_p, weights=w), direct(log_p, w), rtol=1e-11)
    single, w_single = log_p.astype(np.float32), w.astype(np.float32)
    single = theory.log_softmax(single)
    wide = direct(single.astype(np.float64), w_single.astype(np.float64))
    equal(theory.teacher_crossing_batch_size(single, weights=w_single), wide, rtol=2e-4)


@pytest.mark.parametrize("large", [False, True])
def test_a_dispersion_does_not_hang_on_the_rounding_of_the_prior(large):
    """log P is known to 4e-6 in float32: as much as these samples vary, of which a few bits are left."""
    n = 40_000 if large else 40
    steps = np.arange(n) % 7 == 0  # so that their mean is between two floats
    log_p = np.empty((n, 2), np.float32)
    log_p[:, 0] = np.float32(-60.0) + steps.astype(np.float32) * np.spacing(np.float32(60.0))
    log_p[:, 1] = 0.0
    exact = log_p.astype(np.float64)
    p = np.exp(exact - exact.mean(axis=0))
    equal(theory.prior_dispersion(log_p), (p.std(axis=0) / p.mean(axis=0)) ** 2, rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("order", [1e-9, -1e-9, 1e-6, -1e-6])
def test_a_power_mean_of_float32_near_order_zero_keeps_what_would_underflow(order):
    log_p = np.array([[-2e-37, -80.0], [-5e-36, -78.0]], np.float32)
    exact = log_p.astype(np.float64)
    of_order = exact.mean(axis=0) + order / 2 * exact.var(axis=0)  # and s² of the third cumulant
    equal(theory.log_prior(log_p, order=order), of_order, rtol=1e-6)


def test_a_batch_of_weights_has_the_crossings_of_its_members():
    """Deviations are taken about the heaviest sample of each ensemble."""
    rng = np.random.default_rng(5)
    log_p, w = theory.log_softmax(rng.normal(size=(2, 6, 4))), np.full((2, 6), 0.1)
    w[0, 1] = w[1, 4] = 0.5
    w[1] = w[1] * 0.9 + 0.1 * np.eye(6)[4]  # the heaviest of all is in the last
    own = [theory.teacher_crossing_batch_size(a, weights=b) for a, b in zip(log_p, w, strict=True)]
    equal(theory.teacher_crossing_batch_size(log_p, weights=w), own, rtol=1e-12)
