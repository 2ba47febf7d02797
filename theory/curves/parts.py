"""Which records were left out, and whether teacher entropy or KL moved the loss.  [O2]"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from theory.checks import Matrix
from theory.curves.curve import FEW, SILENT, Curve
from theory.curves.levels import ALIVE
from theory.diagnosis.report import Finding, note, ok, warning

__all__: list[str] = []


def about_the_records(curve: Curve) -> list[Finding]:
    found = []
    if curve.repeated:
        found.append(note("O2", f"{curve.repeated} records of steps that were logged again are left out."))
    if curve.lost and not curve.ends_lost:
        found.append(warning("O2", f"{curve.lost} losses are NaN or inf, and left out."))
    gaps = np.diff(curve.steps)
    if len(gaps) >= FEW and gaps.max() > max(
        0.1 * (curve.steps[-1] - curve.steps[0]), 3 * float(np.median(gaps))
    ):
        found.append(note("O2", f"nothing was logged for {gaps.max():g} steps in a row."))
    return found


def about_the_parts(curve: Curve, parts: dict[str, Matrix], numbers: dict[str, float]) -> Iterator[Finding]:
    """loss = H(r) + KL, and which of the two moved.  [O2]"""
    given = {name: values[curve.rows] for name, values in parts.items()}
    entropy = given["teacher_entropy"] if "teacher_entropy" in given else curve.loss - given["kl"]
    rest = given["kl"] if "kl" in given else curve.loss - given["teacher_entropy"]
    both = np.isfinite(entropy) & np.isfinite(rest)
    if both.sum() < 2 * FEW:
        yield note(
            "O2", f"teacher entropy and KL are there in {int(both.sum())} records only: too few to compare."
        )
        return
    part = replace(curve, loss=curve.loss[both], steps=curve.steps[both])
    entropy, rest = entropy[both], rest[both]
    off = float(np.median(np.abs(part.loss - entropy - rest)))
    if off > 0.01 * (1 + abs(float(np.median(part.loss)))):
        yield warning("O2", f"loss and H(r) + KL are {off:.3g} nats apart: they are not of the same batches.")
        return
    if min(np.median(entropy), np.median(rest)) < -1e-3:
        yield warning(
            "O2", "H(r) or the KL is negative, which neither can be: check that the loss is their sum."
        )
        return
    first = slice(0, max(FEW // 2, len(rest) // 10))
    last = part.tail
    moved = [float(np.median(series[last]) - np.median(series[first])) for series in (entropy, rest)]
    numbers |= {"teacher_entropy_change": moved[0], "kl_change": moved[1]}
    text = f"from first to last H(r) changed by {moved[0]:+.3g} nats and the KL by {moved[1]:+.3g}"
    if moved[0] + moved[1] < -SILENT and moved[0] < moved[1]:
        yield warning(
            "O2",
            f"{text}: the loss fell because the teacher became sharper, more than the student nearer.",
            "a colder τ_t or one cluster growing does that; look at I of the student.",
        )
    elif moved[0] > SILENT and moved[0] > moved[1]:
        yield note("O2", f"{text}: it rose because the teacher became softer, as in a warm-up of τ_t.")
    else:
        yield note("O2", f"{text}.")
    yield from _since_the_lowest(part, entropy, moved[0])


def _since_the_lowest(curve: Curve, entropy: Matrix, change: float) -> Iterator[Finding]:
    """Whether a loss that comes up again does so with the teacher's entropy."""
    risen = float(np.median(curve.loss[curve.tail])) - curve.lowest
    bottom = int(np.argmin(np.abs(curve.loss - curve.lowest)))
    since = float(np.median(entropy[curve.tail]) - entropy[bottom])
    if risen >= ALIVE and since > 0.5 * risen and change <= SILENT:
        text = f"of the {risen:.3g} nats above its lowest that the loss is, {since:.3g} are the teacher's"
        yield note("O2", f"{text} entropy: a warm-up.")


def about_the_rise(curve: Curve) -> Iterator[Finding]:
    """A loss that goes up at the end, of which nothing else was logged.  [O2]"""
    risen = float(np.median(curve.loss[curve.tail])) - curve.lowest
    if risen >= ALIVE:
        text = (
            f"the loss is {risen:.3g} nats above its lowest: a warm-up of τ_t raises the teacher's entropy,"
        )
        yield note("O2", f"{text} and so the loss, of a run that goes well.", "log H(r), or the KL.")


def about_the_margin(
    curve: Curve, prior_entropy: Matrix, numbers: dict[str, float], *, known: bool
) -> Iterator[Finding]:
    """H(r̄) − loss at the end: above 0 no constant answer pays so little.  [O5]"""
    margin = float(np.median(prior_entropy[curve.tail] - curve.loss[curve.tail]))
    numbers["margin"] = margin
    if not known:
        yield note("O5", "H(r̄) − loss proves something once `loss_is` says what the loss is.")
    elif margin >= SILENT:
        text = f"the loss is {margin:.3g} nats below what the best constant student pays:"
        yield ok("O5", f"{text} it looks at its input.")
    else:
        text = f"H(r̄) − loss is {margin:.3g} nats: a constant student can pay as little."
        yield note("O5", text)
