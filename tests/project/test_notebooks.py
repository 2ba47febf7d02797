"""The notebooks: source and executed copy in step, complete, small, and free of this machine."""

import re
import unicodedata
from functools import cache
from pathlib import Path

import nbformat
import pytest

from notebooks.__main__ import CELL_SECONDS, WIDGET, execute, main, read, sources

CLAIMS = {
    f"{room}{i + 1}"
    for room, n in {"O": 6, "T": 9, "J": 10, "E": 2, "D": 9, "C": 1}.items()
    for i in range(n)
}

each_notebook = pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)


@cache
def executed(source: Path) -> nbformat.NotebookNode:
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def mime_types(cell: nbformat.NotebookNode) -> set[str]:
    return {mime for output in cell.outputs for mime in output.get("data", {})}


def test_there_are_seven():
    assert [int(path.stem[:2]) for path in sources()] == [1, 2, 3, 4, 5, 6, 7]


def test_a_name_that_no_notebook_has_is_refused_with_those_there_are(capsys):
    with pytest.raises(SystemExit) as end:
        main(["99"])
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    names = ", ".join(path.stem for path in sources())
    assert said == f"python -m notebooks: error: no notebook is called 99; there are {names}"


@each_notebook
def test_executed_copy_has_the_cells_of_its_source(source):
    """Run `make notebooks` if this fails."""
    wanted, found = read(source), executed(source)
    assert [(c.cell_type, c.source) for c in found.cells] == [(c.cell_type, c.source) for c in wanted.cells]
    assert [c.metadata for c in found.cells] == [c.metadata for c in wanted.cells]
    assert [c.id for c in found.cells] == [c.id for c in wanted.cells]
    assert found.metadata == wanted.metadata


@each_notebook
def test_every_cell_ran_once_in_order_without_error_or_warning(source):
    cells = code(executed(source))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"stream", "execute_result", "display_data"}
    assert {output.name for output in outputs if output.output_type == "stream"} == {"stdout"}


@each_notebook
def test_executed_copy_is_small_and_says_nothing_of_the_machine(source):
    text = source.with_suffix(".ipynb").read_text()
    assert len(text) < 400_000
    assert str(source.parents[1]) not in text
    assert WIDGET not in text
    said = re.sub(r'"image/png": "[^"]*"', "", text)  # base64 says anything by chance
    assert not any(word in said for word in ("iopub", "/home/", "/tmp/", "0x7f"))


@each_notebook
def test_every_slider_follows_a_static_figure(source):
    cells = code(executed(source))
    sliders = [i for i, cell in enumerate(cells) if "slider" in cell.metadata.get("tags", [])]
    assert [i for i, cell in enumerate(cells) if "\ninteract(" in f"\n{cell.source}"] == sliders
    assert sliders
    assert [cells[i].outputs for i in sliders] == [[]] * len(sliders)
    assert all("image/png" in mime_types(cells[i - 1]) for i in sliders)


def columns(line: str) -> int:
    """The width of a line in a font of equal width: wide letters count two, combining ones none."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in line
    )


@each_notebook
def test_code_and_what_it_prints_fit_a_narrow_page(source):
    cells = code(executed(source))
    outputs = [output for cell in cells for output in cell.outputs]
    printed = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    lines = [line for text in [*(cell.source for cell in cells), *printed] for line in text.splitlines()]
    assert [line for line in lines if columns(line) > 88] == []


def test_a_line_of_88_columns_is_as_wide_as_its_letters():
    assert columns("r̄") == 1
    assert columns("τ" * 88) == 88
    assert columns("信" * 44) == 88


@each_notebook
def test_every_cell_of_checks_says_what_it_checked_and_the_last_is_folded_with_a_line_a_claim(source):
    """`hide-input` folds on the site, `source_hidden` in JupyterLab."""
    cells = code(executed(source))
    silent = [cell.source for cell in cells if "assert " in cell.source and not cell.outputs]
    assert silent == []
    assert (cells[-1].metadata.tags, cells[-1].metadata.jupyter.source_hidden) == (["hide-input"], True)
    said = "".join(output.get("text", "") for output in cells[-1].outputs)
    checked = re.findall(r"^ *# (\[[A-Z]\d.*?\])", cells[-1].source, re.MULTILINE)
    assert checked and set(checked) <= set(re.findall(r"^(\[.*?\])", said, re.MULTILINE))


@each_notebook
def test_it_closes_with_assertions_and_four_exercises_of_which_one_is_to_be_run(source):
    notebook = executed(source)
    last = code(notebook)[-1]
    assert last.source.count("assert ") >= 8
    imported = re.findall(r"^from theory\.\w+ import (.*)$", code(notebook)[0].source, re.MULTILINE)
    assert any(name in last.source for names in ["theory.", *imported] for name in names.split(", "))
    after = "\n".join(cell.source for cell in notebook.cells[notebook.cells.index(last) + 1 :])
    assert re.findall(r"^\*\*(\d)\.\*\*", after, re.MULTILINE) == ["1", "2", "3", "4"]
    assert after.count("<details>\n<summary>Solution</summary>\n\n") == after.count("\n\n</details>") == 4
    changed = after.partition("*Change this line, predict, run.*")[2].partition("<details>")[0]
    quoted = [text.partition(" …")[0].rstrip(",") for text in re.findall("`([^`]+)`", changed)]
    lines = [cell.source for cell in code(notebook)]
    assert any(len(text) >= 8 and text in source for text in quoted for source in lines)


def test_every_claim_is_derived_in_some_notebook():
    text = "\n".join(path.read_text() for path in sources())
    cited = re.findall(r"\[((?:[OTJEDC]\d+(?:, )?)+)\]", text)
    assert {claim for group in cited for claim in group.split(", ")} == CLAIMS


@pytest.mark.slow
@pytest.mark.notebook
@each_notebook
def test_it_executes(source):
    """In a fresh kernel, no cell longer than CELL_SECONDS; and prints as many outputs as the copy kept."""
    assert CELL_SECONDS == 30
    fresh, kept = execute(read(source)), executed(source)
    assert [len(cell.outputs) for cell in code(fresh)] == [len(cell.outputs) for cell in code(kept)]
