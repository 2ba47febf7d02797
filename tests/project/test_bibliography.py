"""Every theorem that is quoted, and every published system, has its work in the bibliography."""

import re

import pytest

import theory
from tests.claims.claim_table import ROOT
from tests.claims.notes import NOTES
from tests.project.test_site_pages import BUILT, extension

THEOREMS = {
    "Pinsker's inequality": "csiszar1967,pinsker1964",
    "Birkhoff–Hopf theorem": "birkhoff1957,hopf1963",
    "Hoeffding's lemma": "hoeffding1963",
    "Specht's ratio": "specht1960",
    "Jury's condition": "jury1962",
    "Kelvin, Tait, Chetaev": "chetaev1961,thomson1879",
}


@pytest.fixture
def bibliography(monkeypatch):
    return extension(monkeypatch, "bibliography")


def test_every_theorem_quoted_in_the_notes_is_followed_by_a_citation(bibliography):
    notes = (ROOT / NOTES).read_text(encoding="utf-8")
    text = bibliography.cited(notes)
    for words, keys in THEOREMS.items():
        assert text.count(f"{words} {{cite:p}}`{keys}`") == notes.count(words) >= 1, words
        assert set(keys.split(",")) <= bibliography.works().entries.keys()
    assert re.sub(r" \{cite:p\}`[\w,]+`", "", text) == notes  # nothing else is changed


def test_each_published_system_has_its_paper_in_the_bibliography(bibliography):
    entries = [entry.fields for entry in bibliography.works().entries.values() if "system" in entry.fields]
    papers = {fields["system"].lower(): fields for fields in entries}
    for name, system in theory.systems.SYSTEMS.items():
        for number in re.findall(r"arXiv (\d+\.\d+)", system.source):
            assert papers[name]["eprint"] == number


def test_formulas_code_headings_and_links_are_left_and_lines_may_break(bibliography):
    for left in (
        "# Jury's condition",
        "`Jury's condition`",
        "$Jury's condition$",
        "[Jury's condition](x.md)",
        ">>> Jury's condition",
    ):
        assert bibliography.cited(f"{left}\n") == f"{left}\n"
    assert bibliography.cited("by Jury's\ncondition.") == "by Jury's\ncondition {cite:p}`jury1962`."
    assert bibliography.cited("Jury's condition", role=":cite:p:") == "Jury's condition :cite:p:`jury1962`"


def test_every_work_has_the_fields_that_its_kind_of_entry_is_known_by(bibliography):
    place = {
        "article": "journal",
        "book": "publisher",
        "incollection": "booktitle",
        "inproceedings": "booktitle",
    }
    for key, entry in bibliography.works().entries.items():
        assert entry.persons["author"], key
        assert {"title", "year", place.get(entry.type, "eprint")} <= entry.fields.keys(), key


@pytest.mark.slow
def test_a_citation_leads_to_its_entry_in_the_notes_a_notebook_and_a_docstring():
    entries = (BUILT / "_assembled/references.html").read_text(encoding="utf-8")
    for page, key in {
        "paper_notes": "pinsker1964",
        "notebooks/03_exact_teacher": "hopf1963",
        "api/dynamics": "chetaev1961",
        "api/bounds": "specht1960",
    }.items():
        assert f'references.html#{key}"' in (BUILT / f"_assembled/{page}.html").read_text(encoding="utf-8")
        assert f'id="{key}"' in entries
