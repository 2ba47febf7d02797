"""Which code makes a result: the files that a module reaches, and what in them can change a number.

Of a package whose `__init__` only imports, a module reaches what it takes: a new room in `theory` changes
nothing that was there.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from experiments.engine.registry import ROOT

# They carry results and do not make them: a change here makes no result stale.
ENGINE = "experiments/engine/"
ABOUT = {"CLAIMS", "MINUTES", "__all__"}


def fingerprints(module: str) -> dict[str, str]:
    """File and hash of all code of `theory` and `experiments` that a module reaches, the engine aside.

    Comments, docstrings, formatting, annotations of functions, what is there for type checkers only and the
    constants for the list of experiments do not count.
    """
    files = {path.relative_to(ROOT).as_posix(): path for path in sources(module, ("theory", "experiments"))}
    return {
        name: hashlib.sha256(ast.unparse(_code(path)).encode()).hexdigest()[:16]
        for name, path in files.items()
        if not name.startswith(ENGINE)
    }


def sources(module: str, packages: tuple[str, ...]) -> list[Path]:
    """The file of a module and those of all that it imports from these packages, however indirectly."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if path is None or name in found:
            continue
        found[name] = path
        for taken, whole in _imported(_code(path)):
            waiting += [name for name in _modules(taken, whole=whole) if name.partition(".")[0] in packages]
    return [found[name] for name in sorted(found)]


def _file(module: str) -> Path | None:
    plain = ROOT / module.replace(".", "/")
    return next((p for p in (plain.with_suffix(".py"), plain / "__init__.py") if p.is_file()), None)


def _code(path: Path) -> ast.Module:
    return _computing(path.read_text(encoding="utf-8"))


@cache
def _computing(text: str) -> ast.Module:
    tree: ast.Module = _Computing().visit(ast.parse(text))
    return tree


class _Computing(ast.NodeTransformer):
    """Leaves out of a tree what tells about the code and computes nothing."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        return None if isinstance(node.targets[0], ast.Name) and node.targets[0].id in ABOUT else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        if node.module == "typing":
            node.names = [alias for alias in node.names if alias.name != "TYPE_CHECKING"]
        return node if node.names else None

    def visit_If(self, node: ast.If) -> ast.If | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING") else node


@cache
def _imported(tree: ast.Module) -> set[tuple[str, bool]]:
    """Dotted names that a file imports, and with True those that it takes from what it has imported."""
    found, bound = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                bound.append((alias.asname or top, alias.name if alias.asname else top))
                found.add((alias.name, False))
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                bound.append((alias.asname or alias.name, f"{node.module}.{alias.name}"))
                found.add((f"{node.module}.{alias.name}", False))
    taken = set(_taken(tree))
    return found | {
        (".".join([target, *rest]), True) for own, target in bound for name, *rest in taken if name == own
    }


def _taken(node: ast.AST) -> Iterator[tuple[str, ...]]:
    """("theory", "dynamics", "growth_rates") for `theory.dynamics.growth_rates`, and so on for every name."""
    attributes: tuple[str, ...] = ()
    while isinstance(node, ast.Attribute):
        attributes = (node.attr, *attributes)
        node = node.value
    if isinstance(node, ast.Name):
        yield (node.id, *attributes)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _taken(child)


def _modules(name: str, *, whole: bool) -> set[str]:
    """The modules that a dotted name is in. whole: a package stands for all that it passes on."""
    module, *rest = name.split(".")
    found: set[str] = set()
    while not (path := _file(module)) or path.name == "__init__.py":
        passed_on = _passed_on(path) if path else {}
        if passed_on is None:  # it computes
            found.add(module)
        elif rest and (origin := passed_on.get(rest[0], "")) not in ("", f"{module}.{rest[0]}"):
            return found | _modules(".".join([origin, *rest[1:]]), whole=whole)
        if not rest or not _file(f"{module}.{rest[0]}"):
            origins = (passed_on or {}).values() if whole or rest else ()
            return found.union(*(_modules(origin, whole=True) for origin in origins))
        module, rest = f"{module}.{rest[0]}", rest[1:]
    return found | {module}


def _passed_on(init: Path) -> dict[str, str] | None:
    """For an `__init__` that only imports, where each of its names comes from."""
    lines = _code(init).body
    imports = [node for line in lines for node in (line.body if isinstance(line, ast.Try) else [line])]
    if not all(isinstance(node, ast.Import | ast.ImportFrom) for node in imports):
        return None
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in imports
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
