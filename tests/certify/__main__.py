"""Prove six claims instance by instance in ball arithmetic, and write tests/certified.md."""

import argparse

from tests.certify.table import PAGE, page

if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.certify", description=__doc__).parse_args()
    PAGE.write_text(page(say=print), encoding="utf-8")
