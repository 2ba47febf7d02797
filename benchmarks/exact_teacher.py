"""The projected teacher against POT and plain Sinkhorn.

Every contender solves the same problem, log p [N, K] at a temperature, uniform target. They take turns, so
that a busy machine slows them alike; the table gives the median time as a multiple of this toolkit's, and
the marginal error that was reached: a fast wrong answer is no answer. A contender that ran past its limit
of rounds is listed with the error at which it stopped.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
import ot
from rich.table import Table

import theory

ROUNDS = 1000
TOL = 1e-9


def problem(samples: int, clusters: int, temperature: float) -> np.ndarray:
    """Teacher log-probabilities of a mixture: unit-variance centres, fewer of them than clusters."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((max(2, clusters // 4), clusters))
    noise = 0.3 * rng.standard_normal((samples, clusters))
    return theory.log_softmax(
        centres[rng.integers(0, len(centres), samples)] + noise, temperature=temperature
    )


def exact(log_p: np.ndarray) -> np.ndarray:
    return theory.project(log_p, tol=TOL).log_r


def plain_sinkhorn(log_p: np.ndarray) -> np.ndarray:
    """Sinkhorn as `theory.sinkhorn_log_tilt` runs it, stopped at TOL or after ROUNDS."""
    log_tilt, log_r = None, log_p
    for _ in range(ROUNDS // 10):
        log_tilt = theory.sinkhorn_log_tilt(log_p, rounds=10, log_tilt=log_tilt)
        log_r = theory.tilt(log_p, log_tilt)
        if marginal_error(log_r) <= TOL:
            break
    return log_r


def pot_log(log_p: np.ndarray) -> np.ndarray:
    """POT's Sinkhorn in log space."""
    n, k = log_p.shape
    plan = ot.bregman.sinkhorn_log(
        np.full(n, 1 / n), np.full(k, 1 / k), -log_p, 1.0, numItermax=ROUNDS, stopThr=TOL
    )
    return np.log(np.maximum(plan * n, np.finfo(float).tiny))


def marginal_error(log_r: np.ndarray) -> float:
    """Σₖ |mean rₙ(k) − 1/K|, rows normalised first: every contender answers for rows and columns."""
    r = np.exp(log_r)
    r = r / r.sum(axis=1, keepdims=True)
    return float(np.abs(r.mean(axis=0) - 1 / r.shape[1]).sum())


CONTENDERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "theory.project": exact,
    "theory.sinkhorn_log_tilt": plain_sinkhorn,
    "POT sinkhorn_log": pot_log,
}


def measured(*, repeat: int, quick: bool) -> Table:
    """The table, of `repeat` turns each; `quick`: the small problems only."""
    sizes = [(256, 16), (64, 256)] if quick else [(256, 16), (1024, 256), (64, 1024)]
    table = Table(title=f"projected teacher to {TOL:g}, at most {ROUNDS} rounds: median time over {repeat}")
    for heading in ("N x K", "temperature", "contender", "seconds", "ratio", "marginal error"):
        table.add_column(heading, justify="left" if heading == "contender" else "right")
    for samples, clusters in sizes:
        for temperature in (0.5, 0.1, 0.04):
            log_p = problem(samples, clusters, temperature)
            seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
            errors = {}
            for _ in range(repeat):
                for name, solve in CONTENDERS.items():
                    begin = time.perf_counter()
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # POT warns where it stops early; the table says so
                        log_r = solve(log_p)
                    seconds[name].append(time.perf_counter() - begin)
                    errors[name] = marginal_error(log_r)
            ours = float(np.median(seconds["theory.project"]))
            for name in CONTENDERS:
                median = float(np.median(seconds[name]))
                size, tau = (
                    (f"{samples} x {clusters}", f"{temperature:g}") if name == "theory.project" else ("", "")
                )
                table.add_row(size, tau, name, f"{median:.3f}", f"{median / ours:.1f}", f"{errors[name]:.0e}")
    return table
