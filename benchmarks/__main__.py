"""python -m benchmarks [--only GROUP …] [--repeat N] [--quick] [--large N]: speed beside the peers, by row.

Groups: kernels, exact_teacher, loss, trainer, files, and scaling, which is drawn. A row that is done is kept
under benchmarks/kept and RESULTS.md is written anew after each: a run that is stopped loses the row it was
in, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import rich
import tyro
from rich.table import Table

from benchmarks import exact_teacher, files, kernels, loss, results, scaling, trainer
from benchmarks.turns import Row

GROUPS: dict[str, Callable[..., Iterator[Row]]] = {
    "kernels": kernels.rows,
    "exact_teacher": exact_teacher.rows,
    "loss": loss.rows,
    "trainer": trainer.rows,
    "files": files.rows,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to measure."""

    only: Annotated[tuple[str, ...], tyro.conf.arg(help="groups, all if none is named")] = ()
    repeat: Annotated[int, tyro.conf.arg(help="turns that each contender takes")] = 5
    quick: Annotated[bool, tyro.conf.arg(help="small problems, printed and not kept")] = False
    device: Annotated[str, tyro.conf.arg(help="where the loss is computed")] = "cpu"
    large: Annotated[int, tyro.conf.arg(help="rows of the file, besides the usual ones (1000000: 16 GB)")] = 0
    write: Annotated[bool, tyro.conf.arg(help="write RESULTS.md from what is kept, measure nothing")] = False


def main(settings: Settings) -> None:
    if unknown := set(settings.only) - {*GROUPS, "scaling"}:
        raise SystemExit(f"--only must be of {', '.join(GROUPS)}, scaling, got {min(unknown)}.")
    for name, rows in GROUPS.items():
        if settings.write or (settings.only and name not in settings.only):
            continue
        where = {"device": settings.device} if name == "loss" else {}
        for row in rows(repeat=1 if settings.quick else settings.repeat, quick=settings.quick, **where):
            _done(row, quick=settings.quick)
    if settings.large and not settings.write:
        _done(files.of_size(settings.large, repeat=1), quick=settings.quick)
    if not settings.write and "scaling" in (settings.only or ("scaling",)):
        seconds = scaling.measure(quick=settings.quick)
        if not settings.quick:
            scaling.keep(seconds)
            scaling.draw()
    if settings.quick:
        return
    if not (kept := results.kept()):
        raise SystemExit("Nothing is kept: `make bench` measures first.")
    results.TABLE.write_text(results.table(kept))


def _done(row: Row, *, quick: bool) -> None:
    table = Table("contender", "seconds", "ratio", "error", "peak MiB", title=f"{row.group}: {row.problem}")
    for one in row.measured:
        error = "" if one.error is None else f"{one.error:.0e}"
        peak = "" if one.peak_mib is None else f"{one.peak_mib:.0f}"
        table.add_row(one.name, f"{one.seconds:.4g}", f"{one.ratio:.2f}", error, peak)
    rich.print(table)
    if not quick:
        results.keep(row)
        results.TABLE.write_text(results.table(results.kept()))


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
