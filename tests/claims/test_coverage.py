"""Each claim of the notes has a verdict, a test and a control; each label that a test names is a claim's."""

from collections import Counter

import pytest

from tests.claims.claim_table import ROOT, marked_files
from tests.claims.notes import NOTES, headings

CLAIMS = headings(ROOT / NOTES)
TESTS, CONTROLS = marked_files("claim"), marked_files("control")


def lacking(claim, tests, controls):
    """What a claim should have and has not."""
    needed = {
        "a line `**Verdict:** …`": claim.verdict,
        f"a test with @pytest.mark.claim({claim.label!r})": claim.label in tests,
        f"a test with @pytest.mark.control({claim.label!r})": claim.label in controls,
    }
    return [what for what, there in needed.items() if not there]


def unknown(marked, claims):
    """Label → files, of the labels without a heading."""
    return {label: files for label, files in marked.items() if label not in {c.label for c in claims}}


def repeated(claims):
    """Labels of more than one heading."""
    return [label for label, times in Counter(claim.label for claim in claims).items() if times > 1]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_a_claim_has_a_verdict_a_test_and_a_control(claim):
    assert lacking(claim, TESTS, CONTROLS) == []


@pytest.mark.parametrize("marked", [TESTS, CONTROLS], ids=["claim", "control"])
def test_every_label_that_a_test_names_is_a_claim_of_the_notes(marked):
    assert unknown(marked, CLAIMS) == {}


def test_no_claim_has_two_headings():
    assert CLAIMS
    assert repeated(CLAIMS) == []


def test_these_checks_can_fail(tmp_path):
    (tmp_path / NOTES).write_text(
        """
### [A1] Has all
**Verdict:** holds if finite
### [A2] Has no test
**Verdict:** holds
### [A3] Has no control
**Verdict:** holds
### [A4] Has no verdict
## Another section
**Verdict:** of nothing
### [A1] Has two headings
**Verdict:** holds
```
### [A5] is an example inside a code block
```
""",
        encoding="utf-8",
    )
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "test_it.py").write_text(
        """
@pytest.mark.claim("A1", "A3")
@pytest.mark.claim("A4")
def test_it(): ...

@pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.control("A1"))])
@pytest.mark.control("A2", "A4", "A5")
def test_control(x): ...
""",
        encoding="utf-8",
    )
    claims = headings(tmp_path / NOTES)
    tests, controls = marked_files("claim", tests=tmp_path), marked_files("control", tests=tmp_path)
    assert [(claim.label, lacking(claim, tests, controls)) for claim in claims] == [
        ("A1", []),
        ("A2", ["a test with @pytest.mark.claim('A2')"]),
        ("A3", ["a test with @pytest.mark.control('A3')"]),
        ("A4", ["a line `**Verdict:** …`"]),
        ("A1", []),
    ]
    assert unknown(tests, claims) == {}
    assert unknown(controls, claims) == {"A5": ["folder/test_it.py"]}
    assert repeated(claims) == ["A1"]
