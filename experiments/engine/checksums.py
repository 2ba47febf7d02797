"""results/CHECKSUMS: the SHA-256 of every results file that is kept, as `sha256sum --check` reads it.

A digest inside a file can be made anew by whoever alters it; this list is under version control beside it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from experiments.engine import disk
from experiments.engine.registry import Refused

NAME = "CHECKSUMS"


def recorded(folder: Path) -> dict[str, str]:
    """File names and their SHA-256; none where there is no list. Raises Refused for one that is no list."""
    path = folder / NAME
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{disk.shown(path)} cannot be read: {error}") from error
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def sha256(path: Path) -> str:
    """Of the bytes of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def record(path: Path) -> None:
    """Enter a file into the list of its folder, or enter it anew. Raises CannotWrite."""
    with disk.in_turn(path.parent / f".{NAME}.lock"):
        entries = recorded(path.parent) | {path.name: sha256(path)}
        lines = [f"{digest}  {name}\n" for name, digest in sorted(entries.items())]
        disk.write_atomically(path.parent / NAME, "".join(lines).encode())


def differs(path: Path) -> bool:
    """Whether the list of its folder has another SHA-256 of a file; what is not listed does not differ."""
    known = recorded(path.parent).get(path.name)
    return known is not None and known != sha256(path)
