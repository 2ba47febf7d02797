"""README, CONTRIBUTING and paper_notes say what is so: tables, examples, links."""

import re
import runpy
import subprocess
import sys
from itertools import pairwise

import pytest

from tests.claims.claim_table import NOTEBOOKS, ROOT, anchor, with_table
from tests.claims.notes import NOTES, read_claims

PAGES = ["README.md", "CONTRIBUTING.md", NOTES]


def blocks(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def test_the_claim_table_of_the_readme_is_in_step():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == with_table(readme), "run: python -m tests.claims.claim_table"


@pytest.mark.parametrize("index", range(4), ids=["numpy", "torch", "diagnosis", "summary"])
def test_the_examples_of_the_readme_print_what_it_says(index, capsys):
    code = blocks("README.md", "python")[index]
    exec(compile(code, f"README.md, example {index + 1}", "exec"), {"__name__": "readme"})
    lines = code.splitlines()
    expected = [after[2:] for line, after in pairwise(lines) if line.startswith("print(")]
    assert capsys.readouterr().out.splitlines() == expected


def test_the_python_of_the_readme_is_just_those_examples():
    assert len(blocks("README.md", "python")) == 4


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_named_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.MULTILINE))
    rules = set(
        re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    assert named
    assert named <= rules


def test_the_example_of_a_claim_and_its_control_pass():
    (code,) = blocks("CONTRIBUTING.md", "python")
    found = {"__name__": "contributing"}
    exec(compile(code, "CONTRIBUTING.md, example", "exec"), found)
    tests = {name: test for name, test in found.items() if name.startswith("test_")}
    assert [mark.name for test in tests.values() for mark in test.pytestmark] == ["claim", "control"]
    for test in tests.values():
        test()


def commands():
    found = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.partition("#")[0].split() for line in found]


def test_every_block_is_of_a_kind_that_a_test_runs():
    """```text is output; ``` alone is a drawing of the tree."""
    for page in PAGES:
        kinds = re.findall(
            r"^ *```(\w*)\n.*?^ *```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL
        )
        assert set(kinds) <= {"python", "sh", "text", ""}


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_shell_commands_run(command, capfd, monkeypatch):
    """As far as they can within a test: make says what it would do, a module explains itself."""
    program, *arguments = command
    if program == "make":
        subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, check=True)
    else:
        assert program == "python"
        with pytest.raises(SystemExit) as end:
            explain(arguments, monkeypatch)
        assert end.value.code == 0
    assert capfd.readouterr().out


def explain(arguments, monkeypatch):
    """`python ARGUMENTS --help`, in this process, where what a new one would wait for is imported."""
    as_module = arguments[0] == "-m"
    name, *options = arguments[as_module:]
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [name, *options, "--help"])
    if as_module:
        monkeypatch.delitem(sys.modules, f"{name}.__main__", raising=False)
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(name, run_name="__main__")


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    claims = read_claims(ROOT / NOTES)
    anchors = {anchor(claim) for claim in claims.values()}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, fragment = target.partition("#")
        if "://" not in target and path:
            assert (ROOT / path).exists(), target
            assert not fragment or path != NOTES or fragment in anchors, target


def test_files_and_figures_named_in_the_notes_exist():
    text = (ROOT / NOTES).read_text(encoding="utf-8")
    for path in set(re.findall(r"`((?:theory|tests|experiments|figures)/[\w/]+\.py)`", text)):
        assert (ROOT / path).exists(), path
    for listed in re.findall(r"figures? ((?:`\w+`(?:, )?)+)", text):
        for name in re.findall(r"`(\w+)`", listed):
            assert (ROOT / "figures" / f"{name}.svg").exists(), name


def test_the_readme_counts_the_claims():
    (count,) = re.findall(r"the table of all (\d+) claims", (ROOT / "README.md").read_text("utf-8"))
    assert int(count) == len(read_claims(ROOT / NOTES))


def test_every_claim_has_a_derivation():
    claims = read_claims(ROOT / NOTES)
    assert {label for labels in NOTEBOOKS.values() for label in labels} == set(claims)
