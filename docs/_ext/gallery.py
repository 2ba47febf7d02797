"""Pictures that lead on: thumbnails of the figures, and frames that show a part of the interactive page."""

import re

import ledger

from experiments.engine.registry import figures

HOME = ("fates", "phase_plane", "center_momentum", "hysteresis", "teacher_distance", "jensen_gap")
"""Figures whose thumbnails the home page shows."""

FRAMES = {"02": "compare", "04": "compare", "07": "keeps-up"}
"""Derivation → the section of docs/interactive/teachers.html that its slider gives way to."""

TITLES = {
    "all": "Teachers, side by side: all three parts",
    "compare": "Turn the knobs: each correction beside the exact one",
    "keeps-up": "Turn the knobs: does the centre keep up?",
    "collapse": "A live collapse",
}
_ROW = re.compile(
    r"^\| \[[^\]]+\]\(#(?P<name>\w+)\) \|.*\| `(?P<command>[^`]+)` \| (?P<time>[^|]+) \|$", re.MULTILINE
)
_ANCHOR = re.compile(r'^<a id="\w+"></a>\n\n', re.MULTILINE)  # the site gives its headings these names itself
_PICTURE = re.compile(
    r"^\[!\[(?P<words>[^\]]+)\]\((?P<name>\w+)\.svg\)\]\((?P=name)\.svg\)\n\n<sub>(?P=name)</sub>\n",
    re.MULTILINE,
)
_TABLE = re.compile(r"^\|.*\|\n(?:\|.*\|\n)+", re.MULTILINE)


def thumbnails(names: list[str] | tuple[str, ...], *, pictures: str, page: str) -> str:
    """A card for each figure: the picture and one line on it, both leading to its place on `page`."""
    drawn = figures()
    cards = []
    for name in names:
        place, words = f"{page}#{name}", drawn[name].description
        cards.append(f"- [![{words}]({pictures}{name}.svg)]({place})\n\n  [{words}]({place})\n\n  {name}")
    return "````{container} thumbnails\n" + "\n".join(cards) + "\n````\n"


def gallery(catalogue: str) -> str:
    """figures/README.md with thumbnails in the place of its table, whose commands go to their figures.

    A picture has a width, which makes Sphinx link it to its file.
    """
    rows = {row["name"]: row for row in _ROW.finditer(catalogue)}
    drawn = figures()
    if rows.keys() != drawn.keys():
        raise ValueError(f"figures/README.md must list the figures {list(drawn)}, got {list(rows)}.")
    cards = thumbnails(list(rows), pictures="", page="index.md")
    text = _TABLE.sub(lambda _: cards, catalogue, count=1)

    def described(match: re.Match[str]) -> str:
        name = match["name"]
        row, claims = rows[name], ", ".join(drawn[name].claims)
        picture = f"```{{image}} {name}.svg\n:alt: {match['words']}\n:width: 100%\n```"
        rest = f"\n{ledger.table()}" if name == "published" else ""
        return f"{picture}\n\n[{claims}] · `{row['command']}` · {row['time']}\n{rest}"

    return _ANCHOR.sub("", _PICTURE.sub(described, text))


def frame(section: str, *, up: str) -> str:
    """A frame with one section of the interactive page, or "all", and a link to the page itself."""
    source = f"{up}teachers.html?show={section}"
    return (
        f'<iframe class="interactive" src="{source}" title="{TITLES[section]}" loading="lazy"></iframe>\n\n'
        f'<p class="beside"><a href="{up}teachers.html">The whole page by itself</a></p>\n'
    )


def interactive() -> str:
    """The page of the sidebar that shows the whole interactive page."""
    return f"# Interactive: turn the knobs\n\n{frame('all', up='../')}"
