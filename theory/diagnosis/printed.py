"""The end of a command: the report in words or as JSON, and its exit status."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import sys

from theory.diagnosis.report import Diagnosis

__all__: list[str] = []


def printed(found: Diagnosis, told: str, *, as_json: bool) -> int:
    """0 if nothing is wrong, 1 if the report names a problem. told: what was read."""
    text = _as_json(found, told) if as_json else f"read: {told}\n{found}"
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader has what it wanted, as in `| head`: not a word, at the exit neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if found.healthy else 1


def _as_json(found: Diagnosis, told: str) -> str:
    numbers = {name: x if math.isfinite(x) else str(x) for name, x in found.measurements.items()}
    record = dataclasses.asdict(found) | {"measurements": numbers, "read": told}
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)  # JSON has no infinity


def refused(parser: argparse.ArgumentParser, why: str) -> int:
    """2, with one line on what was wrong."""
    print(f"{parser.prog}: {' '.join(why.split())}", file=sys.stderr)
    return 2
