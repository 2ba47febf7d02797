"""Where things are kept, and files that are whole or not there."""

import functools
import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("theory", "experiments")
KEPT = Path(os.environ.get("MUTANTS_KEPT", ROOT / ".mutants"))
LINES, RESULTS = KEPT / "lines", KEPT / "results.jsonl"


@functools.cache
def digest(path: Path) -> str:
    """Of a file's bytes; "" of one that is gone."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


def of_file(name: str) -> str:
    """The name under which what is known of a file of tests is kept."""
    return name.replace("/", "--") + ".json"


def write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
