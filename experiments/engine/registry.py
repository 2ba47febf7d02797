"""Which experiments there are, found by reading the files, not by importing them.

An experiment is a module with the literals `CLAIMS` and `MINUTES`, a frozen dataclass `Settings` and a
function `run`; a figure is one with the literal `CAPTION` and a function `draw`. The first line of the
docstring describes it.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


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
    def claims(self) -> list[str]:
        """Labels of the claims that an experiment is about, or that a figure's caption names."""
        if "CLAIMS" in self.constants:
            return list(self.constants["CLAIMS"])
        named = set(re.findall(r"\b[OTJED]\d+\b", self.constants["CAPTION"]))
        return sorted(named, key=lambda label: ("OTJED".index(label[0]), int(label[1:])))


class UnknownName(LookupError):
    """There is no experiment or figure of that name."""


def duration(seconds: float) -> str:
    """`40 s`, `7 min`."""
    return f"{max(round(seconds), 1)} s" if seconds < 90 else f"{round(seconds / 60)} min"


def experiments(package: str = "experiments.studies") -> dict[str, Entry]:
    """Every experiment by name."""
    return _entries(package, required={"CLAIMS", "MINUTES"}, function="run")


def figures(package: str = "figures.draw") -> dict[str, Entry]:
    """Every figure by name."""
    return _entries(package, required={"CAPTION"}, optional={"SOURCE"}, function="draw")


def find(entries: Mapping[str, Entry], name: str, *, kind: str) -> Entry:
    """The entry of that name. Raises UnknownName with the nearest one."""
    if name in entries:
        return entries[name]
    near = get_close_matches(name, entries, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(entries) or 'none yet'}."
    raise UnknownName(f"no {kind} is called {name!r}; {hint}")


def _entries(
    package: str, *, required: set[str], optional: Set[str] = frozenset(), function: str
) -> dict[str, Entry]:
    found = {}
    for path in sorted((ROOT / package.replace(".", "/")).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not all(name in text for name in required):  # parsing takes most of the time
            continue
        tree = ast.parse(text)
        constants = {
            target.id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in required | optional
        }
        defines = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if required <= constants.keys() and function in defines:
            first = (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")
            found[path.stem] = Entry(package, path.stem, first, constants)
    return found
