"""The texts that say what was measured: paragraphs of the notes, parts of README, captions of figures."""

import re
from functools import cache

from experiments.engine.registry import ROOT, figures
from tests.claims.measured.statements import flat
from tests.claims.notes import NOTES

README = "README.md"
DIRECTIONS = "Directions"
FIRST = "first screen"
FOUND = (FIRST, "What was predicted, and what came", "What does not hold, and what is not covered")


@cache
def texts() -> dict[str, str]:
    """Place → its text: `O4` is that claim's paragraph **Measured.**, `figure collapse` a caption."""
    captions = {f"figure {name}": flat(entry.constants["CAPTION"]) for name, entry in figures().items()}
    readme = _sections(README)
    found = "\n".join(readme[title] for title in FOUND)
    return paragraphs() | {DIRECTIONS: _sections(NOTES)[DIRECTIONS], README: flat(found)} | captions


@cache
def paragraphs() -> dict[str, str]:
    """Label → the paragraph **Measured.** of that claim."""
    found = {}
    parts = re.split(r"^### \[(\w+)\] .*$", _read(NOTES), flags=re.MULTILINE)
    for label, body in zip(parts[1::2], parts[2::2], strict=True):
        entry = re.split(r"^## ", body, flags=re.MULTILINE)[0]
        if paragraph := re.search(r"^\*\*Measured\.\*\*(.*?)(?=^\*\*|\Z)", entry, re.MULTILINE | re.DOTALL):
            found[label] = flat(paragraph[1])
    return found


def _sections(page: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", _read(page), flags=re.MULTILINE)
    return {FIRST: flat(parts[0])} | {
        title: flat(body) for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def _read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")
