"""The page that says which teacher to use: written in docs/pages, its costs from benchmarks/RESULTS.md."""

import re

_START = re.compile(r"^\| (?P<problem>step, 2 × 8 views, [^|]+) \|")


def costs(results: str) -> dict[str, str]:
    """Contender → the range of its times, as multiples of that of lightly's loss, over the sizes measured."""
    found: dict[str, list[str]] = {}
    section = results.partition("\n## loss\n")[2].partition("\n## ")[0]
    problem = ""
    for line in section.splitlines():
        if start := _START.match(line):
            problem = start["problem"]
        row = re.match(r"\|[^|]*\| \*\*([^*]+)\*\* \|[^|]*\| ([\d.]+) \|", line)
        if row and "memory" not in problem:
            found.setdefault(row[1], []).append(row[2])
    return {name: " to ".join(sorted({min(ratios), max(ratios)})) for name, ratios in found.items()}


def priced(page: str, results: str) -> str:
    """The page with each `{contender}` in braces replaced by its cost."""
    known = costs(results)
    return re.sub(r"\{([a-z_, 0-9]+)\}", lambda match: known[match[1]], page)
