"""Which test runs which line of the code, as a pytest plugin: `pytest -p tests.mutants.recorder`.

For each file of tests one JSON file in `.mutants/lines/`. Lines that run while a file is collected, or in a
fixture that several tests share, belong to all tests of the file.
"""

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import coverage
import pytest

from tests.mutants.files import LINES, PACKAGES, ROOT, digest, of_file, write_whole

THIRD_PARTY = [
    "array_api_compat.numpy",
    "array_api_strict",
    "beartype",
    "flint",
    "jaxtyping",
    "joblib",
    "matplotlib.pyplot",
    "mpmath",
    "numpy",
    "ot",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "sklearn.datasets",
    "sympy",
    "torch",
    "xarray",
]
"""What tests import that is slow to import, and is not of this project."""
SHARED = "*"
COLLECTED = "collected"
"""Names of contexts beside tests' own: a fixture of more than one test, and the file's own import."""


class Recorder:
    """Switches the context of one coverage measurement from test to test."""

    def __init__(self):
        source = [str(ROOT / package) for package in PACKAGES]
        self.coverage = coverage.Coverage(data_file=None, config_file=False, source=source, messages=False)
        self.coverage.start()
        self.current = ""
        self.seconds = {}  # test → seconds, of those that passed
        self.failed = set()
        self.collected = set()

    @contextmanager
    def within(self, context):
        """Lines that run inside belong to the context."""
        before = self.current
        self.switch(context)
        try:
            yield
        finally:
            self.switch(before)

    def switch(self, context):
        if context != self.current:
            self.current = context
            self.coverage.switch_context(context)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        module = isinstance(collector, pytest.Module)
        self.collected |= {collector.nodeid} if module else set()
        with self.within(f"{collector.nodeid}::{COLLECTED}" if module else self.current):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        with self.within(item.nodeid):
            begin = time.process_time()
            try:
                return (yield)
            finally:
                self.seconds[item.nodeid] = time.process_time() - begin

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        shared = fixturedef.scope != "function"
        file = request.node.nodeid.split("::")[0]
        with self.within(f"{file}::{SHARED}" if shared else self.current):
            return (yield)

    def pytest_runtest_logreport(self, report):
        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self, session):
        self.coverage.stop()
        data = self.coverage.get_data()
        empty = self.collected - {item.nodeid.split("::")[0] for item in session.items}
        here = empty | {test.split("::")[0] for test in self.seconds}
        found = {file: {"seconds": {}, "lines": {}} for file in here}  # lines: {path: {line: [test, …]}}
        for test, seconds in self.seconds.items():
            if test not in self.failed:
                found[test.split("::")[0]]["seconds"][test] = round(seconds, 4)
        order = {file: {test: i for i, test in enumerate(one["seconds"])} for file, one in found.items()}
        for measured in data.measured_files():
            path = Path(measured).relative_to(ROOT).as_posix()
            for line, contexts in data.contexts_by_lineno(measured).items():
                for context in contexts:
                    file, _, test = context.partition("::")
                    number = order.get(file, {}).get(context, test)
                    if file in found and (isinstance(number, int) or test in (SHARED, COLLECTED)):
                        lines = found[file]["lines"].setdefault(path, {})
                        lines.setdefault(line, []).append(number)
        loads = [name for name in THIRD_PARTY if name in sys.modules]
        for file, one in found.items():
            one["loads"] = loads
            one["of"] = {path: digest(ROOT / path) for path in (file, *one["lines"])}
            write_whole(LINES / of_file(file), json.dumps(one))


def pytest_configure(config):
    """In the process that runs tests, not in the one that shares them out."""
    if "PYTEST_XDIST_WORKER" in os.environ or not config.getoption("numprocesses", None):
        config.pluginmanager.register(Recorder(), "recorder of lines")
