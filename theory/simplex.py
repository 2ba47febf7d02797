"""Points of the simplex in log space, and the only input checks of the package.

Every array is a log-probability array ``[..., N, K]``: samples on axis -2, clusters on axis -1. Any
array-API namespace will do (NumPy, torch with autograd, array-api-strict); results come back in the
namespace, dtype and device that went in. All arithmetic stays in log space; 0 · log 0 = 0 and an
infinite divergence is returned as infinite.

Nothing is repaired here: input that is not what the formulas assume raises, and the message names the
argument and says what arrived.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import array_api_compat
import numpy as np

from theory.logspace import Array, Namespace, log_mean_exp, normalize

_OPTIONAL = ("weights", "log_target", "log_tilt")
_values_are_checked: ContextVar[bool] = ContextVar("_values_are_checked", default=True)


@contextmanager
def assume_valid() -> Iterator[None]:
    """Skip the checks that read values (NaN, normalisation, sign); ranks, shapes and dtypes stay checked.

    For inner loops over arrays known to be valid: the value checks cost a pass over the data, wait for
    an accelerator, and cannot be traced. Invalid values then give invalid answers. Safe across threads
    and tasks; nests.
    """
    token = _values_are_checked.set(False)
    try:
        yield
    finally:
        _values_are_checked.reset(token)


def values_are_checked() -> bool:
    """False inside `assume_valid`."""
    return _values_are_checked.get()


def log_softmax(logits: Array, *, temperature: Array | float = 1.0) -> Array:
    """log p(k) = z(k)/τ − log Σⱼ e^{z(j)/τ}.

    Entries near 0 keep full *relative* accuracy: the largest term is left out of the sum and log1p
    taken of the rest, so log p = −1e-22 is not rounded to 0.

    logits: [..., K], finite or −inf (an exact zero).  temperature: τ > 0, a number or an array that
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


def namespace(**arrays: Array) -> Namespace:
    """The one array namespace of the named arrays; all of one real floating dtype.

    Raises TypeError naming the argument that is no array, is not floating-point, or differs from the first.
    """
    first, xp, dtype = "", None, None
    for name, array in arrays.items():
        if not array_api_compat.is_array_api_obj(array):
            raise TypeError(f"`{name}` must be an array (NumPy, torch, …), got {type(array).__name__}.")
        own = array_api_compat.array_namespace(array)
        if not own.isdtype(array.dtype, "real floating"):
            raise TypeError(f"`{name}` must be floating-point, got dtype {array.dtype}.")
        if xp is None:
            first, xp, dtype = name, own, array.dtype
        elif own is not xp:
            raise TypeError(
                f"`{name}` is an array of {_library(own)} but `{first}` of {_library(xp)}; use one namespace."
            )
        elif array.dtype != dtype:
            raise TypeError(f"`{name}` has dtype {array.dtype} but `{first}` has {dtype}; use one dtype.")
    return xp


def _library(xp: Namespace) -> str:
    return xp.__name__.removeprefix("array_api_compat.")


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


def check_rank(name: str, array: Array, rank: int) -> None:
    """At least `rank` axes, K ≥ 2 clusters on the last, no empty axis."""
    axes = "[..., N, K]" if rank == 2 else "[..., K]"
    if array.ndim < rank:
        raise ValueError(f"`{name}` must have shape {axes}, got shape {tuple(array.shape)}.")
    if 0 in array.shape:
        raise ValueError(f"`{name}` must not be empty, got shape {tuple(array.shape)} for {axes}.")
    if array.shape[-1] < 2:
        raise ValueError(
            f"`{name}` must have at least 2 clusters on its last axis, got K = {array.shape[-1]}."
        )


def check_against(name: str, array: Array, shape: tuple[int, ...], of: str) -> None:
    """`array` broadcasts to `shape` and matches its last axis exactly."""
    own = tuple(array.shape)
    fits = len(own) <= len(shape) and own[-1:] == shape[-1:]
    fits = fits and all(a in (1, b) for a, b in zip(reversed(own), reversed(shape), strict=False))
    if not fits or not own:
        raise ValueError(f"`{name}` must match {of}, shape {tuple(shape)}, got shape {own}.")


def check_same_shape(name: str, array: Array, other_name: str, other: Array) -> None:
    """Both arrays have one shape."""
    if array.shape != other.shape:
        raise ValueError(
            f"`{name}` must have the shape of `{other_name}`, {tuple(other.shape)}, got {tuple(array.shape)}."
        )


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


def positive(name: str, value: Array | float, like: Array, xp: Namespace) -> Array | float:
    """`value`: a finite number > 0 as a float, or an array of them that broadcasts against `like`.

    A NumPy scalar counts as a number: as an array its own dtype would widen the result.
    """
    if not array_api_compat.is_array_api_obj(value) or isinstance(value, np.generic):
        return check_number(name, value, low=0.0, open_low=True)
    array: Array = value
    namespace(**{"logits": like, name: array})
    own = tuple(array.shape)
    if len(own) > like.ndim or any(
        a not in (1, b) for a, b in zip(reversed(own), reversed(like.shape), strict=False)
    ):
        raise ValueError(f"`{name}` must broadcast against shape {tuple(like.shape)}, got shape {own}.")
    reject(name, ~(xp.isfinite(array) & (array > 0)), "be positive and finite", array, xp)
    return array


def check_number(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
    finite: bool = True,
) -> float:
    """`value` as a float within [low, high] (or (low, high]); NaN never passes, ±inf unless `finite`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"`{name}` must be a number, got {type(value).__name__}.") from None
    if isinstance(value, (bool, str)):
        raise TypeError(f"`{name}` must be a number, got {value!r}.")
    inside = (number > low if open_low else number >= low) and number <= high
    if not inside or (finite and math.isinf(number)):
        if not finite:
            span = "a number or ±inf"
        elif low == 0.0 and open_low and high == math.inf:
            span = "positive and finite"
        elif math.isinf(low) and math.isinf(high):
            span = "finite"
        else:
            span = f"in {'(' if open_low else '['}{low:g}, {high:g}]"
        raise ValueError(f"`{name}` must be {span}, got {number:g}.")
    return number


def check_count(name: str, value: Any, *, low: int = 1) -> int:
    """`value` as an int, at least `low`."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"`{name}` must be an integer, got {value!r}.")
    if int(value) < low:
        raise ValueError(f"`{name}` must be at least {low}, got {int(value)}.")
    return int(value)


def check_finite(name: str, value: Array, xp: Namespace) -> None:
    """Every entry of `value` is finite."""
    reject(name, ~xp.isfinite(value), "be finite", value, xp)


def reject(name: str, bad: Array, rule: str, got: Array | str, xp: Namespace) -> None:
    """Raise ValueError naming the first index where `bad` holds, and what `got` is there."""
    if values_are_checked() and bool(xp.any(bad)):
        where = _first(bad, xp)
        arrived = got if isinstance(got, str) else f"{float(got[where]):.6g}"
        raise ValueError(f"`{name}` must {rule}, got {arrived}{_at(where)}.")


def _check_weight_values(name: str, w: Array, xp: Namespace) -> None:
    check_finite(name, w, xp)
    reject(name, w < 0, "not be negative", w, xp)
    total = xp.sum(w, axis=-1)
    reject(name, xp.abs(total - 1.0) > _tolerance(w, xp), "sum to 1 along the last axis", total, xp)


def _tolerance(array: Array, xp: Namespace) -> float:
    """How far a sum may be from 1: 1e-6, or what rounding in a short dtype makes of it."""
    return max(1e-6, 4.0 * math.sqrt(float(xp.finfo(array.dtype).eps)))


def _first(bad: Array, xp: Namespace) -> tuple[int, ...]:
    """Index of the first True."""
    flat = int(xp.argmax(xp.astype(xp.reshape(bad, (-1,)), xp.int64)))
    index: list[int] = []
    for size in reversed(bad.shape):
        flat, here = divmod(flat, size)
        index.append(here)
    return tuple(reversed(index))


def _at(index: tuple[int, ...]) -> str:
    return f" at index {index if len(index) != 1 else index[0]}" if index else ""
