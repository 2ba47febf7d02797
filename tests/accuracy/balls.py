"""Formulas in ball arithmetic (Arb): NumPy arrays of real numbers, each with a proven bound on its error.

A float is the real number it is. A formula is evaluated at rising precision until every number that it gives
is known to 24 digits or is below what any float can hold, so no cancellation in it needs an eye.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from flint import acb_mat, arb, arb_mat, ctx

Values = dict[str, Any]
Formula = Callable[..., Values]

_PRECISIONS = 192, 512, 1536, 4608  # bits
_KNOWN = arb(2) ** -80  # of a number, relative
_NOTHING = arb(10) ** -400


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Arb at `bits` inside."""
    before, ctx.prec = ctx.prec, bits
    try:
        yield
    finally:
        ctx.prec = before


def balls(value: Any) -> np.ndarray:
    """Floats as an object array of exact real numbers."""
    return np.vectorize(arb, otypes=[object])(np.asarray(value, float))


def floats(value: np.ndarray) -> np.ndarray:
    """Each number rounded once, ±inf past the largest float."""
    return np.vectorize(lambda x: float(x.mid()), otypes=[float])(value)


def known(formula: Formula, given: Values, *, sizes: dict[str, float] | None = None, seed: int = 0) -> Values:
    """`formula` of the floats among `given`, each off by up to the relative size of its name, by `seed`."""
    for bits in _PRECISIONS:
        with precision(bits):
            exact = {name: _exact(x, name, (sizes or {}).get(name, 0.0), seed) for name, x in given.items()}
            try:
                found = {part: np.asarray(value, object) for part, value in formula(**exact).items()}
            except ZeroDivisionError:  # a ball about 0
                continue
            if all(_is_known(x) for value in found.values() for x in value.ravel()):
                return found
    raise ArithmeticError(f"{formula.__name__}: not known at {bits} bits")


def _exact(value: Any, name: str, size: float, seed: int) -> Any:
    if isinstance(value, (list, tuple)):
        return [_exact(x, f"{name}{i}", size, seed) for i, x in enumerate(value)]
    if not isinstance(value, (float, np.ndarray)):
        return value
    exact = np.asarray(balls(value), object)
    if size:
        rng = np.random.default_rng([seed, *name.encode()])
        part = rng.choice([-1.0, 1.0], exact.shape) * rng.uniform(0.5, 1.0, exact.shape)
        exact = exact * (1 + balls(size * part))
    exact = np.asarray(exact, object)
    return exact if exact.ndim else exact.item()


def _is_known(x: arb) -> bool:
    return bool(x.rad() <= _KNOWN * x.abs_lower()) or bool(x.abs_upper() < _NOTHING)


def total(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """Σ x along an axis."""
    return np.add.reduce(x, axis=axis)


def osc(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """max x − min x along an axis."""
    return np.max(x, axis=axis) - np.min(x, axis=axis)


def eigenvalues(matrix: np.ndarray) -> list[Any]:
    """Of [M, M], as complex balls, largest modulus first."""
    found = acb_mat(arb_mat(matrix.tolist())).eig(multiple=True)
    return sorted(found, key=lambda x: float(abs(x).mid()), reverse=True)


def solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """X with matrix X = right."""
    found = arb_mat(matrix.tolist()).solve(arb_mat(np.atleast_2d(right).tolist()))
    return np.array(found.tolist(), object)
