"""Diagnosis of a run from its saved logits: `python -m theory LOGITS --temperature 0.04 …`.

LOGITS is a .npy file [N, K] of raw teacher outputs, or a .npz file whose arrays are named as the arguments of
`theory.diagnose`: logits, and any of student_logits, center, log_target, features_1, features_2, ….
`python -m theory loss CURVE --clusters K` reads a loss curve instead (a file called loss is ./loss).
Exit status: 0 if nothing is wrong, 1 if the report names a problem, 2 if it could not be made.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import lzma
import math
import re
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from theory.curves.command import main as read_loss_curve
from theory.diagnosis.diagnose import diagnose
from theory.systems import SYSTEMS
from theory.teachers import TEACHERS

ARRAYS = ("student_logits", "center", "log_target")
UNREADABLE: tuple[type[Exception], ...] = (ValueError, EOFError, MemoryError, SyntaxError)
UNREADABLE += (tokenize.TokenError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""What NumPy lets through of a file that is damaged."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report on the run that `arguments`, else those of the command line, name.

    Returns
    -------
    int
        The exit status: 0 if nothing is wrong, 1 if the report names a problem, 2 if it could not be made.
    """
    if hasattr(sys.stdout, "reconfigure"):  # a terminal without τ shows a question mark
        sys.stdout.reconfigure(errors="replace")
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["loss"]:
        return read_loss_curve(arguments[1:])
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        knobs = _defaults(given.like) | {
            name: value
            for name, value in vars(given).items()
            if name not in ("logits", "json", "like", *ARRAYS, "features") and value is not None
        }
        if "temperature" not in knobs:
            parser.error("--temperature is needed, or --like a system that has one")
        diagnosis = diagnose(**_arrays(given), **knobs)
    except (OSError, TypeError, ValueError, RuntimeError) as failure:
        print(f"{parser.prog}: {failure}", file=sys.stderr)
        return 2
    if given.json:
        numbers = {name: x if math.isfinite(x) else str(x) for name, x in diagnosis.measurements.items()}
        record = dataclasses.asdict(diagnosis) | {"measurements": numbers}  # JSON has no infinity
        print(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print(diagnosis)
    return 0 if diagnosis.healthy else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m theory",
        description=__doc__.partition("\n\n")[2] if __doc__ else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("logits", metavar="LOGITS", type=Path, help=".npy [N, K], or .npz with named arrays")
    parser.add_argument(
        "--like",
        choices=sorted(SYSTEMS),
        help="take the knobs that this system publishes, τ_t before warm-up",
    )
    parser.add_argument("--temperature", type=float, metavar="TAU_T", help="of the teacher")
    parser.add_argument("--teacher", choices=tuple(TEACHERS), help="its constraint (centering)")
    parser.add_argument("--order", type=float, metavar="S", help="of the teacher power_mean")
    parser.add_argument("--rounds", type=int, metavar="T", help="of the teacher sinkhorn (3)")
    parser.add_argument("--student-temperature", type=float, metavar="TAU_S")
    parser.add_argument("--teacher-momentum", type=float, metavar="M", help="of its weights, per step")
    parser.add_argument("--center-momentum", type=float, metavar="M", help="of the moving centre, per step")
    parser.add_argument("--learning-rate", type=float, metavar="ETA", help="of plain gradient descent")
    parser.add_argument(
        "--loss", type=float, metavar="NATS", help="as logged, if there are no student logits"
    )
    for name in ARRAYS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="FILE", help=".npy")
    parser.add_argument(
        "--features", type=Path, nargs="+", metavar="FILE", help=".npy [N, D], two or more views"
    )
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    return parser


def _defaults(system: str | None) -> dict[str, Any]:
    """The knobs of a published system, as arguments of `diagnose`."""
    if system is None:
        return {}
    found = SYSTEMS[system]
    return {
        "temperature": found.teacher_temperature,
        "teacher": found.teacher,
        "student_temperature": found.student_temperature,
        "teacher_momentum": found.teacher_momentum,
        "center_momentum": found.center_momentum,
    }


def _arrays(given: argparse.Namespace) -> dict[str, Any]:
    """The arrays of all files, by argument of `diagnose`. Raises ValueError: unknown names, or one twice."""
    found = _load(given.logits)
    if list(found) == [""]:
        found = {"logits": found[""]}
    if "logits" not in found:
        raise ValueError(
            f"{given.logits} must hold an array named `logits`, got {', '.join(found) or 'none'}."
        )
    views = sorted(
        (name for name in found if re.fullmatch(r"features_\d+", name)), key=lambda name: int(name[9:])
    )
    features = [found.pop(name) for name in views]
    if unknown := found.keys() - {"logits", *ARRAYS}:
        allowed = ", ".join(("logits", *ARRAYS, "features_1", "features_2"))
        raise ValueError(f"{given.logits} holds `{min(unknown)}`, which is none of {allowed}.")
    for name in ARRAYS:
        path = getattr(given, name)
        if path is not None:
            if name in found:
                raise ValueError(f"`{name}` is given twice, in {given.logits} and as {path}.")
            found[name] = _array(path)
    features += [_array(path) for path in given.features or ()]
    return found | ({"features": features} if features else {})


def _array(path: Path) -> np.ndarray:
    held = _load(path)
    if list(held) != [""]:
        raise ValueError(f"{path} must be a .npy file of one array, got an archive of several.")
    return held[""]


def _load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz by name, or that of a .npy under the empty name."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is {'not a file' if path.exists() else 'not there'}.")
    wanted = f"{path} must be a .npy or .npz file of plain numbers"
    try:
        with path.open("rb") as file:
            single = file.read(6) == b"\x93NUMPY"
        if single:  # mapped: of a file larger than memory only what is worked on is read
            return {"": np.load(path, mmap_mode="r", allow_pickle=False)}
        with path.open("rb") as file:
            held = np.load(file, allow_pickle=False)
            arrays = {"": held} if isinstance(held, np.ndarray) else dict(held)
    except UNREADABLE:
        raise ValueError(
            f"{wanted}: np.savez('run.npz', logits=z.float().cpu().numpy()) writes one."
        ) from None
    if any(name.endswith("data.pkl") for name in arrays):
        raise ValueError(
            f"{wanted}, got a file of PyTorch: write np.savez('run.npz', logits=z.cpu().numpy())."
        )
    return arrays


if __name__ == "__main__":
    sys.exit(main())
