"""Features on the command line: `python -m theory features VIEW_1 VIEW_2 --clusters K --like dino`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from theory.diagnosis.features import diagnose_features
from theory.diagnosis.gather import views_in
from theory.diagnosis.printed import printed, refused
from theory.files.opened import members, opened
from theory.systems import SYSTEMS

__all__: list[str] = []


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 if nothing is wrong, 1 if the report names a problem, 2 if it could not be made."""
    parser = _parser()
    given = parser.parse_args(arguments)
    system = None if given.like is None else SYSTEMS[given.like]
    knobs: dict[str, Any] = {
        name: getattr(system, name, None) if getattr(given, name) is None else getattr(given, name)
        for name in ("clusters", "teacher_temperature", "student_temperature")
    }
    missing = [f"--{name.replace('_', '-')}" for name, value in knobs.items() if value is None]
    try:
        views = _archived(given.views, given.key)
        views = views or [opened("features", path, given.key) for path in given.views]
        if missing:
            parser.error(f"{', '.join(missing)} needed, or --like a system that publishes it")
        views = [view.whole() if hasattr(view, "whole") else view for view in views]
        found = diagnose_features(views, **knobs)
    except (OSError, TypeError, ValueError, RuntimeError) as failure:
        return refused(parser, str(failure))
    except MemoryError:
        return refused(parser, "out of memory: fewer samples will do, several times the features.")
    shape = " × ".join(map(str, views[0].shape))
    told = f"{', '.join(map(str, given.views))}, {shape}; K = {knobs['clusters']}"
    return printed(found, told, as_json=given.json)


def _archived(paths: Sequence[Path], key: str | None) -> list[Any]:
    """All views of one file, features_1, features_2, …, where it holds them."""
    return views_in(members(paths[0]), paths[0]) if len(paths) == 1 and key is None else []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m theory features",
        usage="%(prog)s VIEW_1 VIEW_2 --clusters K --like SYSTEM [options]\n       %(prog)s --help",
        description="What can be learnt from features of two views.",
    )
    parser.add_argument(
        "views",
        metavar="VIEW",
        nargs="+",
        type=Path,
        help="files of features [M, D], one for each view, or one of features_1, features_2, …",
    )
    parser.add_argument("--clusters", type=int, metavar="K", help="outputs of the head")
    parser.add_argument("--like", choices=sorted(SYSTEMS), help="take the knobs that this system publishes")
    parser.add_argument("--teacher-temperature", "--temperature", type=float, metavar="TAU_T")
    parser.add_argument("--student-temperature", type=float, metavar="TAU_S")
    parser.add_argument("--key", metavar="NAME", help="of the features, where a file holds several arrays")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    return parser
