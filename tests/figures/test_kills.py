"""Killed at any moment and started again, `python -m figures` ends with the bytes of an undisturbed run.

There are twenty kills. `KILLS=all` makes twenty of each command, the last of which then draws all figures.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from experiments.engine import store

ALL = os.environ.get("KILLS") == "all"
SOME = ("hysteresis", "shared_head")
NAMES = () if ALL else SOME  # no name is all of them
REAL = {"package": "figures.draw", "experiments": "experiments.studies"}
TOY = {"package": "tests.support", "experiments": "tests.support"}
# Without the commit in the record: one made while the test runs is no kill. It speaks once it can begin.
PROGRAM = """import json, sys; from pathlib import Path
import sklearn, torch
from experiments.engine import runner, store; from experiments.engine.command import exit_with
from figures import save; from figures.__main__ import PROGRAM, main
here, rooms, *arguments = sys.argv[1:]
store._git, runner.RESULTS, save.HERE = dict, Path(here, "results").resolve(), Path(here, "figures").resolve()
print("ready", flush=True)
exit_with(lambda: main(arguments, **json.loads(rooms)), PROGRAM)"""


class Run:
    """One start of the command, in a process group of its own, at the moment when it begins its work."""

    def __init__(self, folder, rooms, arguments):
        command = [sys.executable, "-c", PROGRAM, folder, json.dumps(rooms), *arguments]
        self.process = subprocess.Popen(
            command, cwd=store.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        assert self.process.stdout.readline() == b"ready\n"
        self.begun = time.monotonic()

    def end(self):
        """Seconds until it has ended by itself, well."""
        said = self.process.communicate()[0]
        assert self.process.returncode == 0, said.decode()
        return time.monotonic() - self.begun

    def kill(self, after):
        """Whether it was still at work after so many seconds, and therefore killed."""
        try:
            said = self.process.communicate(timeout=after)[0]
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            return True
        assert self.process.returncode == 0, said.decode()
        return False


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def folders(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kills", "rooms", "arguments"),
    [
        pytest.param(6, TOY, ("--retrain",), id="retrain"),
        pytest.param(4, TOY, ("--retrain", "--jobs", "2"), id="retrain in processes"),
        pytest.param(10, REAL, ("--quick", *NAMES), id="quick"),
    ],
)
def test_kills_at_random_moments_change_no_byte_and_leave_nothing(tmp_path, kills, rooms, arguments):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    seconds = Run(whole, rooms, arguments).end()
    moments, wanted, met, at_work = random.Random(14), 20 if ALL else kills, 0, 0
    while met < wanted:
        met += Run(killed, rooms, arguments).kill(after=moments.uniform(0.0, seconds))
        at_work += bool(list(killed.glob("results/partial/*")))
    assert at_work  # not all of them came before an experiment had begun
    Run(killed, rooms, arguments).end()
    left, expected = contents(killed), contents(whole)
    assert left.keys() == expected.keys()
    assert [name for name in expected if left[name] != expected[name]] == []
    assert folders(killed) == folders(whole)
    assert not [name for name in expected if "partial" in name or "lock" in name]
