"""The projected teacher: the closest ensemble to p whose cluster prior is π, with its certificate.

Problem (T): minimise Σₙ wₙ KL(rₙ‖pₙ) subject to Σₙ wₙ rₙ = π, every rₙ on the simplex.

r* is the tilt at the maximum of the dual (`theory.dual`).  [T3]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from theory.blocks import blocked_tilted, in_blocks
from theory.checks import Ensemble, check_count, check_ensemble, check_number
from theory.divergences import kl_kernel
from theory.dual import Dual, maximise
from theory.feasibility import check_feasible
from theory.logspace import Array, Namespace, constant, log_normalizer, mean_of_rows, normalize

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["NotConverged", "Projection", "project"]


@dataclass(frozen=True, kw_only=True)
class Projection:
    """The projected teacher and the evidence that it is the optimum.  [T4]

    A tilt of p with marginal π is the unique minimiser of problem (T); error and gap are of the arrays
    returned.

    Attributes
    ----------
    log_r : [..., N, K]
        The teacher's log-probabilities.
    log_tilt : [..., K]
        λ*, in nats, the one with Σₖ π(k) λ(k) = 0.
    marginal_error : [...]
        Σₖ |Σₙ wₙ rₙ(k) − π(k)|.
    duality_gap : [...]
        Σₙ wₙ KL(rₙ‖pₙ) − g(λ), in nats; 0 up to marginal_error · osc(λ) and rounding.
    iterations : int
        Steps taken by the slowest ensemble of the batch: accelerated Sinkhorn rounds, then Newton steps.
    """

    log_r: Array
    log_tilt: Array
    marginal_error: Array
    duality_gap: Array
    iterations: int


class NotConverged(RuntimeError):
    """The dual was not maximised to `tol`.

    Attributes
    ----------
    marginal_error : float
        What was reached, the worst of the batch.
    projection : Projection
        The state reached; its `log_tilt` is one that a further call can start from.
    """

    def __init__(self, projection: Projection, marginal_error: float, tol: float) -> None:
        self.projection, self.marginal_error = projection, marginal_error
        super().__init__(
            f"project reached a marginal error of {marginal_error:.3g}, not tol = {tol:.3g}, in "
            f"{projection.iterations} iterations; raise `max_iter` or `tol`, or raise the temperature of "
            "`log_p`, or go on from the `projection.log_tilt` that this error carries."
        )


def project(
    log_p: Float[Array, "*batch N K"],
    *,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
    tol: float = 1e-9,
    max_iter: int = 400,
    log_tilt: Float[Array, "*#batch K"] | None = None,
    throw: bool = True,
) -> Projection:
    r"""r* = argmin Σₙ wₙ KL(rₙ‖pₙ) subject to Σₙ wₙ rₙ = π: the tilt by the maximiser λ* of g.  [T3]

    .. math::

        r^* = \arg\min_r \sum_n w_n \mathrm{KL}(r_n \| p_n)
        \quad \text{subject to} \quad \sum_n w_n r_n = \pi

    g is the dual (`theory.dual`). Solved in float64 whatever the dtype and rounded once. Differentiable in
    torch: the last Newton step is recorded, which gives the exact implicit derivative of λ* in p, w and π.

    Parameters
    ----------
    log_p
        Log-probabilities, [..., N, K]. Zeros (−inf) stay zeros.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.
    log_target
        log π, [..., K], every share positive; uniform if not given.
    tol
        Largest marginal error Σₖ |m(k) − π(k)|, m = Σₙ wₙ rₙ.
    max_iter
        Steps allowed, accelerated Sinkhorn rounds (half of them at most) and Newton steps.
    log_tilt
        λ to start from, [..., K], finite: that of the last training step, say; 0 if not given.
    throw
        False returns what `max_iter` steps reached, with its error, instead of raising.

    Returns
    -------
    Projection
        log r and λ* in the dtype that went in, with their certificate.

    Raises
    ------
    NotConverged
        A RuntimeError that carries the projection reached.
    InfeasibleTarget
        A ValueError with a blocking set of clusters, where zeros in p leave no solution.
    TypeError, ValueError
        Not log-probabilities, K < 2; weights, a target or a λ that do not fit `log_p`, do not sum to 1 or are
        not finite; `tol` or `max_iter` that is not positive, or no number.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> log_p = np.log([[0.8, 0.2], [0.6, 0.4], [0.9, 0.1]])
    >>> found = theory.project(log_p)
    >>> np.exp(found.log_r).round(4)
    array([[0.5132, 0.4868],
           [0.2833, 0.7167],
           [0.7035, 0.2965]])
    >>> print(f"{np.exp(theory.log_prior(found.log_r))[0]:.6f} {bool(found.marginal_error < 1e-9)}")
    0.500000 True
    """
    tol = check_number("tol", tol, low=0.0, open_low=True)
    max_iter = check_count("max_iter", max_iter)
    ensemble = check_ensemble(log_p, weights, log_target, log_tilt=log_tilt)
    check_feasible(ensemble)
    return project_kernel(ensemble, tol=tol, max_iter=max_iter, log_tilt=log_tilt, throw=throw)


def project_kernel(
    ensemble: Ensemble,
    *,
    tol: float = 1e-9,
    max_iter: int = 400,
    log_tilt: Float[Array, "*#batch K"] | None = None,
    throw: bool = True,
) -> Projection:
    """`project` for checked input."""
    log_p, weights, log_pi, xp = ensemble
    wide_p, wide_w, wide_pi = (xp.astype(a, xp.float64, copy=False) for a in (log_p, weights, log_pi))
    dual = Dual(
        log_p=wide_p,
        weights=wide_w / xp.sum(wide_w, axis=-1)[..., None],  # float32 weights sum to 1 to 1e-7 only
        log_target=normalize(wide_pi, xp),
        tol=tol,
        max_iter=max_iter,
        xp=xp,
    )
    start = None if log_tilt is None else constant(xp.astype(log_tilt, xp.float64))
    lam, error, iterations = maximise(dual, start)
    lam = lam - xp.sum(xp.exp(dual.log_target) * lam, axis=-1)[..., None]
    found = _certified(ensemble, xp.astype(lam, log_p.dtype), iterations)
    if throw and not error <= tol:
        reached = float(xp.max(found.marginal_error))
        if not reached <= tol:
            raise NotConverged(found, reached, tol)
    return found


def _certified(ensemble: Ensemble, lam: Float[Array, "*batch K"], iterations: int) -> Projection:
    """The tilt by λ, in the dtype that went in, with its marginal error and its duality gap."""
    log_p, weights, log_pi, xp = ensemble
    log_r, m, primal, log_z = _tilted(log_p, lam, weights, xp)
    pi = xp.exp(log_pi)
    marginal_error, dual = xp.sum(xp.abs(m - pi), axis=-1), xp.sum(pi * lam, axis=-1) - log_z
    return Projection(
        log_r=log_r,
        log_tilt=lam,
        marginal_error=constant(marginal_error),
        duality_gap=constant(primal - dual),
        iterations=iterations,
    )


@in_blocks(blocked_tilted)
def _tilted(log_p: Array, lam: Array, weights: Array, xp: Namespace) -> tuple[Array, Array, Array, Array]:
    """log r, its marginal m, Σ w KL(rₙ‖pₙ) and Σ w log Zₙ, Z the normaliser of p e^λ."""
    scores = log_p + lam[..., None, :]
    log_r = normalize(scores, xp)
    m = xp.sum(weights[..., None] * xp.exp(log_r), axis=-2)
    primal = mean_of_rows(kl_kernel(log_r, log_p, xp), weights, xp)
    return log_r, m, primal, mean_of_rows(log_normalizer(scores, xp), weights, xp)
