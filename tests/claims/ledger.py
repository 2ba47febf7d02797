"""The claims ledger, a pytest plugin: what a run has seen of every statement of `paper_notes.md`.

`@pytest.mark.claim("J5")` goes on a test, `@pytest.mark.control("J5")` on a case outside the claim's
conditions where the statement visibly fails. At the end of a run one table gives, for each claim of which
something ran, the tests and controls, the examples tried, the worst margin and the largest error seen, and
the verdict. `--claims=json` writes the same as JSON, all claims in it.

That each claim has a test, a control and a verdict is tested in `test_coverage.py`, from the files alone.
That the tolerances of its equalities are not too loose shows in a run of the whole suite only, which fails
otherwise: see `loose.py`.
"""

import functools
import json
import math
from dataclasses import asdict, dataclass, field

import pytest

from tests.claims.evidence import Evidence, at_most, equal
from tests.claims.loose import too_loose
from tests.claims.notes import NOTES, Claim, read_claims

__all__ = ["at_most", "equal"]

EVIDENCE = pytest.StashKey[Evidence]()
_ROW = "{:<4} {:>5} {:>8} {:>8} {:>9} {:>8}  {:<8}  {:<24}  {}"


@dataclass(kw_only=True)
class Ran:
    """One test that ran: the claims it verifies, the claims it is a control of, and how it ended."""

    claims: list[str]
    controls: list[str]
    evidence: Evidence = field(default_factory=Evidence)
    outcome: str = "not run"


@dataclass(kw_only=True)
class Row(Claim):
    """One claim, and the evidence of the tests that ran."""

    tests: int
    controls: int
    examples: int
    margin: float | None  # smallest rhs − lhs of its inequalities
    error: float | None  # largest error of its identities, in units of the tolerance
    result: str


class Ledger:
    """Gathers the evidence of each test, and reports it claim by claim at the end."""

    def __init__(self, config):
        self.config = config
        notes = config.rootpath / NOTES
        self.claims = read_claims(notes) if notes.exists() else {}
        self.tests = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        evidence = pyfuncitem.stash[EVIDENCE] = Evidence()
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

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        """With pytest-xdist a test runs in a worker: what the table needs of it travels in its report."""
        report = yield
        report.ledger = {
            "claims": [label for mark in item.iter_markers("claim") for label in mark.args],
            "controls": [label for mark in item.iter_markers("control") for label in mark.args],
            "evidence": asdict(item.stash.get(EVIDENCE, Evidence())),
        }
        return report

    def pytest_runtest_logreport(self, report):
        if not hasattr(report, "ledger"):  # of a worker that died
            return
        claims, controls, evidence = (report.ledger[key] for key in ("claims", "controls", "evidence"))
        test = self.tests.setdefault(report.nodeid, Ran(claims=claims, controls=controls))
        test.evidence = Evidence(**evidence)
        if report.failed or (report.when == "call" and report.passed and test.outcome != "failed"):
            test.outcome = report.outcome

    def rows(self):
        """Every claim of the notes, in order."""
        ran = [test for test in self.tests.values() if test.outcome != "not run"]
        return [_row(claim, ran) for claim in self.claims.values()]

    def pytest_sessionfinish(self, session, exitstatus):
        if exitstatus == pytest.ExitCode.OK and self.loose():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def loose(self):
        """What is wrong with the tolerances of verified claims, where the whole suite reported here."""
        option = self.config.option
        part = self.config.args_source is pytest.Config.ArgsSource.ARGS or option.keyword
        part = part or option.deselect or getattr(option, "lf", False)
        if part or option.markexpr not in ("", "not slow") or hasattr(self.config, "workerinput"):
            return []
        return too_loose({row.label: row.error for row in self.rows() if row.result == "verified"})

    def pytest_terminal_summary(self, terminalreporter, exitstatus):
        rows = self.rows()
        shown = [row for row in rows if row.tests or row.controls]
        if shown:
            terminalreporter.section(f"claims of {NOTES}")
            terminalreporter.line(
                _ROW.format("", "tests", "controls", "examples", "margin", "error", "result", "", "")
            )
            for row in shown:
                color = {"verified": {"green": True}, "FAILED": {"red": True}}.get(
                    row.result, {"yellow": True}
                )
                terminalreporter.line(_line(row), **color)
            terminalreporter.line(
                "margin: smallest rhs − lhs seen; error: largest, in units of the tolerance"
            )
            for line in self.loose():
                terminalreporter.line(line, red=True)
        complete = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if (path := self.config.getoption("claims")) and complete:
            text = json.dumps([_finite(asdict(row)) for row in rows], indent=1, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")


def _row(claim, ran):
    tests = [test for test in ran if claim.label in test.claims]
    controls = [test for test in ran if claim.label in test.controls]
    margins = [test.evidence.margin for test in tests if test.evidence.margin is not None]
    errors = [test.evidence.error for test in tests if test.evidence.error is not None]
    if any(test.outcome == "failed" for test in tests + controls):
        result = "FAILED"
    elif tests and controls:
        result = "verified"
    else:
        result = "in part" if tests or controls else "not run"
    return Row(
        **asdict(claim),
        tests=len(tests),
        controls=len(controls),
        examples=sum(test.evidence.examples for test in tests),
        margin=min(margins, default=None),
        error=max(errors, default=None),
        result=result,
    )


def _line(row):
    verdict = row.verdict if len(row.verdict) <= 24 else row.verdict[:23].rstrip() + "…"
    numbers = row.tests, row.controls, row.examples, _number(row.margin), _number(row.error)
    return _ROW.format(row.label, *numbers, row.result, verdict, row.title).rstrip()


def _number(x):
    return "" if x is None else f"{x:.2g}"


def _finite(row):
    """Infinite margins as null: JSON has no infinity."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


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
        form, _, path = value.partition(":")
        if form != "json":
            raise pytest.UsageError(f"--claims takes json or json:PATH, got {value!r}")
        here = config.invocation_params.dir
        config.option.claims = here / path if path else config.rootpath / "claims.json"
    config.pluginmanager.register(Ledger(config), "claims-ledger")
