"""Copies into docs/_assembled what the site is made of: each page has one source, the repository's."""

import importlib
import inspect
import json
import re
import shutil
from pathlib import Path

import theory
from experiments.engine.registry import figures
from tests.claims.claim_table import NOTEBOOKS, ROOT, anchor, marked_files
from tests.claims.notes import NOTES, read_claims
from tests.project import rooms


def write(target: Path) -> None:
    """Write every assembled page below `target`, afresh. What is not there, Sphinx reports as missing."""
    shutil.rmtree(target, ignore_errors=True)
    claims, directions = _notes()
    public = _public()
    pages = {
        "claims.md": _claims(),
        "paper_notes.md": _linked(claims),
        "directions.md": _cited(directions),
        "figures/index.md": _typeset(_labelled((ROOT / "figures/README.md").read_text(encoding="utf-8"))),
        "speed.md": _speed(),
        "api/index.md": _toctree("API", list(public), _contents(public), hidden=True),
        "tests/index.md": _toctree("Tests", _tests(), "The tests that carry a claim's label, as they run."),
        "notebooks/index.md": _toctree(
            "Derivations", list(NOTEBOOKS), "One derivation each, from words to picture."
        ),
    }
    for page, (module, names) in public.items():
        pages[f"api/{page}.md"] = _module(module, names)
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
    pages = {module: page for page, (module, _) in _public().items()}

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
    return re.sub(
        r"`(\w+)`", lambda m: f"[{m[1]}](figures/index.md#{m[1]})" if m[1] in drawn else m[0], notes
    )


def _cited(text: str) -> str:
    """The text with links to the claims, figures and notebooks that it gives as evidence."""
    claims = read_claims(ROOT / NOTES)
    drawn = figures()

    def linked(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name in claims:
            return f"[{name}](paper_notes.md#{anchor(claims[name])})"
        return f"[{name}](figures/index.md#{name})" if name in drawn else match[0]

    return _linked(re.sub(r"`(\w+)`|\b([OTJED]\d+)\b(?=[,)])", linked, text))


def _labelled(text: str) -> str:
    """The text of a page one folder down with its claims' labels, `[O2, D3]`, linked to the notes."""
    claims = read_claims(ROOT / NOTES)

    def linked(match: re.Match[str]) -> str:
        links = (f"[{x}](../paper_notes.md#{anchor(claims[x])})" for x in match[1].split(", "))
        return rf"\[{', '.join(links)}\]"

    return re.sub(r"(?<!\{)\[((?:[OTJED]\d+(?:, )?)+)\](?![(\[])", linked, text)


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
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = _labelled("".join(cell["source"]))
        cells.append(cell)
        if "slider" in cell["metadata"].get("tags", []):
            words = "*(A slider, in a running kernel: open the notebook in JupyterLab to move it.)*"
            cells.append(
                {"cell_type": "markdown", "id": f"{cell['id']}-word", "metadata": {}, "source": words}
            )
    return json.dumps(notebook | {"cells": cells}, ensure_ascii=False)


def _short(test: str) -> str:
    """`theory/dynamics/test_growth.py` as `growth`."""
    return _breakable(test.rpartition("test_")[2].removesuffix(".py"))


def _breakable(name: str) -> str:
    """A name that may break after its underscores and slashes."""
    return re.sub("([_/])", "\\1\u200b", name)


def _tests() -> list[str]:
    return sorted({name.removesuffix(".py") for files in marked_files().values() for name in files})


def _public() -> dict[str, tuple[str, list[str]]]:
    """Page → the room whose docstring opens it, and the public names it documents, as users call them."""
    pages: dict[str, list[str]] = {page: [] for name in rooms.modules("theory") if (page := _page(name))}
    for name in theory.__all__:
        value = getattr(theory, name)
        if not inspect.ismodule(value):
            home = "theory.teachers" if name == "TEACHERS" else value.__module__
            pages[_page(home)].append(f"theory.{name}")
    for package in ("theory.dynamics", "theory.systems", "theory.nn"):
        pages[package] = [f"{package}.{name}" for name in importlib.import_module(package).__all__]
    return {page.removeprefix("theory."): (page, names) for page, names in pages.items() if names}


def _page(module: str) -> str:
    """A module has the page of its room, "" for the command line."""
    room = ".".join(module.split(".")[:2])
    return "" if room.endswith("__main__") else room


def _module(room: str, names: list[str]) -> str:
    """The page of a room: its docstring, then its public names, those of a package module by module."""
    parts: dict[str, list[str]] = {room: []}
    for public in names:
        written = getattr(_named(public), "__module__", room)
        parts.setdefault(written if written in _inside(room) else room, []).append(public)
    lines = [f"# {room}", ""]
    for module in [room, *(m for m in _inside(room) if m in parts)]:
        lines += [f"## {module}", ""] if module != room else []
        lines += ["```{eval-rst}", f".. automodule:: {module}", "   :no-members:", ""]
        lines += [line for public in parts[module] for line in _entry(public)] + ["```", ""]
    return "\n".join(lines)


def _inside(room: str) -> list[str]:
    return list(rooms.modules(room)) if room in rooms.layers() else []


def _named(public: str) -> object:
    package, _, name = public.rpartition(".")
    return getattr(importlib.import_module(package), name)


def _entry(public: str) -> list[str]:
    """A directive of autodoc; of a class, with the methods that are for users."""
    value = _named(public)
    if inspect.isfunction(value):
        return [f".. autofunction:: {public}", ""]
    if not inspect.isclass(value):
        return [f".. autodata:: {public}", "   :no-value:", "", "   The table above, by name.", ""]
    methods = [name for name, f in vars(value).items() if inspect.isfunction(f) and _is_documented(f)]
    plain = ", ".join(name for name in methods if not name.startswith("_"))
    special = ", ".join(name for name in methods if name.startswith("__") and name != "__init__")
    options = [f"   :members: {plain}"] * bool(plain) + [f"   :special-members: {special}"] * bool(special)
    return [f".. autoclass:: {public}", *options, ""]


def _is_documented(method: object) -> bool:
    """Whether a method is for users: its docstring has sections."""
    return bool(re.search(r"^ *-{4,}$", inspect.getdoc(method) or "", flags=re.MULTILINE))


def _contents(public: dict[str, tuple[str, list[str]]]) -> str:
    """Each room with its first docstring line and its public functions and classes."""
    lines = ["Formulas, shapes, units and errors of every public function, room by room.", ""]
    for page, (module, names) in public.items():
        members = ", ".join(f"{{py:obj}}`~{name}`" for name in names)
        lines += [f"[{page}]({page}.md)", f": {_literal(rooms.first_line(module))} {members}", ""]
    return "\n".join(lines)


def _literal(words: str) -> str:
    """Words in which Markdown is to see no markup."""
    return re.sub(r"([\\*_\[\]{}|$<>])", r"\\\1", words)


def _toctree(title: str, names: list[str], words: str, *, hidden: bool = False) -> str:
    option = ":hidden:" if hidden else ":maxdepth: 1"
    return f"# {title}\n\n{words}\n\n```{{toctree}}\n{option}\n\n" + "\n".join(names) + "\n```\n"
