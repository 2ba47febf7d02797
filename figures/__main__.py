"""Draw the figures from the results kept in results/; only those are drawn whose content has changed.

python -m figures [NAME ...]             draw what is stale, say how old the results are
python -m figures [NAME ...] --retrain   run the experiments again first
python -m figures [NAME ...] --quick     run their small variants, and draw those in results/quick/
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import tyro
import xarray as xr

from experiments.engine import checksums, disk, plausible, registry, runner, store
from experiments.engine.command import exit_with
from experiments.engine.registry import Entry, Refused
from experiments.engine.sweep import Context
from figures import save
from figures.catalogue import catalogue

PROGRAM = "python -m figures"
REMAKE = "python -m experiments"
LACKING = re.compile(r"^'?\"?'Dataset' object has no attribute|^['\"]*No variable named")
"""How xarray says that a dataset has no such variable."""


@dataclass(frozen=True, kw_only=True)
class Command(Context):
    """What to draw, and whether to compute before."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[NAME ...]")] = ()
    """Figures to draw; all of them if none is named."""
    retrain: tyro.conf.FlagCreatePairsOff[bool] = False
    """Run the experiments again first, in full, and replace their results."""
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """Run the small variants of the experiments and draw them in results/quick/; nothing else is touched."""
    force: tyro.conf.FlagCreatePairsOff[bool] = False
    """Draw also what is up to date."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quick and self.retrain:
            raise ValueError("--quick and --retrain exclude each other: --retrain is the run in full")


def main(
    arguments: Sequence[str] | None = None,
    *,
    package: str = "figures.draw",
    experiments: str = "experiments.studies",
) -> int:
    """Run the command line; returns the exit status. Raises Refused; exits where tyro does not understand."""
    mpl.use("Agg")
    drawings, sources = registry.figures(package), registry.experiments(experiments)
    description = f"Draw the figures: {', '.join(drawings)}."
    command = tyro.cli(Command, args=arguments, prog=PROGRAM, description=description)
    chosen = [registry.find(drawings, name, kind="figure") for name in command.names or drawings]
    status = 0

    def refuse(name: str, error: Exception) -> None:
        nonlocal status
        print(f"{name}: {error}", file=sys.stderr)
        status = max(status, getattr(error, "status", 1))

    disk.sweep_partial(save.HERE)
    for name in dict.fromkeys(drawing.source for drawing in chosen):
        try:
            entry = registry.find(sources, name, kind="experiment")
            settings = entry.module.Settings.quick() if command.quick else entry.module.Settings()
            path = runner.destination(entry, settings)
            if command.quick or command.retrain:
                runner.run(entry, settings, path, command)
            dataset = _results(entry, settings, path)
        except Refused as error:
            refuse(name, error)
            continue
        for drawing in chosen:
            if drawing.source == name:
                try:
                    _draw(drawing, dataset, path.parent if command.quick else save.HERE, force=command.force)
                except (Refused, OSError) as error:
                    refuse(drawing.name, error)
    if not command.quick:
        store.write_atomically(save.HERE / "README.md", catalogue(drawings, sources).encode())
    return status


def _results(entry: Entry, settings: object, path: Path) -> xr.Dataset:
    """The results kept for these settings, with a word on where they come from."""
    try:
        dataset = store.load(path)
        store.check(dataset, settings, experiment=entry.name)
        _check_content(dataset, path)
    except (FileNotFoundError, store.Damaged, store.SettingsMismatch) as error:
        raise Refused(f"{error}\ncompute: {REMAKE} {entry.name} (about {entry.duration})") from error
    print(f"{entry.name}: {store.shown(path)}, computed by {store.origin(dataset)}")
    if "checksum" not in dataset.attrs:
        print("  its record carries no checksum: it was made before there was one")
    words = ", ".join(f"{name} {json.dumps(value)}" for name, value in store.settings_of(dataset).items())
    print(textwrap.indent(textwrap.fill(words, 100), "  "))
    if changed := runner.changed_since(entry, dataset):
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        print(f"  stale: since then {', '.join(changed[:3])}{more} changed")
        print(f"  compute again: {REMAKE} {entry.name} (about {entry.duration})")
    return dataset


def _check_content(dataset: xr.Dataset, path: Path) -> None:
    """Raises Damaged for what a digest cannot tell: it is made anew with the numbers that it covers."""
    if checksums.differs(path):
        raise store.Damaged(f"{store.shown(path)}: it is not the file that {checksums.NAME} lists")
    try:
        plausible.check(dataset)
    except store.Damaged as error:
        raise store.Damaged(f"{store.shown(path)}: {error}") from error


def _draw(drawing: Entry, dataset: xr.Dataset, folder: Path, *, force: bool) -> None:
    wanted = save.digest(dataset, drawing.qualified_name)
    stem = folder / drawing.name
    names = f"{store.shown(stem)}.{{{','.join((*save.FORMATS, 'txt'))}}}"
    if force or save.stale(stem, wanted):
        try:
            save.save(drawing.module.draw, dataset, stem, wanted=wanted, caption=drawing.constants["CAPTION"])
        except (AttributeError, KeyError) as error:
            if not LACKING.search(str(error)):
                raise
            raise Refused(f"the results lack what the figure draws: {error.args[0]}") from error
        print(f"  drawn       {names}")
    else:
        print(f"  up to date  {names}")


if __name__ == "__main__":
    exit_with(main, PROGRAM)
