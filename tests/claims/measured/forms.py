"""Numbers as the texts write them."""

import math

import xarray as xr

WORDS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]


def fixed(x, digits: int) -> str:
    """To so many decimals, with the sign of print; half goes to the even digit."""
    return f"{float(x):.{digits}f}".replace("-", "−")


def upper(x, digits: int) -> str:
    """What x is at most, to so many decimals."""
    return fixed(math.ceil(float(x) * 10**digits) / 10**digits, digits)


def lower(x, digits: int) -> str:
    """What x is at least, to so many decimals."""
    return fixed(math.floor(float(x) * 10**digits) / 10**digits, digits)


def span(values: xr.DataArray, digits: int) -> tuple[str, str]:
    """The least and the largest of them."""
    return fixed(values.min(), digits), fixed(values.max(), digits)


def percent(x, digits: int = 0) -> str:
    return fixed(100 * float(x), digits)


def word(count) -> str:
    """A small number in letters."""
    return WORDS[int(count)]


def middle(values: xr.DataArray, digits: int) -> tuple[str, str, str]:
    """Median of the seeds, the least and the largest."""
    return fixed(values.median(), digits), *span(values, digits)


def interval(difference: xr.DataArray, digits: int, sign: int = 1) -> tuple[str, str, str]:
    """A paired difference with its interval: mean, and the bounds in their order."""
    mean, low, high = (sign * float(difference.sel(bound=b)) for b in ("mean", "low", "high"))
    return fixed(mean, digits), fixed(min(low, high), digits), fixed(max(low, high), digits)
