"""Labels of claims in docstrings, `[O2, D3]`, lead to the notes, and the measurements' name to their page."""

import re

from sphinx.application import Sphinx

from tests.claims.claim_table import ROOT, anchor
from tests.claims.notes import NOTES, read_claims

_LABELS = re.compile(r"\[((?:[OTJEDC]\d+(?:, )?)+)\]")
_SPEED = "benchmarks/RESULTS.md"


def linked(text: str) -> str:
    """reStructuredText of a page in _assembled/api with these links; lines of code are left."""
    claims = read_claims(ROOT / NOTES)

    def link(match: re.Match[str]) -> str:
        found = (f"`{x} <../paper_notes.html#{anchor(claims[x])}>`__" for x in match[1].split(", "))
        return f"[{', '.join(found)}]"

    lines = text.split("\n")
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[i] = _LABELS.sub(link, line).replace(_SPEED, f"`{_SPEED} <../speed.html>`__")
    return "\n".join(lines)


def _in_docstring(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Autodoc's hook: the lines of one docstring, changed in place."""
    lines[:] = linked("\n".join(lines)).split("\n")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the links."""
    app.connect("autodoc-process-docstring", _in_docstring, priority=410)  # before napoleon's, 500
    return {"version": "1", "parallel_read_safe": True}
