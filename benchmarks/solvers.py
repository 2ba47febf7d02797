"""Solvers of entropic optimal transport beyond POT's, where their packages are installed.

Each takes log p [N, K], a tolerance of its own kind and a limit of rounds, and returns the plan: cost −log p,
regularisation 1, uniform marginals, float64 on one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

Solver = Callable[[np.ndarray, float, int], np.ndarray]


def found() -> tuple[dict[str, Solver], dict[str, str]]:
    """The solvers at hand by name, and why the others are not."""
    makers: dict[str, tuple[str, Callable[[], Solver]]] = {
        "ott-jax": ("ott", lambda: ott(0)),
        "ott-jax, Anderson": ("ott", lambda: ott(5)),
        "regot ssns": ("regot", lambda: regot("sinkhorn_ssns")),
        "regot sparse Newton": ("regot", lambda: regot("sinkhorn_sparse_newton")),
        "regot splr": ("regot", lambda: regot("sinkhorn_splr")),
        "regot L-BFGS": ("regot", lambda: regot("sinkhorn_lbfgs_dual")),
        "mdot-tnt": ("mdot_tnt", mdot),
    }
    at_hand, absent = {}, {}
    for name, (package, make) in makers.items():
        if find_spec(package) is None:
            absent[name] = f"{package} is not installed: `make bench` installs it"
            continue
        try:
            at_hand[name] = make()
        except (ImportError, AttributeError, RuntimeError) as failure:
            absent[name] = str(failure)
    return at_hand, absent


def ott(anderson: int) -> Solver:
    """ott-jax's Sinkhorn on the cost matrix, compiled once for each shape."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    geometry = import_module("ott.geometry.geometry")
    linear_problem = import_module("ott.problems.linear.linear_problem")
    sinkhorn = import_module("ott.solvers.linear.sinkhorn")
    acceleration = import_module("ott.solvers.linear.acceleration")
    solvers: dict[tuple[float, int], Any] = {}

    def solve(log_p: np.ndarray, tol: float, rounds: int) -> np.ndarray:
        if (tol, rounds) not in solvers:
            options = {"anderson": acceleration.AndersonAcceleration(memory=anderson)} if anderson else {}
            solver = sinkhorn.Sinkhorn(threshold=tol, max_iterations=rounds, **options)

            def plan(cost: Any, solver: Any = solver) -> Any:
                problem = linear_problem.LinearProblem(geometry.Geometry(cost_matrix=cost, epsilon=1.0))
                return solver(problem).matrix

            solvers[tol, rounds] = jax.jit(plan)
        return np.asarray(solvers[tol, rounds](-log_p))

    return solve


def regot(name: str) -> Solver:
    """One of regot's, in its C++."""
    function = getattr(import_module("regot"), name)

    def solve(log_p: np.ndarray, tol: float, rounds: int) -> np.ndarray:
        n, k = log_p.shape
        a, b = np.full(n, 1.0 / n), np.full(k, 1.0 / k)
        return np.asarray(function(np.asfortranarray(-log_p), a, b, 1.0, tol, rounds).plan)

    return solve


def mdot() -> Solver:
    """Mirror descent with truncated Newton steps; its final precision is its own."""
    torch = import_module("torch")
    package = import_module("mdot_tnt")

    def solve(log_p: np.ndarray, tol: float, rounds: int) -> np.ndarray:
        n, k = log_p.shape
        cost = torch.from_numpy(-log_p)
        cost = cost - cost.min()
        scale = float(cost.max())
        a = torch.full((n,), 1.0 / n, dtype=torch.float64)
        b = torch.full((k,), 1.0 / k, dtype=torch.float64)
        plan = package.solve_OT(a, b, cost / scale, gamma_f=scale, return_plan=True, round=False)
        return np.asarray(plan)

    return solve
