"""The exact constrained teacher: the closest ensemble to p whose cluster prior is π, with its certificate.

(T)  minimise Σₙ wₙ KL(rₙ‖pₙ)  subject to  Σₙ wₙ rₙ = π, every rₙ on the simplex.

Its dual g(λ) = ⟨π, λ⟩ − Σₙ wₙ log Σₖ pₙ(k) e^{λ(k)} is concave and smooth, and r* is the tilt at its
maximum.  [T3]  Plain Sinkhorn climbs g one coordinate block at a time and stalls at low temperature, where
its contraction κ is 1 to many digits.  [T5]  Here:

* a Newton step in the metric diag(m), where the Hessian is I minus a Gram matrix and its spectrum is [0, 1];
* a step length that cannot fail: along δ, g has |third derivative| ≤ osc(δ) · |second|, so with M = osc(δ),
  a = ⟨∇g, δ⟩, b = −δᵀ∇²g δ the step log(1 + M a/b)/M maximises a lower bound of g; the full step is taken
  where it does as well;
* a Sinkhorn round after every step that is still far off, which keeps every m(k) above wₘᵢₙ π(k);
* annealing: where one round from the start leaves much to do, or log p ranges so far that the Hessian would
  underflow, pᵝ is projected for β = β₀, 2β₀, …, 1, each λ scaled up to start the next: some 20 steps at usual
  temperatures, 35 where log p ranges over 1e3 nats, 70 at 1e5;
* the smaller side: for N < K the same solver runs on the transposed problem, whose unknowns are samples,
  if none has a weight of next to nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import array_api_compat
import numpy as np

from theory.checks import check_count, check_number, on_host, values_are_checked
from theory.feasibility import check_feasible
from theory.logspace import (
    Array,
    Namespace,
    constant,
    divergence_terms,
    log_mean_exp,
    mean_of_rows,
    normalize,
)
from theory.logspace import log_normalizer as log_z
from theory.simplex import ensemble, target_prior
from theory.teachers import check_tilt

_NEGLIGIBLE = 1e-30


class NotConverged(RuntimeError):
    """The dual was not maximised to `tol`. `marginal_error`: what was reached, the worst of the batch."""

    def __init__(self, marginal_error: float, tol: float, iterations: int) -> None:
        self.marginal_error = marginal_error
        super().__init__(
            f"project reached a marginal error of {marginal_error:.3g}, not tol = {tol:.3g}, in {iterations} "
            "iterations; raise `max_iter` or `tol`, or raise the temperature of `log_p`."
        )


@dataclass(frozen=True, kw_only=True)
class Projection:
    """The projected teacher and the evidence that it is the optimum.  [T4]

    A tilt of p with marginal π is the unique minimiser of (T); both numbers are of the arrays returned.
    log_r: [..., N, K].  log_tilt: λ*, [..., K], the one with Σₖ π(k) λ(k) = 0.
    marginal_error: Σₖ |Σₙ wₙ rₙ(k) − π(k)|, [...].
    duality_gap: Σₙ wₙ KL(rₙ‖pₙ) − g(λ), nats, [...]; 0 up to marginal_error · osc(λ) and rounding.
    iterations: Newton steps taken by the slowest ensemble of the batch.
    """

    log_r: Array
    log_tilt: Array
    marginal_error: Array
    duality_gap: Array
    iterations: int


class _State(NamedTuple):
    """The tilt r by λ, its marginal m, the dual g and Σ |m − π|."""

    r: Array
    m: Array
    g: Array
    error: Array


def project(
    log_p: Array,
    *,
    weights: Array | None = None,
    log_target: Array | None = None,
    tol: float = 1e-9,
    max_iter: int = 200,
    log_tilt: Array | None = None,
) -> Projection:
    """r* = argmin Σₙ wₙ KL(rₙ‖pₙ) subject to Σₙ wₙ rₙ = π: the tilt by the maximiser λ* of g.  [T3]

    Solved in float64 whatever the dtype and rounded once. Differentiable in torch: the last Newton step is
    recorded, which gives the exact implicit derivative of λ* in p, w and π.

    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None
    means uniform.  tol: largest marginal error Σₖ |m(k) − π(k)|.  max_iter: Newton steps allowed.
    log_tilt: λ to start from, [..., K]: that of the last training step, say.
    Raises NotConverged (a RuntimeError) with the error reached; InfeasibleTarget (a ValueError) with a
    blocking set of clusters where zeros in p leave no solution; TypeError, ValueError for bad arguments.
    """
    tol = check_number("tol", tol, low=0.0, open_low=True)
    max_iter = check_count("max_iter", max_iter)
    log_p, weights, xp = ensemble(log_p, weights, log_target=log_target, log_tilt=log_tilt)
    log_pi = target_prior(log_target, log_p, xp)
    if log_tilt is not None:
        check_tilt(log_tilt, log_p, xp)
    if values_are_checked():
        _check_feasible(log_p, weights, log_pi, xp)

    wide = [xp.astype(a, xp.float64) for a in (log_p, weights, log_pi)]
    wide[1] = wide[1] / xp.sum(wide[1], axis=-1)[..., None]  # float32 weights sum to 1 to 1e-7 only
    wide[2] = normalize(wide[2], xp)
    start = None if log_tilt is None else constant(xp.astype(log_tilt, xp.float64))
    lam, iterations = _maximise(wide[0], wide[1], wide[2], start, tol, max_iter, xp)
    lam = lam - xp.sum(xp.exp(wide[2]) * lam, axis=-1)[..., None]

    lam = xp.astype(lam, log_p.dtype)
    scores = log_p + lam[..., None, :]
    log_r = normalize(scores, xp)
    r, pi = xp.exp(log_r), xp.exp(log_pi)
    marginal_error = xp.sum(xp.abs(xp.sum(weights[..., None] * r, axis=-2) - pi), axis=-1)
    primal = mean_of_rows(xp.sum(divergence_terms(log_r, log_p, xp), axis=-1), weights, xp)
    dual = xp.sum(pi * lam, axis=-1) - mean_of_rows(log_z(scores, xp), weights, xp)
    return Projection(
        log_r=log_r,
        log_tilt=lam,
        marginal_error=constant(marginal_error),
        duality_gap=constant(primal - dual),
        iterations=iterations,
    )


def _maximise(
    log_p: Array,
    w: Array,
    log_pi: Array,
    start: Array | None,
    tol: float,
    max_iter: int,
    xp: Namespace,
) -> tuple[Array, int]:
    """λ* of checked float64 arrays, on whichever side has fewer unknowns."""
    n, k = log_p.shape[-2:]
    batch = log_p.shape[:-2]
    w = xp.broadcast_to(w, (*batch, n))
    log_pi = xp.broadcast_to(log_pi, (*batch, k))
    if n >= k or bool(xp.any(w < _NEGLIGIBLE)):  # as a target, a vanishing weight would set the scale
        lam, iterations = _newton(constant(log_p), constant(w), constant(log_pi), start, tol, max_iter, xp)
        return _record_step(lam, log_p, w, log_pi, xp), iterations
    # The plan qₙₖ = wₙ rₙ(k), read by columns: clusters are the samples, of weight π, and w is the target.
    columns = normalize(xp.matrix_transpose(log_p + xp.log(w)[..., None]), xp)
    guess = None if start is None else -log_z(constant(log_p) + start[..., None, :], xp)
    log_w, pi = xp.log(w), xp.exp(log_pi)
    f, iterations = _newton(constant(columns), constant(pi), constant(log_w), guess, tol, max_iter, xp)
    f = _record_step(f, columns, pi, log_w, xp)
    return log_pi - log_mean_exp(log_p + f[..., None], w, xp), iterations


def _newton(
    log_p: Array,
    w: Array,
    log_pi: Array,
    start: Array | None,
    tol: float,
    max_iter: int,
    xp: Namespace,
) -> tuple[Array, int]:
    """Annealed, safeguarded Newton ascent of g; every ensemble of the batch at its own β.

    pᵝ is left unnormalised: what that adds to g does not depend on λ.
    """
    finite = log_p > -math.inf
    high, low = xp.where(finite, log_p, -math.inf), xp.where(finite, log_p, math.inf)
    range_ = xp.max(xp.max(high, axis=-1) - xp.min(low, axis=-1), axis=-1)
    lam = xp.zeros_like(log_pi)
    if start is not None:  # a large constant in λ would cost digits
        lam = lam + start - xp.sum(xp.exp(log_pi) * start, axis=-1)[..., None]
    lam = _first_round(log_p, lam, w, log_pi, xp)
    now = _state(log_p, lam, w, log_pi, xp)
    near = ((range_ < 128.0) & (now.error < 0.5)) | ((range_ < 512.0) & (now.error < 0.02))
    direct = (range_ < 8.0) | near | (now.error <= tol)
    beta = xp.where(direct, xp.ones_like(range_), 8.0 / xp.where(range_ > 0, range_, 1.0))
    rises = ~direct
    lam = lam * beta[..., None]
    log_q = log_p

    for iteration in range(max_iter + 1):
        if bool(xp.any(rises)):
            log_q = beta[..., None, None] * log_p
            lam = xp.where(rises[..., None], _first_round(log_q, lam, w, log_pi, xp), lam)
            now = _state(log_q, lam, w, log_pi, xp)
        done = (beta == 1.0) & (now.error <= tol)
        if bool(xp.all(done)):
            return lam, iteration
        new, after = _step(log_q, now, lam, w, log_pi, xp)
        far = ~done & (after.error > 1e-3)
        if bool(xp.any(far)):
            rounded = new + log_pi - xp.log(xp.where(after.m > 0, after.m, 1.0))
            new = xp.where(far[..., None] & xp.all(after.m > 0, axis=-1)[..., None], rounded, new)
            after = _state(log_q, new, w, log_pi, xp)
        lam = xp.where(done[..., None], lam, new)
        now = _state(log_q, lam, w, log_pi, xp) if bool(xp.any(done)) else after
        rises = (beta < 1.0) & (now.error < 1e-2)
        grown = xp.where(rises, xp.minimum(2.0 * beta, xp.ones_like(beta)), beta)
        lam, beta = lam * (grown / beta)[..., None], grown
    reached = _state(log_p, lam / beta[..., None], w, log_pi, xp).error
    raise NotConverged(float(xp.max(reached)), tol, max_iter)


def _step(
    log_q: Array, now: _State, lam: Array, w: Array, log_pi: Array, xp: Namespace
) -> tuple[Array, _State]:
    """λ after a full Newton step if g confirms it, else after the step that cannot fail; the state there."""
    gradient = xp.exp(log_pi) - now.m
    direction = _solve_hessian(now.r, now.m, w, gradient, xp)
    slope = xp.sum(gradient * direction, axis=-1)
    along = xp.sum(now.r * direction[..., None, :], axis=-1)
    spread = direction[..., None, :] - along[..., None]
    curvature = xp.sum(w * xp.sum(now.r * spread**2, axis=-1), axis=-1)
    osc = xp.max(direction, axis=-1) - xp.min(direction, axis=-1)
    usable = (slope > 0) & (curvature > 0) & (osc > 0) & xp.isfinite(osc)
    slope, curvature, osc = (xp.where(usable, a, 1.0) for a in (slope, curvature, osc))
    direction = xp.where(usable[..., None], direction, 0.0)
    reached = _state(log_q, lam + direction, w, log_pi, xp)
    confirmed = reached.g - now.g >= 0.05 * slope - 1e-13 * xp.abs(now.g)
    length = xp.where(confirmed, 1.0, xp.minimum(xp.log1p(osc * slope / curvature) / osc, xp.ones_like(osc)))
    if bool(xp.all(length == 1.0)):
        return lam + direction, reached
    new = lam + length[..., None] * direction
    return new, _state(log_q, new, w, log_pi, xp)


def _solve_hessian(r: Array, m: Array, w: Array, gradient: Array, xp: Namespace) -> Array:
    """δ with (diag(m) − Σ w r rᵀ) δ = gradient, solved in the metric diag(m).

    √m spans the null space of a connected problem and is filled in; the ridge stands in for the rest.
    """
    root = xp.sqrt(m)
    a = xp.sqrt(w)[..., None] * r / root[..., None, :]
    eye = xp.eye(m.shape[-1], dtype=m.dtype, device=array_api_compat.device(m))
    hessian = (1.0 + 1e-14) * eye - xp.matrix_transpose(a) @ a + root[..., :, None] * root[..., None, :]
    return xp.linalg.solve(hessian, (gradient / root)[..., None])[..., 0] / root


def _record_step(lam: Array, log_p: Array, w: Array, log_pi: Array, xp: Namespace) -> Array:
    """λ + H⁻¹(π − m) with H held constant: no change in value at λ*, and its derivative is that of λ*."""
    if not any(getattr(a, "requires_grad", False) for a in (log_p, w, log_pi)):
        return lam
    at = _state(log_p, lam, w, log_pi, xp)
    gradient = xp.exp(log_pi) - at.m
    return lam + _solve_hessian(constant(at.r), constant(at.m), constant(w), gradient, xp)


def _state(log_p: Array, lam: Array, w: Array, log_pi: Array, xp: Namespace) -> _State:
    """r, m, g and the marginal error at λ."""
    scores = log_p + lam[..., None, :]
    largest = constant(xp.max(scores, axis=-1, keepdims=True))
    r = xp.exp(scores - largest)
    total = xp.sum(r, axis=-1, keepdims=True)
    r = r / total
    m = (w[..., None, :] @ r)[..., 0, :]
    pi = xp.exp(log_pi)
    g = xp.sum(pi * lam, axis=-1) - xp.sum(w * (largest + xp.log(total))[..., 0], axis=-1)
    return _State(r=r, m=m, g=g, error=xp.sum(xp.abs(m - pi), axis=-1))


def _first_round(log_p: Array, lam: Array, w: Array, log_pi: Array, xp: Namespace) -> Array:
    """One Sinkhorn round, λ + log π − log m(λ), in log space: m(k) may be far below the smallest float."""
    return lam + log_pi - log_mean_exp(normalize(log_p + lam[..., None, :], xp), w, xp)


def _check_feasible(log_p: Array, w: Array, log_pi: Array, xp: Namespace) -> None:
    """`check_feasible` for each ensemble of the batch that holds an exact zero."""
    if not bool(xp.any(log_p == -math.inf)):
        return
    batch = tuple(log_p.shape[:-2])
    p, weights, pi = (
        np.broadcast_to(on_host(name, a), batch + tail)
        for name, a, tail in (
            ("log_p", log_p, log_p.shape[-2:]),
            ("weights", w, log_p.shape[-2:-1]),
            ("log_target", log_pi, log_p.shape[-1:]),
        )
    )
    for index in np.ndindex(*batch):
        where = f" at batch index {index}" if batch else ""
        check_feasible(p[index], weights[index], pi[index], where=where)
