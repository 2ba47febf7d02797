"""Where blocks, dtypes and batches change how a number is computed, it is the same number."""

from types import SimpleNamespace

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from theory.batches import Batch, projected_of, zero_of
from theory.checks import check_ensemble
from theory.dual.newton import solve_hessian
from theory.teachers import Settings

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("scale", 10.0 ** np.arange(-4, 1.0, 0.5))
@pytest.mark.parametrize("function", [theory.kl, theory.cross_entropy])
def test_divergences_in_float32_are_those_of_float64_however_near_the_two_are(function, scale):
    one, other = RNG.normal(size=(2, 50, 30))
    log_p, log_q = (theory.log_softmax(z).astype(np.float32) for z in (one, one + scale * other))
    wide = function(log_p.astype(np.float64), log_q.astype(np.float64))
    equal(function(log_p, log_q), wide, rtol=1e-4, atol=0.0)
    equal(function(log_p, log_q[0]), function(*(x.astype(np.float64) for x in (log_p, log_q[0]))), rtol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_rows_longer_than_a_block_are_walked_one_by_one(n):
    log_p, log_q = theory.log_softmax(RNG.normal(size=(2, n, 300_000)))
    equal(theory.kl(log_p, log_q), np.sum(np.exp(log_p) * (log_p - log_q), axis=-1), rtol=1e-10)
    equal(theory.kl(log_p, log_q[0]), np.sum(np.exp(log_p) * (log_p - log_q[0]), axis=-1), rtol=1e-10)
    equal(theory.entropy(log_p), -np.sum(np.exp(log_p) * log_p, axis=-1), rtol=1e-12)
    equal(theory.log_prior(log_p), np.log(np.exp(log_p).mean(axis=0)), rtol=1e-12)


@pytest.mark.parametrize("function", [theory.crossing_batch_size, theory.teacher_crossing_batch_size])
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (2, 4, 9), (3, 6, 6)])
def test_the_crossing_of_a_batch_is_that_of_each_ensemble(function, shape):
    log_p = theory.log_softmax(RNG.normal(size=shape))
    weights = RNG.dirichlet(np.ones(shape[-2]), size=shape[:-2])
    found = function(log_p, weights=weights)
    each = [function(log_p[i], weights=weights[i]) for i in np.ndindex(shape[:-2])]
    equal(found, np.reshape(each, found.shape), rtol=1e-9)
    assert found.shape[: len(shape) - 2] == shape[:-2]


@pytest.mark.parametrize("name", theory.TEACHERS)
def test_one_sample_alone_is_a_batch(name):
    row = theory.TEACHERS[name]
    settings = {"order": 0.5} if "order" in row.settings else {}
    settings |= {"rounds": 2} if "rounds" in row.settings else {}
    log_r = row(RNG.normal(size=(1, 4)), temperature=0.5, **settings)
    assert log_r.shape == (1, 4)
    equal(np.exp(log_r).sum(), 1.0)
    if row.constrained and row.name not in ("cumulant", "unconstrained"):
        assert np.isfinite(log_r).all()


def test_the_projected_teacher_is_as_near_as_its_settings_ask():
    z = 6.0 * RNG.normal(size=(60, 40))
    ensemble = check_ensemble(theory.log_softmax(z), None, None)
    batch = Batch(z, 1.0, ensemble, even=True)
    off = {}
    for tol in (1e-2, 1e-12):
        log_r = theory.tilt(ensemble.log_p, projected_of(batch, Settings(tol=tol)))
        off[tol] = np.abs(np.exp(log_r).mean(axis=0) - 1 / 40).max()
    assert off[1e-12] < 1e-10 < off[1e-2] < 1e-2
    assert zero_of(batch, Settings()).tolist() == [0.0] * 40


@pytest.mark.parametrize("n, k", [(5, 3), (3, 5)])
def test_a_diameter_is_the_largest_cross_ratio(n, k):
    """Δ = max over pairs of rows and of columns of log p(a,k) p(b,l) / p(a,l) p(b,k)."""
    log_p = theory.log_softmax(2.0 * RNG.normal(size=(2, n, k)))
    pairs = log_p[:, :, None] - log_p[:, None]
    delta = (pairs.max(axis=-1) - pairs.min(axis=-1)).max(axis=(1, 2))
    equal(theory.sinkhorn_contraction(log_p), np.tanh(delta / 4) ** 2, rtol=1e-12)
    change = RNG.normal(size=k)
    equal(
        theory.projected_distance_bound(log_p, change), np.sinh(delta / 4) ** 2 * np.ptp(change), rtol=1e-12
    )
    dead = np.concatenate([log_p, np.full((2, n, 1), -np.inf)], axis=-1)
    equal(theory.sinkhorn_contraction(dead), np.tanh(delta / 4) ** 2, rtol=1e-12)
    dead[:, 0, -1], dead[:, 0, :-1] = -5.0, np.log1p(-np.exp(-5.0)) + log_p[:, 0]
    assert (theory.sinkhorn_contraction(dead) == 1.0).all()


@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9])
def test_a_student_that_looks_at_its_input_is_told_however_little_there_is_to_see(size):
    z = size * RNG.normal(size=(50, 6))
    log_r = theory.log_softmax(z)
    assert theory.certificate(log_r, log_r).not_constant
    mean = theory.log_prior(log_r)
    assert not theory.certificate(log_r, np.broadcast_to(mean, log_r.shape)).not_constant


def test_many_unknowns_of_several_ensembles_are_solved_like_few(monkeypatch):
    """By conjugate gradients, each ensemble at its own length of step."""
    log_p = theory.log_softmax(3.0 * RNG.normal(size=(3, 30, 12)) * np.array([1.0, 0.3, 2.0])[:, None, None])
    direct = theory.project(log_p, tol=1e-11)
    monkeypatch.setattr("theory.dual.newton.DIRECT", 4)
    steered = theory.project(log_p, tol=1e-11)
    equal(np.exp(steered.log_r), np.exp(direct.log_r), atol=1e-9)
    gradient = RNG.normal(size=(3, 12))
    gradient -= gradient.mean(axis=-1, keepdims=True)
    r = np.exp(direct.log_r)
    point = SimpleNamespace(r=r, m=r.mean(axis=1))
    weights = np.full((3, 30), 1 / 30)
    by_steps = solve_hessian(point, weights, gradient, np, accuracy=1e-13)
    each = [
        solve_hessian(SimpleNamespace(r=r[i], m=point.m[i]), weights[i], gradient[i], np, accuracy=1e-13)
        for i in range(3)
    ]
    equal(by_steps, np.stack(each), rtol=1e-7, atol=1e-9)
    monkeypatch.setattr("theory.dual.newton.DIRECT", 2000)
    exact = solve_hessian(point, weights, gradient, np)
    equal(by_steps - by_steps.mean(-1, keepdims=True), exact - exact.mean(-1, keepdims=True), atol=1e-7)
