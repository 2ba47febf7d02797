"""tightest.json: the tightest case of each inequality; tests/tightest.md: the same as a table to read."""

import json
from pathlib import Path

import numpy as np
import torch

from tests.search.hunts import HUNTS
from tests.search.points import ATTAINED, Hunt
from tests.search.rates import RATES
from tests.search.rounding import ROUNDING

CASES = Path(__file__).with_name("tightest.json")
PAGE = Path(__file__).parents[1] / "tightest.md"
ALL = [*HUNTS, *RATES]
NOT_SEARCHED = {
    "T6": "a limit: the prior of one cluster stays below 1",
    "T9": "a condition on sets of clusters, decided by linear programs",
    "J5": "an identity",
    "J10": "orders of magnitude as τ → ∞ and τ → 0, without a constant",
    "E2": "an identity; its test bounds the rounding",
    "D5": "published numbers on either side of a line",
    "D6": "the height of turns in runs",
    "D7": "an identity; its test bounds an error",
    "D8": "runs on either side of a line",
}
"""Claims whose tests compare by `at_most`, and why there is nothing to lower."""
TEXT = """# Tightest cases

Written by `make search`, checked by tests. Counterexamples to each inequality of
[paper_notes.md](../paper_notes.md) were looked for: both sides by `theory`'s own functions
([hunts.py](search/hunts.py), [rates.py](search/rates.py)) on free variables, the margin, larger
side less smaller side, lowered from many starts at once by gradients through torch (Adam, then
L-BFGS, then a simplex; what is NumPy, by simplices). Margins are relative to the larger side, or to
what the note below the table says, and cases in which that is next to nothing do not count. None
went below 0 beyond rounding: 1e-9, or more where a bound multiplies what rounding does to a λ, for
which tests turn to ball arithmetic. *Attained* bounds are met to 1e-9 by the case given, if only far out
(next to sure rows, next to equal ones); those *in a limit* come nearer the further out, and floats
do not reach 1e-9.
"""
NOTE = """
Absolute, in nats: O2, O4, T3, J1, J9, D2, τ† ≤ τ_s, and 1 ≤ P E[1/P̂₂] of E1, which is a number. Relative
to the Jensen gap: the other two of E1. Where a claim is about the projected teacher, π is defined as the
marginal of the tilt by λ*. Of each case p and w are shown; [tightest.json](search/tightest.json) has all
variables. The weights sum to 1 and may be next to 0.

Not searched: {reasons}. The claims that are not named here are identities.
"""


def row(cells) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def digits(values) -> str:
    rows = np.atleast_2d(np.asarray(values))
    return "; ".join(" ".join(f"{x:.3g}" for x in each) for each in rows)


def described(hunt, stored) -> str:
    """The case in words short enough for a cell."""
    theta, shape = np.array(stored["variables"]), tuple(stored["shape"])
    if not isinstance(hunt, Hunt):
        return f"variables {digits(theta[:4])}" + (" …" if len(theta) > 4 else "")
    case = hunt.case(torch.tensor(theta), *shape)
    return f"p = ({digits(case.log_p.exp())}), w = ({digits(case.w)})"


def page(cases: dict) -> str:
    names = ("claim", "inequality", "starts", "smallest margin", "sharp", "N, K or K", "case")
    lines = [TEXT, row(names), f"|{'---|' * len(names)}"]
    for hunt in ALL:
        stored = cases[hunt.key]
        margin = "0 to rounding" if abs(stored["margin"]) <= 1e-12 else f"{stored['margin']:.3g}"
        shape = ", ".join(map(str, stored["shape"]))
        cells = hunt.claim, hunt.name, stored["starts"], margin, hunt.sharp, shape, described(hunt, stored)
        lines.append(row(cells))
    reasons = "; ".join(f"{label} ({why})" for label, why in NOT_SEARCHED.items())
    return "\n".join([*lines, NOTE.format(reasons=reasons)])


def load() -> dict:
    return json.loads(CASES.read_text(encoding="utf-8")) if CASES.exists() else {}


def save(cases: dict) -> None:
    ordered = {hunt.key: cases[hunt.key] for hunt in ALL if hunt.key in cases}
    CASES.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if len(ordered) == len(ALL):
        PAGE.write_text(page(ordered), encoding="utf-8")


def tighter(hunt, found, stored: dict | None) -> dict:
    """What to store: the case found, or the one that is stored if that is as tight; the starts add up."""
    starts = found.starts + (stored["starts"] if stored else 0)
    if stored:
        before = hunt.value(np.array(stored["variables"]), tuple(stored["shape"]))
        if abs(before) <= abs(found.margin) and not violated(hunt, found.margin):
            return stored | {"margin": before, "starts": starts}
    return {
        "margin": found.margin,
        "starts": starts,
        "shape": list(found.shape),
        "variables": found.theta.tolist(),
    }


def violated(hunt, margin: float) -> bool:
    """Below 0 by more than rounding."""
    return not margin >= -ROUNDING


def attained(hunt, margin: float) -> bool:
    return hunt.sharp != ATTAINED or abs(margin) <= ROUNDING
