"""The README's table of claims, made from paper_notes.md, the tests' markers, captions and certified margins.

`python -m tests.claims.claim_table` writes it between the two markers in README.md; a test keeps it in step.
"""

import argparse
import ast
import re
from pathlib import Path

from experiments.engine.registry import figures
from tests.certify.table import PAGE, smallest_margins
from tests.claims.notes import NOTES, read_claims, sections

ROOT = Path(__file__).parents[2]
PLAIN = "holds"
HEAD = (
    "| claim | statement and proof | test | derivation | figures | verdict |",
    "|---|---|---|---|---|---|",
)
BEGIN, END = "<!-- claims: python -m tests.claims.claim_table -->", "<!-- /claims -->"


def derivations():
    """Notebook → the labels that it is the first to cite as [J5], all notebooks in order."""
    found, seen = {}, set()
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        cited = re.findall(r"[\[ ]([OTJEDC]\d+)(?=[],])", path.read_text(encoding="utf-8"))
        found[path.stem] = [label for label in dict.fromkeys(cited) if label not in seen]
        seen |= set(cited)
    return found


NOTEBOOKS = derivations()


def marked_files(mark="claim", *, tests=ROOT / "tests"):
    """Label → the test files that mark it as a claim (or a control), the one with most tests of it first."""
    counts = {}
    for path in sorted(tests.rglob("test_*.py")):
        name = path.relative_to(tests).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{mark}":
                for argument in node.args:
                    by_file = counts.setdefault(ast.literal_eval(argument), {})
                    by_file[name] = by_file.get(name, 0) + 1
    return {label: sorted(files, key=lambda f: (-files[f], f)) for label, files in counts.items()}


def anchor(claim):
    """GitHub's anchor of a heading `### [J5] The price …`."""
    heading = f"[{claim.label}] {claim.title}".lower()
    return "".join(c for c in heading if c.isalnum() or c in " -_").replace(" ", "-")


def table():
    claims = read_claims(ROOT / NOTES)
    tests = marked_files()
    drawn = {}
    for name, entry in figures().items():
        for label in entry.claims:
            drawn.setdefault(label, []).append(name)
    certified = {
        label: f"; [certified]({PAGE.relative_to(ROOT)}), margin ≥ {margin}"
        for label, margin in smallest_margins().items()
    }
    derived = {label: name for name, labels in NOTEBOOKS.items() for label in labels}
    rows = {}
    for claim in claims.values():
        test = tests[claim.label][0]
        notebook = derived.get(claim.label)
        cells = [
            claim.label,
            f"[{claim.title}]({NOTES}#{anchor(claim)})",
            f"[{test.rpartition('test_')[2].removesuffix('.py')}](tests/{test})",
            f"[{notebook[:2]}](notebooks/{notebook}.ipynb)" if notebook else "",
            ", ".join(f"[{name}](figures/{name}.svg)" for name in drawn.get(claim.label, [])),
            claim.verdict + certified.get(claim.label, ""),
        ]
        rows[claim] = f"| {' | '.join(cells)} |"
    more = [row for claim, row in rows.items() if claim.verdict != PLAIN]
    parts = [*HEAD, *more]
    for letter, title in sections(ROOT / NOTES).items():
        plain = [row for claim, row in rows.items() if claim.label[0] == letter and claim.verdict == PLAIN]
        if plain:
            hold = "holds" if len(plain) == 1 else "hold"
            summary = f"<summary>{title}: {len(plain)} that {hold} as stated</summary>"
            parts += ["", f"<details>{summary}", "", *HEAD, *plain, "", "</details>"]
    return "\n".join(parts)


def with_table(readme):
    """README's text with the table as it should be."""
    head, rest = readme.split(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.claims.claim_table", description=__doc__).parse_args()
    path = ROOT / "README.md"
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
