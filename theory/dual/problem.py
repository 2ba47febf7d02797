"""The dual of (T) as every strategy sees it, g(λ) = ⟨π, λ⟩ − Σₙ wₙ log Σₖ pₙ(k) e^{λ(k)}.  [T3]"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from theory.logspace import Array, Namespace, constant, log_mean_exp, normalize

if TYPE_CHECKING:
    from jaxtyping import Float


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

    def anchored(self, log_tilt: Float[Array, "*batch K"]) -> Float[Array, "*batch K"]:
        """λ less its mean under π: g does not feel a constant, and a large one would cost digits."""
        return log_tilt - self.xp.sum(self.xp.exp(self.log_target) * log_tilt, axis=-1)[..., None]

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
    """λ, the largest marginal error of the batch there, and the steps taken."""

    log_tilt: Float[Array, "*batch K"]
    error: float
    iterations: int
