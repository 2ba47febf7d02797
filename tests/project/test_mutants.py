"""Mutation tests are tests of the tests: here theirs, on a module small enough to be known by heart."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.claims.claim_table import ROOT
from tests.mutants import report
from tests.mutants.changes import listed, mutated

TINY = '''"""A small module."""

import sys

LIMIT = 3
UNUSED = 5


def clip(x):
    """At most LIMIT."""
    if x < 0:
        raise ValueError(f"not {x + 1}")
    if x > LIMIT:
        return LIMIT
    return x


def count(n):
    steps = 0
    while n > 0:
        n -= 1
        steps = steps + 1
    return steps


def never(x):
    return x * 2
'''
TESTS = """import pytest
from theory import tiny

SIZE = tiny.count(2)


def test_clip():
    assert [tiny.clip(x) for x in (0, 3, 4)] == [0, 3, 3]
    with pytest.raises(ValueError):
        tiny.clip(-0.5)


def test_count():
    assert [tiny.count(n) for n in (0, SIZE)] == [0, 2]


def test_a_test_that_fails_whatever_the_code_is_proves_nothing():
    assert tiny.clip(1) == 2
"""
SURVIVORS = {
    "module: UNUSED = 5 → UNUSED = 6",
    "module: UNUSED = 5 → UNUSED = 4",
    "clip: x > LIMIT → x >= LIMIT",
    "never: return x * 2 → return None",
    "never: x * 2 → x / 2",
    "never: x * 2 → x * 3",
    "never: x * 2 → x * 1",
}
ENDLESS = {
    "count: n > 0 → n <= 0",
    "count: n -= 1 → pass",
    "count: n -= 1 → n += 1",
    "count: n -= 1 → n -= 0",
}


def names(source):
    return [mutant.name for mutant in listed(source)]


@pytest.mark.parametrize(
    "source, expected",
    [
        ("def f(x):\n    return x < 1", ["return None", "x <= 1", "x >= 1", "x < 2", "x < 0"]),
        (
            "def f(x):\n    return -x + 0.5",
            ["return None", "-x - 0.5", "x + 0.5", "-x + 0.505", "-x + -0.5"],
        ),
        ("def f(x, *, n=0):\n    return max(x, n)", ["x, *, n=1", "return None", "min(x, n)"]),
        ("def f(x):\n    return g(x, out=x)", ["return None"]),
        ("def f(x):\n    g(x, out=x)", ["pass", "g(x)"]),
        ("def f(x):\n    g(x, y=x)\n    x = 2 * x", ["pass", "g(x)", "pass", "2 / x", "3 * x", "1 * x"]),
        ("f = lambda a, b: a and not b", ["lambda a, b: a or not b", "lambda a, b: a and b"]),
        (
            "class A:\n    n: int = 2\n    def f(self):\n        self.n = g()",
            ["n: int = 3", "n: int = 1", "pass"],
        ),
        ("def f(x):\n    if x:\n        return None\n    raise E(1 + x)", ["if not x: return None", "pass"]),
    ],
)
def test_each_place_is_changed_in_each_way(source, expected):
    assert [name.split(" → ")[1] for name in names(source)] == expected


def test_words_types_and_imports_are_left_alone():
    assert (
        names('"""A."""\nfrom a import b\n__all__ = ["b"]\n\n\n@b(1)\ndef f(x: b[2]) -> b[3]:\n    "Is 1."')
        == []
    )


def test_a_name_stands_for_one_change_wherever_it_has_moved_to():
    moved = f"\n\n{TINY}"
    assert names(moved) == names(TINY) and len(set(names(TINY))) == len(names(TINY))
    for mutant in listed(TINY):
        assert compile(mutated(TINY, mutant.name), "tiny", "exec") != compile(TINY, "tiny", "exec")


# -- a whole run --------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    """One with the tool, the module and its tests, and nothing else."""
    shutil.copytree(
        ROOT / "tests/mutants", tmp_path / "tests/mutants", ignore=shutil.ignore_patterns("*.toml")
    )
    (tmp_path / "tests/mutants/equivalent.toml").write_text("", encoding="utf-8")
    (tmp_path / "tests/theory").mkdir()
    (tmp_path / "theory").mkdir()
    for name in ("theory/__init__.py", "tests/__init__.py", "tests/theory/__init__.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "theory/tiny.py").write_text(TINY, encoding="utf-8")
    (tmp_path / "tests/theory/test_tiny.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = ["-n", "0"]', encoding="utf-8"
    )
    return tmp_path


def start(project, *options):
    """The command in that project, in a group of processes of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.mutants", "--grace", "0.5", *options],
        cwd=project,
        env=environment | {"PYTHONPATH": str(project)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def results(project):
    """Change → what is kept of it; the last line about it counts."""
    lines = (project / ".mutants/results.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [json.loads(line) for line in lines if line.endswith("}")]
    return {one["name"]: one for one in kept}


@pytest.mark.slow
def test_what_tests_notice_is_killed_what_never_ends_runs_out_of_time_and_the_rest_is_named(project):
    out, _ = (running := start(project)).communicate(timeout=300)
    assert running.returncode == 1, out
    found = results(project)
    assert found.keys() == set(names(TINY))
    assert {name for name, one in found.items() if one["verdict"] == "survived"} == SURVIVORS
    assert {name for name, one in found.items() if one["verdict"] == "timeout"} == ENDLESS
    assert found["module: LIMIT = 3 → LIMIT = 4"]["by"].endswith("::test_clip")
    assert found["count: return steps → return None"]["by"].endswith("::test_count")
    assert all(name in out for name in SURVIVORS)

    reasons = "".join(f"{json.dumps(name, ensure_ascii=False)} = 'so'\n" for name in SURVIVORS)
    (project / "tests/mutants/equivalent.toml").write_text(f"['theory/tiny.py']\n{reasons}", encoding="utf-8")
    out, _ = (running := start(project, "--sample", "99", "--report")).communicate(timeout=300)
    assert running.returncode == 0 and "0 changes in functions, 0 that an import makes" in out, out
    page = (project / "tests/mutants.md").read_text(encoding="utf-8")
    assert f"| {len(found)} | {len(found)} | 18 | 4 | 7 | 100.0%" in page


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_where_it_was(project):
    running = start(project, "--jobs", "1")
    kept = project / ".mutants/results.jsonl"
    for line in running.stdout:
        if line.lstrip().startswith("killed"):
            break
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    time.sleep(1)  # for the child at work, whose parent is gone
    whole = kept.read_bytes()
    before = len(results(project))
    assert 0 < before < len(names(TINY))
    kept.write_bytes(whole + b'{"path": "theory/ti')
    out, _ = start(project).communicate(timeout=300)
    said = [line.split(" ")[-1] for line in out.splitlines() if "theory/tiny.py::" in line]
    assert len(said) >= len(names(TINY)) - before
    assert results(project).keys() == set(names(TINY)) and kept.read_bytes().startswith(whole)


@pytest.mark.slow
def test_no_change_is_tried_once_the_limit_is_over(project):
    out, _ = (running := start(project, "--limit", "0")).communicate(timeout=300)
    assert running.returncode == 1
    assert f"4 survived, {len(names(TINY)) - 4} left" in out  # those of no test are known at once
    (running := start(project, "--limit", "0", "--advise")).communicate(timeout=300)
    assert running.returncode == 0


# -- the reasons and the page -------------------------------------------------------------------------


def test_every_equivalent_change_is_one_of_the_source_and_has_a_reason():
    for path, changes in report.reasons().items():
        known = set(names((ROOT / path).read_text(encoding="utf-8")))
        assert [name for name in changes if name not in known] == [], path
        assert all(len(reason) > 10 for reason in changes.values()), path


def test_the_page_is_made_of_what_was_measured_and_the_reasons():
    assert report.PAGE.read_text(encoding="utf-8") == report.page(), "python -m tests.mutants.report"
