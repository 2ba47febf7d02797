"""What an earlier checkpoint adds: a collapse from a network that has not begun, and turns.  [O3, D4]"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from theory.diagnosis.readings import BEGUN, SILENT
from theory.diagnosis.report import Fate, Finding, Record, Report, note, problem, warning
from theory.diagnosis.run import Run
from theory.summary import Summary

__all__ = ["HistoryReading"]

MOVED = 0.5
"""Total variation between the shares of two checkpoints from which on a constant answer is another one."""


@dataclass(frozen=True, kw_only=True)
class HistoryReading(Record):
    """The same teacher on the same samples, at an earlier step, before its constraint.  [O3]

    Attributes
    ----------
    earlier_raw_information : float
        I(X;K) then, nats.
    shares_moved_tv : float
        TV between the cluster priors then and now, in [0, 1].
    """

    earlier_raw_information: float
    shares_moved_tv: float


def read_history(report: Report, run: Run, earlier: Summary, fate: Fate) -> Fate:
    """Add what was, and name the fate that the two moments show together."""
    now = run.raw()
    moved = 0.5 * float(np.abs(np.exp(earlier.log_prior) - np.exp(now.log_prior)).sum())
    reading = HistoryReading(earlier_raw_information=earlier.mutual_information, shares_moved_tv=moved)
    constant = fate in ("one cluster", "constant")
    turned = constant and reading.earlier_raw_information < SILENT and moved >= MOVED
    report.add(reading, _about_the_past(reading, now.mutual_information, fate, turned=turned))
    return "turning" if turned else fate


def _about_the_past(reading: HistoryReading, now: float, fate: Fate, *, turned: bool) -> Iterator[Finding]:
    then = reading.earlier_raw_information
    if turned:
        text = (
            f"one answer for every sample at both steps, and not the same: {reading.shares_moved_tv:.2f} of "
        )
        yield problem("D4", f"{text}the shares moved.", "a faster centre: clusters take turns.")
    elif now >= SILENT:
        if now < 0.5 * then:
            yield warning("O3", f"the network told samples apart by {then:.3g} nats, now by {now:.3g}.")
    elif then >= BEGUN:
        text = f"it has collapsed: the same samples were told apart by {then:.3g} nats at the earlier step."
        yield note("O3", text)
    elif then < SILENT and fate != "turning":
        yield note(
            "O3", "nor were samples told apart at the earlier step: it has not begun, or collapsed before."
        )
