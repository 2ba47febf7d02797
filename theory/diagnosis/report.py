"""What a diagnosis is made of: records of numbers, and sentences that each rest on a claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

from theory.diagnosis.glosses import GLOSSES

__all__ = ["Diagnosis", "Finding"]

Fate = Literal[
    "alive", "partial collapse", "uniform collapse", "one cluster", "constant", "turning",
    "late collapse", "near zero", "below log K", "above log K", "diverged", "undecided",
]  # fmt: skip
Level = Literal["problem", "warning", "note", "ok"]
ORDER = get_args(Level)
"""Worst first."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence about a run.

    Attributes
    ----------
    level : {"problem", "warning", "note", "ok"}
        How bad it is, worst first.
    claim : str
        The label in `paper_notes.md` that it rests on.
    text : str
        The sentence.
    remedy : str
        What to change; empty if nothing.
    """

    level: Level
    claim: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The fate of a run, the numbers measured, and the findings, worst first; `str` is the report.

    Attributes
    ----------
    fate : str
        From logits, of the student where it is given, else of what the teacher's network has become:
        "alive", "partial collapse", "uniform collapse", "one cluster", "constant" (one answer for every
        sample, spread over some clusters), "turning" (one answer, but another by and by). From a loss alone,
        where it ends: "uniform collapse", "late collapse", "near zero", "below log K", "above log K",
        "diverged". What the input cannot tell is "undecided".
    measurements : Mapping of str to float
        By name; nats where the name does not say otherwise. Only what the input could tell.
    findings : tuple of Finding
        Worst first.
    """

    fate: Fate
    measurements: Mapping[str, float]
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """No finding is a problem."""
        return all(finding.level != "problem" for finding in self.findings)

    def __str__(self) -> str:
        lines = [f"fate: {self.fate}", "", "found"]
        for finding in self.findings:
            lines.append(f"  {finding.level:8}[{finding.claim}] {finding.text}")
            if finding.remedy:
                lines.append(f"  {'':8}     → {finding.remedy}")
        width = max(map(len, self.measurements), default=0)
        lines += ["", "measured"]
        for name, value in self.measurements.items():
            lines.append(f"  {name:{width}}  {value:<11.6g}  {GLOSSES.get(name, '')}".rstrip())
        return "\n".join(lines)


@dataclass(frozen=True)
class Record:
    """Numbers read or judged together; the fields of a subclass are measurements under their own names."""


@dataclass(frozen=True)
class Report:
    """A diagnosis while it is written."""

    records: list[Record] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, record: Record, findings: Iterable[Finding] = ()) -> None:
        """One more record, and what follows from it."""
        self.records.append(record)
        self.say(findings)

    def say(self, findings: Iterable[Finding]) -> None:
        """Findings without a record of their own."""
        self.findings.extend(findings)

    def closed(self, fate: Fate) -> Diagnosis:
        """The diagnosis: the numbers of all records, in the order of reading; the worst findings first."""
        numbers = {
            part.name: getattr(record, part.name) for record in self.records for part in fields(record)
        }
        findings = sorted(self.findings, key=lambda finding: ORDER.index(finding.level))
        return Diagnosis(fate=fate, measurements=numbers, findings=tuple(findings))


def problem(claim: str, text: str, remedy: str = "") -> Finding:
    """Something that has to change."""
    return Finding(level="problem", claim=claim, text=text, remedy=remedy)


def warning(claim: str, text: str, remedy: str = "") -> Finding:
    """Something that may have to change."""
    return Finding(level="warning", claim=claim, text=text, remedy=remedy)


def note(claim: str, text: str, remedy: str = "") -> Finding:
    """Something worth knowing."""
    return Finding(level="note", claim=claim, text=text, remedy=remedy)


def ok(claim: str, text: str) -> Finding:
    """Something that is as it should be."""
    return Finding(level="ok", claim=claim, text=text)
