"""The ledger must report, claim by claim, what the comparisons saw in the tests that ran."""

import json

import pytest

from tests.claims.claim_table import ROOT
from tests.claims.loose import REASONS, too_loose
from tests.claims.notes import NOTES as NAME
from tests.claims.notes import read_claims

NOTES = """
### [A1] Squares are not negative
**Verdict:** holds

### [A2] Halves double back
**Verdict:** holds if finite; a verdict long enough to be cut in the table
"""

TESTS = """
import pytest
from hypothesis import example, given, settings, strategies as st
from tests.claims.ledger import at_most, equal

@pytest.mark.claim("A1")
@settings(max_examples=20, database=None)
@example(x=1234567)
@given(x=st.integers(2, 10**9))
def test_square(x):
    at_most(0.0, float(x) ** 2)
    at_most([1.0, 2.0], [float(x), 2.5])

@pytest.mark.claim("A1", "A2")
@pytest.mark.parametrize("x", [1.0, 3.0])
def test_half(x):
    equal(2 * (x / 2), x + 1e-12, rtol=0.0, atol=1e-11)

@pytest.mark.control("A1")
@pytest.mark.control("A2")
def test_control():
    with pytest.raises(AssertionError):
        at_most(0.0, -1.0)
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run the ledger in a project of its own, whose suite is the folder `suite`."""
    monkeypatch.setenv("HYPOTHESIS_PROFILE", "dev")
    pytester.makefile(
        ".toml", pyproject='[tool.pytest.ini_options]\ntestpaths = ["suite"]\nmarkers = ["slow"]'
    )
    pytester.makefile(".md", paper_notes=NOTES)

    def run(*args, tests=TESTS):
        folder = pytester.path / "suite"
        folder.mkdir(exist_ok=True)
        (folder / "test_it.py").write_text(tests, encoding="utf-8")
        return pytester.runpytest_inprocess("-p", "tests.claims.ledger", "-p", "no:cacheprovider", *args)

    return run


def written(pytester, name="claims.json"):
    return json.loads((pytester.path / name).read_text(encoding="utf-8"))


def test_complete_suite_is_verified_and_tabled(run):
    result = run()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "*claims of paper_notes.md*",
            "A1 * 3 * 1 * 0.5 * 0.1 * verified *holds *Squares are not negative",
            "A2 * 2 * 1 * 2 * 0.1 * verified *holds if finite; a verd… *Halves double back",
        ]
    )


def test_json_holds_the_table(run, pytester):
    run("--claims=json")
    first, second = written(pytester)
    assert first["margin"] == 0.5
    assert second.pop("error") == pytest.approx(0.1, rel=1e-3)
    assert second == {
        "label": "A2",
        "title": "Halves double back",
        "verdict": "holds if finite; a verdict long enough to be cut in the table",
        "tests": 2,
        "controls": 1,
        "examples": 2,
        "margin": None,
        "result": "verified",
    }


def test_json_has_no_infinity(run, pytester):
    endless = TESTS.replace("at_most([1.0, 2.0], [float(x), 2.5])", "").replace(
        "float(x) ** 2", "float('inf')"
    )
    run("--claims=json", tests=endless)
    first, _ = written(pytester)
    assert first["result"] == "verified"
    assert first["margin"] is None


@pytest.mark.slow
def test_the_table_is_the_same_from_two_processes(run, pytester):
    """Half of the tests in each: marks and evidence come with the reports to the one that shows the table."""
    tables = []
    for args in ((), ("-n", "2", "-p", "xdist")):
        result = run("--claims=json", *args, "--hypothesis-seed=0")
        assert result.ret == pytest.ExitCode.OK
        tables.append(written(pytester))
    assert tables[0] == tables[1]


def test_json_goes_where_it_is_told(run, pytester):
    run("--claims=json:elsewhere.json")
    assert len(written(pytester, "elsewhere.json")) == 2
    assert not (pytester.path / "claims.json").exists()


def test_a_run_that_was_cut_off_writes_no_json(run, pytester):
    result = run("--claims=json", tests=TESTS + "\ndef test_last():\n    pytest.exit('enough')\n")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["A1 *verified*"])
    assert not (pytester.path / "claims.json").exists()


def test_other_forms_of_the_table_are_refused(run):
    result = run("--claims=xml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--claims takes json or json:PATH, got 'xml'*"])


def test_examples_are_those_hypothesis_executed(run, pytester):
    counted = TESTS.replace(
        "    at_most(0.0, float", "    open('seen', 'a').write('.')\n    at_most(0.0, float"
    )
    run("--claims=json", tests=counted)
    first, _ = written(pytester)
    assert first["examples"] == len((pytester.path / "seen").read_text()) + 2
    assert first["examples"] >= 21 + 2


def test_a_partial_run_shows_the_claims_whose_tests_ran(run, pytester):
    result = run("-k", "square", "--claims=json")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["A1 * 1 * 0 * 0.5 * in part *"])
    result.stdout.no_fnmatch_line("A2 *")
    assert [row["result"] for row in written(pytester)] == ["in part", "not run"]


def test_a_run_without_claims_has_no_table(run):
    result = run(tests="def test_it(): pass")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*claims of*")


def test_deselected_and_skipped_tests_do_not_count(run):
    claim = '@pytest.mark.claim("A1", "A2")'
    slow = TESTS.replace(claim, f"@pytest.mark.slow\n{claim.replace('A1', 'A2')}")
    skipped = TESTS.replace(claim, f'@pytest.mark.skip(reason="not today")\n{claim}')
    for args, tests in ((("-m", "not slow"), slow), ((), skipped)):
        result = run(*args, tests=tests)
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["A1 * 1 * 1 *verified*", "A2 * 0 * 1 *in part*"])


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("[float(x), 2.5]", "[float(x), 1.5]", ["A1 * -0.5 *FAILED*", "A2 *verified*"]),
        ("at_most(0.0, -1.0)", "at_most(0.0, 1.0)", ["A1 *FAILED*", "A2 *FAILED*"]),
        ("def test_half(x)", "def test_half(x, no_such_fixture)", ["A1 *FAILED*", "A2 *FAILED*"]),
    ],
    ids=["violated", "control holds", "set-up"],
)
def test_a_failure_fails_the_claim_and_shows_how_far(run, before, after, lines):
    result = run(tests=TESTS.replace(before, after))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(lines)


LOOSE = TESTS.replace("atol=1e-11", "atol=1e-7")


def test_a_whole_run_fails_where_a_tolerance_is_too_loose(run):
    result = run(tests=LOOSE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["A2 *verified*", "A1: error 1e-05 of its tolerance: derive a tighter one*"])


def test_a_part_of_a_run_says_nothing_of_tolerances(run):
    for part in (("-k", "half or control"), ("-m", "not slow and not other"), ("suite",)):
        result = run(*part, tests=LOOSE)
        assert result.ret == pytest.ExitCode.OK
        result.stdout.no_fnmatch_line("*tighter*")


def test_a_reason_excuses_a_small_error_and_no_other():
    assert too_loose({"A1": 0.0, "A2": None, "A3": 0.5}, {"A1": "exact"}) == []
    assert too_loose({"A1": 0.5}, {"A1": "exact"}) == [
        "A1: error 0.5 of its tolerance: the reason for less is out of date"
    ]


def test_reasons_are_given_for_claims_only():
    assert set(REASONS) <= set(read_claims(ROOT / NAME))
    assert all(REASONS.values())


def test_without_notes_there_is_no_table(run, pytester):
    (pytester.path / "paper_notes.md").unlink()
    result = run("--claims=json")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*claims of*")
    assert written(pytester) == []
