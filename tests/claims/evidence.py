"""Comparisons that leave evidence: how near each claim came to being violated."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import hypothesis
import numpy as np

_EPS = {"float16": 2.0**-10, "float32": 2.0**-23}


@dataclass(kw_only=True)
class Evidence:
    """What the comparisons of one test have seen."""

    examples: int = 0
    margin: float | None = None
    error: float | None = None
    comparisons: int = 0

    def start_example(self):
        self.examples += 1
        self.comparisons = 0

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Comparisons made inside are recorded here."""
        token = _running.set(self)
        try:
            yield
        finally:
            _running.reset(token)


_running: ContextVar[Evidence | None] = ContextVar("running test", default=None)


def at_most(lhs, rhs, *, slack=0.0):
    """Assert lhs ≤ rhs + slack in every entry, and record min(rhs − lhs) as the claim's margin.

    Both: arrays of any namespace or scalars, one broadcastable to the shape of the other. ±inf ≤ ±inf of the
    same sign holds; NaN fails. Inside a hypothesis test the margin steers the search towards violation.
    """
    small, large = _operands(lhs, rhs)
    with np.errstate(invalid="ignore"):
        margin = np.where(np.isinf(small) & (small == large), np.inf, large - small)
    margin = np.where(np.isnan(small) | np.isnan(large), -np.inf, margin)
    worst = float(margin.min())
    _record("margin", worst, min)
    bad = margin < -slack
    if bad.any():
        at = np.unravel_index(margin.argmin(), margin.shape)
        slack = f" + {slack!r}" if slack else ""
        raise AssertionError(
            f"at_most: {float(small[at])!r} > {float(large[at])!r}{slack} at index {list(map(int, at))}, "
            f"over by {-worst:.3g}; {bad.sum()} of {bad.size} entries violate"
        )


def equal(actual, expected, *, rtol=None, atol=None):
    """Assert |actual − expected| ≤ atol + rtol |expected| everywhere; record the largest ratio of the two.

    expected may broadcast to the shape of actual, not the reverse. Equal infinities agree; NaN never does,
    not even with NaN. rtol and atol default to 64 roundings of the less precise operand, and to no more than
    ε^¾: 1.4e-14 in float64, 6.4e-6 in float32; with atol=0 the test is relative.
    """
    eps = max(_EPS.get(str(getattr(x, "dtype", "")).split(".")[-1], 2.0**-52) for x in (actual, expected))
    rtol, atol = (min(64.0 * eps, eps**0.75) if tol is None else tol for tol in (rtol, atol))
    got, want = _operands(actual, expected)
    if got.shape != np.shape(actual):
        raise AssertionError(f"equal: got shape {np.shape(actual)}, expected shape {np.shape(expected)}")
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.abs(got - want)
        allowed = atol + rtol * np.abs(np.where(np.isinf(want), 0.0, want))
        error = np.where(difference == 0, 0.0, difference / allowed)
    error = np.where(got == want, 0.0, np.where(np.isnan(error), np.inf, error))
    worst = float(error.max())
    _record("error", worst, max)
    bad = error > 1
    if bad.any():
        at = np.unravel_index(error.argmax(), error.shape)
        raise AssertionError(
            f"equal: got {float(got[at])!r}, expected {float(want[at])!r} at index {list(map(int, at))}, "
            f"difference {difference[at]:.3g} where {allowed[at]:.3g} is allowed; "
            f"{bad.sum()} of {bad.size} entries differ"
        )


def _operands(a, b):
    a, b = (np.asarray(x.detach().cpu().double() if hasattr(x, "detach") else x, dtype=float) for x in (a, b))
    shape = np.broadcast_shapes(a.shape, b.shape)
    if shape not in (a.shape, b.shape):
        raise AssertionError(
            f"shapes {a.shape} and {b.shape} would broadcast to {shape}, the shape of neither"
        )
    if math.prod(shape) == 0:
        raise AssertionError(f"nothing to compare: shapes {a.shape} and {b.shape}")
    return np.broadcast_arrays(a, b)


def _record(kind, value, worse):
    evidence = _running.get()
    if evidence is None:
        return
    before = getattr(evidence, kind)
    setattr(evidence, kind, value if before is None else worse(before, value))
    evidence.comparisons += 1
    if kind == "margin" and hypothesis.currently_in_test_context() and math.isfinite(value):
        hypothesis.target(-value, label=f"comparison {evidence.comparisons}")
