"""Shards of a run summed up on a Dask cluster: each where a worker reads it, the sums merged here."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import Any

from theory.files.opened import opened
from theory.summary import Summary, summarize

__all__: list[str] = []

WAIT = 20
"""Seconds for a scheduler to answer, and for its first worker."""


def summary_of_shards(
    files: Sequence[str | PathLike[str]], *, temperature: float, key: str | None, scheduler: str
) -> Summary:
    """Of all rows; the files must have these names on the workers too."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ModuleNotFoundError:
        raise ValueError("`scheduler` needs Dask: pip install distributed.") from None
    try:
        client = distributed.Client(scheduler, timeout=WAIT)
    except (OSError, ValueError, TypeError) as failure:
        raise RuntimeError(f"`scheduler` {scheduler} does not answer: {failure}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError:
            raise RuntimeError(
                f"`scheduler` {scheduler} has no worker: start one, dask worker {scheduler}."
            ) from None
        parts = client.map(partial(_one, temperature=temperature, key=key), list(map(str, files)), pure=False)
        found: list[Summary] = client.gather(parts)
    return sum(found[1:], start=found[0])


def _one(file: str, *, temperature: float, key: str | None) -> Summary:
    array: Any = opened("logits", file, key)
    return summarize(array, temperature=temperature)
