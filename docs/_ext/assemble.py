"""Copies into docs/_assembled what the site is made of: each page has one source, the repository's."""

import json
import re
import shutil
from pathlib import Path

import api
import bibliography
import choice
import gallery
from myst_parser.slugs import github_slugify

from experiments.engine.registry import figures
from tests.claims.claim_table import NOTEBOOKS, ROOT, anchor, marked_files
from tests.claims.notes import NOTES, read_claims


def write(target: Path) -> None:
    """Write every assembled page below `target`, afresh. What is not there, Sphinx reports as missing."""
    shutil.rmtree(target, ignore_errors=True)
    claims, directions = _notes()
    public = api.public()
    pages = {
        "claims.md": _claims(),
        "paper_notes.md": bibliography.cited(_linked(claims)),
        "references.md": bibliography.page(),
        "directions.md": _cited(directions),
        "figures/index.md": _typeset(
            _labelled(gallery.gallery((ROOT / "figures/README.md").read_text(encoding="utf-8")))
        ),
        "which_teacher.md": _which_teacher(),
        "interactive.md": gallery.interactive(),
        "parts/findings.md": _labelled(_page("findings"), notes="_assembled/paper_notes.md"),
        "parts/live.md": gallery.frame("collapse", up=""),
        "parts/thumbnails.md": gallery.thumbnails(
            gallery.HOME, pictures="_assembled/figures/", page="_assembled/figures/index.md"
        ),
        "speed.md": _speed(),
        "api/training.md": _labelled(_page("training")),
        "api/index.md": _toctree("API", ["training", *public], api.contents(public), hidden=True),
        "tests/index.md": _toctree("Tests", _tests(), "The tests that carry a claim's label, as they run."),
        "notebooks/index.md": _toctree(
            "Derivations", list(NOTEBOOKS), "One derivation each, from words to picture."
        ),
    }
    for page, (module, names) in public.items():
        pages[f"api/{page}.md"] = api.page(module, names)
    for name in _tests():
        up = "../" * (name.count("/") + 3)
        pages[f"tests/{name}.md"] = (
            f"# {_breakable(name)}\n\n```{{literalinclude}} {up}tests/{name}.py\n```\n"
        )
    for path, text in pages.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "benchmarks/scaling.svg", target / "scaling.svg")
    for source in (ROOT / "figures").glob("*.svg"):
        shutil.copy(source, target / "figures")
    for source in (ROOT / "notebooks").glob("*.ipynb"):
        (target / "notebooks" / source.name).write_text(_notebook(source), encoding="utf-8")


def _speed() -> str:
    """The page of `make bench`, the picture after its first lines."""
    head, found, rest = (ROOT / "benchmarks/RESULTS.md").read_text(encoding="utf-8").partition("\n## ")
    words = "Seconds against samples and against clusters, the other side 64, one thread."
    return f"{head}\n```{{figure}} scaling.svg\n{words}\n```\n{found}{rest}"


def _which_teacher() -> str:
    """The page of advice, with its costs and its claims' links."""
    results = (ROOT / "benchmarks/RESULTS.md").read_text(encoding="utf-8")
    return _labelled(_typeset(choice.priced(_page("which_teacher"), results)), notes="paper_notes.md")


def _claims() -> str:
    """The claim table with links claim → derivation → test → figure, all within the site."""
    claims = read_claims(ROOT / NOTES)
    tests = marked_files()
    derived = {label: name for name, labels in NOTEBOOKS.items() for label in labels}
    lines = [
        "# Claims",
        "",
        "Statement and proof, derivation, tests that would catch it being false, figures, verdict.",
        "",
        "The letters: **O** the objective, **T** the constrained teacher, **J** Jensen's inequality, **E**",
        "estimation from a batch, **D** dynamics, **C** what numbers of a run certify.",
        "",
        "| claim | statement and proof | derivation | tests | figures | verdict |",
        "|---|---|---|---|---|---|",
    ]
    drawn = {name: entry.claims for name, entry in figures().items()}
    for claim in claims.values():
        notebook = derived.get(claim.label)
        cells = [
            claim.label,
            f"[{claim.title}](paper_notes.md#{anchor(claim)})",
            f"[{notebook[:2]}](notebooks/{notebook}.ipynb)" if notebook else "",
            ", ".join(f"[{_short(t)}](tests/{t.removesuffix('.py')}.md)" for t in tests[claim.label]),
            ", ".join(
                f"[{_breakable(f)}](figures/index.md#{f})"
                for f, labels in drawn.items()
                if claim.label in labels
            ),
            claim.verdict,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _notes() -> tuple[str, str]:
    """The notes without the sections that say what follows from them, and these as a page of their own."""
    parts = re.split(r"^(?=## )", (ROOT / NOTES).read_text(encoding="utf-8"), flags=re.MULTILINE)
    follows = [part for part in parts if part.startswith(("## Directions", "## What a practitioner"))]
    claims = "".join(part for part in parts if part not in follows)
    return claims, "".join(follows).replace("## Directions", "# Directions", 1)


def _linked(notes: str) -> str:
    """The notes, a paragraph for each field, linked to the modules, tests, figures and notebooks named."""
    notes = re.sub(r"\n(?=\*\*[A-Z][\w ]*[.:]\*\*)", "\n\n", notes)
    notes = re.sub(r"`(theory(?:\.\w+)+)`", r"{py:obj}`\1`", notes)
    pages = {module: page for page, (module, _) in api.public().items()}

    def page_of(match: re.Match[str]) -> str:
        module = match[1].removesuffix(".py").replace("/", ".")
        page = pages.get(module) or pages.get(module.rpartition(".")[0])
        return f"[{match[0]}](api/{page}.md)" if page else match[0]

    notes = re.sub(r"`(theory/[\w/]+\.py)`", page_of, notes)
    notes = re.sub(
        r"`tests/([\w/]*test_\w+)\.py`",
        lambda m: f"[{m[0]}](tests/{m[1]}.md)" if m[1] in _tests() else m[0],
        notes,
    )
    by_number = {name[:2]: name for name in NOTEBOOKS}
    notes = re.sub(
        r"notebook (\d\d)", lambda m: f"[notebook {m[1]}](notebooks/{by_number[m[1]]}.ipynb)", notes
    )
    drawn = figures()

    def pictured(match: re.Match[str]) -> str:
        return f"[{match[1]}](figures/index.md#{match[1]})" if match[1] in drawn else match[0]

    return re.sub(r"^\|.*$|`(\w+)`", pictured, notes, flags=re.MULTILINE)  # names in tables are those of code


def _cited(text: str) -> str:
    """The text with links to the claims, figures and notebooks that it gives as evidence."""
    claims = read_claims(ROOT / NOTES)
    drawn = figures()

    def linked(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name in claims:
            return f"[{name}](paper_notes.md#{anchor(claims[name])})"
        return f"[{name}](figures/index.md#{name})" if name in drawn else match[0]

    return _linked(re.sub(r"`(\w+)`|\b([OTJEDC]\d+)\b(?=[,)])", linked, text))


def _page(name: str) -> str:
    """What is written for the site alone."""
    return (ROOT / f"docs/pages/{name}.md").read_text(encoding="utf-8")


def _labelled(text: str, *, notes: str = "../paper_notes.md") -> str:
    """The text with its claims' labels, `[O2, D3]`, linked to the notes; those are one folder up."""
    claims = read_claims(ROOT / NOTES)

    def linked(match: re.Match[str]) -> str:
        links = (f"[{x}]({notes}#{anchor(claims[x])})" for x in match[1].split(", "))
        return rf"\[{', '.join(links)}\]"

    return re.sub(r"(?<!\{)\[((?:[OTJEDC]\d+(?:, )?)+)\](?![(\[])", linked, text)


def _typeset(text: str) -> str:
    """Indices and exponents as a terminal shows them, τ_t and e^−2, set as such; code and links are left."""
    parts = re.split(r"(`[^`]*`|\]\([^)]*\))", text)
    for i, words in enumerate(parts[::2]):
        words = re.sub(r"(?<!\w)(\w)_(\w)(?!\w)", r"\1<sub>\2</sub>", words)
        parts[2 * i] = re.sub(r"\^(−?\([^)]*\)|−?\w+(?:\.\d+)?)", r"<sup>\1</sup>", words)
    return "".join(parts)


def _notebook(source: Path) -> str:
    """An executed notebook, its labels linked, and a word where a slider would be."""
    notebook = json.loads(source.read_text(encoding="utf-8"))
    cells, frames = [], dict(gallery.FRAMES)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = re.sub(
                r"\]\(\.\./figures/(\w+)\.svg\)", r"](../figures/index.md#\1)", "".join(cell["source"])
            )
            cell["source"] = bibliography.cited(_labelled(text))
        cells.append(cell)
        if "slider" in cell["metadata"].get("tags", []):
            words = "*(A slider, in a running kernel: open the notebook in JupyterLab to move it.)*"
            if section := frames.pop(source.stem[:2], None):
                words += f" *Here is the same idea without one:*\n\n{gallery.frame(section, up='../../')}"
            cells.append(
                {"cell_type": "markdown", "id": f"{cell['id']}-word", "metadata": {}, "source": words}
            )
    return json.dumps(notebook | {"cells": cells}, ensure_ascii=False)


def slug(title: str) -> str:
    """The anchor of a heading: the notes' own of a claim, formulas in its title included; a figure's name."""
    named = {entry.description: name for name, entry in figures().items()}
    if title in named:
        return named[title]
    label = re.match(r"\[(\w+)\] ", title)
    claim = read_claims(ROOT / NOTES).get(label[1]) if label else None
    return anchor(claim) if claim else github_slugify(title)


def _short(test: str) -> str:
    """`theory/dynamics/test_growth.py` as `growth`."""
    return _breakable(test.rpartition("test_")[2].removesuffix(".py"))


def _breakable(name: str) -> str:
    """A name that may break after its underscores and slashes."""
    return re.sub("([_/])", "\\1\u200b", name)


def _tests() -> list[str]:
    return sorted({name.removesuffix(".py") for files in marked_files().values() for name in files})


def _toctree(title: str, names: list[str], words: str, *, hidden: bool = False) -> str:
    option = ":hidden:" if hidden else ":maxdepth: 1"
    return f"# {title}\n\n{words}\n\n```{{toctree}}\n{option}\n\n" + "\n".join(names) + "\n```\n"
