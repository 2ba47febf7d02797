"""Docstrings of public names: a formula or sentence first, sections that fit, examples that run."""

import dataclasses
import doctest
import inspect
import re

import pytest

import theory
import theory.nn

ROOMS = (theory, theory.dynamics, theory.systems, theory.nn)
PUBLIC = {
    f"{room.__name__}.{name}": getattr(room, name)
    for room in ROOMS
    for name in room.__all__
    if inspect.isfunction(getattr(room, name)) or inspect.isclass(getattr(room, name))
}
FUNCTIONS = {name: value for name, value in PUBLIC.items() if inspect.isfunction(value)}
DIALECT = re.compile(r"\S  (?:\w+: |Returns |Raises )|^Source: |^Returns \[|^Raises \w+Error:", re.MULTILINE)


def sections(value):
    """Title → text of the sections of a numpydoc docstring; "" is what comes before them."""
    parts = re.split(r"^(\w+)\n-{4,}\n", inspect.getdoc(value) or "", flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def described(text):
    """The names at the margin of a Parameters or Attributes section, without the asterisks of *args."""
    lines = [line.partition(" : ")[0] for line in text.splitlines() if line and not line.startswith(" ")]
    return [name.strip().lstrip("*") for line in lines for name in line.split(",")]


def lacking(value):
    """What the sections should say and do not, or say of what is not there."""
    found = sections(value)
    names, attributes = (described(found.get(title, "")) for title in ("Parameters", "Attributes"))
    if inspect.isfunction(value):
        parameters = list(inspect.signature(value).parameters)
        wanted = [] if names == parameters else [f"Parameters {parameters}"]
        wanted += ["Returns"] * ("Returns" not in found)
        return wanted + ["Raises"] * ("Raises" not in found and bool(parameters))
    wanted = [f"no Attributes {name}" for name in attributes if not has(value, name)]
    wanted += [
        f"an entry for each of: {line}"
        for line in found.get("Attributes", "").splitlines()
        if not line.startswith(" ") and "," in line.partition(" : ")[0]
    ]
    if issubclass(value, Exception):
        return wanted + ["Attributes"] * (not attributes)
    parameters = list(inspect.signature(value).parameters)
    if names or not dataclasses.is_dataclass(value):
        return wanted + [f"Parameters {parameters}"] * (names != parameters)
    fields = [field.name for field in dataclasses.fields(value)]
    return wanted + [f"Attributes {fields}"] * (not set(fields) <= set(attributes))


def has(kind, name):
    """A field, a property, or what `__init__` sets or registers."""
    written = inspect.getsource(kind)
    known = name in inspect.get_annotations(kind) or hasattr(kind, name)
    return known or f"self.{name}" in written or f'"{name}"' in written


@pytest.mark.parametrize("name", PUBLIC)
def test_it_begins_with_one_line_and_has_sections(name):
    found = sections(PUBLIC[name])
    first, *rest = found[""].splitlines()
    assert first.strip() and (not rest or rest[0] == "")
    assert len(found) > 1, "no section"
    assert not DIALECT.search(inspect.getdoc(PUBLIC[name])), "a field outside of the sections"


@pytest.mark.parametrize("name", PUBLIC)
def test_the_sections_are_those_of_the_signature(name):
    assert lacking(PUBLIC[name]) == []


def misdescribed(weights, *, tol):
    """Σ w.

    Parameters
    ----------
    tol, weight
        One misspelt.
    """


@dataclasses.dataclass
class Misdescribed:
    """A pair.

    Attributes
    ----------
    left, middle : int
        Not of this pair.
    """

    left: int
    right: int


def test_what_sections_lack_is_seen():
    assert lacking(misdescribed) == ["Parameters ['weights', 'tol']", "Returns", "Raises"]
    assert lacking(Misdescribed) == [
        "no Attributes middle",
        "an entry for each of: left, middle : int",
        "Attributes ['left', 'right']",
    ]
    assert lacking(Infeasible) == ["Attributes"]


class Infeasible(ValueError):
    """Says no more."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_examples_run(name):
    value = FUNCTIONS[name]
    finder = doctest.DocTestFinder(recurse=False)
    (test,) = finder.find(value, name, globs={})
    assert test.examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    told = []
    runner.run(test, out=told.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(told)


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - FUNCTIONS.keys()))
def test_examples_of_classes_run(name):
    runner, told = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False), []
    for test in doctest.DocTestFinder().find(PUBLIC[name], name, globs={}):
        runner.run(test, out=told.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(told)
