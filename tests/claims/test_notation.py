"""The notation of the notes: every symbol of their formulas, every name in code, every clash."""

import inspect
import re

import pytest

import theory
import theory.nn
from tests.claims.claim_table import ROOT
from tests.claims.notes import NOTES, read_claims

SEVERAL = "**Symbols with several meanings.**"
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.DOTALL)
GREEK = [
    "alpha",
    "beta",
    "gamma",
    "Delta",
    "delta",
    "epsilon",
    "eta",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "phi",
    "Pi",
    "pi",
    "rho",
    "sigma",
    "tau",
    "theta",
    "chi",
]
CLASHES = ("\\rho", "s", "t", "p")
SINGLE = {  # formulas in which a letter that is left with one meaning would have another
    "lambda": r"\\lambda\s*\+\s*\\(alpha|mu|gamma|rho)|\\lambda\^\d|\\lambda t\b",
    "L": r"(?<![A-Za-z\\])L\((?!X;K\))",
    "c": r"(?<![A-Za-z\\])c(_n|\^2)",
    "r": r"(?<![A-Za-z\\_])r(_[j1]|\s*(=|<|>|\\[lg]e)\s*\d|\\,h|\\tau|y\b)|\(1\s*-\s*r\)|\|r(_j)?\|",
    "rho": r"\\rho(_c|\^2)|[A-Z]\\rho|-\s*\\rho\s*\\|\\(mu|nu)\s*[+-]?\s*\\rho|\\rho\s*\\theta|_\\rho",
}

ELSEWHERE = {  # what the same letters would be beside the formulas, in words and in code
    "r": r"\br_j\b|(?<![\w])r[₁₂]|√r\b|\br τ_s|[(\x22]r = [{0-9.]",
    "rho": r"ρ_c|ρᵢ|1 ?− ?ρ per|\(1−ρ\)c|(?m:^ *(\w+, )*rho(, \w+)* = .*(center_|\bm_c\b))",
}
PLACES = (
    "theory",
    "experiments",
    "figures/draw",
    "docs",
    "notebooks",
    "examples",
    "tests/theory",
    "tests/accuracy",
)


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
        for row in rows(notation.partition(SEVERAL)[0])
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


def clashes(notation):
    """Letters → the cells on each of them: two of meanings, and why they stay."""
    return {row[0]: row[1:] for row in rows(notation.partition(SEVERAL)[2])[1:]}


def labels(words):
    return re.findall(r"\b[OTJEDC]\d+\b", words)


def test_letters_with_several_meanings_say_where_each_is_and_why_all_stay():
    notation, _ = notes()
    found = clashes(notation)
    for symbol in CLASHES:
        assert any(f"${symbol}$" in letters for letters in found)
    for letters, cells in found.items():
        assert len(cells) == 3
        assert all(cells), letters
    assert {label for cells in found.values() for label in labels(str(cells))} <= read_claims(
        ROOT / NOTES
    ).keys()


def test_no_claim_has_two_meanings_of_one_letter_and_each_named_has_the_letter():
    notation, body = notes()
    claims = dict(re.findall(r"^### \[(\w+)\](.*?)(?=^##)", body, flags=re.MULTILINE | re.DOTALL))
    for letters, cells in clashes(notation).items():
        several = letters.count("$") > 2  # of two letters each may have its own meaning
        cited = [label for meaning in ";".join(cells[:2]).split(";") for label in set(labels(meaning))]
        assert several or len(cited) == len(set(cited)), letters
        for label in cited:
            written = symbols(claims[label])
            assert written & {name.strip("\\") for name in re.findall(r"\$([^$]+)\$", letters)}, (
                letters,
                label,
            )


@pytest.mark.parametrize("letter", SINGLE)
def test_a_letter_that_is_left_with_one_meaning_has_no_other(letter):
    _, body = notes()
    formulas = [display or inline for display, inline in FORMULA.findall(body)]
    assert letter in symbols(body)
    assert [formula for formula in formulas if re.search(SINGLE[letter], formula)] == []


def texts():
    """Path → text of what is written by hand, but for the notes."""
    found = [
        path for place in PLACES for path in (ROOT / place).rglob("*") if path.suffix in {".py", ".md", ".js"}
    ]
    made = ("_build", "_assembled")
    kept = [path for path in (ROOT / "README.md", *found) if not set(made) & set(path.parts)]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in kept}


@pytest.mark.parametrize("letter", ELSEWHERE)
def test_no_other_text_gives_the_letter_another_meaning(letter):
    found = texts()
    assert len(found) > 200
    assert [path for path, text in found.items() if re.search(ELSEWHERE[letter], text)] == []
