"""tests/accuracy.md: the table, and what explains an error above the bound."""

import re
from pathlib import Path

from tests.accuracy.cases import CASES, NO_ROW
from tests.accuracy.measure import BOUNDS, DRAWS, Worst

PATH = Path(__file__).parents[1] / "accuracy.md"
ROUNDINGS = 16.0
"""How many roundings of its input, or of the numbers in `REASONS`, an error above the bound may amount to."""
FACTOR = 30.0
"""How far a platform's own exp, log and BLAS may move the worst error of a function."""

_LAMBDA = (
    "λ is a difference of logs: in nats, beside the larger of the two, it has all digits; near 0 it has none"
)
_DIFFERENCE = "differences of log p: what rounding of log p leaves of them"
_SCALED = "log p and λ are kept as floats, as large as z/τ: log r is known to ε max z/τ nats"
_EIGEN = "a difference of 1 and an eigenvalue near it; LAPACK's is that of a matrix one rounding off"
_PROJECTED = (
    "λ, rounded to the dtype, is where each marginal is within tol = 1e-11: weaker ties do not fix it"
)

REASONS = {
    "hilbert_diameter": _DIFFERENCE,
    "sinkhorn_contraction": _DIFFERENCE,
    "projected_distance_bound": _DIFFERENCE,
    **dict.fromkeys(
        ("centering_log_tilt", "inverse_prior_log_tilt", "power_mean_log_tilt", "cumulant_log_tilt"), _LAMBDA
    ),
    "batch_softmax_log_tilt": _LAMBDA,
    "sinkhorn_log_tilt": _LAMBDA,
    "project": _PROJECTED,
    "sela": _PROJECTED,
    "certificate": "`prior_kl` is of two log-priors, rounded before: where they agree it is (ε log P)²",
    "teacher_crossing_batch_size": "Q(J) is of the differences of J(k), which agree to many digits where "
    "the clusters are alike",
    "summarize": "c² and J hang on p, log P and log G as floats, and log P may be as large as z/τ",
    **dict.fromkeys(("msn", "dinov2", "swav", "capi"), _SCALED),
    "update_center": "logits of both signs cancel in their mean; 1 − m, of m near 1",
    "ema_variance_factor": "1 − m, of m near 1",
    "center_gain_limit": "1 − m_c and 1 − m_t, of momenta near 1",
    "center_stability": "`period`: the angle of a multiplier near 1",
    "center_race": _EIGEN,
    "shared_head_stability": "`period`: the angle of a multiplier near 1",
    "growth_rates": "rates far below the fastest: LAPACK's are those of a matrix one rounding off",
}
"""Why the exact value of a function moves by more than the bound where numbers before it are rounded."""

FINDINGS: dict[str, str] = {}
"""Worse than that, in some corner: what would mend it."""

INTRODUCTION = f"""# Accuracy of every public function

Made by `python -m tests.accuracy`, kept in step by `tests/accuracy/test_accuracy.py`.

The worst relative error of any number that a function returns, over a fixed grid: temperatures 1e-6 to 1e6,
logits to ±1e6, probabilities to 1e-300, ensembles that are nearly uniform, nearly constant or nearly
one-hot, weights over twelve orders of magnitude, K = 2, 16 and 4096 (256 for `summarize`); training runs with
gains, temperatures and momenta over as many orders. Arguments are rounded to the dtype first, so that only
the function's own error counts. The exact value comes from ball arithmetic (Arb), which proves it near.
Numbers below the normal ones of the dtype count against the smallest of them; exact zeros of p are in
`tests/theory/test_oracle.py`.

The bound is {BOUNDS["float64"]:g} in float64 and {BOUNDS["float32"]:g} in float32. Above it, in brackets, the
error in roundings: over the change of the exact value when every argument, and every number that the last
column names, is off by half to one rounding at random (the largest change of {DRAWS} draws). At most
{ROUNDINGS:g} are allowed: then it is the number that is ill-conditioned, not the function.
"""

ENDING = "\n".join(["", "No row:", "", *(f"- `{name}`: {why}." for name, why in sorted(NO_ROW.items())), ""])

_HEAD = (
    "| function | float64 | at | float32 | at | what explains it |",
    "|---|---|---|---|---|---|",
)
_CELL = re.compile(r"(?P<error>[\d.e+-]+|inf)(?: \((?P<roundings>[\d.e+-]+|inf)\))?$")

Pair = dict[str, Worst]


def table(lines: dict[str, str]) -> str:
    """The whole text, of rows by name."""
    kept = [lines[name].rpartition(" | ")[0] + f" | {explanation(name)} |" for name in CASES if name in lines]
    return "\n".join([INTRODUCTION, *_HEAD, *kept, ENDING])


def row(name: str, measured: Pair) -> str:
    """One line of the table."""
    cells = [x for dtype in BOUNDS for x in _cells(measured[dtype], BOUNDS[dtype])]
    return f"| `{name}` | {' | '.join(cells)} | {explanation(name)} |"


def rows() -> dict[str, str]:
    """The lines of the table by function."""
    lines = PATH.read_text(encoding="utf-8").splitlines()
    return {line.split("`")[1]: line for line in lines if line.startswith("| `")}


def explanation(name: str) -> str:
    """The last cell of a row."""
    return f"**finding:** {FINDINGS[name]}" if name in FINDINGS else REASONS.get(name, "")


def _cells(worst: Worst, bound: float) -> tuple[str, str]:
    if not worst.cases:
        return "—", "computes in float64"
    roundings = f" ({worst.roundings:.2g})" if worst.error > bound else ""
    return f"{worst.error:.1e}{roundings}", worst.at


def read() -> dict[str, Pair]:
    """What the table says."""
    found = {}
    for name, line in rows().items():
        _, *cells = line.strip("|").split(" | ")
        said = (_CELL.match(cells[0]), _CELL.match(cells[2]))
        found[name] = {
            dtype: Worst(error=float(x["error"]), roundings=float(x["roundings"] or 0)) if x else Worst()
            for dtype, x in zip(BOUNDS, said, strict=True)
        }
    return found


def violations(name: str, dtype: str, worst: Worst) -> list[str]:
    """What a measurement breaks of the bound."""
    high = worst.error > BOUNDS[dtype]
    if not high or name in FINDINGS or (name in REASONS and worst.roundings <= ROUNDINGS):
        return []
    at = f"relative error {worst.error:.2g} at {worst.at}"
    return [f"{name}, {dtype}: {at}, {worst.roundings:.2g} roundings at {worst.least_explained}"]


def functions() -> list[str]:
    """Those that have a row, in order."""
    return list(CASES)
