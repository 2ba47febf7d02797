"""figures/README.md: what stands there of every figure, and in which order."""

import dataclasses

from experiments.engine import registry
from figures import save
from figures.catalogue import FIRST, catalogue, order

FIGURES, EXPERIMENTS = registry.figures(), registry.experiments()
ENTRY = registry.figures("tests.support")["toy_experiment"]


def test_the_catalogue_is_in_step():
    assert (save.HERE / "README.md").read_text() == catalogue(FIGURES, EXPERIMENTS), "run python -m figures"


def test_the_catalogue_has_figure_claims_command_time_and_what_to_see():
    entries = registry.figures("tests.support")
    page = catalogue(entries, registry.experiments("tests.support"))
    words = "Random walks: small enough for the tests of the engine"
    row = next(line for line in page.splitlines() if line.startswith("| [Random walks"))
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        f"[{words}](#toy_experiment)",
        "O4",
        "`python -m figures toy_experiment --retrain`",
        "3 s",
    ]
    assert f'<a id="toy_experiment"></a>\n\n## {words}\n' in page
    assert f"[![{words}](toy_experiment.svg)](toy_experiment.svg)" in page
    assert "They do not depend on anything" in page


def test_the_catalogue_begins_with_what_matters_and_goes_on_by_claim():
    names = order(FIGURES)
    assert names[: len(FIRST)] == list(FIRST)
    assert sorted(names) == sorted(FIGURES)
    leading = ["OTJEDC".index(FIGURES[name].claims[0][0]) for name in names[len(FIRST) :]]
    assert leading == sorted(leading)


def test_statements_of_figures_are_headings_of_their_own():
    words = [entry.description for entry in FIGURES.values()]
    assert len(set(words)) == len(words)
    assert [text for text in words if set(text) & set("[]|`_^$")] == []


def test_claims_are_read_from_the_caption_in_the_order_of_the_theory():
    entry = dataclasses.replace(ENTRY, constants={"CAPTION": "By [J10] and [J5, T3], not DINO, [O4] and D2."})
    assert entry.claims == ["O4", "T3", "J5", "J10", "D2"]
