"""The arguments of a public function: one array namespace, shapes that fit, numbers in their range.

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

from theory.logspace import Array, Namespace, constant

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


def positive(name: str, value: Array | float, like: Array, xp: Namespace) -> Array | float:
    """`value`: a finite number > 0 as a float, or an array [..., 1] of them that broadcasts against `like`.

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
    if own and own[-1] != 1:
        raise ValueError(f"`{name}` must be one for all clusters, its last axis 1, got shape {own}.")
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
    except OverflowError:
        raise ValueError(f"`{name}` must fit a float, got an integer of {len(str(value))} digits.") from None
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
        elif math.isinf(high):
            span = f"finite and at least {low:g}"
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
    if int(value) >= 2**63:
        raise ValueError(f"`{name}` must be below 2^63, got an integer of {len(str(int(value)))} digits.")
    return int(value)


def on_host(name: str, value: Any) -> np.ndarray:
    """`value`, of any library, device and real dtype, as a float64 NumPy array."""
    value = constant(value)
    for move in ("cpu", "double"):  # torch's half precisions have no counterpart in NumPy
        value = getattr(value, move)() if hasattr(value, move) else value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        raise TypeError(f"`{name}` must be an array of numbers, got {type(value).__name__}.") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(f"`{name}` must hold real numbers, got dtype {array.dtype}.")
    return array.astype(np.float64)


def check_finite(name: str, value: Array, xp: Namespace) -> None:
    """Every entry of `value` is finite."""
    reject(name, ~xp.isfinite(value), "be finite", value, xp)


def reject(name: str, bad: Array, rule: str, got: Array | str, xp: Namespace) -> None:
    """Raise ValueError naming the first index where `bad` holds, and what `got` is there."""
    if values_are_checked() and bool(xp.any(bad)):
        where = _first(bad, xp)
        arrived = got if isinstance(got, str) else f"{float(got[where]):.6g}"
        raise ValueError(f"`{name}` must {rule}, got {arrived}{_at(where)}.")


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
