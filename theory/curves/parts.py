"""Which records were left out, and whether teacher entropy or KL moved the loss.  [O2]"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from theory.checks import Matrix
from theory.curves.curve import FEW, SILENT, Curve
from theory.diagnosis.report import Finding, note, warning

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
    else:
        yield note("O2", f"{text}.")
