"""Every number that a text takes from `results/` is the one that `results/` holds."""

import pytest

from tests.claims.measured import (
    captions,
    dynamics,
    estimation,
    further,
    jensen,
    objective,
    readme,
    teachers,
)
from tests.claims.measured.exceptions import NOT_FROM_RESULTS
from tests.claims.measured.statements import MADE, NUMBER, Statement, flat, statements
from tests.claims.measured.texts import DIRECTIONS, README, paragraphs, texts

MODULES = (objective, teachers, jensen, estimation, dynamics, further, readme, captions)
COVERED = [*paragraphs(), DIRECTIONS, README]


def missing(made, text):
    """For each statement that `text` does not make: what it should say and what it says."""
    return [f"should say: {s.text}\nbut says:   {s.nearest(text)}" for s in made if not s.places(text)]


def uncovered(made, text, excepted):
    """Numbers of `text`, with their surroundings, that no statement computes and no exception names."""
    spans = [(at + a, at + b) for s in made for at in s.places(text) for a, b in s.fields()]
    for snippet in map(flat, excepted):
        at = text.find(snippet)
        spans.append((at, at + len(snippet)))
    return [
        f"{number[0]} in …{text[max(number.start() - 40, 0) : number.end() + 20]}…"
        for number in NUMBER.finditer(text)
        if not any(a <= number.start() and number.end() <= b for a, b in spans)
    ]


@pytest.mark.parametrize("place", MADE)
def test_a_text_says_what_results_hold(place):
    wrong = missing(statements(place), texts()[place])
    assert not wrong, "\n".join([f"{place}:", *wrong])


@pytest.mark.parametrize("place", COVERED)
def test_every_number_is_computed_or_excepted(place):
    made = statements(place) if place in MADE else []
    left = uncovered(made, texts()[place], NOT_FROM_RESULTS.get(place, {}))
    assert not left, "\n".join([f"{place}: from where is", *left])


def test_every_module_makes_statements():
    makers = {function.__module__ for functions in MADE.values() for function in functions}
    assert makers == {module.__name__ for module in MODULES}


def test_what_is_excepted_is_there_and_has_a_reason():
    for place, excepted in NOT_FROM_RESULTS.items():
        assert place in COVERED
        for snippet, reason in excepted.items():
            assert flat(snippet) in texts()[place], (place, snippet)
            assert NUMBER.search(snippet) and reason, (place, snippet)


def test_these_checks_can_fail():
    text = "NMI is 0.52 [0.48, 0.55] at $K = 16$, 7 of 8 runs."
    right = Statement(phrase="NMI is {} [{}, {}]", values=("0.52", "0.48", "0.55"))
    moved = Statement(phrase="NMI is {} [{}, {}]", values=("0.52", "0.48", "0.56"))
    shorter = Statement(phrase="NMI is {}", values=("0.5",))
    assert missing([right], text) == []
    assert missing([moved, shorter], text) == [
        "should say: NMI is 0.52 [0.48, 0.56]\nbut says:   NMI is 0.52 [0.48, 0.55]",
        "should say: NMI is 0.5\nbut says:   NMI is 0.52",
    ]
    assert [line.split()[0] for line in uncovered([right], text, {"$K = 16$": "asked"})] == ["7", "8"]
    assert uncovered([moved], text, {"$K = 16$": "asked", "7 of 8": "counted"})[0].startswith("0.52 in")
    with pytest.raises(ValueError, match="1 fields, 2 values"):
        _ = Statement(phrase="{}", values=("1", "2")).text
