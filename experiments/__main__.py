"""List the experiments, or run one of them.

python -m experiments                  what there is
python -m experiments NAME --help      its settings and their defaults
python -m experiments NAME --quick     its small variant, under half a minute of one core
"""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import make_dataclass
from typing import Any

try:
    import tyro
except ModuleNotFoundError as missing:
    sys.exit(
        f"python -m experiments: {missing.name} is not installed; "
        "in a checkout: pip install --editable '.[torch]' --group experiments"
    )

from experiments.engine import registry
from experiments.engine.command import exit_with
from experiments.engine.registry import Entry

PROGRAM = "python -m experiments"


def main(
    arguments: Sequence[str] | None = None,
    *,
    package: str = "experiments.studies",
    drawings: str = "figures.draw",
) -> int:
    """Run the command line; returns the exit status. Raises Refused; exits where tyro does not understand."""
    name, *options = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    entries = registry.experiments(package)
    if name in ("-h", "--help"):
        return _list(entries)
    return _run(registry.find(entries, name, kind="experiment"), options, registry.figures(drawings))


def _list(entries: Mapping[str, Entry]) -> int:
    width = max(map(len, entries), default=0)
    for name, entry in entries.items():
        print(f"{name:{width}}  {entry.duration:>6}  {', '.join(entry.claims)}")
        print(textwrap.indent(textwrap.fill(entry.description, 76), "    "))
    total = registry.duration(60 * sum(entry.constants["MINUTES"] for entry in entries.values()))
    print(f"\nAll {len(entries)} take {total} on one core.")
    print(f"{PROGRAM} NAME          run it")
    print(f"{PROGRAM} NAME --quick  its small variant, under half a minute of one core")
    print(f"{PROGRAM} NAME --help   its settings and their defaults")
    return 0


def _run(entry: Entry, options: Sequence[str], drawings: Mapping[str, Entry]) -> int:
    from experiments.engine import (  # here: the list should not wait for torch and xarray
        ending,
        runner,
        store,
    )

    settings = entry.module.Settings
    fields: list[Any] = [("settings", settings), ("how", runner.Execution, runner.Execution())]
    command = make_dataclass("Command", fields, frozen=True, kw_only=True)
    typed: Any = tyro.cli(
        command,
        args=options,
        prog=f"{PROGRAM} {entry.name}",
        description=f"{entry.description}. Claims {', '.join(entry.claims)}; about {entry.duration} in full.",
        default=command(settings=settings.quick() if "--quick" in options else settings()),
        config=(tyro.conf.OmitArgPrefixes,),
    )
    path = typed.how.output or runner.destination(entry, typed.settings)
    begun = time.monotonic()
    dataset = runner.run(entry, typed.settings, path, typed.how)
    size, spent = path.stat().st_size / 1000, registry.duration(time.monotonic() - begun)
    print(f"{entry.name}: wrote {store.shown(path)} ({size:.0f} kB) in {spent}")
    for line in ending.told(dataset):
        print(line)
    if drawn := " ".join(ending.drawn_by(entry, drawings)):
        if path == runner.RESULTS / f"{entry.name}.nc":
            print(f"draw it: python -m figures {drawn}")
        elif "--quick" in options:
            print(f"draw it, measured again: python -m figures {drawn} --quick")
    return 0


if __name__ == "__main__":
    exit_with(main, PROGRAM)
