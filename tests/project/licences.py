"""LICENCES.md, by `python -m tests.project.licences`: what the metadata of each pinned package says."""

import importlib.metadata
import re
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LICENCES, PINS = ROOT / "LICENCES.md", ROOT / "constraints.txt"
HEAD = """# Licences of the dependencies

Of every package that `constraints.txt` pins, as its own metadata says; made by
`python -m tests.project.licences`, which `make constraints` calls.
The wheel of this project needs `array-api-compat`, `numpy` and `scipy` alone, and `torch` for `theory.nn`;
all else serves experiments, tests, notebooks and pages. The project's own licence is in [LICENSE](LICENSE).

| package | version | licence |
|---|---|---|
"""


def pins():
    """(name, version) of every line of constraints.txt."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("==")) for line in lines if line and not line.startswith("#")]


def licence(name):
    """In a few words: the SPDX expression, else the classifiers, else the field; "" if not installed."""
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    if expression := metadata.get("License-Expression"):
        return expression
    classifiers = [
        x.split(" :: ")[-1] for x in metadata.get_all("Classifier") or [] if x.startswith("License ::")
    ]
    if classifiers and classifiers != ["OSI Approved"]:
        return ", ".join(sorted(set(classifiers)))
    return (metadata.get("License") or "").strip().partition("\n")[0]


def rows(text):
    """Package → (version, licence) of such a table."""
    found = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", text, re.MULTILINE)
    return {canonicalize_name(name): (version, words) for name, version, words in found if name != "package"}


def table():
    """The whole file; a package that is not installed here keeps what is said of it."""
    said = rows(LICENCES.read_text(encoding="utf-8")) if LICENCES.exists() else {}
    lines = []
    for name, version in pins():
        known = licence(name) or said.get(canonicalize_name(name), ("", "not said"))[1]
        lines.append(f"| {name} | {version} | {known} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    LICENCES.write_text(table(), encoding="utf-8")
