"""Sinkhorn's rounds in the scaling domain, accelerated: two matrix-vector products each, no exponential.

The kernel A = e^{log p − max} is taken once. With v = e^λ a round needs s = A v, u = w/s and m = v (Aᵀ u):
the marginal of the tilt by λ, and g besides. Where λ leaves the range of floats A is taken anew about it.

Anderson's acceleration puts the last rounds together: of the changes of the residual f = log π − log m over
them it finds the combination that explains f best, in the metric of π, and goes on from there. Near λ* that
is conjugate gradients for the linearised round, so that it takes the root of the plain rounds' number. It
may overshoot far from λ*: a step after which g fell *and* the error rose is taken back, a plain round, which
cannot fail, is made instead, and the memory begins anew.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import array_api_compat
import numpy as np

from theory.dual.problem import Dual, Maximum
from theory.logspace import Array, Namespace, exp_in_place

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

MEMORY = 10
"""Rounds put together."""
REACH = 230.0
"""|λ| relative to the kernel's own from which A is taken anew: e^230 is 1e100."""
RIDGE = 1e-12
"""On the normal equations, relative to their trace."""
NEWTON_STEPS = 5
"""That Newton's method needs from a point where rounds still advance."""


class Kernel:
    """A = e^{log p + base − max}, [..., N, K], and the offsets that were taken out of it."""

    def __init__(self, dual: Dual, base: Float[Array, "*batch K"]) -> None:
        self.dual = dual
        self.about(base)

    def about(self, base: Float[Array, "*batch K"]) -> None:
        """Take A anew, λ = `base` being v = 1."""
        xp = self.dual.xp
        scores = self.dual.log_p + base[..., None, :]
        self.base, self.top = base, xp.max(scores, axis=-1)
        scores -= self.top[..., None]
        self.matrix = exp_in_place(scores, xp)

    def at(self, lam: Float[Array, "*batch K"]) -> State:
        """The marginal of the tilt by λ."""
        dual, xp = self.dual, self.dual.xp
        if not bool(xp.all(xp.abs(lam - self.base) < REACH)):
            self.about(lam)
        v = xp.exp(lam - self.base)
        s = (self.matrix @ v[..., None])[..., 0]
        m = v * ((dual.weights / s)[..., None, :] @ self.matrix)[..., 0, :]
        pi = xp.exp(dual.log_target)
        g = xp.sum(pi * lam, axis=-1) - xp.sum(dual.weights * (self.top + xp.log(s)), axis=-1)
        rest = dual.log_target - xp.log(m)
        return State(lam, rest, g, xp.sum(xp.abs(m - pi), axis=-1))


class State(NamedTuple):
    """λ, the residual log π − log m there, g and Σ |m − π|."""

    lam: Float[Array, "*batch K"]
    rest: Float[Array, "*batch K"]
    g: Float[Array, "*batch"]
    error: Float[Array, "*batch"]


@np.errstate(all="ignore")  # a round that fails is not taken
def accelerated(dual: Dual, start: Float[Array, "*batch K"], *, limit: int) -> Maximum:
    """λ after as many rounds as are worth it: until `tol`, or until Newton's method would be done sooner.

    Worth is counted in rounds: what is still to go at the pace of the last `MEMORY` rounds, against Newton
    steps whose matrix products take min(N, K)/12 rounds each, at the speed of matrix products.
    """
    xp = dual.xp
    kernel = Kernel(dual, start)
    newton = NEWTON_STEPS * (4.0 + min(dual.log_p.shape[-2:]) / 12.0)
    memory = Memory(dual)
    kept = kernel.at(start)
    if not bool(xp.all(xp.isfinite(kept.rest))):  # a cluster has vanished below the smallest float
        return Maximum(start, math.inf, 0)
    errors = [float(xp.max(kept.error))]
    best = kept
    memory.add(kept, xp.zeros_like(kept.g) > 0)
    while errors[-1] > dual.tol and len(errors) <= limit and math.isfinite(errors[-1]):
        reached = kernel.at(memory.ahead(kept))
        worse = ~((reached.g >= kept.g - 1e-13 * xp.abs(kept.g)) | (reached.error <= kept.error))
        if bool(xp.any(worse)):
            plain = kernel.at(kept.lam + kept.rest)
            reached = _chosen(worse, plain, reached, xp)
        done = kept.error <= dual.tol
        kept = _chosen(done, kept, reached, xp)
        memory.add(kept, worse)
        errors.append(float(xp.max(kept.error)))
        if errors[-1] < float(xp.max(best.error)):
            best = kept
        if len(errors) > MEMORY and _to_go(errors, dual.tol) > newton:
            break
    return Maximum(best.lam, float(xp.max(best.error)), len(errors) - 1)


def _to_go(errors: list[float], tol: float) -> float:
    """Rounds until `tol` at the pace of the last `MEMORY`."""
    if errors[-1] <= tol:
        return 0.0
    gained = math.log(errors[-1 - MEMORY] / errors[-1]) / MEMORY
    return math.log(errors[-1] / tol) / gained if gained > 0 else math.inf


def _chosen(where: Bool[Array, "*batch"], one: State, other: State, xp: Namespace) -> State:
    """`one` in the ensembles named, else `other`."""
    if not bool(xp.any(where)):
        return other
    return State(*(
        xp.where(where[..., None] if a.ndim > where.ndim else where, a, b)
        for a, b in zip(one, other, strict=True)
    ))  # fmt: skip


class Memory:
    """The last changes of λ and of the residual, and where they lead."""

    def __init__(self, dual: Dual) -> None:
        self.xp, self.pi = dual.xp, dual.xp.exp(dual.log_target)
        self.last: State | None = None
        self.moves: list[tuple[Array, Array]] = []

    def add(self, state: State, anew: Bool[Array, "*batch"]) -> None:
        """One more round; where `anew` the older ones are forgotten."""
        if self.last is not None:
            if bool(self.xp.any(anew)):
                kept = self.xp.astype(~anew, self.pi.dtype)[..., None]
                self.moves = [(a * kept, b * kept) for a, b in self.moves]
            self.moves.append((state.lam - self.last.lam, state.rest - self.last.rest))
            del self.moves[:-MEMORY]
        self.last = state

    def ahead(self, state: State) -> Float[Array, "*batch K"]:
        """λ + f less the combination of past moves whose residual is nearest to f in the metric of π."""
        plain = state.lam + state.rest
        if not self.moves:
            return plain
        xp = self.xp
        lams, rests = (xp.stack(list(moves), axis=-2) for moves in zip(*self.moves, strict=True))
        weighed = rests * self.pi[..., None, :]
        gram = weighed @ xp.matrix_transpose(rests)
        eye = xp.eye(gram.shape[-1], dtype=gram.dtype, device=array_api_compat.device(gram))
        trace = xp.sum(gram * eye, axis=(-2, -1))[..., None, None]
        share = xp.linalg.solve(gram + (RIDGE * trace + 1e-300) * eye, weighed @ state.rest[..., None])
        ahead = plain - (xp.matrix_transpose(lams + rests) @ share)[..., 0]
        return xp.where(xp.all(xp.isfinite(ahead), axis=-1)[..., None], ahead, plain)
