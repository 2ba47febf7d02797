"""`python -m notebooks [NAME …]`: execute each NAME.md and write NAME.ipynb beside it.

The .md (jupytext, MyST) is the source; the .ipynb is what GitHub and JupyterLab show. Equal sources give
equal bytes: cells are numbered rather than given random ids, and timings, widget state and the version
of the interpreter are left out. Sliders need a kernel, so their views are left out as well; each stands
beside a static figure of the same function. A cell that takes longer than CELL_SECONDS fails.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import jupytext
import nbclient
import nbformat

HERE = Path(__file__).resolve().parent
CELL_SECONDS = 30
WIDGET = "application/vnd.jupyter.widget-view+json"
KEPT_METADATA = ("jupytext", "kernelspec")


def sources() -> list[Path]:
    """The notebooks' MyST sources, in order."""
    return sorted(HERE.glob("[0-9][0-9]_*.md"))


def read(source: Path) -> nbformat.NotebookNode:
    """The notebook of a MyST source, without outputs; cell ids are positions."""
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict({k: notebook.metadata[k] for k in KEPT_METADATA})
    notebook.metadata.language_info = {"name": "python"}
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index:02d}"
    return notebook


def execute(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its outputs, in a fresh kernel that runs in this folder."""
    metadata = notebook.metadata.copy()
    # One thread: sums in one order, and no fight for cores.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    client = nbclient.NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(HERE)}},
    )
    client.execute(env=environment)
    notebook.metadata = metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if WIDGET not in o.get("data", {})]
    return notebook


def build(source: Path) -> Path:
    """Execute one source and write the .ipynb beside it."""
    notebook = execute(read(source))
    nbformat.validate(notebook)
    target = source.with_suffix(".ipynb")
    nbformat.write(notebook, target)
    return target


def main(arguments: Sequence[str] | None = None) -> None:
    """Execute the notebooks that are named. Exits with 2 where there is none of a name."""
    names = {source.stem: source for source in sources()}
    parser = argparse.ArgumentParser(prog="python -m notebooks", description="Execute the notebooks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all if none is given: {', '.join(names)}")
    chosen = parser.parse_args(arguments).names or list(names)
    if unknown := [name for name in chosen if name not in names]:
        parser.error(f"no notebook is called {unknown[0]}; there are {', '.join(names)}")
    for name in chosen:
        target = build(names[name])
        print(f"{target.relative_to(HERE.parent)}  {target.stat().st_size / 1e3:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
