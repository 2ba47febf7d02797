"""Arrays of any namespace: one namespace and dtype, shapes that fit, then values, each array read once.

Nothing is repaired here: input that is not what the formulas assume raises, and the message names the
argument and says what arrived. What comes back is what the kernels work on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

import array_api_compat
import numpy as np

from theory.blocks import has_finite_rows
from theory.checks.numbers import check_number, check_plain
from theory.logspace import Array, Namespace, sum_exp

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

_values_are_checked: ContextVar[bool] = ContextVar("_values_are_checked", default=True)


@contextmanager
def assume_valid() -> Iterator[None]:
    """Skip the checks that read values (NaN, normalisation, sign); ranks, shapes and dtypes stay checked.

    For inner loops over arrays known to be valid: the value checks cost a pass over the data, wait for
    an accelerator, and cannot be traced. Invalid values then give invalid answers. Safe across threads
    and tasks; nests.

    Returns
    -------
    context manager
        It skips them in its own thread or task, until it is left.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> with theory.assume_valid():
    ...     found = theory.entropy(np.log([0.5, 0.6]))  # sums to 1.1: not looked at
    >>> print(f"{found:.4f}")
    0.6531
    """
    token = _values_are_checked.set(False)
    try:
        yield
    finally:
        _values_are_checked.reset(token)


def reads_values(name: str) -> bool:
    """Whether the values of the argument `name` are to be read; asked once for each array of a call."""
    return _values_are_checked.get()


def values_are_checked() -> bool:
    """False inside `assume_valid`."""
    return _values_are_checked.get()


class Ensemble(NamedTuple):
    """Operands of the kernels: points of the simplex with their weights, and the prior required of them."""

    log_p: Float[Array, "*batch N K"]
    """Log-probabilities, [..., N, K]; zeros are −inf."""
    weights: Float[Array, "*batch N"]
    """w, [..., N], sum 1; 1/N made explicit."""
    log_target: Float[Array, "*batch K"]
    """log π, [..., K]; uniform made explicit."""
    xp: Namespace
    """The array namespace of all three."""


def check_ensemble(
    log_p: Float[Array, "*batch N K"],
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
    *,
    name: str = "log_p",
    log_tilt: Float[Array, "*#batch K"] | None = None,
) -> Ensemble:
    """Log-probabilities `name` [..., N, K] with what belongs to them: w [..., N], log π and λ [..., K]."""
    optional = {"weights": weights, "log_target": log_target, "log_tilt": log_tilt}
    xp = namespace(**{name: log_p}, **{key: x for key, x in optional.items() if x is not None})
    check_rank(name, log_p, 2)
    check_log_probabilities(name, log_p, xp)
    found = Ensemble(
        log_p, check_weights(weights, log_p, xp, name), check_target(log_target, log_p, xp, name), xp
    )
    if log_tilt is not None:
        check_tilt(log_tilt, log_p, xp)
    return found


def namespace(**arrays: Array) -> Namespace:
    """The one array namespace of the named arrays; all of one real floating dtype.

    Raises TypeError naming the argument that is no array, is not floating-point, or differs from the first.
    """
    first, xp, dtype = "", None, None
    for name, array in arrays.items():
        if not array_api_compat.is_array_api_obj(array):
            raise TypeError(f"`{name}` must be an array (NumPy, torch, …), got {type(array).__name__}.")
        check_plain(name, array)
        own = array_api_compat.array_namespace(array)
        if not own.isdtype(array.dtype, "real floating"):
            raise TypeError(f"`{name}` must be floating-point, got dtype {array.dtype}.")
        if xp is None:
            first, xp, dtype = name, own, array.dtype
        elif own is not xp:
            library = {x: x.__name__.removeprefix("array_api_compat.") for x in (own, xp)}
            raise TypeError(
                f"`{name}` is an array of {library[own]} but `{first}` of {library[xp]}; use one namespace."
            )
        elif array.dtype != dtype:
            raise TypeError(f"`{name}` has dtype {array.dtype} but `{first}` has {dtype}; use one dtype.")
    return xp


def check_rank(name: str, array: Array, rank: int) -> None:
    """At least `rank` axes, K ≥ 2 clusters on the last, no empty axis."""
    axes, shape = "[..., N, K]" if rank == 2 else "[..., K]", tuple(array.shape)
    if array.ndim < rank:
        raise ValueError(f"`{name}` must have shape {axes}, got shape {shape}.")
    if 0 in shape:
        raise ValueError(f"`{name}` must not be empty, got shape {shape} for {axes}.")
    if shape[-1] < 2:
        raise ValueError(f"`{name}` must have at least 2 clusters on its last axis, got K = {shape[-1]}.")


def check_against(name: str, array: Array, shape: tuple[int, ...], of: str) -> None:
    """`array` broadcasts to `shape` and matches its last axis exactly."""
    own = tuple(array.shape)
    if not own or own[-1] != shape[-1] or not _broadcasts_to(own, shape):
        raise ValueError(f"`{name}` must match {of}, shape {tuple(shape)}, got shape {own}.")


def check_same_shape(name: str, array: Array, other_name: str, other: Array) -> None:
    """Both arrays have one shape."""
    if array.shape != other.shape:
        raise ValueError(
            f"`{name}` must have the shape of `{other_name}`, {tuple(other.shape)}, got {tuple(array.shape)}."
        )


def check_pair(name: str, log_a: Array, other_name: str, log_b: Array) -> Namespace:
    """Two arrays of log-probabilities [..., K] that broadcast, K alike."""
    xp = namespace(**{name: log_a, other_name: log_b})
    check_rank(name, log_a, 1)
    check_rank(other_name, log_b, 1)
    one, other = tuple(log_a.shape), tuple(log_b.shape)
    axes = zip(reversed(one), reversed(other), strict=False)
    if one[-1] != other[-1] or any(a != b and 1 not in (a, b) for a, b in axes):
        raise ValueError(f"`{other_name}` must match `{name}`, shape {one}, got shape {other}.")
    check_log_probabilities(name, log_a, xp)
    if log_b is not log_a:
        check_log_probabilities(other_name, log_b, xp)
    return xp


def check_temperature(
    value: Float[Array, "*#batch 1"] | float, logits: Float[Array, "*batch K"], xp: Namespace
) -> Float[Array, "*#batch 1"] | float:
    """τ: a finite number > 0 as a float, or an array [..., 1] of them that broadcasts against `logits`.

    A NumPy scalar counts as a number: as an array its own dtype would widen the result.
    """
    if not array_api_compat.is_array_api_obj(value) or isinstance(value, np.generic):
        return check_number("temperature", value, low=0.0, open_low=True)
    array: Array = value
    namespace(logits=logits, temperature=array)
    own, shape = tuple(array.shape), tuple(logits.shape)
    if not _broadcasts_to(own, shape):
        raise ValueError(f"`temperature` must broadcast against shape {shape}, got shape {own}.")
    if own and own[-1] != 1:
        raise ValueError(f"`temperature` must be one for all clusters, its last axis 1, got shape {own}.")
    if reads_values("temperature"):
        reject("temperature", ~(xp.isfinite(array) & (array > 0)), "be positive and finite", array, xp)
    return array


def check_scores(name: str, scores: Float[Array, "*batch K"], xp: Namespace) -> None:
    """No NaN, no +inf, and something finite in every row."""
    if reads_values(name) and not (isinstance(scores, np.ndarray) and has_finite_rows(scores)):
        _reject_scores(name, scores, xp)


def check_log_probabilities(name: str, log_p: Float[Array, "*batch K"], xp: Namespace) -> None:
    """Rows of log-probabilities: no NaN, no +inf, each row summing to 1 after exp."""
    if not reads_values(name):
        return
    total = sum_exp(log_p, xp)
    off = ~(xp.abs(total - 1.0) <= _tolerance(log_p, xp))  # NaN, +inf and what is above 0 are among them
    if bool(xp.any(off)):
        _reject_scores(name, log_p, xp)
        reject(name, log_p > 1.0, "hold log-probabilities, none above 0", log_p, xp)
        plain = bool(xp.all((log_p >= 0) & (log_p <= 1)))
        kind = "log-probabilities, not probabilities" if plain else "log-probabilities"
        reject(name, off, f"hold {kind}: exp must sum to 1 along the last axis", total, xp)


def check_weights(
    weights: Float[Array, "*#batch N"] | None,
    log_p: Float[Array, "*batch N K"],
    xp: Namespace,
    of: str = "log_p",
) -> Float[Array, "*#batch N"]:
    """Weights [..., N] of the samples of `of`: finite, not negative, sum 1; 1/N where None."""
    if weights is None:
        n = log_p.shape[-2]
        return xp.full((n,), 1.0 / n, dtype=log_p.dtype, device=array_api_compat.device(log_p))
    check_against("weights", weights, log_p.shape[:-1], f"the samples of `{of}`")
    if reads_values("weights"):
        reject("weights", ~xp.isfinite(weights), "be finite", weights, xp)
        reject("weights", weights < 0, "not be negative", weights, xp)
        total = xp.sum(weights, axis=-1)
        off = xp.abs(total - 1.0) > _tolerance(weights, xp)
        reject("weights", off, "sum to 1 along the last axis", total, xp)
    return weights


def check_target(
    log_target: Float[Array, "*#batch K"] | None,
    log_p: Float[Array, "*batch N K"],
    xp: Namespace,
    of: str = "log_p",
) -> Float[Array, "*#batch K"]:
    """log π [..., K] for the clusters of `of`, every share positive; −log K where None."""
    k = log_p.shape[-1]
    if log_target is None:
        return xp.full((k,), -math.log(k), dtype=log_p.dtype, device=array_api_compat.device(log_p))
    check_against("log_target", log_target, (*log_p.shape[:-2], k), f"the clusters of `{of}`")
    check_log_probabilities("log_target", log_target, xp)
    if values_are_checked():
        zero = log_target == -math.inf
        reject("log_target", zero, "give every cluster a positive share", "-inf, a share of 0,", xp)
    return log_target


def check_tilt(
    log_tilt: Float[Array, "*#batch K"],
    log_p: Float[Array, "*batch N K"],
    xp: Namespace,
    *,
    name: str = "log_tilt",
) -> None:
    """λ of shape [..., K] to match log_p [..., N, K], finite."""
    check_against(name, log_tilt, (*log_p.shape[:-2], log_p.shape[-1]), "the clusters of `log_p`")
    check_finite(name, log_tilt, xp)


def check_finite(name: str, value: Float[Array, "*shape"], xp: Namespace) -> None:
    """Every entry of `value` is finite."""
    if reads_values(name):
        reject(name, ~xp.isfinite(value), "be finite", value, xp)


def reject(
    name: str, bad: Bool[Array, "*shape"], rule: str, got: Float[Array, "*shape"] | str, xp: Namespace
) -> None:
    """Raise ValueError naming the first index where `bad` holds, and what `got` is there."""
    if not (values_are_checked() and bool(xp.any(bad))):
        return
    flat = int(xp.argmax(xp.astype(xp.reshape(bad, (-1,)), xp.int64)))
    index = tuple(map(int, np.unravel_index(flat, tuple(bad.shape)))) if bad.ndim else ()
    arrived = got if isinstance(got, str) else f"{float(got[index]):.6g}"
    where = f" at index {index if len(index) != 1 else index[0]}" if index else ""
    raise ValueError(f"`{name}` must {rule}, got {arrived}{where}.")


def _reject_scores(name: str, scores: Array, xp: Namespace) -> None:
    reject(name, xp.isnan(scores), "not contain NaN", "NaN", xp)
    reject(name, scores == math.inf, "not contain +inf", "+inf", xp)
    empty = xp.all(scores == -math.inf, axis=-1)
    reject(name, empty, "have a finite entry in every row", "only -inf", xp)


def _broadcasts_to(own: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    fits = zip(reversed(own), reversed(shape), strict=False)
    return len(own) <= len(shape) and all(a in (1, b) for a, b in fits)


def _tolerance(array: Array, xp: Namespace) -> float:
    """How far a sum may be from 1: 1e-6, or what rounding in a short dtype makes of it."""
    return max(1e-6, 4.0 * math.sqrt(float(xp.finfo(array.dtype).eps)))
