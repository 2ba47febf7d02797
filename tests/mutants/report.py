"""What is said of a run: its holes and the status, and tests/mutants.md of what it measured."""

import json
import math
import tomllib
from pathlib import Path

from tests.mutants.changes import is_on
from tests.mutants.files import write_whole

HERE = Path(__file__).parent
REASONS, MEASURED, PAGE = HERE / "equivalent.toml", HERE / "measured.json", HERE.parent / "mutants.md"
HEAD = """# Changes that the tests notice

Made by `python -m tests.mutants --sample {sample} --seed {seed} --report`. It is a sample: of the {mutants:,}
small changes that `tests/mutants` knows for `theory/`, {tried:,} were tried, up to {sample} of each file,
drawn at random by the seed; in brackets 95% intervals (Wilson).

A change is killed by the first test of its line that fails, or by the limit of time. Slow tests are left out,
and of the others those are asked that take {worth:g} s together, near and quick ones first.
Equivalent are those that no test could notice, each with its reason below; the score leaves them out.
When first tried, {first:,} of them were killed: {share}. Tests were then written for those that were not,
so that the scores below are of this sample as it is now, and a fresh one, of another seed, scores less.

"""
ROOM = (
    "| room | changes | tried | killed | out of time | equivalent | score |\n|---|---|---|---|---|---|---|\n"
)


def reasons() -> dict[str, dict[str, str]]:
    """Path → change → why no test can notice it."""
    return tomllib.loads(REASONS.read_text(encoding="utf-8"))


def wilson(part: int, whole: int, z: float = 1.96) -> tuple[float, float]:
    """The 95% interval of a share.

    >>> "{:.2f} {:.2f}".format(*wilson(9, 10))
    '0.60 0.98'
    """
    if whole == 0:
        return 0.0, 1.0
    p, spread = part / whole, z * z / whole
    middle, half = p + spread / 2, z * math.sqrt(p * (1 - p) / whole + spread / whole / 4)
    return (middle - half) / (1 + spread), (middle + half) / (1 + spread)


def tell(run, changed, options) -> int:
    """Prints the outcome; 1 where something was not noticed, on a changed line if lines are what is asked.

    0 always where advice is all that is wanted.
    """
    known, why = reasons(), []
    counts = dict.fromkeys(("killed", "timeout", "survived", "equivalent", "left"), 0)
    for (path, mutant), covered in run.covered.items():
        one = run.results.of(path, mutant.name, covered)
        verdict = one["verdict"] if one else "left"
        if verdict == "survived" and mutant.name in known.get(path, {}):
            verdict = "equivalent"
        counts[verdict] += 1
        if verdict == "survived":
            why.append((path, mutant))
    blamed = [(path, mutant) for path, mutant in why if not changed or is_on(changed[path], mutant)]
    for path, mutant in why:
        word = "not noticed" if (path, mutant) in blamed else "not noticed, on a line as it was"
        print(f"{word}: {path}:{mutant.lines[0]}: {mutant.name}")
    print(", ".join(f"{count} {word}" for word, count in counts.items() if count))
    if options.report:
        write_whole(MEASURED, json.dumps(measured(run, options), indent=1, ensure_ascii=False) + "\n")
        write_whole(PAGE, page())
    return int(bool(blamed) and not options.advise)


def measured(run, options):
    """What the table is made of."""
    files, first = {}, 0
    for (path, mutant), covered in run.covered.items():
        one = run.results.of(path, mutant.name, covered)
        first += bool(one) and run.results.first[path, mutant.name] != "survived"
        row = files.setdefault(
            path, {"mutants": run.mutants[path], "killed": 0, "timeout": 0, "survived": []}
        )
        if one and one["verdict"] == "survived":
            row["survived"].append(mutant.name)
        elif one:
            row[one["verdict"]] += 1
    return {
        "sample": options.sample,
        "seed": options.seed,
        "worth": options.worth,
        "first": first,
        "files": files,
    }


def page() -> str:
    """tests/mutants.md."""
    kept, known = json.loads(MEASURED.read_text(encoding="utf-8")), reasons()
    rows, sums, rooms = [], [0] * 5, {}
    for path, one in kept["files"].items():
        same = sum(name in known.get(path, {}) for name in one["survived"])
        tried = one["killed"] + one["timeout"] + len(one["survived"])
        row = [one["mutants"], tried, one["killed"], one["timeout"], same]
        rows.append(_row(f"`{path}`", row))
        sums = [a + b for a, b in zip(sums, row, strict=True)]
        room = path.rpartition("/")[0]
        rooms[room] = [a + b for a, b in zip(rooms.get(room, [0] * 5), row, strict=True)]
    low, high = wilson(kept["first"], sums[1] - sums[4])
    share = f"{kept['first'] / max(1, sums[1] - sums[4]):.0%} [{low:.0%}, {high:.0%}]"
    head = HEAD.format(
        first=kept["first"],
        share=share,
        sample=kept["sample"],
        seed=kept["seed"],
        worth=kept["worth"],
        mutants=sums[0],
        tried=sums[1],
    )
    whole = [_row(f"`{room}/`", row) for room, row in rooms.items()] + [_row("**all**", sums)]
    parts = [head, ROOM, *whole, "\n", ROOM.replace("room", "file"), *rows]
    holes = {p: [n for n in one["survived"] if n not in known.get(p, {})] for p, one in kept["files"].items()}
    parts.append("\n## Not noticed yet\n\n")
    parts += [f"- `{path}`: {_code(name)}\n" for path, names in holes.items() for name in names] or [
        "None.\n"
    ]
    parts.append("\n## Equivalent\n")
    for path, changes in known.items():
        parts.append(f"\n`{path}`\n\n")
        parts += [f"- {_code(name)}: {reason}\n" for name, reason in changes.items()]
    return "".join(parts)


def _code(name):
    return f"`` {name} ``" if "`" in name else f"`{name}`"


def _row(label, row):
    mutants, tried, killed, timeout, same = row
    low, high = wilson(killed + timeout, tried - same)
    score = f"{(killed + timeout) / (tried - same):.1%} [{low:.0%}, {high:.0%}]" if tried > same else "–"
    return f"| {label} | {mutants:,} | {tried:,} | {killed:,} | {timeout} | {same} | {score} |\n"


if __name__ == "__main__":
    write_whole(PAGE, page())
