"""Reading of a loss curve on the command line: `python -m theory loss CURVE --clusters K --like dino`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from theory.curves.explain import explain_loss
from theory.curves.files import column_among, read_curve
from theory.curves.scale import KINDS, LOGGED_AS_MEAN, PARTS
from theory.diagnosis.printed import printed, refused
from theory.systems import SYSTEMS
from theory.teachers import TEACHERS

__all__: list[str] = []

KNOBS = ("teacher_temperature", "student_temperature", "teacher_momentum", "center_momentum")


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 if nothing is wrong, 1 if the report names a problem, 2 if it could not be made."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        system = None if given.like is None else SYSTEMS[given.like]
        knobs: dict[str, Any] = {name: getattr(system, name) for name in KNOBS if system is not None}
        knobs |= {} if system is None else {"teacher": system.teacher}
        own = {name: getattr(given, name) for name in (*KNOBS, "teacher", "learning_rate")}
        knobs |= {name: value for name, value in own.items() if value is not None}
        clusters = given.clusters or (None if system is None else system.clusters)
        wanted = {
            "loss": given.column or _part_of(given.curve, given.like),
            "step": given.step,
            "teacher_entropy": given.teacher_entropy,
            "kl": given.kl,
        }
        columns, told = read_curve(given.curve, wanted)
        if clusters is None:
            parser.error("--clusters is needed, or --like a system that has a number of them")
        steps = columns.pop("step", None)
        if steps is not None:
            knobs["steps"] = steps * (given.steps_per_unit or 1.0)
            if given.steps_per_unit is None and "epoch" in told[0].rpartition("steps are")[2]:
                told.append("steps are epochs: without --steps-per-unit turns are not judged")
                knobs["center_momentum"] = None
        if given.loss_is is not None:
            knobs |= {"loss_is": given.loss_is, "pairs": given.pairs, "scale": given.scale}
        elif (share := PARTS.get(told[0].partition("'")[2].partition("'")[0])) is not None:
            knobs |= {"loss_is": "part", "scale": share}
            told.append(f"which is {share:.4g} of one cross-entropy")
        elif given.like in LOGGED_AS_MEAN:
            knobs["loss_is"] = "mean"
        if given.prior_entropy is not None:
            knobs["prior_entropy"] = given.prior_entropy
        knobs |= columns
        found = explain_loss(knobs.pop("loss"), clusters=clusters, **knobs)
    except (OSError, TypeError, ValueError) as failure:
        return refused(parser, str(failure))
    return printed(found, f"{'; '.join(told)}; K = {clusters}", as_json=given.json)


def _part_of(path: Path, like: str | None) -> str | None:
    """DINOv2 logs its parts and their sum with KoLeo: the part that most pairs are in."""
    return column_among(path, ("dino_local_crops_loss",)) if like in ("dinov2", "dinov3") else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m theory loss",
        usage="%(prog)s CURVE --clusters K --like SYSTEM [options]\n       %(prog)s --help",
        description="What a loss curve alone says.",
    )
    parser.add_argument(
        "curve", metavar="CURVE", type=Path, help="CSV, JSON lines (DINO's log.txt), or numbers"
    )
    parser.add_argument("--clusters", type=int, metavar="K", help="outputs of the head")
    parser.add_argument("--like", choices=sorted(SYSTEMS), help="take the knobs that this system publishes")
    parser.add_argument("--column", metavar="NAME", help="of the loss, if it is not found")
    parser.add_argument("--step", metavar="NAME", help="column of the step")
    parser.add_argument(
        "--steps-per-unit",
        type=float,
        metavar="S",
        help="steps in one epoch, if epochs are logged",
    )
    parser.add_argument("--teacher-entropy", metavar="NAME", help="column of the mean H(r)")
    parser.add_argument("--kl", metavar="NAME", help="column of the mean KL(r‖q)")
    parser.add_argument("--loss-is", choices=KINDS, help="what the number is of one cross-entropy")
    parser.add_argument("--pairs", type=int, metavar="N", help="of views, where it is their sum")
    parser.add_argument("--scale", type=float, metavar="S", help="the share, where it is a part")
    parser.add_argument("--prior-entropy", type=float, metavar="NATS", help="H of the teacher's mean")
    parser.add_argument("--teacher", choices=tuple(TEACHERS), help="its constraint")
    parser.add_argument("--teacher-temperature", "--temperature", type=float, metavar="TAU_T")
    parser.add_argument("--student-temperature", type=float, metavar="TAU_S")
    parser.add_argument("--teacher-momentum", type=float, metavar="M", help="per step")
    parser.add_argument("--center-momentum", type=float, metavar="M", help="per step")
    parser.add_argument("--learning-rate", type=float, metavar="ETA", help="of plain gradient descent")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    return parser
