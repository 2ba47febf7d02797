"""The claims of `paper_notes.md`: label, title and verdict, read from its headings."""

import re
from dataclasses import dataclass
from pathlib import Path

NOTES = "paper_notes.md"
_HEADING = re.compile(r"^### \[(?P<label>\w+)\] (?P<title>.+)$")
_VERDICT = re.compile(r"^\*\*Verdict:?\*\*:?\s*(?P<verdict>.+)$")
_FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(kw_only=True, eq=False)
class Claim:
    """One heading `### [J5] The price …` of the notes; `verdict` is empty where it has none."""

    label: str
    title: str
    verdict: str = ""


def headings(path: Path) -> list[Claim]:
    """One claim for each heading, in order, outside of blocks of code."""
    claims: list[Claim] = []
    claim, fenced = None, False
    for line in path.read_text(encoding="utf-8").splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        if fenced:
            continue
        if heading := _HEADING.match(line):
            claim = Claim(label=heading["label"], title=heading["title"].strip())
            claims.append(claim)
        elif line.startswith("#"):
            claim = None
        elif claim and (found := _VERDICT.match(line)):
            claim.verdict = found["verdict"].strip()
    return claims


def read_claims(path: Path) -> dict[str, Claim]:
    """The claims by label, in order."""
    return {claim.label: claim for claim in headings(path)}


def sections(path: Path) -> dict[str, str]:
    """Letter → title of the sections `## J. Jensen: …`, in order."""
    text = path.read_text(encoding="utf-8")
    return dict(re.findall(r"^## ([A-Z])\. (.+)$", text, flags=re.MULTILINE))
