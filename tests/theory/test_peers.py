"""The same numbers from other people's code: SciPy's divergences, POT's transport plans."""

import numpy as np
import ot
import pytest
import scipy.special
import scipy.stats

import theory
from tests.claims.ledger import equal
from tests.support import calls
from tests.support.grid import logits_of, uneven, with_zeros


@pytest.mark.parametrize("method", ["sinkhorn_log", "sinkhorn_stabilized"])
@pytest.mark.parametrize("shape", [(7, 4), (4, 7)], ids=["N > K", "N < K"])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_projection_is_the_entropic_transport_plan_of_pot(temperature, shape, method):
    """Min Σ q log q + Σ q (−log p) with marginals w and π is (T) for q = w r, up to a constant: reg = 1."""
    n, k = shape
    log_p = calls.log_softmax(logits_of(1.0 / temperature, n, k, 9))
    rng = np.random.default_rng(10)
    weights, log_target = rng.dirichlet(np.full(n, 3.0)), np.log(rng.dirichlet(np.full(k, 3.0)))
    plan = ot.sinkhorn(
        weights, np.exp(log_target), -log_p, reg=1.0, method=method, stopThr=1e-13, numItermax=100_000
    )
    got = theory.project(log_p, weights=weights, log_target=log_target, tol=1e-12)
    equal(np.exp(got.log_r), plan / weights[:, None], rtol=1e-9, atol=1e-11)


def test_projection_is_the_transport_plan_of_pot_with_exact_zeros():
    """A forbidden pair has infinite cost in POT, −inf in log p; POT's log domain takes 1e3 for it."""
    log_p = calls.log_softmax(with_zeros(11))
    weights = np.array([0.3, 0.15, 0.2, 0.2, 0.15])
    cost = np.where(np.isfinite(log_p), -log_p, 1e3)
    plan = ot.bregman.sinkhorn_log(
        weights, np.full(4, 0.25), cost, reg=1.0, stopThr=1e-13, numItermax=100_000
    )
    got = theory.project(log_p, weights=weights, tol=1e-12)
    equal(np.exp(got.log_r), plan / weights[:, None], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_divergences_are_those_of_scipy(scale):
    logits = logits_of(scale, 6, 5, 12)
    log_p, log_q = theory.log_softmax(logits), theory.log_softmax(logits_of(scale, 6, 5, 13))
    p, q = np.exp(log_p), np.exp(log_q)
    equal(log_p, scipy.special.log_softmax(logits, axis=-1))
    equal(theory.log_softmax(logits, temperature=0.5), np.log(scipy.special.softmax(2.0 * logits, axis=-1)))
    equal(theory.entropy(log_p), scipy.stats.entropy(p, axis=-1))
    equal(theory.kl(log_p, log_q), np.sum(scipy.special.rel_entr(p, q), axis=-1))
    equal(theory.kl(log_p, log_q), scipy.stats.entropy(p, q, axis=-1))
    equal(theory.kl(log_p, log_q), np.sum(scipy.special.kl_div(p, q), axis=-1))
    equal(
        theory.cross_entropy(log_p, log_q),
        np.sum(scipy.special.entr(p) + scipy.special.rel_entr(p, q), axis=-1),
    )
    equal(
        theory.mutual_information(log_p),
        scipy.stats.entropy(p.mean(0)) - scipy.stats.entropy(p, axis=-1).mean(),
    )


def test_infinite_divergences_are_those_of_scipy():
    log_p, log_q = calls.log_softmax(with_zeros(14)), calls.log_softmax(np.flip(with_zeros(15), axis=-1))
    equal(theory.kl(log_p, log_q), np.sum(scipy.special.rel_entr(np.exp(log_p), np.exp(log_q)), axis=-1))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4])
def test_log_prior_is_the_weighted_logsumexp_of_scipy(scale):
    log_p, weights = calls.log_softmax(logits_of(scale, 6, 5, 16)), uneven(6)
    exact = scipy.special.logsumexp(log_p, axis=0, b=weights[:, None])
    equal(theory.log_prior(log_p, weights=weights), exact)
