"""The bibliography: sphinxcontrib-bibtex makes its page of docs/*.bib and sets the citations.

The sources stay plain Markdown, which has no citations: the words that quote a work are followed by one here,
in pages (`cited`) and in docstrings.
"""

import re
from functools import cache
from pathlib import Path

from pybtex.database import BibliographyData, Entry, parse_file
from pybtex.plugin import register_plugin
from pybtex.style.formatting.alpha import Style
from pybtex.style.labels.alpha import LabelStyle
from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]
SOURCES = ("references.bib", "systems.bib")
STYLE = "systems"
_SKIPPED = re.compile(
    r"(^#[^\n]*$|^ *(?:>>>|\.\.\.)[^\n]*$|```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\))",
    re.MULTILINE | re.DOTALL,
)


class SystemLabels(LabelStyle):
    """A system's paper is labelled by the system's name, every other by authors and year."""

    def format_label(self, entry: Entry) -> str:
        """The label of one entry."""
        label: str = entry.fields.get("system") or super().format_label(entry)
        return label


class SystemStyle(Style):
    """BibTeX's alpha with these labels."""

    default_label_style = SystemLabels


@cache
def works() -> BibliographyData:
    """What the sources hold."""
    found = BibliographyData()
    for name in SOURCES:
        found.add_entries(parse_file(DOCS / name, "bibtex").entries.items())
    return found


def quoted() -> dict[str, str]:
    """Words that quote works → the keys of these, parted by commas, in the order of the file."""
    found: dict[str, list[str]] = {}
    for key, entry in works().entries.items():
        for words in filter(None, map(str.strip, entry.fields.get("quoted", "").split(";"))):
            found.setdefault(words, []).append(key)
    return {words: ",".join(keys) for words, keys in found.items()}


def page() -> str:
    """The works in the order of their labels: those of theorems, then those of the systems."""
    titles = ("# References", "## Systems")
    lists = (
        f"{title}\n\n```{{bibliography}} /{name}\n:all:\n```\n"
        for title, name in zip(titles, SOURCES, strict=True)
    )
    return "\n".join(lists)


def cited(text: str, *, role: str = "{cite:p}") -> str:
    """The text, its quoting words followed by citations; headings, code, formulas and links are left."""
    places = quoted()
    longest_first = sorted(places, key=len, reverse=True)
    written = re.compile(
        "|".join(rf"(?<!\w){re.escape(words)}".replace(r"\ ", r"\s+") for words in longest_first)
    )

    def cite(match: re.Match[str]) -> str:
        return f"{match[0]} {role}`{places[' '.join(match[0].split())]}`"

    parts = _SKIPPED.split(text)
    parts[::2] = [written.sub(cite, words) for words in parts[::2]]
    return "".join(parts)


def _in_docstring(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Autodoc's hook: the lines of one docstring, changed in place."""
    lines[:] = cited("\n".join(lines), role=":cite:p:").split("\n")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the style of the entries, and the citations of the docstrings."""
    register_plugin("pybtex.style.formatting", STYLE, SystemStyle)
    app.setup_extension("sphinxcontrib.bibtex")
    app.connect("autodoc-process-docstring", _in_docstring, priority=400)  # before napoleon's, 500
    return {"version": "1", "parallel_read_safe": True}
