"""How large the logits are beside the temperature: one-hot targets, heads without unit length.  [D2]"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.checks import Ensemble
from theory.diagnosis.report import Finding, Record, Report, warning
from theory.diagnosis.run import Run
from theory.systems import System

__all__ = ["ScaleReading"]

SURE = 0.999
"""Probability from which on a target counts as one-hot."""
MOST = 0.95
"""Share of one-hot targets from which on τ_t no longer acts."""


@dataclass(frozen=True, kw_only=True)
class ScaleReading(Record):
    """The teacher's logits in temperatures.  [D2]

    Attributes
    ----------
    logit_spread_temperatures : float
        Root mean square over samples of the standard deviation of z over clusters, over τ_t.
    one_hot_share : float
        Share of samples whose target, under the constraint, gives one cluster more than 0.999.
    """

    logit_spread_temperatures: float
    one_hot_share: float


def read_scale(
    report: Report, run: Run, constrained: Ensemble, system: System | None, *, alive: bool
) -> None:
    """Add the two, and what is unusual of them, for the system named if one is."""
    z, w = run.batch.logits, run.batch.ensemble.weights
    finite = np.where(np.isfinite(z), z, np.nan)
    spread = float(np.sqrt(w @ np.nanvar(finite, axis=1))) / run.temperature
    reading = ScaleReading(
        logit_spread_temperatures=spread,
        one_hot_share=float(w @ (constrained.log_p.max(axis=1) > np.log(SURE))),
    )
    largest = float(np.nanmax(np.abs(finite)))
    report.add(reading, _about_the_scale(reading, largest, system, alive=alive))


def _about_the_scale(
    reading: ScaleReading, largest: float, system: System | None, *, alive: bool
) -> Iterator[Finding]:
    spread = reading.logit_spread_temperatures
    if alive and reading.one_hot_share >= MOST:
        text = f"{reading.one_hot_share:.0%} of the targets are one-hot: logits spread over {spread:.3g} "
        text += "temperatures, so that τ_t only picks the largest."
        yield warning("D2", text, "unit-length features and prototypes; else a larger τ_t.")
    if system is not None and system.cosine_head and largest > 1.01:
        text = f"logits go up to {largest:.3g}, where the unit-length head of this system gives at most 1."
        remedy = "normalise features and prototypes; or hand in logits before the division by τ."
        yield warning("D2", text, remedy)
