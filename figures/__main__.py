"""Draw the figures from the results kept in results/; only those are drawn whose content has changed.

python -m figures [NAME ...]             draw what is stale, say how old the results are
python -m figures [NAME ...] --retrain   run the experiments again first
python -m figures [NAME ...] --quick     run their small variants, and draw those in results/quick/
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import matplotlib as mpl
import tyro
import xarray as xr

from experiments.engine import registry, runner, store, sweep
from experiments.engine.command import exit_with
from experiments.engine.registry import Entry
from figures import save
from figures.catalogue import catalogue, source

PROGRAM = "python -m figures"
REMAKE = "python -m experiments"


class NoResults(Exception):
    """There is nothing to draw from; the message says why and what makes it."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to draw, and whether to compute before."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[NAME ...]")] = ()
    """Figures to draw; all of them if none is named."""
    retrain: tyro.conf.FlagCreatePairsOff[bool] = False
    """Run the experiments again first, in full, and replace their results."""
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """Run the small variants of the experiments and draw them in results/quick/; nothing else is touched."""
    force: tyro.conf.FlagCreatePairsOff[bool] = False
    """Draw also what is up to date."""
    jobs: int = 1
    """Chunks of an experiment computed at once."""


def main(
    arguments: Sequence[str] | None = None,
    *,
    package: str = "figures.draw",
    experiments: str = "experiments.studies",
    results: Path = runner.RESULTS,
    folder: Path = save.HERE,
) -> int:
    """Run the command line; returns the exit status, or exits with 2 where tyro does not understand."""
    mpl.use("Agg")
    drawings, sources = registry.figures(package), registry.experiments(experiments)
    command = tyro.cli(
        Command, args=arguments, prog=PROGRAM, description=f"Draw the figures: {', '.join(drawings)}."
    )
    try:
        if command.quick and command.retrain:
            raise ValueError("--quick and --retrain exclude each other: --retrain is the run in full")
        chosen = [registry.find(drawings, name, kind="figure") for name in command.names or drawings]
    except (ValueError, registry.UnknownName) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    failed = 0
    for name in dict.fromkeys(source(drawing) for drawing in chosen):
        try:
            entry = registry.find(sources, name, kind="experiment")
            dataset = _results(entry, command, results)
        except (registry.UnknownName, runner.CannotRun, sweep.NoCluster, NoResults) as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed += 1
            continue
        except KeyboardInterrupt:
            print(f"\n{name}: {runner.STOPPED}", file=sys.stderr)
            return 130
        for drawing in (drawing for drawing in chosen if source(drawing) == name):
            _draw(drawing, dataset, results / "quick" if command.quick else folder, force=command.force)
    if not command.quick:
        try:
            store.write_atomically(folder / "README.md", catalogue(drawings, sources).encode())
        except registry.UnknownName as error:
            print(f"README.md: {error}", file=sys.stderr)
            failed += 1
    return min(failed, 1)


def _results(entry: Entry, command: Command, results: Path) -> xr.Dataset:
    settings = entry.module.Settings.quick() if command.quick else entry.module.Settings()
    path = (results / "quick" if command.quick else results) / f"{entry.name}.nc"
    if command.quick or command.retrain:
        dataset = runner.run(entry, settings, path, jobs=command.jobs)
    else:
        try:
            dataset = store.load(path)
            store.check(dataset, settings)
        except (FileNotFoundError, store.Damaged, store.SettingsMismatch) as error:
            reason = {
                FileNotFoundError: f"{store.shown(path)} is not there",
                store.Damaged: str(error),
                store.SettingsMismatch: f"{store.shown(path)}: {error}",
            }[type(error)]
            raise NoResults(f"{reason}\ncompute: {REMAKE} {entry.name} (about {entry.duration})") from error
    print(f"{entry.name}: {store.shown(path)}, computed by {store.origin(dataset)}")
    print(textwrap.indent(textwrap.fill(_in_words(store.settings_of(dataset)), 100), "  "))
    if changed := runner.changed_since(entry, dataset):
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        print(f"  stale: since then {', '.join(changed[:3])}{more} changed")
        print(f"  compute again: {REMAKE} {entry.name} (about {entry.duration})")
    return dataset


def _draw(drawing: Entry, dataset: xr.Dataset, folder: Path, *, force: bool) -> None:
    wanted = save.digest(dataset, drawing.qualified_name)
    stem = folder / drawing.name
    names = f"{store.shown(stem)}.{{{','.join((*save.FORMATS, 'txt'))}}}"
    if force or save.stale(stem, wanted):
        save.save(drawing.module.draw, dataset, stem, wanted=wanted, caption=drawing.constants["CAPTION"])
        print(f"  drawn       {names}")
    else:
        print(f"  up to date  {names}")


def _in_words(settings: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value if isinstance(value, str) and value else json.dumps(value)}"
        for name, value in settings.items()
    )


if __name__ == "__main__":
    exit_with(main)
