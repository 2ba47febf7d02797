"""Margins whose sign is certain: the precision is doubled until every ball lies on one side of 0.

Where an inequality is attained no precision would do. Such instances say so beforehand, and there an
enclosure of 0 within `ATTAINED` is what is certified.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from flint import arb

from tests.certify.balls import bits
from tests.certify.cases import Case
from tests.certify.statements import STATEMENTS

START, LIMIT = 64, 4096
DIGITS = 16  # bits of the margin that are to be certain beside its sign
ATTAINED = 1e-30
IDENTITIES = ("I_r ≤ D, q = r̄", "I_r − D = H(r̄) − loss")  # equalities in every instance


class Refuted(Exception):
    """A margin that is certainly negative."""


class Undecided(Exception):
    """A margin whose ball holds 0, where no equality was announced."""


@dataclass(frozen=True, kw_only=True)
class Margin:
    """The smallest of larger side − smaller side over the entries of one inequality in one instance."""

    ball: arb
    case: str
    precision: int

    def __lt__(self, other):
        return self.ball.lower() < other.ball.lower()


@dataclass(kw_only=True)
class Proof:
    """What is certified of one inequality, over all instances."""

    instances: int = 0
    entries: int = 0
    smallest: Margin | None = None
    most_bits: int = 0
    equalities: int = 0
    widest: float = 0.0
    """Largest ∣margin∣ that the balls of the equalities allow."""


def margins(claim: str, case: Case) -> dict[str, tuple[Margin | None, list[arb], int]]:
    """Inequality → its smallest certain margin, the balls around 0 where it is attained, and its entries."""
    found: dict[str, tuple[Margin | None, list[arb], int]] = {}
    precision = START
    while precision <= LIMIT:
        with bits(precision):
            stated = STATEMENTS[claim](case)
            for name in stated.keys() - found.keys():
                decided = _decided([b - a for a, b in stated[name]], name, case, precision)
                if decided is not None:
                    found[name] = decided
        if len(found) == len(stated):
            return {name: found[name] for name in stated}
        precision *= 2
    raise Undecided(f"{claim}, {case.name}: decided at {LIMIT} bits are {list(found)} only")


def _decided(differences, name, case, precision):
    announced, attained, least = name in case.equal or name in IDENTITIES, [], None
    for margin in differences:
        if margin < 0:
            raise Refuted(f"{name}: {case.name}: margin {margin.str(5)}")
        if margin > 0 and margin.rel_accuracy_bits() >= DIGITS:
            least = margin if least is None or margin.lower() < least.lower() else least
        elif announced and margin.abs_upper() < ATTAINED:
            attained.append(margin)
        else:
            return None
    if announced and not attained:
        raise Undecided(f"{name}: {case.name}: announced as an equality, which it is not")
    smallest = None if least is None else Margin(ball=least, case=case.name, precision=precision)
    return smallest, attained, len(differences)


def prove(claim: str, instances: Iterable[Case]) -> dict[str, Proof]:
    """Every inequality of the claim on every instance; raises where one fails."""
    proofs: dict[str, Proof] = {}
    for case in instances:
        for name, (margin, attained, entries) in margins(claim, case).items():
            proof = proofs.setdefault(name, Proof())
            proof.instances += 1
            proof.entries += entries
            proof.equalities += len(attained)
            proof.widest = max([proof.widest, *(float(ball.abs_upper()) for ball in attained)])
            if margin is not None:
                proof.most_bits = max(proof.most_bits, margin.precision)
                if proof.smallest is None or margin < proof.smallest:
                    proof.smallest = margin
    return proofs
