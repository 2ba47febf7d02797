"""The two ways of trying a change: in functions that are there already, or by importing everything anew."""

import contextlib
import gc
import importlib
import importlib.abc
import importlib.util
import inspect
import os
import sys
import types
from dataclasses import dataclass, replace
from itertools import zip_longest

import pytest

from tests.mutants import children
from tests.mutants.changes import mutated
from tests.mutants.covering import module_of
from tests.mutants.files import ROOT

OPTIONS = ["-q", "-n", "0", "-p", "no:cacheprovider", "--capture=sys", "-r", ""]
OPTIONS += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # what is loaded before has no asserts of ours

FIRST = 3
"""Files of tests that are collected before the others: most changes are noticed there."""


@dataclass(frozen=True)
class Task:
    """One change and the tests that could notice it; without a path, the tests alone."""

    path: str
    name: str
    tests: tuple[tuple[str, float], ...]
    at_import: bool = False
    grace: float = children.GRACE

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.tests)

    def code(self) -> types.CodeType:
        source = (ROOT / self.path).read_text(encoding="utf-8")
        return compile(mutated(source, self.name), str(ROOT / self.path), "exec", dont_inherit=True)


class Failures:
    """A plugin that keeps the first test that fails, and gives every test its time while its parent lives."""

    def __init__(self, task):
        self.limits = {test: task.grace + 10 * seconds for test, seconds in task.tests}
        self.first, self.parent = None, os.getppid()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        if os.getppid() != self.parent:
            os._exit(1)  # nobody waits for the answer any more
        children.allow(self.limits[item.nodeid])
        try:
            return (yield)
        finally:
            children.allow(0)

    def pytest_runtest_logreport(self, report):
        if report.failed and self.first is None:
            self.first = report.nodeid


class Warm:
    """A plugin that, in place of running what was collected, forks a child for each task.

    The child puts the changed code into the functions that are there and runs the tests of the task alone.
    A test is believed when it fails only if it passes so without any change; `results` gets (task, result).
    """

    def __init__(self, tasks, results, *, jobs, enough):
        self.tasks, self.results, self.jobs, self.enough = tasks, results, jobs, enough
        self.sound: dict[str, bool] = {}

    def pytest_runtestloop(self, session):
        self.items = {item.nodeid: item for item in session.items}
        self.live = functions()
        gc.collect()
        gc.freeze()  # what is not looked at again stays shared between parent and children
        tasks = list(self.tasks)
        while tasks:
            again = []
            pairs = ((task, task.seconds) for task in tasks)
            for task, found in children.each(pairs, self.attempt, jobs=self.jobs, enough=self.enough):
                if found["verdict"] == "killed" and not self.is_sound(found["by"]):
                    rest = tuple(one for one in task.tests if one[0] != found["by"])
                    again.append(replace(task, tests=rest))
                else:
                    self.results(task, found)
            tasks = again
        return True

    def is_sound(self, test):
        """Whether it passes, run in this way, when nothing is changed."""
        if test not in self.items:
            return True  # a signal
        if test not in self.sound:
            task = Task("", "", ((test, 10.0),))
            ((_, found),) = children.each([(task, 10.0)], self.attempt)
            self.sound[test] = found["verdict"] == "survived"
        return self.sound[test]

    def attempt(self, task):
        """In the child."""
        if task.path and not put(task, self.live):
            return {"verdict": "needs import"}
        items = [self.items[test] for test, _ in task.tests if test in self.items]
        failures = Failures(task)
        items[0].config.pluginmanager.register(failures, "failures")
        for item, after in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if failures.first:
                return {"verdict": "killed", "by": failures.first}
        return {"verdict": "survived"}


def functions():
    """(file, qualified name, first line) → the functions that live there, however they are wrapped."""
    found = {}
    for value in gc.get_objects():
        if type(value) is types.FunctionType and value.__code__.co_filename.startswith(str(ROOT)):
            found.setdefault(_key(value.__code__), []).append(value)
    return found


def _key(code):
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _codes(code, inside=False):
    """(code, whether it is inside of a function) of every function below."""
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield inner, inside
            yield from _codes(inner, inside or bool(inner.co_flags & inspect.CO_NEWLOCALS))


def put(task, live):
    """Puts the changed code into the functions that are there; False where that does not change all of it."""
    source = (ROOT / task.path).read_text(encoding="utf-8")
    before = compile(source, str(ROOT / task.path), "exec", dont_inherit=True)
    pairs = list(zip_longest(_codes(before), _codes(task.code()), fillvalue=(None, None)))
    if not all(old and new and old.co_name == new.co_name for (old, _), (new, _) in pairs):
        return False  # a function came or went
    changed = [(old, new, inside) for (old, inside), (new, _) in pairs if old != new]
    changed = [one for one in changed if one[2] or not _is_class(one[0])]
    if not changed or len({_key(old) for old, *_ in changed}) != len(changed):
        return False
    for old, new, inside in changed:
        there = live.get(_key(old), [])
        known = old.co_freevars == new.co_freevars and all(one.__code__ == old for one in there)
        if not known or not (there or inside):
            return False
        for function in there:
            function.__code__ = new
    return True


def _is_class(code):
    return not code.co_flags & inspect.CO_NEWLOCALS


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module changed."""

    def __init__(self, task):
        self.task, self.name = task, module_of(task.path)

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            return None
        file = ROOT / self.task.path
        inside = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, file, loader=self, submodule_search_locations=inside
        )

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.task.code(), module.__dict__)

    def get_source(self, fullname):
        return (ROOT / self.task.path).read_text(encoding="utf-8")


class Chosen:
    """A plugin that leaves of what was collected the tests of a task, in its order."""

    def __init__(self, task):
        self.order = {test: i for i, (test, _) in enumerate(task.tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = sorted(
            (x for x in items if x.nodeid in self.order), key=lambda item: self.order[item.nodeid]
        )


def anew(task):
    """In a child of a process that has imported nothing of the project: import all, run the task's tests."""
    children.allow(120.0)
    sys.meta_path.insert(0, Changed(task))
    try:
        importlib.import_module(module_of(task.path))
    except BaseException as error:
        return {"verdict": "killed", "by": f"import: {type(error).__name__}"}
    files = list(dict.fromkeys(test.split("::")[0] for test, _ in task.tests))
    for part in filter(None, (files[:FIRST], files[FIRST:])):
        failures = Failures(task)
        status = pytest.main([*OPTIONS, "-x", *part], plugins=[Chosen(task), failures])
        if failures.first:
            return {"verdict": "killed", "by": failures.first}
        if status in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.TESTS_FAILED):
            return {"verdict": "killed", "by": "collection"}
        if status != pytest.ExitCode.OK:
            return {"verdict": "broken", "why": str(status)}
    return {"verdict": "survived"}


def preload(names):
    """Imports what is not of this project, once, for all children."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
