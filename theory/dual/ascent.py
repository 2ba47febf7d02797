"""λ* by the strategies in turn: accelerated rounds while they pay, then Newton's on the smaller side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from theory.dual.newton import annealed, solve_hessian
from theory.dual.problem import Dual, Maximum
from theory.dual.rounds import accelerated
from theory.logspace import Array, constant, log_mean_exp, log_normalizer

if TYPE_CHECKING:
    from jaxtyping import Float

_NEGLIGIBLE = 1e-30
_USEFUL = 0.5


def maximise(dual: Dual, start: Float[Array, "*#batch K"] | None) -> Maximum:
    """λ*, or the λ reached where `max_iter` steps, rounds and Newton's, are not enough.

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
    fixed = dual.constant()
    begin = xp.zeros_like(fixed.log_target) + (0.0 if start is None else fixed.anchored(start))
    rounds = accelerated(fixed, begin, limit=dual.max_iter // 2)
    if rounds.error < _USEFUL:
        start = rounds.log_tilt
    left = dual.max_iter - rounds.iterations
    # as a target, a vanishing weight would set the scale
    if n >= k or bool(xp.any(dual.weights < _NEGLIGIBLE)):
        found = rounds if rounds.error <= dual.tol else annealed(replace(fixed, max_iter=left), start)
        log_tilt = _recorded(dual, found.log_tilt)
    elif rounds.error <= dual.tol and not _differentiable(dual):
        found, log_tilt = rounds, rounds.log_tilt
    else:
        columns = dual.transposed()
        guess = None if start is None else -log_normalizer(fixed.log_p + start[..., None, :], xp)
        found = annealed(replace(columns.constant(), max_iter=left), guess)
        f = _recorded(columns, found.log_tilt)
        log_tilt = dual.log_target - log_mean_exp(dual.log_p + f[..., None], dual.weights, xp)
    steps = rounds.iterations + (0 if found is rounds else found.iterations)
    return Maximum(log_tilt, found.error, steps)


def _differentiable(dual: Dual) -> bool:
    return any(getattr(a, "requires_grad", False) for a in (dual.log_p, dual.weights, dual.log_target))


def _recorded(dual: Dual, lam: Float[Array, "*batch K"]) -> Float[Array, "*batch K"]:
    """λ + H⁻¹(π − m) with H held constant: no change in value at λ*, and its derivative is that of λ*."""
    if not _differentiable(dual):
        return lam
    at = dual.at(lam)
    held = at._replace(r=constant(at.r), m=constant(at.m))
    gradient = dual.xp.exp(dual.log_target) - at.m
    return lam + solve_hessian(held, constant(dual.weights), gradient, dual.xp)
