"""Docstrings of public names: a formula or sentence first, sections that fit, examples that run."""

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
    """The names at the margin of a Parameters or Attributes section."""
    lines = [line.partition(" : ")[0] for line in text.splitlines() if line and not line.startswith(" ")]
    return [name.strip() for line in lines for name in line.split(",")]


@pytest.mark.parametrize("name", PUBLIC)
def test_it_begins_with_one_line_and_has_sections(name):
    found = sections(PUBLIC[name])
    first, *rest = found[""].splitlines()
    assert first.strip() and (not rest or rest[0] == "")
    assert len(found) > 1, "no section"
    assert not DIALECT.search(inspect.getdoc(PUBLIC[name])), "a field outside of the sections"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_parameters_are_those_of_the_signature(name):
    found, parameters = sections(FUNCTIONS[name]), inspect.signature(FUNCTIONS[name]).parameters
    assert described(found.get("Parameters", "")) == list(parameters) or [
        x.lstrip("*") for x in described(found.get("Parameters", ""))
    ] == list(parameters)
    assert "Returns" in found
    assert "Raises" in found or not parameters


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
