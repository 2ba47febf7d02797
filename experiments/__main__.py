"""List the experiments, or run one of them.

python -m experiments                  what there is
python -m experiments NAME --help      its settings and their defaults
python -m experiments NAME --quick     its small variant, in seconds
"""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from experiments.engine import registry
from experiments.engine.command import exit_with
from experiments.engine.registry import Entry

PROGRAM = "python -m experiments"


def main(arguments: Sequence[str] | None = None, *, package: str = "experiments.studies") -> int:
    """Run the command line; returns the exit status, or exits with 2 where tyro does not understand."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    entries = registry.experiments(package)
    if not arguments or arguments[0] in ("-h", "--help"):
        return _list(entries)
    try:
        entry = registry.find(entries, arguments[0], kind="experiment")
    except registry.UnknownName as error:
        print(f"{PROGRAM} NAME: {error}", file=sys.stderr)
        return 2
    return _run(entry, arguments[1:])


def _list(entries: dict[str, Entry]) -> int:
    width = max(map(len, entries), default=0)
    for name, entry in entries.items():
        print(f"{name:{width}}  {entry.duration:>6}  {', '.join(entry.claims)}")
        print(textwrap.indent(textwrap.fill(entry.description, 76), "    "))
    total = registry.duration(60 * sum(entry.constants["MINUTES"] for entry in entries.values()))
    print(f"\nAll {len(entries)} take {total} on one core.")
    print(f"{PROGRAM} NAME          run it")
    print(f"{PROGRAM} NAME --quick  its small variant, in seconds")
    print(f"{PROGRAM} NAME --help   its settings and their defaults")
    return 0


def _run(entry: Entry, arguments: list[str]) -> int:
    quick = "--quick" in arguments
    from experiments.engine import runner, store, sweep  # here: the list should not wait for torch and xarray

    command = _command(entry)
    default = entry.module.Settings.quick() if quick else entry.module.Settings()
    typed = tyro.cli(
        command,
        args=arguments,
        prog=f"{PROGRAM} {entry.name}",
        description=f"{entry.description}. Claims {', '.join(entry.claims)}; about {entry.duration} in full.",
        default=command(settings=default),
        config=(tyro.conf.OmitArgPrefixes,),
    )
    how: Execution = typed.how
    path = how.output or runner.destination(entry, typed.settings)
    begun = time.monotonic()
    try:
        runner.run(entry, typed.settings, path, jobs=how.jobs, scheduler=how.scheduler, threads=how.threads)
    except (runner.CannotRun, sweep.NoCluster) as error:
        print(f"{PROGRAM} {entry.name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{entry.name}: {runner.STOPPED}", file=sys.stderr)
        return 130
    size, spent = path.stat().st_size / 1000, registry.duration(time.monotonic() - begun)
    print(f"{entry.name}: wrote {store.shown(path)} ({size:.0f} kB) in {spent}")
    if path == runner.RESULTS / f"{entry.name}.nc":
        print("python -m figures draws what depends on it")
    return 0


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How it is run; the numbers do not depend on it, except on --threads in the last bits."""

    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """Take the defaults of the small variant: seconds instead of minutes."""
    jobs: int = 1
    """Chunks computed at once, each in a process of its own if more than one."""
    threads: int = 1
    """Threads of the linear algebra inside one chunk."""
    scheduler: Annotated[str | None, tyro.conf.arg(metavar="tcp://HOST:PORT")] = None
    """Dask scheduler that computes the chunks instead of this machine."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE.nc")] = None
    """Results file. If not given, results/NAME.nc for the default settings, else a folder git ignores."""


def _command(entry: Entry) -> type:
    how = Annotated[Execution, tyro.conf.arg(name="")]
    fields: list[Any] = [("settings", entry.module.Settings), ("how", how, Execution())]
    return make_dataclass("Command", fields, frozen=True, kw_only=True)


if __name__ == "__main__":
    exit_with(main)
