"""Thresholds and sizes that nothing derives, module by module: who changes one changes it here too."""

import ast
import importlib

import pytest

from tests.claims.claim_table import ROOT

NUMBERS = {
    "blocks.columns": {"VARIES": 1e-18, "FINE": 1e-06, "OFF": 0.5},
    "blocks.rows": {"NARROW": 0.01, "REACH": 40.0, "LOWEST": -1e300},
    "blocks.walk": {"BLOCK": 131072, "ROWS": 8, "GATHERED": 131072, "PAGE": 4096},
    "checks.numbers": {"LARGEST": 1e150},
    "curves.curve": {"FEW": 8, "SILENT": 0.02, "GRID": 2048, "TURNS": 0.5, "CYCLES": 4},
    "curves.files": {"LONGEST": 1048576},
    "curves.levels": {"ALIVE": 0.1},
    "curves.turns": {"RESTS": 0.1, "RISES": 0.5, "RETURNS": 3},
    "diagnosis.advice": {"ENOUGH": 16},
    "diagnosis.agreement": {"SURE": 3.0, "SAME": 1e-05},
    "diagnosis.center": {"LAG": 1.0, "PROPORTIONAL": 0.1},
    "diagnosis.clusters": {"COMPARED": 2048, "ALIKE": 0.1, "PARTIAL": 0.3333333333333333, "ROWS_EACH": 4},
    "diagnosis.comparison": {"FAR": 0.1, "NEARER": 0.01},
    "diagnosis.correlations": {
        "SURE": 1.96,
        "FOLDS": 5,
        "FEWER_FOLDS": 2,
        "MANY": 2000,
        "PLENTY": 20,
        "ROWS": 5,
        "EDGE": 0.999999999999,
        "FLOOR": 1e-09,
    },
    "diagnosis.door": {"ROUNDS": 3},
    "diagnosis.gather": {"SMALL": 268435456},
    "diagnosis.history": {"MOVED": 0.5},
    "diagnosis.readings": {"SILENT": 0.02, "BEGUN": 0.1, "UNIFORM": 0.0005, "FEW": 32, "OFF_TARGET": 0.05},
    "diagnosis.sample": {
        "LARGE": 16777216,
        "DRAWN": 2097152,
        "READ_AGAIN": 33554432,
        "ROWS": 64,
        "SHIFTED": 2097152,
        "SEED": 0,
    },
    "diagnosis.scale": {"SURE": 0.999, "MOST": 0.95},
    "diagnosis.shards": {"WAIT": 20},
    "diagnosis.summarized": {"STILL": 0.1},
    "diagnosis.temperatures": {"FEW": 40, "CHANCE": 3.0, "NOTABLE": 0.5},
    "diagnosis.views": {"STILL": 1e-10, "ROUNDED": 0.005, "AT_ONCE": 4194304},
    "dual.ascent": {"_NEGLIGIBLE": 1e-30, "_USEFUL": 0.5},
    "dual.newton": {"DIRECT": 2000, "CONJUGATE": 300, "RIDGED": 1.00000000000001, "LEAST": 1e-12},
    "dual.rounds": {"MEMORY": 10, "REACH": 230.0, "RIDGE": 1e-12, "NEWTON_STEPS": 5},
    "dynamics.adaptive": {"SLOWEST": 0.002, "SAME": 0.0001, "LONGEST": 2000000},
    "feasibility": {"_SLACK": 1e-09},
    "files.member": {"IN_MEMORY": 67108864, "UNPACKED": 2147483648},
    "files.safetensors_files": {"HEADER": 100000000},
    "files.torch_files": {"DEPTH": 8},
    "logspace": {"_SERIES": 0.0625},
    "nn.averages": {"LARGEST": 1.8446744073709552e19},
    "nn.blocks": {"BLOCK": 131072},
    "nn.criterion": {"ROUNDS": 3},
    "nn.statistics": {"SURE": 1e-30},
    "summary.sources": {"PART": 16777216, "FEW_ROWS": 256},
    "summary.summarize": {"WORKERS": 4},
    "systems.candidates": {"MOST": 4096},
}


def found(path):
    """The numbers that a module binds to names in capitals."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    targets = [
        target
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
    ]
    names = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    module = importlib.import_module(named(path, "theory."))
    values = {name: getattr(module, name) for name in names if name.isupper()}
    return {name: x for name, x in values.items() if isinstance(x, int | float)}


def named(path, prefix=""):
    inside = path.relative_to(ROOT / "theory").with_suffix("").as_posix().removesuffix("/__init__")
    return prefix + inside.replace("/", ".")


def modules():
    paths = sorted((ROOT / "theory").rglob("*.py"))
    return [path for path in paths if path.name not in ("__main__.py", "__init__.py")]


@pytest.mark.parametrize("path", modules(), ids=named)
def test_the_numbers_of_a_module_are_these(path):
    assert found(path) == NUMBERS.get(named(path), {})


def test_no_module_is_listed_that_is_gone():
    assert NUMBERS.keys() <= {named(path) for path in modules()}
