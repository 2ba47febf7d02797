"""The claims ledger: every statement of `paper_notes.md` against the tests that verify it.

`@pytest.mark.claim("J5")` goes on a test, `@pytest.mark.control("J5")` on a case outside the claim's
conditions where the statement visibly fails. At the end of a run one table gives, claim by claim, the tests
and controls that ran, the examples tried, the worst margin seen and the verdict. `--claims=json` writes the
same as JSON.

A test of an unknown claim fails the run; so does, when the whole suite was collected, a claim without a test
or without a control.
"""

import functools
import json
import math
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tests.claims.evidence import Evidence, at_most, equal

__all__ = ["at_most", "equal"]

NOTES = "paper_notes.md"
_HEADING = re.compile(r"^### \[(?P<label>\w+)\] (?P<title>.+)$")
_VERDICT = re.compile(r"^\*\*Verdict:?\*\*:?\s*(?P<verdict>.+)$")
_FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(kw_only=True)
class Claim:
    """One heading of `paper_notes.md`, and the tests and evidence gathered for it."""

    label: str
    title: str
    verdict: str
    tests: int = 0
    controls: int = 0
    examples: int = 0
    margin: float | None = None  # smallest rhs − lhs of its inequalities
    error: float | None = None  # largest error of its identities, in units of the tolerance
    result: str = "not run"


def read_claims(path):
    """Claims of the notes in order, and what is wrong with their headings."""
    claims, problems, claim, fenced = {}, [], None, False
    for line in path.read_text(encoding="utf-8").splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        if fenced:
            continue
        if heading := _HEADING.match(line):
            claim = Claim(label=heading["label"], title=heading["title"].strip(), verdict="")
            if claim.label in claims:
                problems.append(f"{claim.label} has two headings in {path.name}")
            claims[claim.label] = claim
        elif line.startswith("#"):
            claim = None
        elif claim and (found := _VERDICT.match(line)):
            claim.verdict = found["verdict"].strip()
    problems += [
        f"{c.label} has no line `**Verdict:** …` in {path.name}" for c in claims.values() if not c.verdict
    ]
    return claims, problems


@dataclass(kw_only=True)
class Test:
    """One collected test: the claims it verifies, the claims it is a control of, and how it ended."""

    __test__ = False
    claims: list[str]
    controls: list[str]
    outcome: str = "not run"
    evidence: Evidence = field(default_factory=Evidence)


class Ledger:
    """Collects, per pytest run, the tests of each claim; reports and judges at the end."""

    def __init__(self, config):
        self.config = config
        self.notes = config.rootpath / NOTES
        self.claims, self.problems = read_claims(self.notes) if self.notes.exists() else ({}, [])
        self.tests = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        # First in line: tests deselected afterwards (`-m "not slow"`, `-k`) exist all the same.
        for item in items:
            claims, controls = (
                [x for m in item.iter_markers(name) for x in m.args] for name in ("claim", "control")
            )
            self.tests[item.nodeid] = Test(claims=claims, controls=controls)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        evidence = self.tests[pyfuncitem.nodeid].evidence
        handle = getattr(pyfuncitem.obj, "hypothesis", None)
        if handle is None:
            evidence.start_example()
        else:
            inner = handle.inner_test

            @functools.wraps(inner)
            def counted(*args, **kwargs):
                evidence.start_example()
                return inner(*args, **kwargs)

            handle.inner_test = counted
        try:
            with evidence.gathering():
                return (yield)
        finally:
            if handle is not None:
                handle.inner_test = inner

    # With pytest-xdist tests run in workers and are judged here: reports bring the evidence, nodes the marks.

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        if _is_worker(self.config):
            report.evidence = asdict(self.tests[item.nodeid].evidence)
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        for nodeid, (claims, controls) in getattr(node, "workeroutput", {}).get("ledger", {}).items():
            test = self.tests.setdefault(nodeid, Test(claims=[], controls=[]))
            test.claims, test.controls = claims, controls

    def pytest_runtest_logreport(self, report):
        test = self.tests.setdefault(report.nodeid, Test(claims=[], controls=[]))
        if hasattr(report, "evidence") and not _is_worker(self.config):
            test.evidence = Evidence(**report.evidence)
        if report.failed or (report.when == "call" and report.passed and test.outcome != "failed"):
            test.outcome = report.outcome

    def pytest_sessionfinish(self, session, exitstatus):
        if _is_worker(self.config):
            marks = {nodeid: (test.claims, test.controls) for nodeid, test in self.tests.items()}
            self.config.workeroutput["ledger"] = marks
            return
        judged = exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.TESTS_FAILED,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        )
        if not self.notes.exists() or not judged or self.config.option.collectonly:
            return
        whole = self._whole_suite()
        self._judge(whole)
        if self.problems:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if path := self.config.getoption("claims"):
            record = {
                "complete": whole,
                "problems": self.problems,
                "claims": list(map(asdict, self.claims.values())),
            }
            path.write_text(
                json.dumps(_finite(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )

    def _whole_suite(self):
        option = self.config.getoption
        if any(option(x, None) for x in ("keyword", "lf", "deselect", "ignore", "ignore_glob", "stepwise")):
            return False
        here, root = self.config.invocation_params.dir, self.config.rootpath
        given = [Path(here, arg).resolve() for arg in self.config.args]
        return all(
            any(Path(root, wanted).resolve().is_relative_to(path) for path in given)
            for wanted in self.config.getini("testpaths") or ["."]
        )

    def _judge(self, whole):
        for nodeid, test in self.tests.items():
            unknown = [x for x in test.claims + test.controls if x not in self.claims]
            self.problems += [f"{nodeid} names {x}, which {NOTES} does not have" for x in unknown]
        for claim in self.claims.values():
            tests = [t for t in self.tests.values() if claim.label in t.claims]
            controls = [t for t in self.tests.values() if claim.label in t.controls]
            if whole and not tests:
                self.problems.append(f"{claim.label} has no test: @pytest.mark.claim({claim.label!r})")
            if whole and not controls:
                self.problems.append(f"{claim.label} has no control: @pytest.mark.control({claim.label!r})")
            ran = [t for t in tests if t.outcome != "not run"]
            outcomes = {t.outcome for t in tests + controls}
            claim.tests = len(ran)
            claim.controls = sum(t.outcome != "not run" for t in controls)
            claim.examples = sum(t.evidence.examples for t in ran)
            claim.margin = min(
                (t.evidence.margin for t in ran if t.evidence.margin is not None), default=None
            )
            claim.error = max((t.evidence.error for t in ran if t.evidence.error is not None), default=None)
            claim.result = (
                "FAILED"
                if "failed" in outcomes
                else "verified"
                if claim.tests and claim.controls
                else "in part"
                if claim.tests or claim.controls
                else "not run"
            )

    def pytest_terminal_summary(self, terminalreporter):
        shown = [c for c in self.claims.values() if c.tests or c.controls or self._whole_suite()]
        if shown and not self.config.option.collectonly:
            terminalreporter.section(f"claims of {NOTES}")
            terminalreporter.line(
                _ROW.format("", "tests", "controls", "examples", "margin", "error", "result", "", "")
            )
            for c in shown:
                color = {"verified": {"green": True}, "FAILED": {"red": True}}.get(c.result, {"yellow": True})
                verdict = c.verdict if len(c.verdict) <= 24 else c.verdict[:23].rstrip() + "…"
                numbers = c.tests, c.controls, c.examples, _number(c.margin), _number(c.error)
                terminalreporter.line(
                    _ROW.format(c.label, *numbers, c.result, verdict, c.title).rstrip(), **color
                )
            terminalreporter.line(
                "margin: smallest rhs − lhs seen; error: largest, in units of the tolerance"
            )
        if self.problems:
            terminalreporter.section("claims without what they need", red=True, bold=True)
            for problem in self.problems:
                terminalreporter.line(problem, red=True)


_ROW = "{:<4} {:>5} {:>8} {:>8} {:>9} {:>8}  {:<8}  {:<24}  {}"


def _is_worker(config):
    return hasattr(config, "workerinput")


def _number(x):
    return "" if x is None else f"{x:.2g}"


def _finite(x):
    """Infinite margins as null: JSON has no infinity."""
    if isinstance(x, dict):
        return {key: _finite(value) for key, value in x.items()}
    if isinstance(x, list):
        return list(map(_finite, x))
    return None if isinstance(x, float) and not math.isfinite(x) else x


def _claims_path(config, value):
    form, _, path = value.partition(":")
    if form != "json":
        raise pytest.UsageError(f"--claims takes json or json:PATH, got {value!r}")
    return Path(config.invocation_params.dir, path) if path else config.rootpath / "claims.json"


def pytest_addoption(parser):
    parser.getgroup("claims").addoption(
        "--claims", metavar="json[:PATH]", help="write the claim table as JSON, to claims.json or to PATH"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "claim(*labels): verifies these claims of paper_notes.md")
    config.addinivalue_line(
        "markers", "control(*labels): where these claims' conditions fail, so does the statement"
    )
    if value := config.getoption("claims"):
        config.option.claims = _claims_path(config, value)
    config.pluginmanager.register(Ledger(config), "claims-ledger")
