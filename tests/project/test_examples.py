"""The examples run, and show what they say."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(script, *flags):
    command = [sys.executable, str(EXAMPLES / script), "--quick", *flags]
    done = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLES.parent)
    assert done.returncode == 0, done.stderr[-2000:]
    return re.findall(
        r"^step +(\d+): (.{17}).*margin (-?[\d.]+)", done.stdout, flags=re.MULTILINE
    ), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("teacher, fate", [
    ("centering", "alive"), ("inverse_prior", "alive"), ("projected", "alive"),
    ("unconstrained", "one cluster"),
])  # fmt: skip
def test_the_bare_loop_lives_with_a_constraint_and_collapses_without(teacher, fate):
    lines, out = run("digits.py", "--teacher", teacher)
    assert len(lines) == 6
    assert lines[-1][1].strip() == fate
    assert (float(lines[-1][2]) > 0.1) == (fate == "alive")
    assert re.search(r"NMI of \d+ clusters with the labels: \d\.\d\d\n$", out)


@pytest.mark.slow
@pytest.mark.parametrize("package", ["lightly", "lightning"])
def test_the_loops_of_others_run_where_they_are_installed(package):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    lines, _ = run(f"digits_{package}.py")
    assert lines


def test_the_scripts_that_are_listed_are_those_that_are_there():
    listed = set(re.findall(r"\[`(\w+\.py)`\]", (EXAMPLES / "README.md").read_text()))
    assert listed == {path.name for path in EXAMPLES.glob("*.py")}
