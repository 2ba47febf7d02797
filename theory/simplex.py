"""Points of the simplex in log space, and the checks that an array is an ensemble of them.

Every array is a log-probability array ``[..., N, K]``: samples on axis -2, clusters on axis -1. Any
array-API namespace will do (NumPy, torch with autograd, array-api-strict); results come back in the
namespace, dtype and device that went in. All arithmetic stays in log space; 0 · log 0 = 0 and an
infinite divergence is returned as infinite.
"""

from __future__ import annotations

import math

import array_api_compat

from theory.checks import (
    check_against,
    check_finite,
    check_rank,
    namespace,
    positive,
    reject,
    values_are_checked,
)
from theory.logspace import Array, Namespace, log_mean_exp, normalize

_OPTIONAL = ("weights", "log_target", "log_tilt")


def log_softmax(logits: Array, *, temperature: Array | float = 1.0) -> Array:
    """log p(k) = z(k)/τ − log Σⱼ e^{z(j)/τ}.

    Entries near 0 keep full *relative* accuracy: the largest term is left out of the sum and log1p
    taken of the rest, so log p = −1e-22 is not rounded to 0.

    logits: [..., K], finite or −inf (an exact zero).  temperature: τ > 0, a number or an array [..., 1] that
    broadcasts against `logits`.  Returns [..., K] log-probabilities.
    Raises TypeError, ValueError: not a floating-point array; K < 2; NaN or +inf; a row of −inf only; τ ≤ 0.
    """
    xp = namespace(logits=logits)
    check_rank("logits", logits, 1)
    check_scores("logits", logits, xp)
    temperature = positive("temperature", temperature, logits, xp)
    return normalize(logits, xp, temperature)


def marginal(log_p: Array, *, weights: Array | None = None) -> Array:
    """log P(k) = log Σₙ wₙ pₙ(k), in nats.

    log_p: [..., N, K].  weights: [..., N], sum 1; None means 1/N.  Returns [..., K].
    """
    log_p, weights, xp = ensemble(log_p, weights)
    return log_mean_exp(log_p, weights, xp)


# -- checks ----------------------------------------------------------------------------------------


def ensemble(
    log_p: Array, weights: Array | None, name: str = "log_p", **others: Array
) -> tuple[Array, Array, Namespace]:
    """Checked `log_p` [..., N, K], its weights [..., N] (1/N made explicit), and the namespace."""
    given = {"weights": weights, **others}
    xp = namespace(**{name: log_p}, **{k: v for k, v in given.items() if not (v is None and k in _OPTIONAL)})
    check_rank(name, log_p, 2)
    check_log_probabilities(name, log_p, xp)
    return log_p, sample_weights(weights, log_p, xp, name), xp


def sample_weights(weights: Array | None, log_p: Array, xp: Namespace, name: str = "log_p") -> Array:
    """Checked weights [..., N]; 1/N where None."""
    n = log_p.shape[-2]
    if weights is None:
        return xp.full((n,), 1.0 / n, dtype=log_p.dtype, device=array_api_compat.device(log_p))
    check_against("weights", weights, log_p.shape[:-1], f"the samples of `{name}`")
    _check_weight_values("weights", weights, xp)
    return weights


def target_prior(log_target: Array | None, log_p: Array, xp: Namespace, name: str = "log_p") -> Array:
    """Checked log π [..., K]; −log K where None."""
    k = log_p.shape[-1]
    if log_target is None:
        return xp.full((k,), -math.log(k), dtype=log_p.dtype, device=array_api_compat.device(log_p))
    check_against("log_target", log_target, (*log_p.shape[:-2], k), f"the clusters of `{name}`")
    check_log_probabilities("log_target", log_target, xp)
    zero = log_target == -math.inf
    reject("log_target", zero, "give every cluster a positive share", "-inf, a share of 0,", xp)
    return log_target


def check_scores(name: str, scores: Array, xp: Namespace) -> None:
    """No NaN, no +inf, and something finite in every row."""
    reject(name, xp.isnan(scores), "not contain NaN", "NaN", xp)
    reject(name, scores == math.inf, "not contain +inf", "+inf", xp)
    empty = xp.all(scores == -math.inf, axis=-1)
    reject(name, empty, "have a finite entry in every row", "only -inf", xp)


def check_log_probabilities(name: str, log_p: Array, xp: Namespace) -> None:
    """Rows of log-probabilities: no NaN, no +inf, each row summing to 1 after exp."""
    if not values_are_checked():
        return
    check_scores(name, log_p, xp)
    reject(name, log_p > 1.0, "hold log-probabilities, none above 0", log_p, xp)
    total = xp.sum(xp.exp(log_p), axis=-1)
    off = xp.abs(total - 1.0) > _tolerance(log_p, xp)
    if bool(xp.any(off)):
        plain = bool(xp.all((log_p >= 0) & (log_p <= 1)))
        kind = "log-probabilities, not probabilities" if plain else "log-probabilities"
        reject(name, off, f"hold {kind}: exp must sum to 1 along the last axis", total, xp)


def _check_weight_values(name: str, w: Array, xp: Namespace) -> None:
    check_finite(name, w, xp)
    reject(name, w < 0, "not be negative", w, xp)
    total = xp.sum(w, axis=-1)
    reject(name, xp.abs(total - 1.0) > _tolerance(w, xp), "sum to 1 along the last axis", total, xp)


def _tolerance(array: Array, xp: Namespace) -> float:
    """How far a sum may be from 1: 1e-6, or what rounding in a short dtype makes of it."""
    return max(1e-6, 4.0 * math.sqrt(float(xp.finfo(array.dtype).eps)))
