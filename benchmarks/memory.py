"""The highest resident memory of a piece of work, measured in a process of its own.

Linux keeps the highest mark of a process in /proc and lets it be set back; `ru_maxrss` would start at the
mark of the parent. NumPy, torch and jax are counted alike.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")
_PROCESS = Path("/proc/self")
COUNTED = (_PROCESS / "clear_refs").exists()
"""Whether this machine can tell."""


def added_mib(run: Callable[[], Any]) -> float:
    """MiB of resident memory that `run` adds to this process at its highest."""
    (_PROCESS / "clear_refs").write_text("5")
    before = _mib("VmRSS")
    run()
    return _mib("VmHWM") - before


def in_fresh_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """What `function`, found by its name in a new interpreter, returns."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _mib(mark: str) -> float:
    lines = (_PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{mark}:"))
