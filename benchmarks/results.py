"""What a benchmark measured, kept row by row, and `RESULTS.md`, written from what is kept."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.turns import Measured, Row

KEPT = Path(__file__).parent / "kept"
TABLE = Path(__file__).parent / "RESULTS.md"
LIBRARIES = ("numpy", "scipy", "torch", "pot", "jax", "ott-jax", "regot", "mdot-tnt", "lightly")
_TRAINER = "16 runs × 200 steps, MLP 8-64-64-16, batch 256 × 2 views"
_PRODUCTS = "matrix products alone, at 90 GFLOP/s, are 0.27 of the plain loop"
REASONS: dict[tuple[str, str, str], str] = {
    ("trainer", _TRAINER, "experiments.training"): _PRODUCTS,
    ("trainer", _TRAINER, "experiments.training, 2 processes"): f"{_PRODUCTS}; two processes share them",
}
"""(group, problem, ours) → why the goal was missed, found by profiling."""
REASONS_OF_GROUPS = {
    "log P, log G, J, I, L and the inverse-prior λ, from logits": "in float32 an exponential costs 0.5 ns, "
    "and each of twelve passes over the block (casts to float64, sums, ranges) 0.1 to 0.2",
    "Teacher and student, checks included": "of two arrays: a pass each for the checks, four exponentials; "
    "in float32 their casts to float64 cost as much",
    "Logits on disk": "beside the one pass over all rows, 2²⁵ logits are read again for what the constraint "
    "makes of them, and 2²¹ compared with the projected teacher, in a second or so whatever N is",
    "What the checks of values add": "that rows of log p sum to 1 is seen by an exponential an element, "
    "which is what the function itself costs; both together are within its own goal and a fifth",
}
SUMMARIES = "log P, log G, J, I, L and the inverse-prior λ, from logits"
HEADINGS = {
    SUMMARIES: "`theory.summarize`: all numbers of an ensemble in one pass (log P, log G, J, I, L, λ)"
}
"""Group → its heading, where that says more than the name."""
ERRORS = {
    SUMMARIES: "the largest difference from SciPy's composition in float64, as a share of the largest value",
    "loss": "that of the first loss, relative, against the definition in float64 with the same teacher",
    "The exact teacher, to 1e-9": "Σₖ |mean rₙ(k) − 1/K|, after the rows were normalised exactly",
    "trainer": "how far the final weights are from those of a plain loop in float64, as a share of how far "
    "those have moved",
}
"""Group → what its error is of; the others have none."""
BY_HAND = {
    "loss": """\
On a GPU, measured once, by hand, on an NVIDIA H100 with the contenders of `benchmarks/loss.py`, as multiples
of DINO's definition, not of lightly's loss; `make bench ARGS="--only loss --device cuda"` measures the sizes
above on yours:

- 256 × 65536: time 0.9 with centering, 1.1 with inverse_prior, 1.7 with sinkhorn (3 rounds), 8.5 with
  projected; peak memory 0.22, with projected about 1;
- 64 × 4096: time 1.2 to 2.2, with projected 22.
"""
}
"""Group → what `make bench` does not write."""
HEAD = """# Speed beside the peers

Written by `make bench`. In each row the contenders took turns, on one thread unless it says otherwise; times
are medians. *Ratio* is the time as a multiple of that of the contender the goal is stated against, and the
goal is the largest ratio allowed of ours. *Error* is said above each table. *Peak* is
what the work adds to its input, in MiB. A pass of `np.exp(x)` costs 1 ns an element where the allocator hands
out memory that it holds, and 10 where it asks the system for it: it is measured in the run of the row.
"""


def keep(row: Row, folder: Path = KEPT) -> Path:
    """The row as JSON, with the commit and the machine that it is of."""
    folder.mkdir(exist_ok=True)
    path = folder / (re.sub(r"[^a-z0-9.]+", "-", f"{row.group} {row.problem} {row.ours}".lower()) + ".json")
    record = dataclasses.asdict(row) | {"commit": _commit(), "machine": machine()}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    partial.replace(path)
    return path


def kept(folder: Path = KEPT) -> list[tuple[Row, str, str]]:
    """Each row kept, with its commit and its machine, in the order of groups and files."""
    found = []
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        commit, machine_ = record.pop("commit"), record.pop("machine")
        measured = tuple(Measured(**one) for one in record.pop("measured"))
        absent = tuple(map(tuple, record.pop("absent")))
        found.append((Row(**record, measured=measured, absent=absent), commit, machine_))
    return found


def met(row: Row) -> bool:
    """Ours is within its goal, in time and in memory where that has one."""
    ours = next(one for one in row.measured if one.name == row.ours)
    small = row.peak_goal is None or (ours.peak_mib is not None and ours.peak_mib <= row.peak_goal)
    return ours.ratio <= row.goal and small


def table(rows: Iterable[tuple[Row, str, str]]) -> str:
    """The page."""
    rows = list(rows)
    lines = [HEAD]
    reached = sum(met(row) for row, *_ in rows)
    lines.append(f"{reached} of {len(rows)} goals are met.\n")
    for group in dict.fromkeys(row.group for row, *_ in rows):
        of_group = [entry for entry in rows if entry[0].group == group]
        lines += [f"## {HEADINGS.get(group, group)}\n"]
        lines += [f"*Error*: {ERRORS[group]}.\n"] if group in ERRORS else []
        lines += ["| problem | contender | time | ratio | error | peak MiB | goal |"]
        lines += ["|---|---|--:|--:|--:|--:|---|"]
        for problem in dict.fromkeys(row.problem for row, *_ in of_group):
            lines += _lines([row for row, *_ in of_group if row.problem == problem])
        missing = dict(pair for row, *_ in of_group for pair in row.absent)
        reasons = dict.fromkeys(_reason(row) for row, *_ in of_group if not met(row))
        lines += ["", *(f"Missed: {why}.\n" for why in reasons)]
        lines += [f"Not there: {name} ({why})." for name, why in missing.items()]
        commits = ", ".join(dict.fromkeys(commit for _, commit, _ in of_group))
        machines = "; ".join(dict.fromkeys(where for *_, where in of_group))
        lines += ["", f"Commit {commits}; {machines}.\n"]
        lines += [BY_HAND[group]] if group in BY_HAND else []
    return "\n".join(lines).rstrip() + "\n"


def _lines(rows: list[Row]) -> Iterable[str]:
    """All contenders of one problem, ours first, each once."""
    goals = {row.ours: row for row in rows}
    found = {one.name: one for row in reversed(rows) for one in row.measured}
    found |= {one.name: one for row in rows for one in row.measured if one.name == row.ours}
    ordered = sorted(found.values(), key=lambda one: (one.name not in goals, one.seconds, one.name))
    for number, one in enumerate(ordered):
        goal, name = "", one.name
        if row := goals.get(one.name):
            verdict = "met" if met(row) else "**missed**"
            wanted = [f"≤ {row.goal:.3g} × {row.against}"] if math.isfinite(row.goal) else []
            wanted += [] if row.peak_goal is None else [f"≤ {row.peak_goal:.0f} MiB"]
            goal, name = f"{', '.join(wanted)}: {verdict}", f"**{one.name}**"
        yield (
            f"| {'' if number else rows[0].problem} | {name} | {_time(one.seconds)} | {one.ratio:.2f} "
            f"| {_short(one.error, '.0e')} | {_short(one.peak_mib, '.0f')} | {goal} |"
        )


def _reason(row: Row) -> str:
    given = REASONS.get((row.group, row.problem, row.ours)) or REASONS_OF_GROUPS.get(row.group)
    return given or "not yet explained"


def _short(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def machine() -> str:
    """Processor, cores and the versions of what is measured."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"model name\s*:\s*(.+)", info.read_text())):
        cpu = found.group(1).strip()

    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(versions)}"


def _commit() -> str:
    root = Path(__file__).parent.parent
    run = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return run.stdout.strip() or "unknown"
