"""The packaging says what the code does: imports declared, pins complete, versions agreeing."""

import ast
import functools
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCAL = ("theory", "experiments", "figures", "benchmarks", "notebooks", "tests")


def pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [
        re.fullmatch(r"(?P<name>[\w.-]+)==(?P<version>[\w.]+)", x)
        for x in lines
        if x and not x.startswith("#")
    ]
    assert all(pins), "constraints.txt holds name==version and nothing else"
    return {canonicalize_name(pin["name"]): pin["version"] for pin in pins}


def group(name):
    entries = PROJECT["dependency-groups"][name]
    included = [r for x in entries if isinstance(x, dict) for r in group(x["include-group"])]
    return included + [Requirement(x) for x in entries if isinstance(x, str)]


def runtime():
    return [Requirement(x) for x in PROJECT["project"]["dependencies"]]


def extra(name):
    return [Requirement(x) for x in PROJECT["project"]["optional-dependencies"][name]]


def experiments():
    return runtime() + group("experiments")


DECLARED = {
    "theory": lambda: runtime() + extra("torch"),
    "experiments": lambda: experiments() + group("dask"),
    "figures": experiments,
    "benchmarks": lambda: experiments() + group("dev"),
    "notebooks": lambda: experiments() + group("notebooks"),
    "tests": lambda: experiments() + group("test") + group("check") + group("dask") + group("docs"),
}


def imports(path):
    """Dotted names imported by a file, wherever in it, but for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for block in ast.walk(tree):
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            block.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of(package):
    return {name for path in (ROOT / package).rglob("*.py") for name in imports(path)}


distributions_of_packages = functools.cache(importlib.metadata.packages_distributions)


@pytest.mark.parametrize("package", LOCAL)
def test_what_is_imported_is_declared(package):
    declared = {canonicalize_name(r.name) for r in DECLARED[package]()}
    known = distributions_of_packages()
    tops = {name.split(".")[0] for name in imports_of(package)} - sys.stdlib_module_names - set(LOCAL)
    undeclared = {top for top in tops if declared.isdisjoint(map(canonicalize_name, known.get(top, [top])))}
    assert not undeclared


def test_every_requirement_is_pinned_within_its_range():
    pins = pinned()
    wanted = experiments() + group("dev")
    assert [r.name for r in wanted if canonicalize_name(r.name) not in pins] == []
    assert [str(r) for r in wanted if not r.specifier.contains(pins[canonicalize_name(r.name)])] == []


def test_every_transitive_requirement_is_pinned_as_installed():
    pins = pinned()
    installed = {canonicalize_name(d.name): d for d in importlib.metadata.distributions()}
    queue, seen = [(canonicalize_name(r.name), r.extras) for r in experiments() + group("dev")], set()
    while queue:
        name, extras = queue.pop()
        if (name, *sorted(extras)) in seen or name not in installed:
            continue
        seen.add((name, *sorted(extras)))
        for needed in map(Requirement, installed[name].requires or []):
            asked = ({"extra": extra} for extra in ("", *extras))
            if needed.marker is None or any(map(needed.marker.evaluate, asked)):
                queue.append((canonicalize_name(needed.name), needed.extras))
    names = {name for name, *_ in seen}
    assert {n: installed[n].version.split("+")[0] for n in names} == {n: pins.get(n) for n in names}


def test_versions_agree():
    version = PROJECT["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE)[1] == version
    assert re.search(r"^## (\S+)", changelog, re.MULTILINE)[1] == version
    assert importlib.metadata.version(PROJECT["project"]["name"]) == version


def test_torch_is_pinned_alike_everywhere():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^TORCH := (.+)$", makefile, re.MULTILINE)[1] == pinned()["torch"]


@pytest.mark.slow
def test_tests_are_collected_in_one_order_whatever_the_hash_seed():
    """The processes of pytest-xdist must agree on it, and each hashes strings with a seed of its own."""

    def collected(seed):
        command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-n", "0"]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return [line for line in done.stdout.splitlines() if "::" in line]

    first, second = collected("1"), collected("2")
    assert len(first) > 1000
    assert first == second
