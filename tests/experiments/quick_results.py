"""What the quick run of every experiment gave, in a few numbers: `python -m tests.experiments.quick_results`.

It writes quick_results.json beside this file and prints the rows that CHANGELOG.md lacks. A quick run is
taken from results/quick where `make figures QUICK=1` left one of the present code, else it is made.

A variable is *settled* if it is not float32 and the plainest code paths of the libraries (`PLAIN`) give the
same as the fastest of this machine to `SETTLED`: formulas, settings, solutions in float64. What training in
float32 has passed through is *trained*: two CPUs round differently, a run near a fork takes the other branch,
and only what many runs say together is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr

from experiments.engine import checksums, registry, runner, store
from experiments.engine.registry import ROOT, Entry

HERE = Path(__file__).with_suffix(".json")
CHANGELOG = ROOT / "CHANGELOG.md"
PLAIN = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL",
    "OPENBLAS_CORETYPE": "Haswell",
}
"""How another CPU computes, as far as this one can show it."""
SETTLED = 1e-6
"""Of the largest number of a variable: float64 through solvers that stop at 1e-9, with room."""
NOISE = 1e-9
"""A number below it is what rounding left of 0, in either kind."""
TRAINED = {"mean": 0.02, "median": 0.05}
"""Of the range of a variable over all its runs. Between code paths of one machine no mean moved by more than
0.002; a median of runs that end in two places moves by more than their mean."""


def digest(dataset: xr.Dataset) -> dict[str, dict[str, object]]:
    """Of each variable and coordinate: shape, type, how many numbers, where they lie, and three of them."""
    return {str(name): _numbers(variable) for name, variable in sorted(dataset.variables.items())}


def _numbers(variable: xr.Variable) -> dict[str, object]:
    values = variable.values
    found: dict[str, object] = {
        "sizes": dict(variable.sizes),
        "type": f"{values.dtype.kind}{values.dtype.itemsize}",
    }
    if values.dtype.kind not in "bif":
        return found | {"words": hashlib.sha256(repr(values.tolist()).encode()).hexdigest()[:8]}
    flat = values.astype(float).ravel()
    numbers = flat[np.isfinite(flat)]
    found["numbers"] = len(numbers)
    if len(numbers):
        moments = {
            "mean": numbers.mean(),
            "median": np.median(numbers),
            "min": numbers.min(),
            "max": numbers.max(),
        }
        found |= {name: _short(number) for name, number in moments.items()}
    found["probes"] = [_short(x) if np.isfinite(x) else None for x in flat[[0, len(flat) // 2, -1]]]
    return found


def _short(number: float) -> float:
    return float(f"{number:.8g}")


def moved(kept: dict, found: dict, *, kind: str | None = None) -> list[str]:
    """What of a digest is no longer so, within the tolerance of each variable's kind, or of `kind`."""
    lines = [f"{name}: not in both" for name in sorted(kept.keys() ^ found.keys())]
    for name in sorted(kept.keys() & found.keys()):
        before, after = kept[name], found[name]
        trained = (kind or before.get("kind")) == "trained"
        fixed = ("sizes", "type", "words", *(() if trained else ("numbers",)))
        lines += [
            f"{name}: {x} {before.get(x)} → {after.get(x)}" for x in fixed if before.get(x) != after.get(x)
        ]
        if "mean" in before and "mean" in after and before["sizes"] == after["sizes"]:
            lines += [f"{name}: {line}" for line in (_far if trained else _changed)(before, after)]
        elif ("mean" in before) != ("mean" in after):
            lines.append(f"{name}: holds no numbers in one of the two")
    return lines


def _far(before: dict, after: dict) -> list[str]:
    span = max(before["max"], after["max"]) - min(before["min"], after["min"])
    return [
        f"{x} {before[x]:g} → {after[x]:g}, more than {part:g} of {span:g}"
        for x, part in TRAINED.items()
        if abs(after[x] - before[x]) > part * span + NOISE
    ]


def _changed(before: dict, after: dict) -> list[str]:
    atol = SETTLED * max(abs(before["max"]), abs(before["min"])) + NOISE
    names = ("mean", "median", "min", "max")
    pairs = [(x, before[x], after[x]) for x in names]
    pairs += [("probe", *pair) for pair in zip(before["probes"], after["probes"], strict=True)]
    return [
        f"{x} {a} → {b}"
        for x, a, b in pairs
        if (a is None) != (b is None) or (a is not None and abs(a - b) > atol)
    ]


def quick(entry: Entry, folder: Path) -> xr.Dataset:
    """The quick results of the present code: those that are there, or made now into a folder."""
    settings = entry.module.Settings.quick()
    kept = runner.destination(entry, settings)
    if kept.exists():
        dataset = store.load(kept)
        if not runner.changed_since(entry, dataset) and store.settings_of(dataset) == json.loads(
            store.to_json(settings)
        ):
            return dataset
    return runner.run(entry, settings, folder / f"{entry.name}.nc")


def plain(entry: Entry, folder: Path) -> xr.Dataset:
    """The quick results as another CPU would compute them."""
    path = folder / f"{entry.name}.nc"
    command = [sys.executable, "-m", "experiments", entry.name, "--quick", "--output", str(path)]
    subprocess.run(command, env=os.environ | PLAIN, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return store.load(path)


def measured(entry: Entry) -> dict[str, dict[str, object]]:
    """The digest of the quick results, with the kind of each variable."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = digest(quick(entry, Path(folder))), digest(plain(entry, Path(folder) / "plain"))
    for name, numbers in here.items():
        one = moved({name: numbers}, {name: there[name]}, kind="settled")
        numbers["kind"] = "trained" if one or numbers["type"] == "f4" else "settled"
    return here


def read() -> dict[str, dict[str, dict]]:
    """The digests that are kept, by experiment."""
    return json.loads(HERE.read_text(encoding="utf-8"))


def rows(kept: dict[str, dict]) -> dict[str, tuple[str, str]]:
    """For each experiment the first digits of the SHA-256 of its results file and of its quick digest."""
    full = checksums.recorded(ROOT / "results")
    return {
        name: (full[f"{name}.nc"][:8], hashlib.sha256(json.dumps(kept[name]).encode()).hexdigest()[:8])
        for name in sorted(kept)
    }


def lacking(kept: dict[str, dict], text: str) -> list[str]:
    """The rows that the table of numbers in CHANGELOG.md lacks: the first one of an experiment counts."""
    told: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        cells = [cell.strip(" `") for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0] in kept and cells[3]:
            told.setdefault(cells[0], tuple(cells[1:3]))
    return [
        f"| {name} | `{full}` | `{quick}` | WHY |"
        for name, (full, quick) in rows(kept).items()
        if told.get(name) != (full, quick)
    ]


def _written(kept: dict[str, dict]) -> str:
    """JSON with a line for each variable."""
    parts = []
    for name, variables in kept.items():
        lines = ",\n".join(
            f"  {json.dumps(key)}: {json.dumps(numbers)}" for key, numbers in variables.items()
        )
        parts.append(f" {json.dumps(name)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Write the digests of all quick results that have moved; say which rows CHANGELOG.md lacks."""
    kept, before = {}, read() if HERE.exists() else {}
    for name, entry in registry.experiments().items():
        found = measured(entry)
        same = name in before and not moved(before[name], found)
        kept[name] = before[name] if same else found
    HERE.write_text(_written(kept), encoding="utf-8")
    print("\n".join(lacking(kept, CHANGELOG.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
