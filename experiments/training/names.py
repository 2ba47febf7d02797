"""Names of teachers in results: those of `theory.TEACHERS`, moving_NAME for a moving average of one."""

from __future__ import annotations

MOVING = "moving_"
"""Before the name of a teacher that is normalised by a moving average over batches."""


def split(name: str) -> tuple[str, bool]:
    """The teacher's name in the table, and whether a moving average normalises it."""
    return name.removeprefix(MOVING), name.startswith(MOVING)
