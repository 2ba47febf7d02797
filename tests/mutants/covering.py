"""Which tests to run for a change: those that run its line, near and quick ones first."""

import ast
import functools
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from tests.mutants.changes import Mutant
from tests.mutants.files import LINES, ROOT, digest, of_file
from tests.mutants.recorder import COLLECTED, SHARED

TESTS = {
    "theory": ("tests/theory", "tests/project/test_docstrings.py"),
    "experiments": ("tests/experiments",),
}
"""What is asked about a package: its own tests."""
NEAR = 0.1
"""A test in the file of the changed module's room counts as this much shorter than it is."""


def files_of_tests(package: str) -> list[str]:
    places = TESTS[package]
    found = {path for place in places for path in [ROOT / place, *(ROOT / place).rglob("test_*.py")]}
    return sorted(path.relative_to(ROOT).as_posix() for path in found if path.is_file())


def stale(files: list[str]) -> list[str]:
    """Those of which it is not known, as they and the code now are, what they run."""
    return [file for file in files if not _known(LINES / of_file(file), file)]


def _known(kept: Path, file: str) -> bool:
    if not kept.exists():
        return False
    of = json.loads(kept.read_text(encoding="utf-8"))["of"]
    return file in of and all(digest(ROOT / path) == was for path, was in of.items())


def record(files: list[str], jobs: int = 2) -> None:
    """Runs these files of tests once, and keeps what they run."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutants.recorder", "-n"]
    command += [str(jobs if len(files) > 5 else 0), "-r", "", *files]
    environment = os.environ | {"HYPOTHESIS_PROFILE": "mutants", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, check=False)
    digest.cache_clear()
    if missing := stale(files):
        raise SystemExit(f"not recorded: {', '.join(missing)}")


@dataclass(frozen=True)
class Covered:
    """The tests of a change, in the order in which they are run, and whether importing them runs its line."""

    tests: tuple[tuple[str, float], ...]  # test, seconds
    at_import: bool


class Lines:
    """All that has been recorded; of the tests of a change those of the first `worth` seconds are asked."""

    def __init__(self, files: list[str], worth: float = math.inf):
        self.worth = worth
        kept = [LINES / of_file(file) for file in files]
        self.files = [json.loads(path.read_text(encoding="utf-8")) for path in kept if path.exists()]
        for one in self.files:
            if any(SHARED in tests for lines in one["lines"].values() for tests in lines.values()):
                longest = max(one["seconds"].values())  # whichever runs first makes what they share
                one["seconds"] = dict.fromkeys(one["seconds"], longest)
        self.loads = sorted({name for one in self.files for name in one["loads"]})

    def of(self, path: str, mutant: Mutant) -> Covered:
        """Of the line, or where none is seen to run it (as under a compiler) of its function.

        For a line outside of functions: of the module, of those that import it, and tests that run no line
        at all, as they look at signatures and the like.
        """
        if mutant.in_body:
            found, at_import = self._tests({path: _numbers(mutant.lines)})
            if not found:
                found, at_import = self._tests({path: _numbers(mutant.function)})
        else:
            found, at_import = self._idle() | self._tests(dict.fromkeys([path, *importers(path)]))[0], True
        order = sorted(found.items(), key=lambda one: _worth(path, *one))
        sums = accumulate((seconds for _, seconds in order), initial=0.0)
        asked = tuple(one for one, before in zip(order, sums, strict=False) if before < self.worth)
        return Covered(asked, at_import)

    @functools.cache  # noqa: B019 (one object a run)
    def _idle(self):
        found = {}
        for one in self.files:
            at_work = {i for lines in one["lines"].values() for tests in lines.values() for i in tests}
            if SHARED not in at_work:
                tests = enumerate(one["seconds"].items())
                found |= {test: seconds for i, (test, seconds) in tests if i not in at_work}
        return found

    def _tests(self, wanted):
        """Tests of these lines (None: of all that more than an import runs) with their seconds."""
        found, at_import = {}, False
        for one in self.files:
            names = list(one["seconds"])
            for path, lines in wanted.items():
                there = one["lines"].get(path, {})
                for line in there if lines is None else lines & there.keys():
                    tests = there[line]
                    at_import = at_import or COLLECTED in tests
                    if SHARED in tests or (COLLECTED in tests and lines is not None):
                        tests = range(len(names))
                    found |= {names[i]: one["seconds"][names[i]] for i in tests if isinstance(i, int)}
        return found, at_import


def _numbers(lines):
    return {str(line) for line in range(lines[0], lines[1] + 1)}


def _worth(path, test, seconds):
    """Small: likely to fail soon."""
    room, module = Path(path).parent.name, Path(path).stem
    file = Path(test.split("::")[0])
    near = module in file.stem if room in ("theory", "") else file.parent.name == room
    return (seconds + 1e-3) * (NEAR if near else 1.0) * (NEAR if near and module in file.stem else 1.0)


@functools.cache
def _imports():
    """Path of each module → dotted names that it imports."""
    found = {}
    for package in ("theory", "experiments"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = set()
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom):
                    names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                elif isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
            found[path.relative_to(ROOT).as_posix()] = names
    return found


def importers(path: str) -> list[str]:
    """Modules that import a module by its name."""
    return [other for other, names in _imports().items() if module_of(path) in names]


def module_of(path: str) -> str:
    """Its dotted name."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
