"""The table of rooms in CONTRIBUTING.md, made of the contracts in pyproject.toml and modules' first lines.

`python -m tests.project.rooms` writes it between the two markers; a test keeps it in step.
"""

import argparse
import ast
import re
import tomllib

from tests.claims.claim_table import ROOT

LISTED_ELSEWHERE = ("experiments.studies", "figures.draw")  # by `make experiments`, in figures/README.md
BEGIN, END = "<!-- rooms: python -m tests.project.rooms -->", "<!-- /rooms -->"


def contracts():
    """Those of pyproject.toml, as written there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["tool"]["importlinter"]["contracts"]


def layers():
    """Package → its rooms, lowest first, those of one floor together; "" for the packages themselves."""
    found = {}
    for contract in contracts():
        if contract["type"] == "layers":
            (container,) = contract.get("containers", [""])
            found[container] = [re.split(r" [|:] ", floor) for floor in reversed(contract["layers"])]
    return found


def modules(package):
    """The rooms of a package, lowest first, each before those of the package inside it, dotted."""
    for floor in layers()[package]:
        for room in floor:
            name = f"{package}.{room}" if package else room
            yield name
            if name in layers() and name not in LISTED_ELSEWHERE:
                yield from modules(name)


def first_line(name):
    """What the module says it holds."""
    path = ROOT / name.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def table():
    rows = ["| room | holds |", "|---|---|"]
    for name in modules(""):
        depth, room = name.count("."), name.rpartition(".")[2]
        label = f"**{room}/**" if depth == 0 else "&emsp;" * depth + f"`{room}`"
        rows.append(f"| {label} | {first_line(name).replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def with_table(page):
    """CONTRIBUTING's text with the table as it should be."""
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.project.rooms", description=__doc__).parse_args()
    path = ROOT / "CONTRIBUTING.md"
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
