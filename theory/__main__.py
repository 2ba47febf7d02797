"""Diagnosis of a run from its saved logits: `python -m theory LOGITS --like dino`.

LOGITS is one file or several, or a pattern in quotes, of raw teacher outputs [N, K], before centre and
temperature: .npy, .npz, .pt or .safetensors, float16 and bfloat16 too. A file may hold other arguments of
`theory.diagnose` under their names: student_logits, earlier_logits, center, weights, log_target, features_1,
features_2, …, and numbers such as temperature; what it holds beside them is left alone.

python -m theory loss CURVE --clusters K               what a loss curve alone tells
python -m theory features VIEW_1 VIEW_2 --clusters K   what can be learnt from features alone

A file that is called loss or features is ./loss or ./features.

Exit status: 0 if nothing is wrong, 1 if the report names a problem, 2 if it could not be made.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from theory.curves.command import main as read_loss_curve
from theory.diagnosis.diagnose import diagnose
from theory.diagnosis.feature_command import main as read_features
from theory.diagnosis.gather import NAMED, gathered
from theory.diagnosis.printed import printed, refused
from theory.systems import SYSTEMS
from theory.teachers import TEACHERS

OTHERS: dict[str, Callable[[Sequence[str]], int]] = {"loss": read_loss_curve, "features": read_features}


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
    if arguments and arguments[0] in OTHERS:
        return OTHERS[arguments[0]](arguments[1:])
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    as_json = given.pop("json")
    try:
        found = gathered(**given)
        diagnosis = diagnose(**found.arguments)
    except (OSError, TypeError, ValueError, RuntimeError) as failure:
        return refused(parser, str(failure))
    except MemoryError:
        return refused(parser, "out of memory: fewer rows at a time, or shards of them in several files.")
    return printed(diagnosis, found.told, as_json=as_json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m theory",
        usage="%(prog)s LOGITS [LOGITS ...] --like SYSTEM [options]\n       %(prog)s --help",
        description=__doc__.partition("\n\n")[2] if __doc__ else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("logits", metavar="LOGITS", nargs="+", help="files of raw teacher outputs [N, K]")
    parser.add_argument(
        "--like",
        choices=sorted(SYSTEMS),
        help="the teacher and the knobs that this system publishes, τ_t before its warm-up",
    )
    arrays = parser.add_argument_group("arrays", "in files of their own, or in that of the logits")
    arrays.add_argument(
        "--key", metavar="NAME", help="of the logits in the file, where it holds several arrays"
    )
    for name, what in NAMED.items():
        arrays.add_argument(f"--{name.replace('_', '-')}", metavar="FILE", help=what)
    arrays.add_argument("--features", nargs="+", metavar="FILE", help="[M, D], two or more views")
    knobs = parser.add_argument_group("knobs of the run")
    knobs.add_argument("--temperature", type=float, metavar="TAU_T", help="of the teacher")
    knobs.add_argument("--teacher", choices=tuple(TEACHERS), help="its constraint (centering)")
    knobs.add_argument("--order", type=float, metavar="S", help="of the teacher power_mean")
    knobs.add_argument("--rounds", type=int, metavar="T", help="of the teacher sinkhorn (3)")
    knobs.add_argument("--student-temperature", type=float, metavar="TAU_S")
    knobs.add_argument("--teacher-momentum", type=float, metavar="M", help="of its weights, per step")
    knobs.add_argument("--center-momentum", type=float, metavar="M", help="of the moving centre, per step")
    knobs.add_argument("--learning-rate", type=float, metavar="ETA", help="of plain gradient descent")
    knobs.add_argument("--batch-size", type=int, metavar="B", help="samples of a step, all processes")
    knobs.add_argument("--loss", type=float, metavar="NATS", help="as logged")
    knobs.add_argument("--loss-is", choices=("mean",), help="that number is the mean of one cross-entropy")
    parser.add_argument("--scheduler", metavar="TCP", help="sum up shards on this Dask cluster, tcp://…")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
