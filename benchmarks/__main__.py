"""python -m benchmarks [--repeat N] [--quick] [--device cuda]: speed against peers, two tables.

The projected teacher against POT and plain Sinkhorn, and a step of the loss against DINO's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import rich
import tyro

from benchmarks import exact_teacher, loss


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to measure."""

    repeat: Annotated[int, tyro.conf.arg(help="turns that each contender takes")] = 3
    quick: Annotated[bool, tyro.conf.arg(help="the small problems only")] = False
    device: Annotated[str, tyro.conf.arg(help="where the loss is computed")] = "cpu"


def main(settings: Settings) -> None:
    rich.print(exact_teacher.measured(repeat=settings.repeat, quick=settings.quick))
    rich.print(loss.measured(repeat=settings.repeat, quick=settings.quick, device=settings.device))


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
