"""The maximiser of the dual of (T), g(λ) = ⟨π, λ⟩ − Σₙ wₙ log Σₖ pₙ(k) e^{λ(k)}: concave and smooth.  [T3]

Plain Sinkhorn climbs g one coordinate block at a time and stalls at low temperature, where its contraction κ
is 1 to many digits.  [T5]  Here:

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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import array_api_compat

from theory.logspace import Array, Namespace, constant, log_mean_exp, log_normalizer, normalize

if TYPE_CHECKING:
    from jaxtyping import Float

_NEGLIGIBLE = 1e-30


@dataclass(frozen=True, kw_only=True)
class Dual:
    """The problem in checked float64 arrays: the tilts of p, with weights w, are to have the marginal π."""

    log_p: Float[Array, "*batch N K"]
    """Need not be normalised: what that adds to g does not depend on λ."""
    weights: Float[Array, "*batch N"]
    """Sum 1."""
    log_target: Float[Array, "*batch K"]
    """log π, normalised."""
    tol: float
    max_iter: int
    xp: Namespace

    def at(self, log_tilt: Float[Array, "*batch K"]) -> Point:
        """r, m, g and the marginal error at λ."""
        xp = self.xp
        scores = self.log_p + log_tilt[..., None, :]
        largest = constant(xp.max(scores, axis=-1, keepdims=True))
        r = xp.exp(scores - largest)
        total = xp.sum(r, axis=-1, keepdims=True)
        r = r / total
        m = (self.weights[..., None, :] @ r)[..., 0, :]
        pi = xp.exp(self.log_target)
        g = xp.sum(pi * log_tilt, axis=-1) - xp.sum(self.weights * (largest + xp.log(total))[..., 0], axis=-1)
        return Point(r=r, m=m, g=g, error=xp.sum(xp.abs(m - pi), axis=-1))

    def round(self, log_tilt: Float[Array, "*batch K"]) -> Float[Array, "*batch K"]:
        """One Sinkhorn round, λ + log π − log m(λ), in log space: m(k) may be below the smallest float."""
        log_r = normalize(self.log_p + log_tilt[..., None, :], self.xp)
        return log_tilt + self.log_target - log_mean_exp(log_r, self.weights, self.xp)

    def constant(self) -> Dual:
        """The same as constants of differentiation."""
        return replace(
            self,
            log_p=constant(self.log_p),
            weights=constant(self.weights),
            log_target=constant(self.log_target),
        )

    def transposed(self) -> Dual:
        """The plan qₙₖ = wₙ rₙ(k) by columns: clusters are the samples, of weight π, and w is the target."""
        xp = self.xp
        columns = xp.matrix_transpose(self.log_p + xp.log(self.weights)[..., None])
        return replace(
            self,
            log_p=normalize(columns, xp),
            weights=xp.exp(self.log_target),
            log_target=xp.log(self.weights),
        )


class Point(NamedTuple):
    """The tilt r by λ, its marginal m, the dual g and Σ |m − π|."""

    r: Float[Array, "*batch N K"]
    m: Float[Array, "*batch K"]
    g: Float[Array, "*batch"]
    error: Float[Array, "*batch"]


class Maximum(NamedTuple):
    """λ, the largest marginal error of the batch there, and the Newton steps taken."""

    log_tilt: Float[Array, "*batch K"]
    error: float
    iterations: int


def maximise(dual: Dual, start: Float[Array, "*#batch K"] | None) -> Maximum:
    """λ* on whichever side has fewer unknowns; the λ reached where `max_iter` steps are not enough.

    `start` is a λ to begin from, a constant of differentiation.
    """
    xp = dual.xp
    n, k = dual.log_p.shape[-2:]
    batch = dual.log_p.shape[:-2]
    dual = replace(
        dual,
        weights=xp.broadcast_to(dual.weights, (*batch, n)),
        log_target=xp.broadcast_to(dual.log_target, (*batch, k)),
    )
    # as a target, a vanishing weight would set the scale
    if n >= k or bool(xp.any(dual.weights < _NEGLIGIBLE)):
        found = _newton(dual.constant(), start)
        return found._replace(log_tilt=_recorded(dual, found.log_tilt))
    columns = dual.transposed()
    guess = None
    if start is not None:
        guess = -log_normalizer(constant(dual.log_p) + start[..., None, :], xp)
    found = _newton(columns.constant(), guess)
    f = _recorded(columns, found.log_tilt)
    log_tilt = dual.log_target - log_mean_exp(dual.log_p + f[..., None], dual.weights, xp)
    return found._replace(log_tilt=log_tilt)


def _newton(dual: Dual, start: Float[Array, "*#batch K"] | None) -> Maximum:
    """Annealed, safeguarded Newton ascent of g; every ensemble of the batch at its own β."""
    xp, log_p = dual.xp, dual.log_p
    finite = log_p > -math.inf
    high, low = xp.where(finite, log_p, -math.inf), xp.where(finite, log_p, math.inf)
    range_ = xp.max(xp.max(high, axis=-1) - xp.min(low, axis=-1), axis=-1)
    lam = xp.zeros_like(dual.log_target)
    if start is not None:  # a large constant in λ would cost digits
        lam = lam + start - xp.sum(xp.exp(dual.log_target) * start, axis=-1)[..., None]
    lam = dual.round(lam)
    now = dual.at(lam)
    near = ((range_ < 128.0) & (now.error < 0.5)) | ((range_ < 512.0) & (now.error < 0.02))
    direct = (range_ < 8.0) | near | (now.error <= dual.tol)
    beta = xp.where(direct, xp.ones_like(range_), 8.0 / xp.where(range_ > 0, range_, 1.0))
    rises = ~direct
    lam = lam * beta[..., None]
    warm = dual

    for iteration in range(dual.max_iter + 1):
        if bool(xp.any(rises)):
            warm = replace(dual, log_p=beta[..., None, None] * log_p)
            lam = xp.where(rises[..., None], warm.round(lam), lam)
            now = warm.at(lam)
        done = (beta == 1.0) & (now.error <= dual.tol)
        if bool(xp.all(done)):
            return Maximum(lam, float(xp.max(now.error)), iteration)
        new, after = _step(warm, now, lam)
        far = ~done & (after.error > 1e-3)
        if bool(xp.any(far)):
            rounded = new + dual.log_target - xp.log(xp.where(after.m > 0, after.m, 1.0))
            new = xp.where(far[..., None] & xp.all(after.m > 0, axis=-1)[..., None], rounded, new)
            after = warm.at(new)
        lam = xp.where(done[..., None], lam, new)
        now = warm.at(lam) if bool(xp.any(done)) else after
        rises = (beta < 1.0) & (now.error < 1e-2)
        grown = xp.where(rises, xp.minimum(2.0 * beta, xp.ones_like(beta)), beta)
        lam, beta = lam * (grown / beta)[..., None], grown
    reached = lam / beta[..., None]
    return Maximum(reached, float(xp.max(dual.at(reached).error)), dual.max_iter)


def _step(dual: Dual, now: Point, lam: Float[Array, "*batch K"]) -> tuple[Float[Array, "*batch K"], Point]:
    """λ after a full Newton step if g confirms it, else after the step that cannot fail; the point there."""
    xp, w = dual.xp, dual.weights
    gradient = xp.exp(dual.log_target) - now.m
    direction = _solve_hessian(now, w, gradient, xp)
    slope = xp.sum(gradient * direction, axis=-1)
    along = xp.sum(now.r * direction[..., None, :], axis=-1)
    spread = direction[..., None, :] - along[..., None]
    curvature = xp.sum(w * xp.sum(now.r * spread**2, axis=-1), axis=-1)
    osc = xp.max(direction, axis=-1) - xp.min(direction, axis=-1)
    usable = (slope > 0) & (curvature > 0) & (osc > 0) & xp.isfinite(osc)
    slope, curvature, osc = (xp.where(usable, a, 1.0) for a in (slope, curvature, osc))
    direction = xp.where(usable[..., None], direction, 0.0)
    reached = dual.at(lam + direction)
    confirmed = reached.g - now.g >= 0.05 * slope - 1e-13 * xp.abs(now.g)
    length = xp.where(confirmed, 1.0, xp.minimum(xp.log1p(osc * slope / curvature) / osc, xp.ones_like(osc)))
    if bool(xp.all(length == 1.0)):
        return lam + direction, reached
    new = lam + length[..., None] * direction
    return new, dual.at(new)


def _solve_hessian(
    point: Point, w: Float[Array, "*batch N"], gradient: Float[Array, "*batch K"], xp: Namespace
) -> Float[Array, "*batch K"]:
    """δ with (diag(m) − Σ w r rᵀ) δ = gradient, solved in the metric diag(m).

    √m spans the null space of a connected problem and is filled in; the ridge stands in for the rest.
    """
    root = xp.sqrt(point.m)
    a = xp.sqrt(w)[..., None] * point.r / root[..., None, :]
    eye = xp.eye(root.shape[-1], dtype=root.dtype, device=array_api_compat.device(root))
    hessian = (1.0 + 1e-14) * eye - xp.matrix_transpose(a) @ a + root[..., :, None] * root[..., None, :]
    return xp.linalg.solve(hessian, (gradient / root)[..., None])[..., 0] / root


def _recorded(dual: Dual, lam: Float[Array, "*batch K"]) -> Float[Array, "*batch K"]:
    """λ + H⁻¹(π − m) with H held constant: no change in value at λ*, and its derivative is that of λ*."""
    if not any(getattr(a, "requires_grad", False) for a in (dual.log_p, dual.weights, dual.log_target)):
        return lam
    at = dual.at(lam)
    held = at._replace(r=constant(at.r), m=constant(at.m))
    gradient = dual.xp.exp(dual.log_target) - at.m
    return lam + _solve_hessian(held, constant(dual.weights), gradient, dual.xp)
