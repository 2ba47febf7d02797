"""Ensembles near every limit, the comparison with 50 digits, and how far a value moves with its inputs."""

import functools
import math

import numpy as np
import pytest
import scipy.special

import theory
from tests.claims.ledger import equal
from tests.support import calls
from tests.support.oracle import ORACLE

RTOL = {"float64": 1e-12, "float32": 1e-5}
ROUNDINGS = 8  # how many rounding errors of the inputs a result may amount to


def softmax_rows(logits, dtype):
    """log-probabilities of float logits, each rounded once from its exact value."""
    return ORACLE["log_softmax"](logits.astype(dtype))[""].astype(dtype)


def logits_of(scale, n, k, seed):
    return scale * np.random.default_rng(seed).standard_normal((n, k))


def uneven(n):
    """Weights that sum to 1 with a 0 and a 1e-12 among them."""
    w = np.arange(1.0, n + 1.0)
    w[:2] = 0.0, 1e-12
    return w / w.sum()


def _faint(n):
    """All weight on the last sample but for 1e-12 on the first."""
    w = np.array([1e-12] + [0.0] * (n - 2) + [1.0])
    return w / w.sum()


def _spread_clusters(seed):
    """Clusters 1e4 apart, hardly varying over the samples."""
    return np.linspace(-1e4, 0.0, 3) + logits_of(1e-8, 5, 3, seed)


def _one_hot(gap, seed, *, same):
    z = logits_of(1.0, 4, 3, seed)
    z[np.arange(4), np.zeros(4, int) if same else np.arange(4) % 3] += gap
    return z


def _outlier(seed):
    """One cluster to every sample but the first."""
    return np.where(np.arange(4)[:, None] == 0, [-4.0, 0.0, 1.0], [40.0, 0.0, -40.0]) + logits_of(
        0.1, 4, 3, seed
    )


def with_zeros(seed):
    """Exact zeros: one sample lacks a cluster, another has one only, a third lacks the same as the first."""
    z = logits_of(1.0, 5, 4, seed)
    z[0, 1] = z[3, 1] = z[1, 0] = z[1, 2] = z[1, 3] = -np.inf
    return z


def _dead_cluster(seed):
    z = logits_of(1.0, 3, 3, seed)
    z[:, 1] = -np.inf
    return z


ENSEMBLES = {
    **{
        f"scale {scale:g}, {kind}": (functools.partial(logits_of, scale, 4, 3), weights)
        for scale in (1e-8, 1e-3, 1.0, 30.0, 1e4, 1e7)
        for kind, weights in (("even", None), ("uneven", uneven(4)))
    },
    "two clusters": (functools.partial(logits_of, 1.0, 3, 2), uneven(3)),
    "fifty clusters": (functools.partial(logits_of, 3.0, 3, 50), None),
    "one sample": (functools.partial(logits_of, 1.0, 1, 3), None),
    "constant": (lambda seed: np.repeat(logits_of(1.0, 1, 3, seed), 4, axis=0), None),
    "clusters far apart": (_spread_clusters, None),
    "nearly one-hot, one cluster": (functools.partial(_one_hot, 40.0, same=True), None),
    "nearly one-hot, one cluster, faint rest": (functools.partial(_one_hot, 300.0, same=True), uneven(4)),
    "nearly one-hot, faint sample": (functools.partial(_one_hot, 40.0, same=False), _faint(4)),
    "one-hot but for a faint outlier": (_outlier, _faint(4)),
    "nearly one-hot, all clusters": (functools.partial(_one_hot, 40.0, same=False), None),
    "exact zeros": (with_zeros, None),
    "exact zeros, uneven": (with_zeros, uneven(5)),
    "dead cluster": (_dead_cluster, None),
}
ZEROS = ["exact zeros", "exact zeros, uneven", "dead cluster"]
_LONG = ("scale 0.001", "scale 1e+07", "fifty")
_SHORT_IN_FLOAT32 = (
    "scale 1e-08, uneven",
    "scale 30",
    "two clusters",
    "nearly one-hot, faint",
    "exact zeros, uneven",
)


def _grid(leave_out=()):
    """Ensembles × dtypes; what adds time more than variety is slow."""
    for name in ENSEMBLES:
        for dtype in RTOL:
            slow = name.startswith(_LONG) or (dtype == "float32" and not name.startswith(_SHORT_IN_FLOAT32))
            if name not in leave_out:
                marks = pytest.mark.slow if slow else ()
                yield pytest.param(name, dtype, marks=marks, id=f"{name}, {dtype}")


def ensembles(leave_out=()):
    """Parametrise a test by ensemble and dtype."""
    return pytest.mark.parametrize(("ensemble", "dtype"), list(_grid(leave_out)))


@functools.cache
def ensemble_of(name, dtype, seed=0):
    make, weights = ENSEMBLES[name]
    log_p = softmax_rows(make(seed), dtype)
    return log_p, None if weights is None else weights.astype(dtype)


def read_only(array):
    array.flags.writeable = False
    return array


def compare(name, arrays, condition=None, **settings):
    """One public function on exact floats against the oracle, entry by entry."""
    dtype = str(arrays[0].dtype)
    got = calls.parts(getattr(theory, name)(*arrays, **settings))
    want = ORACLE[name](*arrays, **settings)
    for part, exact in want.items():
        result = np.asarray(got[part])
        assert result.dtype == dtype
        allowed = np.full(exact.shape, float(np.finfo(dtype).smallest_normal))
        if condition is not None:
            allowed = allowed + ROUNDINGS * np.finfo(dtype).eps * condition(part, exact)
        with np.errstate(over="ignore"):
            expected = np.where(np.abs(exact) > np.finfo(dtype).max, np.copysign(np.inf, exact), exact)
        equal(result, expected, rtol=RTOL[dtype], atol=allowed)
    return got, want


# how far an exact value moves with its inputs


def samples_of(log_p, weights):
    """Weights that sum to 1, as a column, and |log p| with 0 in place of 0 · ∞."""
    n = log_p.shape[0]
    w = np.full(n, 1.0 / n) if weights is None else weights.astype(float)
    x = np.abs(log_p.astype(float))
    return (w / w.sum())[:, None], np.where(np.isfinite(x), x, 0.0)


def share_of(log_p, weights, order):
    """∂ log M_s/∂ log pₙ(k) = wₙ pₙ(k)^s / Σ w p^s; all on one sample for s = ±∞."""
    w, _ = samples_of(log_p, weights)
    x = log_p.astype(float)
    if np.isinf(order):
        best = np.where(w > 0, order * x, -np.inf)
        return best == best.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.log(w) + (order * x if order else 0.0)
    top = scores.max(axis=0)
    share = np.exp(scores - np.where(np.isfinite(top), top, 0.0))
    return share / np.where(share.sum(axis=0) > 0, share.sum(axis=0), 1.0)


def log_pi_of(log_target, k):
    return np.full(k, -math.log(k)) if log_target is None else log_target.astype(float)


def of_tilt_choice(order, log_p, weights, log_target, variance=False):
    """λ = log π − log M_s (− ½ Var): |log π| + Σₙ shareₙ |log pₙ| (+ Σₙ wₙ |log pₙ − mean| |log pₙ|)."""
    w, x = samples_of(log_p, weights)
    moved = np.abs(log_pi_of(log_target, log_p.shape[1])) + np.sum(
        share_of(log_p, weights, order) * x, axis=0
    )
    if variance:
        moved += np.sum(w * np.abs(x - np.sum(w * x, axis=0)) * x, axis=0)
    return moved


def of_softmax(log_r, moved):
    """log r = s − log Σ e^s with s(j) moved by `moved`: Σⱼ |δₖⱼ − r(j)| movedⱼ, 1 − r accurate near 0."""
    others = (np.exp(log_r) * moved) @ (1.0 - np.eye(log_r.shape[-1]))
    return -np.expm1(log_r) * moved + others


def of_sinkhorn(log_p, rounds, weights=None, log_target=None, log_tilt=None):
    """A round is 1-Lipschitz in max |λ|, so the errors of rounds add: each that of inverse_prior about λ."""
    k = log_p.shape[1]
    finite = np.isfinite(log_p)
    lam = np.zeros(k) if log_tilt is None else log_tilt.astype(float)
    total = 0.0
    for _ in range(rounds):
        log_r = calls.log_softmax(log_p.astype(float) + lam)
        moved = np.where(finite, samples_of(log_p, weights)[1] + np.abs(lam), 0.0)
        with np.errstate(invalid="ignore"):
            moved = np.where(finite, of_softmax(log_r, moved), 0.0)
        share = share_of(log_r, weights, 1.0)
        log_m = theory.log_prior(
            log_r, weights=None if weights is None else samples_of(log_p, weights)[0][:, 0]
        )
        pi = log_pi_of(log_target, k)
        total += np.max(np.sum(share * moved, axis=0) + np.abs(pi) + np.abs(log_m) + np.abs(lam))
        lam = lam + pi - log_m
    return total


def of_prior_kl(log_r, log_q, weights):
    """KL(r̄‖q̄): Σₖ r̄ |log r̄/q̄| m_r + |q̄ − r̄| m_q, with m = |log r̄| + Σₙ shareₙ |log pₙ| how far log r̄ moves.

    m counts the rounding of the two log-priors too: where they nearly agree, it makes ½ Σ r̄ (ε m)².
    """
    eps = np.finfo(log_r.dtype).eps
    log_r_mean, log_q_mean = float_prior(log_r, weights), float_prior(log_q, weights)
    r, q = np.exp(log_r_mean), np.exp(log_q_mean)
    live = (r > 0) & (q > 0)
    x, y = np.where(live, log_r_mean, 0.0), np.where(live, log_q_mean, 0.0)
    m_r = np.abs(x) + np.sum(share_of(log_r, weights, 1.0) * samples_of(log_r, weights)[1], axis=0)
    m_q = np.abs(y) + np.sum(share_of(log_q, weights, 1.0) * samples_of(log_q, weights)[1], axis=0)
    both = eps * (m_r + m_q)
    return np.sum(r * (np.abs(x - y) + both) * m_r + (np.abs(q - r) + q * both) * m_q)


def float_prior(log_p, weights):
    w, _ = samples_of(log_p, weights)
    with np.errstate(divide="ignore"):
        return scipy.special.logsumexp(log_p.astype(float) + np.log(w), axis=0)


def of_rounded_prior(log_p, weights):
    """Informations use log P as a float, off by ε |log P|: Σ w KL(pₙ‖P̂) = I + KL(P‖P̂), second order.  [O3]

    As a multiple of ε: ε Σ P (log P)², felt only where the information itself is below ε² nats.
    """
    log_prior = float_prior(log_p, weights)
    log_prior = log_prior[np.isfinite(log_prior)]
    return np.finfo(log_p.dtype).eps * np.sum(np.exp(log_prior) * log_prior**2)


def of_off_target(log_r, weights, log_target):
    """TV(π, r̄): ½ Σₖ π |log π| + Σₙ wₙ rₙ |log rₙ|."""
    w, x = samples_of(log_r, weights)
    pi = log_pi_of(log_target, log_r.shape[1])
    return 0.5 * np.sum(np.exp(pi) * np.abs(pi)) + 0.5 * np.sum(w * np.exp(log_r.astype(float)) * x)


def of_sinh(log_p, exact):
    """osc(v) sinh²(Δ/4): times Δ/2 · coth(Δ/4), which is at most 2 + Δ/2."""
    diameter = theory.hilbert_diameter(log_p).astype(float)
    return np.where(np.isfinite(exact), exact, 0.0) * (
        2.0 + np.where(np.isfinite(diameter), diameter, 0.0) / 2.0
    )
