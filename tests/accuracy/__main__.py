"""Measure the accuracy of all public functions, or of some, into tests/accuracy.md; minutes for all."""

import argparse

from tests.accuracy.measure import BOUNDS, measure
from tests.accuracy.table import PATH, functions, row, rows, table, violations


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="functions; all if none is named")
    names = parser.parse_args().names or functions()
    for name in names:
        measured = {dtype: measure(name, dtype) for dtype in BOUNDS}
        before = rows() if PATH.exists() else {}
        PATH.write_text(table(before | {name: row(name, measured)}), encoding="utf-8")
        said = ", ".join(f"{x.error:.1e}" for x in measured.values())
        broken = [line for dtype, x in measured.items() for line in violations(name, dtype, x)]
        print("\n  ".join([f"{name}: {said}", *broken]), flush=True)


if __name__ == "__main__":
    main()
