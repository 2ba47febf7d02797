"""The pages of the API: a room's docstring, then its public names with their formulas, shapes and errors."""

import importlib
import inspect
import re

import theory
from tests.project import rooms

READ_FIRST = {"theory.nn": ("loss", "patches", "monitor", "normalizer", "schedules")}
"""Package → its modules in the order in which users need them; others are in that of their layers."""


def public() -> dict[str, tuple[str, list[str]]]:
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


def page(room: str, names: list[str]) -> str:
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
    found = list(rooms.modules(room)) if room in rooms.layers() else []
    first = [f"{room}.{name}" for name in READ_FIRST.get(room, ())]
    return first + [module for module in found if module not in first]


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
    methods = [name for name in _members(value) if _is_method(value, name)]
    plain = ", ".join(name for name in methods if not name.startswith("_"))
    special = ", ".join(name for name in methods if name.startswith("__") and name != "__init__")
    options = [f"   :members: {plain}"] * bool(plain) + [f"   :special-members: {special}"] * bool(special)
    return [f".. autoclass:: {public}", *options, ""]


def _members(value: type) -> list[str]:
    """What the class and its bases of this package define, bases first, in the order written."""
    bases = (base for base in reversed(value.__mro__) if base.__module__.partition(".")[0] == "theory")
    return list(dict.fromkeys(name for base in bases for name in vars(base)))


def _is_method(value: type, name: str) -> bool:
    """Whether it is a function, of the class or its instances, that is for users."""
    method = getattr(value, name)
    return (inspect.isfunction(method) or inspect.ismethod(method)) and _is_documented(method)


def _is_documented(method: object) -> bool:
    """Whether a method is for users: its docstring has sections."""
    return bool(re.search(r"^ *-{4,}$", inspect.getdoc(method) or "", flags=re.MULTILINE))


def contents(found: dict[str, tuple[str, list[str]]]) -> str:
    """Each room with its first docstring line and its public functions and classes."""
    lines = ["Formulas, shapes, units and errors of every public function, module by module.", ""]
    lines += [
        "[Loss and trainer](training.md)",
        ": What a training loop calls: each formula, with an example.",
        "",
    ]
    for page, (module, names) in found.items():
        members = ", ".join(f"{{py:obj}}`~{name}`" for name in names)
        lines += [f"[{page}]({page}.md)", f": {_literal(rooms.first_line(module))} {members}", ""]
    return "\n".join(lines)


def _literal(words: str) -> str:
    """Words in which Markdown is to see no markup."""
    return re.sub(r"([\\*_\[\]{}|$<>])", r"\\\1", words)
