"""Numbers in their range, and arrays that are computed on in NumPy, whatever library they come from."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.logspace import constant

Matrix = NDArray[np.float64]

LARGEST = 1e150
"""What has a finite square in float64."""


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


def check_plain(name: str, value: Any) -> None:
    """`value` holds its numbers as they are: no mask over them, none left out, none still to come."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"`{name}` must be an array without a mask, got a masked array: x.filled(...) says what stands "
            "where it is masked."
        )
    if not array_api_compat.is_torch_array(value):
        return
    if value.is_meta:
        raise TypeError(f"`{name}` must hold numbers, got a tensor on the device 'meta', which has none.")
    if (layout := str(value.layout)) != "torch.strided":
        raise TypeError(f"`{name}` must be dense, got a tensor of layout {layout}: x.to_dense() is one.")


def check_floating(name: str, value: Any) -> None:
    """An array is of floating-point numbers: integers may be the bits of others, which pass for logits."""
    if array_api_compat.is_array_api_obj(value) and "int" in str(value.dtype):
        raise TypeError(
            f"`{name}` must be floating-point, got dtype {value.dtype}: x.astype(float) if it holds numbers, "
            "x.view(torch.bfloat16).float() if it holds the bits of bfloat16."
        )


def on_host(name: str, value: Any) -> Matrix:
    """`value`, of any library, device and real dtype, as a float64 NumPy array."""
    check_plain(name, value)
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


def check_positive(name: str, values: ArrayLike, *, infinite: bool = False) -> Matrix:
    """`values` as float64, all > 0; inf only where it is a limit that means something."""
    array = on_host(name, values)
    bad = ~((array > 0) & (infinite | np.isfinite(array)))
    if bad.any():
        rule = "positive" if infinite else "positive and finite"
        raise ValueError(f"`{name}` must be {rule}, got {array[bad].ravel()[0]:g}.")
    return array


def check_momentum(name: str, values: ArrayLike) -> Matrix:
    """`values` as float64, all in [0, 1]."""
    array = on_host(name, values)
    bad = ~((array >= 0) & (array <= 1))
    if bad.any():
        raise ValueError(f"`{name}` must be in [0, 1], got {array[bad].ravel()[0]:g}.")
    return array


def check_quotient(over: str, value: ArrayLike, **under: ArrayLike) -> None:
    """value/τ has a finite square for each of the named τ > 0, so that what is made of it is a number."""
    for name, below in under.items():
        with np.errstate(all="ignore"):
            largest = float(np.max(np.divide(value, below)))
        if largest > LARGEST:
            raise ValueError(f"`{over}`/`{name}` must be at most {LARGEST:g}, got {largest:g}.")


def check_rate(name: str, value: float) -> float:
    """A number > 0; inf allowed."""
    number = check_number(name, value, finite=False)
    return math.inf if number == math.inf else check_number(name, number, low=0.0, open_low=True)


def check_order(order: float) -> float:
    """The order of a power mean as a float; ±inf allowed, NaN not."""
    return check_number("order", order, finite=False)


def finite_on_host(name: str, values: ArrayLike) -> Matrix:
    """`values` as finite float64."""
    array = on_host(name, values)
    if not np.isfinite(array).all():
        raise ValueError(f"`{name}` must be finite, got NaN or inf.")
    return array
