"""What a diagnosis is made of: numbers by name, and sentences that each rest on a claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Fate = Literal["alive", "uniform collapse", "one cluster", "constant"]
Level = Literal["problem", "warning", "note", "ok"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence about a run.

    claim: the label in `paper_notes.md` that it rests on.  remedy: what to change; empty if nothing.
    """

    level: Level
    claim: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The fate of a run, the numbers measured, and the findings, worst first; `str` is the report.

    fate: of the student where it is given, else of what the teacher's network has become.
    measurements: by name; nats where the name does not say otherwise. Only what the input could tell.
    """

    fate: Fate
    measurements: Mapping[str, float]
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """No finding is a problem."""
        return all(finding.level != "problem" for finding in self.findings)

    def __str__(self) -> str:
        width = max(map(len, self.measurements), default=0)
        lines = [f"fate: {self.fate}", "", "measured"]
        lines += [f"  {name:{width}}  {value:.6g}" for name, value in self.measurements.items()]
        lines += ["", "found"]
        for finding in self.findings:
            lines.append(f"  {finding.level:8}[{finding.claim}] {finding.text}")
            if finding.remedy:
                lines.append(f"  {'':8}     → {finding.remedy}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Report:
    """A diagnosis while it is written."""

    numbers: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def say(self, level: Level, claim: str, text: str, remedy: str = "") -> None:
        """Add a finding."""
        self.findings.append(Finding(level=level, claim=claim, text=text, remedy=remedy))

    def closed(self, fate: Fate) -> Diagnosis:
        """The diagnosis, worst findings first."""
        order = get_args(Level)
        findings = sorted(self.findings, key=lambda finding: order.index(finding.level))
        return Diagnosis(fate=fate, measurements=dict(self.numbers), findings=tuple(findings))
