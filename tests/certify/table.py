"""tests/certified.md: the smallest certified margin of each inequality, and the largest error of `theory`."""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from pathlib import Path

from tests.certify.cases import cases
from tests.certify.floats import allowed, compared
from tests.certify.proofs import ATTAINED, Proof, prove
from tests.certify.statements import STATEMENTS

PAGE = Path(__file__).parents[1] / "certified.md"
PROVED = (
    "claim",
    "inequality",
    "instances",
    "entries",
    "smallest certified margin",
    "±",
    "bits",
    "most bits",
    "where",
    "attained",
    "to within",
)
FLOATS = ("claim", "what `theory` returns", "values", "allowed", "seen", "where")
TEXT = f"""# Certified

Written by `make certify`; tests compute a part of it again, digit by digit. Each inequality of six
claims of [paper_notes.md](../paper_notes.md) is written in ball arithmetic (arb), without a line of
`theory`, in [statements.py](certify/statements.py), and proved on every instance of
[cases.py](certify/cases.py): random ensembles and the worst that are known. The precision is doubled
until no margin, larger side less smaller side, has a ball that holds 0. *Entries* are single
inequalities (one for each cluster, sample, order or round); *bits* is the precision that the smallest
margin took, *most bits* the highest that any took. Where an inequality is attained its margin is 0 at
any precision; such entries are announced beforehand and counted as *attained*, and what is certified is
that the margin is 0 *to within* the last column, {ATTAINED:g} at most. Margins are in nats, those of a
total variation in probability, rounded down. Most of the smallest belong to ensembles in which next to
nothing varies, where both sides are as small.

What this does not prove: the claims. Those are proved in the notes; this says that no instance here is a
counterexample, which no rounding can have hidden.
"""
BETWEEN = """
## The floats

On the instances that are floats, what `theory` returns lies within the stated rounding of the true
value: *allowed* and *seen* are in units of 2⁻⁵² times the scale that [floats.py](certify/floats.py)
gives each quantity. What is seen depends, in its digits, on the machine.
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The largest error of one quantity."""

    values: int
    error: float
    case: str


def row(cells) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def head(names) -> list[str]:
    return [row(names), f"|{'---|' * len(names)}"]


def rounded(ball, digits: int, rounding: str) -> str:
    number = Decimal(ball.str(30, radius=False))
    return f"{Context(prec=digits, rounding=rounding).plus(number):.{digits - 1}e}"


def proved_row(claim: str, name: str, proof: Proof) -> str:
    least = proof.smallest
    numbers = ("—", "—", "—", "—", "—")
    if least is not None:
        margin = rounded(least.ball.lower(), 4, ROUND_FLOOR)
        radius = rounded(least.ball.rad(), 2, ROUND_CEILING)
        numbers = margin, radius, least.precision, proof.most_bits, least.case
    zero = f"{proof.widest:.1e}" if proof.equalities else "—"
    return row((claim, name, proof.instances, proof.entries, *numbers, proof.equalities, zero))


def seen(claim: str, instances) -> dict[str, Seen]:
    """Quantity → its largest error over the instances."""
    found: dict[str, Seen] = {}
    for case in instances:
        for each in compared(claim, case):
            before = found.get(each.name, Seen(values=0, error=-1.0, case=""))
            values, error = before.values + len(each.true), each.error
            worst = (before.error, before.case) if error <= before.error else (error, case.name)
            found[each.name] = Seen(values=values, error=worst[0], case=worst[1])
    return found


def float_row(claim: str, name: str, one: Seen) -> str:
    return row((claim, f"`{name}`", one.values, f"{allowed(name):.0f}", f"{one.error:.3g}", one.case))


def page(say=lambda _: None) -> str:
    """The whole page, computed."""
    proved, floats = head(PROVED), head(FLOATS)
    for claim in STATEMENTS:
        instances = cases(claim)
        proved += [proved_row(claim, *item) for item in prove(claim, instances.values()).items()]
        errors = seen(claim, instances.values())
        for name, one in errors.items():
            if not one.error <= allowed(name):
                raise AssertionError(
                    f"{name}: {one.error} units of rounding, {allowed(name)} allowed: {one.case}"
                )
        floats += [float_row(claim, *item) for item in errors.items()]
        say(f"{claim}: {len(instances)} instances")
    return "\n".join([TEXT, *proved, BETWEEN, *floats, ""])


def read(header) -> list[dict[str, str]]:
    """The rows of the table on the page that has this header."""
    lines = PAGE.read_text(encoding="utf-8").split(row(header))[1].splitlines()[2:]
    found = []
    for line in lines:
        if not line.startswith("| "):
            break
        found.append(dict(zip(header, re.split(r" \| ", line[2:-2]), strict=True)))
    return found


def smallest_margins() -> dict[str, str]:
    """Claim → its smallest certified margin, for the table of claims."""
    found: dict[str, str] = {}
    for each in read(PROVED):
        margin = each["smallest certified margin"]
        if margin != "—" and (each["claim"] not in found or Decimal(margin) < Decimal(found[each["claim"]])):
            found[each["claim"]] = margin
    return found
