"""The ways of computing targets, and of moving a centre: those of published codes, and known slips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from theory.batches import check_logits
from theory.logspace import normalize
from theory.projection import NotConverged, project_kernel
from theory.sinkhorn import sinkhorn_kernel
from theory.systems.scalings import scores_kernel
from theory.tilts import tilt_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__: list[str] = []

Way = tuple[str, bool, np.ndarray]
MOST = 4096
"""Processes, micro-batches and ranks that a step may have."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a step had: checked, in float64."""

    logits: Float[np.ndarray, "N K"]
    temperature: float
    center: Float[np.ndarray, " K"] | None
    next_center: Float[np.ndarray, " K"] | None
    momentum: float
    rounds: int


def target_ways(given: Given) -> Iterator[Way]:
    """Name, whether it is a mistake, and r [N, K]."""
    z, tau, c, after = given.logits, given.temperature, given.center, given.next_center
    mean = z.mean(axis=0)
    yield "no constraint, softmax(z/τ)", False, _softmax(z / tau)
    yield "centering by the batch's own mean", False, _softmax((z - mean) / tau)
    yield "inverse priors of the batch", False, _inverse_prior(z, tau)
    on_scores, projected = _on_scores(z, tau, given.rounds), _projected(z, tau)
    yield "Sinkhorn on scores: DINOv2, SwAV", False, on_scores
    yield "Sinkhorn on scores, then argmax: VISSL's SwAV at first", False, _hard(on_scores)
    yield "Sinkhorn on probabilities: MSN", False, _on_probabilities(z, tau, given.rounds)
    if projected is not None:
        yield "projected, Sinkhorn to convergence: SeLa before its argmax", False, projected
        yield "projected, then argmax: SeLa", False, _hard(projected)
    if c is not None:
        yield "centering by the centre given: DINO, iBOT", False, _softmax((z - c) / tau)
        name, mistake = "centre subtracted after the division by τ", True
        if _is_log_prior(c):
            name, mistake = "moving inverse priors, centering on probabilities", False
        yield name, mistake, _softmax(z / tau - c)
        yield "centre added, not subtracted", True, _softmax((z + c) / tau)
        moved = given.momentum * c + (1 - given.momentum) * mean if after is None else after
        yield "centre updated before its use", True, _softmax((z - moved) / tau)
    for parts in range(2, min(len(z) // 2, MOST) + 1):
        if len(z) % parts == 0:
            for name, way in (("scores", _on_scores), ("probabilities", _on_probabilities)):
                r = np.concatenate([way(part, tau, given.rounds) for part in np.split(z, parts)])
                yield f"Sinkhorn on {name} over 1/{parts} of the batch, as on one rank", True, r


def center_ways(given: Given) -> Iterator[Way]:
    """Name, whether it is a mistake, and the next centre [K]."""
    z, c, m = given.logits, given.center, given.momentum
    assert c is not None
    mean, probabilities = z.mean(axis=0), _softmax((z - c) / given.temperature).mean(axis=0)
    yield "m c + (1 − m) z̄: DINO, iBOT, lightly", False, m * c + (1 - m) * mean
    yield "a moving mean of probabilities, softmax((z − c)/τ)", True, m * c + (1 - m) * probabilities
    raw = _softmax(z / given.temperature).mean(axis=0)
    yield "a moving mean of probabilities, softmax(z/τ)", True, m * c + (1 - m) * raw
    if _is_log_prior(c):
        moved = np.log(m * np.exp(c) + (1 - m) * raw)
        yield "log of a moving mean of probabilities: inverse priors", False, moved
    yield "m and 1 − m in each other's place", True, (1 - m) * c + m * mean
    yield "not moved", True, c
    yield from _counted(given, c, mean)


def _counted(given: Given, c: np.ndarray, mean: np.ndarray) -> Iterator[Way]:
    """Slips with a whole number in them, which is read off the centre that was found."""
    after, m = given.next_center, given.momentum
    if after is None or not 0 < m < 1:
        return
    factor = _along(after - m * c, (1 - m) * mean)
    if 1.5 <= factor <= MOST:
        n = round(factor)
        yield f"a sum over {n} processes that was not divided", True, m * c + (1 - m) * n * mean
    if 1 / MOST <= factor <= 1 / 1.5:
        n = round(1 / factor)
        yield f"divided by {n} processes once too often", True, m * c + (1 - m) * mean / n
    kept = 1 - _along(after - c, mean - c)
    if 0 < kept < 1 and 1.5 <= (power := np.log(kept) / np.log(m)) <= MOST:
        n = round(power)
        yield f"moved at each of {n} micro-batches of these logits", True, m**n * c + (1 - m**n) * mean


def _along(x: np.ndarray, direction: np.ndarray) -> float:
    """The multiple of the direction that is nearest to x; 0 where there is none."""
    length = float(direction @ direction)
    return float(x @ direction) / length if length > 0 else 0.0


def per_position_ways(logits: Float[np.ndarray, "N P K"], tau: float, rounds: int) -> Iterator[Way]:
    """r as [N · P, K] of ways that look at one position at a time."""
    r = np.stack([_on_scores(logits[:, p], tau, rounds) for p in range(logits.shape[1])], axis=1)
    yield "Sinkhorn on scores for each position: CAPI", False, r.reshape(-1, logits.shape[-1])


def position_ways(
    logits: Float[np.ndarray, "N P K"], center: Float[np.ndarray, "P K"], momentum: float
) -> Iterator[Way]:
    """Of a centre that has one row for each position."""
    moved = momentum * center + (1 - momentum) * logits.mean(axis=0)
    yield "one centre for each position: clusters may stand for positions", True, moved
    whole = momentum * center + (1 - momentum) * logits.mean(axis=(0, 1))
    yield "one mean for all positions, kept for each", False, whole


def _is_log_prior(center: np.ndarray) -> bool:
    """The logs of shares that sum to 1: a centre of logits would do so by chance only."""
    return bool(abs(np.exp(np.minimum(center, 1.0)).sum() - 1) < 1e-3)


def _hard(r: np.ndarray) -> np.ndarray:
    """One-hot, of the largest."""
    return (np.arange(r.shape[1]) == r.argmax(axis=1)[:, None]).astype(float)


def _softmax(scores: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.exp(normalize(scores, np, 1.0))
    return found


def _inverse_prior(z: np.ndarray, tau: float) -> np.ndarray:
    p = _softmax(z / tau)
    return _softmax(z / tau - np.log(np.maximum(p.mean(axis=0), np.finfo(float).tiny)))


def _on_scores(z: np.ndarray, tau: float, rounds: int) -> np.ndarray:
    return np.exp(scores_kernel("logits", z, tau, rounds, None, None))


def _on_probabilities(z: np.ndarray, tau: float, rounds: int) -> np.ndarray:
    ensemble, _ = check_logits(z, tau, None, None)
    return np.exp(tilt_kernel(ensemble.log_p, sinkhorn_kernel(ensemble, rounds=rounds), ensemble.xp))


def _projected(z: np.ndarray, tau: float) -> np.ndarray | None:
    """None where the solver stops: one way less to compare with."""
    ensemble, _ = check_logits(z, tau, None, None)
    try:
        return np.exp(project_kernel(ensemble).log_r)
    except NotConverged:
        return None
