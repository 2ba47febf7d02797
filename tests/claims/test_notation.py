"""The notation of the notes: every symbol of their formulas, every name in code, every clash."""

import inspect
import re

import theory
import theory.nn
from tests.claims.claim_table import ROOT
from tests.claims.notes import NOTES, read_claims

FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.DOTALL)
GREEK = [
    "alpha",
    "beta",
    "Delta",
    "delta",
    "epsilon",
    "eta",
    "kappa",
    "lambda",
    "mu",
    "phi",
    "Pi",
    "pi",
    "rho",
    "sigma",
    "tau",
    "theta",
    "chi",
]
CLASHES = ("r", "lambda", "c", "s", "p", "L")


def notes():
    """The notation, and what comes after it."""
    _head, _, rest = (ROOT / NOTES).read_text(encoding="utf-8").partition("## Notation\n")
    notation, _, body = rest.partition("\n## ")
    return notation, body


def symbols(text):
    """Greek letters by name and single Latin ones, of all formulas in the text."""
    found = set()
    for display, inline in FORMULA.findall(text):
        words = re.sub(
            r"\\(mathrm|operatorname|text|mathbf|mathsf|begin|end)\{?\s*\w+\}?", " ", display or inline
        )
        found |= {name for name in re.findall(r"\\([a-zA-Z]+)", words) if name in GREEK}
        found |= set(re.findall(r"[A-Za-z]", re.sub(r"\\[a-zA-Z]+", " ", words)))
    return found


def rows(notation):
    """Cells of the tables, in which an escaped bar ends no cell."""
    lines = [line for line in notation.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_every_symbol_of_the_notes_is_in_the_notation():
    notation, body = notes()
    used, known = symbols(body), symbols(notation)
    assert len(used & set(GREEK)) > 12
    everyday = set("Oeijlxyb")  # O(·), e, further indices, a variable and a label
    assert used - known - everyday == set()


def test_names_in_code_are_public_names_or_arguments_of_them():
    notation, _ = notes()
    named = {
        name
        for row in rows(notation)
        if len(row) == 4
        for name in re.findall(r"`(\w+)(?:\([^`]*\))?`", row[1])
    }
    public, arguments = set(), set()
    for package in (theory, theory.dynamics, theory.nn):
        for name in package.__all__:
            public.add(name)
            value = getattr(package, name)
            if callable(value):
                arguments |= set(inspect.signature(value).parameters)
    records = {"log_r"}  # fields of what a function returns
    assert {"log_tilt", "gain", "correlations"} <= named
    assert named - public - arguments - records == set()


def test_symbols_that_clash_are_named_with_the_claims_that_use_them():
    notation, _ = notes()
    claims = read_claims(ROOT / NOTES)
    clashes = {row[0]: row[1:] for row in rows(notation) if len(row) == 3}
    for symbol in CLASHES:
        cell = f"$\\{symbol}$" if symbol in GREEK else f"${symbol}$"
        assert all(clashes[cell])
    cited = set(re.findall(r"\b[OTJEDC]\d+\b", str(list(clashes.values()))))
    assert len(cited) > 10
    assert cited <= claims.keys()
