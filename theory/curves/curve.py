"""A loss curve put in order: one finite value a step, its end, its lowest level, and its swings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.checks import Matrix

__all__ = ["Curve"]

FEW = 8
"""Records below which no level is read."""
SILENT = 0.02
"""Nats from log K within which uniform collapses stay: at most 0.021 in all runs of O5."""
GRID = 2048
"""Points of the even grid on which swings are sought."""
TURNS, CYCLES = 0.5, 4
"""Correlation one and two periods later, and how many periods, that make a swing."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Finite losses at rising steps, in the order of training; what was left out is counted."""

    steps: Matrix
    loss: Matrix
    rows: NDArray[np.intp]
    repeated: int
    lost: int
    ends_lost: bool

    @property
    def tail(self) -> slice:
        """The last fifth of the records, `FEW` of them at least."""
        return slice(max(0, len(self.loss) - max(FEW, len(self.loss) // 5)), None)

    @property
    def lowest(self) -> float:
        """The least median of `FEW` records in a row or of one in fifty, whichever are more."""
        width = max(FEW, len(self.loss) // 50)
        return min(
            float(np.median(self.loss[at : at + width]))
            for at in range(0, max(1, len(self.loss) - width + 1), max(1, width // 2))
        )


def curve_of(steps: Matrix, loss: Matrix) -> Curve:
    """In order of steps; of those that a resumed run logged again the last; NaN and inf left out."""
    _, last = np.unique(steps[::-1], return_index=True)
    kept = len(steps) - 1 - last
    finite = np.isfinite(loss[kept])
    rows = kept[finite].astype(np.intp)
    return Curve(
        steps=steps[rows],
        loss=loss[rows],
        rows=rows,
        repeated=len(steps) - len(kept),
        lost=int((~finite).sum()),
        ends_lost=bool(len(kept)) and not finite[-1],
    )


def drift_of(values: Matrix) -> float:
    """Fall (negative) or rise over these values by a straight line; 0 where noise could have made it."""
    n = len(values)
    x = np.linspace(-0.5, 0.5, n)
    slope = float(x @ (values - values.mean()) / (x @ x))
    residual = values - values.mean() - slope * x
    error = float(np.sqrt(residual @ residual / max(n - 2, 1) / (x @ x)))
    return slope if abs(slope) > 5 * error + 1e-6 else 0.0


def swing_of(curve: Curve) -> float:
    """The period, in steps, with which the second half of the curve repeats itself; inf if it does not.

    A period counts if it is there `CYCLES` times, over six records or more, in each half of what is looked
    at, and the curve one and two periods later is the same by more than half of its variance.
    """
    if not len(curve.steps):
        return np.inf
    start, end = (curve.steps[0] + curve.steps[-1]) / 2, curve.steps[-1]
    inside = curve.steps >= start
    x, y = curve.steps[inside], curve.loss[inside]
    if len(x) < 6 * CYCLES:
        return np.inf
    grid = np.linspace(start, float(end), min(len(x), GRID))
    even = np.interp(grid, x, y)
    found = [_period(part) for part in (even, *np.array_split(even, 2))]
    if found[0] == 0 or any(abs(part - found[0]) > 0.1 * found[0] + 1 for part in found[1:]):
        return np.inf
    return float(found[0] * (grid[1] - grid[0]))


def _period(values: Matrix) -> int:
    """In points, of the values less their cubic trend; 0 if there is none."""
    n = len(values)
    x = np.linspace(-1.0, 1.0, n)
    rest = values - np.polynomial.polynomial.polyval(x, np.polynomial.polynomial.polyfit(x, values, 3))
    if float(rest.std()) <= 1e-9 * (1 + float(np.abs(values).max())):
        return 0
    power = np.abs(np.fft.rfft(rest, 2 * n)) ** 2
    same = np.fft.irfft(power)[:n] / np.arange(n, 0, -1)
    same /= same[0]
    below = np.flatnonzero(same[: n // 2] < 0)
    if not len(below):
        return 0
    first = int(below[0])
    last = n // (CYCLES // 2) // 2 + 1
    if last - first < 2:
        return 0
    highest = same[first:last]
    if highest.max() < TURNS:
        return 0
    period = first + int(np.flatnonzero(highest >= 0.9 * highest.max())[0])
    while period + 1 < last and same[period + 1] > same[period]:
        period += 1
    if period < 6 or same[period] < TURNS or 2 * period >= n or same[2 * period] < TURNS:
        return 0
    return period
