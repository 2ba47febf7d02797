"""Which experiments there are, found by reading the files, not by importing them.

An experiment is a module with the literals `CLAIMS` and `MINUTES`, a frozen dataclass `Settings` and a
function `run`; a figure is one with the literal `CAPTION` and a function `draw`. The first line of the
docstring describes it.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = {"SOURCE"}


class Refused(Exception):
    """What was asked for cannot be done here; the message says why in words for the user."""

    status = 1
    """The exit status of a command that meets it."""


class UnknownName(Refused):
    """There is no experiment or figure of that name."""

    status = 2


@dataclass(frozen=True)
class Entry:
    """A module, its first docstring line, and its literal constants."""

    package: str
    name: str
    description: str
    constants: Mapping[str, Any]

    @cached_property
    def module(self) -> ModuleType:
        return importlib.import_module(self.qualified_name)

    @property
    def qualified_name(self) -> str:
        return f"{self.package}.{self.name}"

    @property
    def duration(self) -> str:
        """The measured time of an experiment's full run, in words."""
        return duration(60 * self.constants["MINUTES"])

    @property
    def source(self) -> str:
        """The name of the experiment that a figure is drawn from."""
        return str(self.constants.get("SOURCE", self.name))

    @property
    def claims(self) -> list[str]:
        """Labels of the claims that an experiment is about, or that a figure's caption names."""
        if "CLAIMS" in self.constants:
            return list(self.constants["CLAIMS"])
        named = set(re.findall(r"\b[OTJEDC]\d+\b", self.constants["CAPTION"]))
        return sorted(named, key=lambda label: ("OTJEDC".index(label[0]), int(label[1:])))


def duration(seconds: float) -> str:
    """`40 s`, `7 min`."""
    return f"{max(round(seconds), 1)} s" if seconds < 90 else f"{round(seconds / 60)} min"


def experiments(package: str = "experiments.studies") -> dict[str, Entry]:
    """Every experiment by name."""
    return _entries(package, "run", {"CLAIMS", "MINUTES"})


def figures(package: str = "figures.draw") -> dict[str, Entry]:
    """Every figure by name."""
    return _entries(package, "draw", {"CAPTION", "SOURCE"})


def find(entries: Mapping[str, Entry], name: str, *, kind: str) -> Entry:
    """The entry of that name. Raises UnknownName with the nearest one."""
    if name in entries:
        return entries[name]
    near = get_close_matches(name, entries, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(entries) or 'none yet'}."
    raise UnknownName(f"no {kind} is called {name!r}; {hint}")


def _entries(package: str, function: str, literals: set[str]) -> dict[str, Entry]:
    found = {}
    for path in sorted((ROOT / package.replace(".", "/")).glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in literals
        }
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if literals - OPTIONAL <= constants.keys() and function in defined:
            first = (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")
            found[path.stem] = Entry(package, path.stem, first, constants)
    return found
