"""Newton's ascent of g, annealed and safeguarded: for what rounds are too slow.

* a Newton step in the metric diag(m), where the Hessian is I minus a Gram matrix and its spectrum is [0, 1];
* a step length that cannot fail: along δ, g has |third derivative| ≤ osc(δ) · |second|, so with M = osc(δ),
  a = ⟨∇g, δ⟩, b = −δᵀ∇²g δ the step log(1 + M a/b)/M maximises a lower bound of g; the full step is taken
  where it does as well;
* a Sinkhorn round after every step that is still far off, which keeps every m(k) above wₘᵢₙ π(k);
* conjugate gradients in place of the Hessian where the smaller side is large;
* annealing: where one round from the start leaves much to do, or log p ranges so far that the Hessian would
  underflow, pᵝ is projected for β = β₀, 2β₀, …, 1, each λ scaled up to start the next: some 20 steps at usual
  temperatures, 35 where log p ranges over 1e3 nats, 70 at 1e5.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import array_api_compat
import numpy as np
import scipy.linalg

from theory.dual.problem import Dual, Maximum, Point
from theory.logspace import Array, Namespace

if TYPE_CHECKING:
    from jaxtyping import Float

DIRECT = 2000
"""Unknowns above which the Hessian is not made."""
CONJUGATE = 300
"""Conjugate gradients in a step."""
RIDGED = 1.0 + 1e-14
LEAST = 1e-12
"""Of the preconditioner."""


def annealed(dual: Dual, start: Float[Array, "*#batch K"] | None) -> Maximum:
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
    accuracy = min(0.1, float(xp.max(now.error)))
    direction = solve_hessian(now, w, gradient, xp, accuracy=accuracy)
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


def solve_hessian(
    point: Point,
    w: Float[Array, "*batch N"],
    gradient: Float[Array, "*batch K"],
    xp: Namespace,
    *,
    accuracy: float = 0.0,
) -> Float[Array, "*batch K"]:
    """δ with (diag(m) − Σ w r rᵀ) δ = gradient, solved in the metric diag(m).

    √m spans the null space of a connected problem and is filled in; the ridge stands in for the rest. More
    than `DIRECT` unknowns go by conjugate gradients, to that relative accuracy, where one is given.
    """
    root = xp.sqrt(point.m)
    a = xp.sqrt(w)[..., None] * point.r / root[..., None, :]
    if accuracy and root.shape[-1] > DIRECT:
        return _conjugate_gradients(a, root, gradient / root, accuracy, xp) / root
    eye = xp.eye(root.shape[-1], dtype=root.dtype, device=array_api_compat.device(root))
    hessian = RIDGED * eye - xp.matrix_transpose(a) @ a + root[..., :, None] * root[..., None, :]
    return _solved(hessian, gradient / root, xp) / root


def _solved(hessian: Float[Array, "*batch K K"], b: Float[Array, "*batch K"], xp: Namespace) -> Array:
    """By Cholesky where that is at hand and no pivot fails, else by elimination."""
    if isinstance(hessian, np.ndarray) and hessian.ndim == 2:
        with contextlib.suppress(scipy.linalg.LinAlgError):
            factor = scipy.linalg.cho_factor(hessian, lower=True, check_finite=False)
            return scipy.linalg.cho_solve(factor, b, check_finite=False)
    return xp.linalg.solve(hessian, b[..., None])[..., 0]


def _conjugate_gradients(
    a: Float[Array, "*batch N K"],
    root: Float[Array, "*batch K"],
    b: Float[Array, "*batch K"],
    accuracy: float,
    xp: Namespace,
) -> Float[Array, "*batch K"]:
    """y with (I − AᵀA + √m √mᵀ) y = b, preconditioned by the diagonal; every iterate points uphill."""

    def product(y: Array) -> Array:
        seen = (a @ y[..., None])[..., 0]
        back = (seen[..., None, :] @ a)[..., 0, :]
        return RIDGED * y - back + root * xp.sum(root * y, axis=-1)[..., None]

    diagonal = RIDGED - xp.sum(a * a, axis=-2) + root * root
    scale = 1.0 / xp.where(diagonal > LEAST, diagonal, LEAST)
    y, rest = xp.zeros_like(b), b
    towards = ahead = scale * rest
    square = xp.sum(rest * ahead, axis=-1)
    enough = accuracy**2 * square
    for _ in range(CONJUGATE):
        going = square > enough
        if not bool(xp.any(going)):
            break
        turned = product(towards)
        along = xp.sum(towards * turned, axis=-1)
        length = xp.where(going & (along > 0), square / xp.where(along > 0, along, 1.0), 0.0)[..., None]
        y, rest = y + length * towards, rest - length * turned
        ahead = scale * rest
        before, square = square, xp.sum(rest * ahead, axis=-1)
        towards = ahead + (square / xp.where(before > 0, before, 1.0))[..., None] * towards
    return y
