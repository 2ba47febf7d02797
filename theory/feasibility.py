"""Which target priors a teacher with exact zeros can meet.  [T9]

With S = {(n, k): pₙ(k) > 0, wₙ > 0}, some r on S has rows on the simplex and marginal π iff no set of
clusters A asks for more than the samples that touch it hold: π(A) ≤ w(N(A)) (Hall; Gale). A *tilt* of p meets
π iff, besides, every entry of S can be positive: no A other than a union of connected parts is tight.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order

from theory.checks import Ensemble, on_host, values_are_checked

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

__all__ = ["InfeasibleTarget"]

_SLACK = 1e-9  # of probability mass; the linear programs are solved to 1e-10


class InfeasibleTarget(ValueError):
    """No tilt of the teacher has the target prior: some clusters A ask for more than their samples can give.

    The demand of A exceeds its supply, the weight of the samples that can use one of them; or equals it while
    one of those samples also has mass elsewhere, which the constraint would have to drive to 0.

    Attributes
    ----------
    clusters : tuple of int
        A, a blocking set, ascending.
    demand : float
        π(A), the share of the target that falls to them.
    supply : float
        w(N(A)), the weight of the samples in which one of them has a positive probability.

    Examples
    --------
    Half of the mass is wanted in a cluster that one sample of three can use:

    >>> import numpy as np
    >>> import theory
    >>> log_p = np.array([[0.0, -np.inf], [0.0, -np.inf], [np.log(0.5), np.log(0.5)]])
    >>> try:
    ...     theory.project(log_p)
    ... except theory.InfeasibleTarget as error:
    ...     print(error.clusters, f"{error.demand:.4f} > {error.supply:.4f}")
    (1,) 0.5000 > 0.3333
    """

    def __init__(self, *, clusters: tuple[int, ...], demand: float, supply: float, of: str) -> None:
        self.clusters, self.demand, self.supply = clusters, demand, supply
        tight = demand <= supply + _SLACK
        names = ", ".join(map(str, clusters[:8])) + (", …" if len(clusters) > 8 else "")
        reason = (
            "uses up all the weight of every sample that can reach them, so their other probabilities "
            "would have to become 0, which no tilt does"
            if tight
            else f"exceeds the weight {supply:.6g} of the samples in which their probability is not 0"
        )
        super().__init__(
            f"`log_target` cannot be met by a tilt of {of}: the target share {demand:.6g} of "
            f"clusters {{{names}}} {reason}."
        )


class _NoFlow(RuntimeError):
    """A linear program has no solution, or none was found."""


class _Transport(NamedTuple):
    """From groups of samples to the clusters in which they have a positive probability."""

    support: Bool[np.ndarray, "G K"]
    """Which clusters a group can use; one group for each pattern of zeros."""
    weights: Float[np.ndarray, " G"]
    """w of the groups, sum 1."""
    target: Float[np.ndarray, " K"]
    """π, sum 1."""


def check_feasible(ensemble: Ensemble, *, name: str = "log_p") -> None:
    """Raise InfeasibleTarget, naming a blocking set of clusters, where no tilt of p has marginal π.

    Decided on the host, for each ensemble of the batch that holds an exact zero.
    """
    log_p, weights, log_pi, xp = ensemble
    if not (values_are_checked() and bool(xp.min(log_p) == -math.inf)):
        return
    batch = tuple(log_p.shape[:-2])
    p, w, pi = (
        np.broadcast_to(on_host(of, a), batch + tail)
        for of, a, tail in (
            (name, log_p, tuple(log_p.shape[-2:])),
            ("weights", weights, tuple(log_p.shape[-2:-1])),
            ("log_target", log_pi, tuple(log_p.shape[-1:])),
        )
    )
    for index in np.ndindex(*batch):
        problem = _transport(p[index], w[index], pi[index])
        blocking = _blocking(problem)
        if blocking is not None:
            raise InfeasibleTarget(
                clusters=tuple(map(int, np.flatnonzero(blocking))),
                demand=float(problem.target[blocking].sum()),
                supply=float(problem.weights[problem.support[:, blocking].any(axis=1)].sum()),
                of=f"`{name}`" + (f" at batch index {index}" if batch else ""),
            )


def _transport(
    log_p: Float[np.ndarray, "N K"], weights: Float[np.ndarray, " N"], log_target: Float[np.ndarray, " K"]
) -> _Transport:
    live = weights > 0
    support, pattern = np.unique(log_p[live] > -np.inf, axis=0, return_inverse=True)
    w = np.bincount(pattern.ravel(), weights=weights[live])
    return _Transport(support, w / w.sum(), np.exp(log_target) / np.exp(log_target).sum())


def _blocking(problem: _Transport) -> Bool[np.ndarray, " K"] | None:
    """A blocking set of clusters, None if there is none; within the slack the flow decides."""
    if problem.support.all():
        return None
    out_of_reach = problem.support.sum(axis=0) == 0
    if out_of_reach.any():
        return out_of_reach
    overfull, excess = _overfull(problem)
    if excess > _SLACK:
        return overfull
    try:
        return _tight(problem)
    except _NoFlow:
        if overfull.any():
            return overfull
        raise


def _overfull(problem: _Transport) -> tuple[Bool[np.ndarray, " K"], float]:
    """The A that maximises π(A) − w(N(A)), and that maximum: the minimum cut, as a linear program."""
    support, w, pi = problem
    rows, cols = np.nonzero(support)
    g, k = support.shape
    edge = np.arange(rows.size)
    ones = np.ones(rows.size)
    below = csr_array(
        coo_array(
            (
                np.concatenate([ones, -ones]),
                (np.tile(edge, 2), np.concatenate([g + cols, rows])),
            ),
            shape=(rows.size, g + k),
        )
    )
    cut = _solve(
        np.concatenate([w, -pi]),
        A_ub=below,
        b_ub=np.zeros(rows.size),
        bounds=(0.0, 1.0),
    )
    return cut.x[g:] > 0.5, -cut.fun


def _tight(problem: _Transport) -> Bool[np.ndarray, " K"] | None:
    """A tight set that forces an entry of the support to 0, if there is one.

    Maximise t with f ≥ t · w π on the support. If t stays 0, an entry (n, k) cannot be raised by moving flow
    round any cycle: k does not reach n over "n → k on the support, k → n where f > 0". What k reaches is
    closed; the clusters outside are filled by exactly the samples outside.
    """
    support, w, pi = problem
    rows, cols = np.nonzero(support)
    g, k = support.shape
    e = np.arange(rows.size)
    ones = np.ones(rows.size)
    ends = np.concatenate([rows, g + cols])
    sums = csr_array(coo_array((np.tile(ones, 2), (ends, np.tile(e, 2))), shape=(g + k, rows.size + 1)))
    floor = csr_array(
        coo_array(
            (
                np.concatenate([-ones, w[rows] * pi[cols]]),
                (np.tile(e, 2), np.append(e, np.full(e.size, e.size))),
            ),
            shape=(rows.size, rows.size + 1),
        )
    )
    cost = np.zeros(rows.size + 1)
    cost[-1] = -1.0
    flow = _solve(
        cost,
        A_ub=floor,
        b_ub=np.zeros(rows.size),
        A_eq=sums,
        b_eq=np.concatenate([w, pi]),
        bounds=(0.0, 1.0),
    )
    if flow.x[-1] > _SLACK:
        return None
    used = flow.x[:-1] > _SLACK
    heads, tails = (
        np.concatenate([rows, g + cols[used]]),
        np.concatenate([g + cols, rows[used]]),
    )
    graph = csr_array(coo_array((np.ones(heads.size), (heads, tails)), shape=(g + k, g + k)))
    for n, c in zip(rows[~used], cols[~used], strict=True):
        reached = breadth_first_order(graph, g + c, return_predecessors=False)
        if n not in reached:
            outside = np.ones(g + k, dtype=bool)
            outside[reached] = False
            return outside[g:]
    return None


def _solve(cost: Float[np.ndarray, " variables"], **problem: Any) -> Any:
    tolerance = {
        "primal_feasibility_tolerance": 1e-10,
        "dual_feasibility_tolerance": 1e-10,
    }
    result = linprog(cost, method="highs", options=tolerance, **problem)
    if result.x is None:
        raise _NoFlow(f"the feasibility of `log_target` could not be decided: {result.message}")
    return result
