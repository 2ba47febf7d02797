"""The bibliography: a page of docs/references.bib, and links to it from the words that quote its works."""

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "references.bib"
_FIELD = re.compile(r"(\w+) = \{([^{}]*)\}")
_SKIPPED = re.compile(
    r"(^#[^\n]*$|```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\))", re.MULTILINE | re.DOTALL
)


def entries(text: str | None = None) -> dict[str, dict[str, str]]:
    """Key → fields, in the order of the file: an entry a line."""
    found: dict[str, dict[str, str]] = {}
    for line in (SOURCE.read_text(encoding="utf-8") if text is None else text).splitlines():
        if not line.startswith("@"):
            continue
        key = re.match(r"@\w+\{(\w+), ", line)
        fields = dict(_FIELD.findall(line))
        if not key or key[1] in found or not {"author", "title", "year"} <= fields.keys():
            raise ValueError(f"an entry must have a key of its own, author, title and year, got {line!r}.")
        found[key[1]] = fields
    return found


def page() -> str:
    """The works in the order of their authors: those of theorems, then those of the systems."""
    known = entries()
    works = {key: fields for key, fields in known.items() if "system" not in fields}
    systems = {key: fields for key, fields in known.items() if "system" in fields}
    lines = ["# References", "", *_listed(works), "## Systems", "", *_listed(systems)]
    return "\n".join(lines)


def linked(text: str) -> str:
    """The text with the words that quote a work linked to it; headings, code, formulas and links are left."""
    places = {
        words.strip(): f"#{key}"
        for key, fields in entries().items()
        for words in fields.get("quoted", "").split(";")
        if words.strip()
    }
    quoted = re.compile("|".join(rf"\b{re.escape(words)}".replace(r"\ ", r"\s+") for words in places))

    def link(match: re.Match[str]) -> str:
        return f"[{match[0]}]({places[' '.join(match[0].split())]})"

    parts = _SKIPPED.split(text)
    parts[::2] = [quoted.sub(link, words) for words in parts[::2]]
    return "".join(parts)


def _listed(works: dict[str, dict[str, str]]) -> list[str]:
    lines = []
    for key, fields in sorted(works.items()):
        place = f" {fields['journal']}," if "journal" in fields else ""
        number = fields.get("eprint")
        address = f" [arXiv {number}](https://arxiv.org/abs/{number})." if number else ""
        name = f"**{fields['system']}.** " if "system" in fields else ""
        note = f" ({fields['note']})" if "note" in fields else ""
        who = fields["author"].replace(" and others", " et al.")
        lines += [
            f"({key})=",
            f"{name}{who}, *{fields['title']}*,{place} {fields['year']}{note}.{address}",
            "",
        ]
    return lines
