"""The ledger must fail a run that leaves a claim unproven, and report what the comparisons saw."""

import json

import array_api_strict
import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from tests.claims.evidence import Evidence
from tests.claims.ledger import at_most, equal

NOTES = """
### [A1] Squares are not negative
**Verdict:** holds

### [A2] Halves double back
**Verdict:** holds if finite; a verdict long enough to be cut in the table

```
### [Z9] an example inside a code block
```
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

    def run(*args, tests=TESTS, notes=NOTES):
        pytester.makefile(".md", paper_notes=notes)
        folder = pytester.path / "suite"
        folder.mkdir(exist_ok=True)
        (folder / "test_it.py").write_text(tests, encoding="utf-8")
        return pytester.runpytest_inprocess("-p", "tests.claims.ledger", "-p", "no:cacheprovider", *args)

    return run


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
    record = json.loads((pytester.path / "claims.json").read_text(encoding="utf-8"))
    first, second = record["claims"]
    assert (record["complete"], record["problems"]) == (True, [])
    assert second["title"] == "Halves double back"
    assert second["verdict"] == "holds if finite; a verdict long enough to be cut in the table"
    assert (second["tests"], second["controls"], second["examples"], second["result"]) == (
        2,
        1,
        2,
        "verified",
    )
    assert second["margin"] is None
    assert second["error"] == pytest.approx(0.1, rel=1e-3)
    assert first["margin"] == 0.5


@pytest.mark.slow
def test_the_table_is_the_same_from_two_processes(run, pytester):
    """Half of the tests in each: marks, evidence and judgement meet in the one that reports."""
    tables = []
    for args in ((), ("-n", "2", "-p", "xdist")):
        result = run("--claims=json", *args, "--hypothesis-seed=0")
        assert result.ret == pytest.ExitCode.OK
        tables.append(json.loads((pytester.path / "claims.json").read_text(encoding="utf-8")))
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_a_claim_without_its_control_fails_from_two_processes_too(run):
    result = run("-n", "2", tests=TESTS.replace('@pytest.mark.control("A2")\n', ""))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*A2 has no control*"])


def test_json_goes_where_it_is_told(run, pytester):
    run("--claims=json:elsewhere.json")
    assert (pytester.path / "elsewhere.json").exists()
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
    first = json.loads((pytester.path / "claims.json").read_text(encoding="utf-8"))["claims"][0]
    assert first["examples"] == len((pytester.path / "seen").read_text()) + 2
    assert first["examples"] >= 21 + 2


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        (TESTS.replace('"A1", "A2"', '"A1"'), "A2 has no test: *"),
        (TESTS.replace('@pytest.mark.control("A2")\n', ""), "A2 has no control: *"),
        (
            TESTS.replace('"A1", "A2"', '"A1", "A2", "B7"'),
            "*::test_half*names B7, which paper_notes.md does not have",
        ),
    ],
    ids=["untested", "no control", "unknown"],
)
def test_missing_evidence_fails_the_run(run, tests, message):
    result = run(tests=tests)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*claims without what they need*", message])


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        (NOTES.replace("**Verdict:** holds\n", ""), "A1 has no line*"),
        (NOTES + "### [A1] Again\n**Verdict:** holds\n", "A1 has two headings*"),
    ],
    ids=["no verdict", "twice"],
)
def test_malformed_notes_fail_the_run(run, notes, message):
    result = run(notes=notes)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([message])


@pytest.mark.parametrize("args", [["-k", "square"], ["suite/test_it.py"], ["suite/test_it.py::test_square"]])
def test_partial_run_may_leave_claims_untested(run, args):
    result = run(*args, tests=TESTS.replace('"A1", "A2"', '"A1"'))
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("A2 has no*")


def test_naming_the_whole_suite_is_a_whole_run(run):
    assert run("suite", tests=TESTS.replace('"A1", "A2"', '"A1"')).ret == pytest.ExitCode.TESTS_FAILED


def test_unknown_claim_fails_a_partial_run_too(run):
    assert run("-k", "half", tests=TESTS.replace('"A1", "A2"', '"B7"')).ret == pytest.ExitCode.TESTS_FAILED


def test_deselected_test_is_not_a_missing_one(run):
    result = run(
        "-m",
        "not slow",
        tests=TESTS.replace('@pytest.mark.claim("A1", "A2")', '@pytest.mark.slow\n@pytest.mark.claim("A2")'),
    )
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["A1 *verified*", "A2 *in part*"])


def test_failed_control_fails_the_claim(run):
    result = run(tests=TESTS.replace("at_most(0.0, -1.0)", "at_most(0.0, 1.0)"))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["A1 *FAILED*", "A2 *FAILED*"])


def test_violation_fails_the_claim_and_shows_how_far(run):
    result = run(tests=TESTS.replace("[float(x), 2.5]", "[float(x), 1.5]"))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["A1 * -0.5 *FAILED*", "A2 *verified*"])


def test_without_notes_there_is_nothing_to_judge(run, pytester):
    (pytester.path / "suite").mkdir()
    (pytester.path / "suite" / "test_it.py").write_text("def test_it(): pass", encoding="utf-8")
    result = pytester.runpytest_inprocess("-p", "tests.claims.ledger", "-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*claims of*")


def test_at_most_reports_the_worst_entry():
    message = r"at_most: 3\.0 > 1\.0 at index \[1, 0\], over by 2; 2 of 4 entries violate"
    with pytest.raises(AssertionError, match=message):
        at_most([[0.0, 2.5], [3.0, 0.0]], 1.0)


def test_equal_reports_the_worst_entry():
    message = r"equal: got 2\.0, expected 1\.0 at index \[1\], difference 1 where 0\.1 is allowed; 1 of 2"
    with pytest.raises(AssertionError, match=message):
        equal([1.05, 2.0], [1.0, 1.0], rtol=0.0, atol=0.1)


def test_worst_margin_and_error_are_kept():
    seen = Evidence()
    with seen.gathering():
        at_most([0.0, 1.0], [3.0, 1.5])
        at_most(0.0, 9.0)
        equal([1.0, 2.0], [1.0, 2.5], rtol=0.0, atol=1.0)
        equal(1.0, 1.0)
    assert (seen.margin, seen.error) == (0.5, 0.5)


def test_finite_margins_steer_the_search(monkeypatch):
    steered = []
    monkeypatch.setattr(hypothesis, "target", lambda observation, label: steered.append((observation, label)))

    @hypothesis.settings(max_examples=1, database=None)
    @hypothesis.given(x=st.just(2.0))
    def search(x):
        at_most([0.0, 1.0], x)
        at_most(0.0, np.inf)
        at_most(x, 5.0)

    with Evidence().gathering():
        search()
    assert steered == [(-1.0, "comparison 1"), (-3.0, "comparison 3")]


def test_comparisons_outside_a_test_are_not_recorded():
    seen = Evidence()
    at_most(0.0, 1.0)
    assert seen.margin is None


@pytest.mark.parametrize(
    "pair", [(np.inf, np.inf), (-np.inf, -np.inf), (-np.inf, np.inf), (0.0, np.inf), (-np.inf, 0.0)]
)
def test_at_most_orders_infinities(pair):
    at_most(*pair)


@pytest.mark.parametrize(
    "pair", [(np.inf, -np.inf), (np.inf, 0.0), (0.0, -np.inf), (np.nan, 1.0), (1.0, np.nan)]
)
def test_at_most_refuses_wrong_order_and_nan(pair):
    with pytest.raises(AssertionError):
        at_most(*pair)


def test_at_most_allows_the_slack_it_is_given():
    at_most(1.0 + 1e-13, 1.0, slack=1e-12)
    with pytest.raises(AssertionError):
        at_most(1.0 + 1e-11, 1.0, slack=1e-12)


@pytest.mark.parametrize("pair", [(np.inf, np.inf), (-np.inf, -np.inf), (0.0, -0.0)])
def test_equal_infinities_agree(pair):
    equal(*pair, rtol=0.0, atol=0.0)


@pytest.mark.parametrize(
    "pair", [(np.nan, np.nan), (np.inf, -np.inf), (np.inf, 1.0), (1.0, np.inf), (0.0, np.nan)]
)
def test_equal_refuses_nan_and_unequal_infinities(pair):
    with pytest.raises(AssertionError):
        equal(*pair)


def test_exact_equality_is_zero_tolerance():
    with pytest.raises(AssertionError):
        equal(1.0 + 2.0**-52, 1.0, rtol=0.0, atol=0.0)


@pytest.mark.parametrize(
    "array",
    [
        np.asarray,
        array_api_strict.asarray,
        lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True),
        lambda x: torch.tensor(x, dtype=torch.bfloat16),
    ],
    ids=["numpy", "strict", "torch", "bfloat16"],
)
def test_comparisons_take_any_namespace(array):
    at_most(array([1.0, 2.0]), array([1.5, 2.0]))
    equal(array([1.0, 2.0]), array([1.0, 2.0]))
    with pytest.raises(AssertionError):
        at_most(array([1.0, 2.5]), array([1.5, 2.0]))


def test_default_tolerance_follows_the_less_precise_operand():
    equal(np.float32(1.000002), 1.0)
    with pytest.raises(AssertionError):
        equal(1.000002, 1.0)


@pytest.mark.parametrize("compare", [at_most, equal])
@pytest.mark.parametrize("shapes", [((3,), (3, 1)), ((0,), (0,))], ids=["outer", "empty"])
def test_comparing_by_accident_is_refused(compare, shapes):
    with pytest.raises(AssertionError, match="shape"):
        compare(*map(np.zeros, shapes))


def test_equal_does_not_stretch_what_it_got():
    equal(np.ones((2, 3)), np.ones(3))
    with pytest.raises(AssertionError, match=r"got shape \(3,\), expected shape \(2, 3\)"):
        equal(np.ones(3), np.ones((2, 3)))
