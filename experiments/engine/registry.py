"""Which experiments there are, found by reading the files, not by importing them.

An experiment is a module with the literals `CLAIMS` and `MINUTES`, a frozen dataclass `Settings` and a
function `run`; a figure is one with the literal `CAPTION` and a function `draw`. The first line of the
docstring describes it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from experiments.engine.store import ROOT

# They carry results and do not make them: a change here makes no result stale.
ENGINE = "experiments/engine/"


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


def fingerprints(module: str) -> dict[str, str]:
    """File and hash of all code of `theory` and `experiments` that a module reaches, the engine aside.

    Comments, docstrings, formatting and the constants for the list of experiments do not count.
    """
    found = {}
    for path in sources(module, packages=("theory", "experiments")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(ENGINE):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                node.body = [line for line in node.body if not _is_about(line)]
        found[name] = hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16]
    return found


def _is_about(line: ast.stmt) -> bool:
    """Whether a statement tells about the code and computes nothing."""
    if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
        return line.targets[0].id in {"CLAIMS", "MINUTES", "__all__"}
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


def sources(module: str, packages: tuple[str, ...]) -> list[Path]:
    """The file of a module and those of all that it imports from these packages, however indirectly.

    Of a package whose `__init__` passes names on, only the modules of the names used: a new room in
    `theory` changes nothing that was there.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if path is None or name in found:  # `from module import function` is tried as a module as well
            continue
        found[name] = path
        waiting += [name for name in _imported(path) if name.partition(".")[0] in packages]
    return [found[name] for name in sorted(found)]


def _file(module: str) -> Path | None:
    plain = ROOT / module.replace(".", "/")
    return next((p for p in (plain.with_suffix(".py"), plain / "__init__.py") if p.is_file()), None)


def _imported(path: Path) -> set[str]:
    """Names of the modules that a file imports, and of more that may be none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                passed_on = _passed_on(alias.name)
                found |= _used(tree, alias, passed_on) if passed_on else {alias.name}
        elif isinstance(node, ast.ImportFrom) and node.module:
            passed_on = _passed_on(node.module)
            found |= {passed_on.get(alias.name, f"{node.module}.{alias.name}") for alias in node.names}
            if not passed_on:
                found.add(node.module)
    return found


def _used(tree: ast.Module, alias: ast.alias, passed_on: Mapping[str, str]) -> set[str]:
    """Modules of the attributes taken from an imported package; all where it is passed about whole."""
    bound = alias.asname or alias.name
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == bound]
    taken = {
        node.value: node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == bound
    }
    if len(taken) < len(names):
        return set(passed_on.values())
    return {passed_on.get(attribute, f"{alias.name}.{attribute}") for attribute in taken.values()}


def _passed_on(package: str) -> dict[str, str]:
    """For a package whose `__init__` only imports: the module that each name comes from. Else nothing."""
    path = _file(package)
    return _imports(path.read_text(encoding="utf-8")) if path and path.name == "__init__.py" else {}


@cache
def _imports(source: str) -> dict[str, str]:
    nodes = ast.parse(source).body
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    if len(imports) < sum(not _is_about(node) for node in nodes):
        return {}
    return {alias.asname or alias.name: str(node.module) for node in imports for alias in node.names}


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
