"""The house: rooms that import one way, doors that check, one table of teachers, no room with two ideas."""

import ast
import inspect
import statistics
import subprocess
import sys
import textwrap

import pytest
from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

import theory
from tests.claims.claim_table import ROOT
from tests.project import rooms
from theory import entropy

LONGEST = 300
HEAVY = ("torch", "matplotlib", "xarray", "sklearn", "pandas")
FREE_OF_CHOICE = {"theory/teachers.py", "figures/look.py"}  # the table itself, and the look of each row
NAMES = {*theory.TEACHERS, "none"}
FUNCTION_LIKE = ast.Lambda | ast.Name | ast.Attribute


def sources(*folders):
    """Path below the root → text, of every Python file that git tracks or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    paths = [ROOT / name for name in listed if name.endswith(".py") and (ROOT / name).exists()]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_rooms_import_one_way():
    configure()
    assert lint_imports(cache_dir=None, config_filename=str(ROOT / "pyproject.toml")), "run: lint-imports"


def test_all_of_the_core_is_kept_from_torch():
    """No wildcard names the rooms but one."""
    (kept,) = (c for c in rooms.contracts() if "torch" in c.get("forbidden_modules", []))
    floors = {f"theory.{room}" for floor in rooms.layers()["theory"] for room in floor}
    assert set(kept["source_modules"]) == floors - {"theory.nn"}


def test_the_table_of_rooms_is_in_step():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert page == rooms.with_table(page), "run: python -m tests.project.rooms"


def test_every_room_says_what_it_holds():
    assert [name for name in rooms.modules("") if not rooms.first_line(name)] == []


def test_no_room_holds_two_ideas():
    lengths = {name: text.count("\n") for name, text in sources().items()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
    told = [length for name, length in lengths.items() if length > 1]
    assert statistics.median(told) <= 130


def test_theory_computes_without_torch_and_without_pictures():
    code = f"import sys, theory; sys.exit(str([x for x in {HEAVY} if x in sys.modules] or ''))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


# -- one table of teachers --------------------------------------------------------------------------


def choices(tree):
    """Places that decide by a teacher's name: comparisons with one, cases, tables of functions by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            literals = [x for side in (node.left, *node.comparators) for x in _strings(side)]
        elif isinstance(node, ast.MatchValue):
            literals = _strings(node.value)
        elif isinstance(node, ast.Dict) and any(isinstance(v, FUNCTION_LIKE) for v in node.values):
            literals = [x for key in node.keys if key for x in _strings(key)]
            literals = literals if NAMES.issuperset(literals) else []
        else:
            continue
        if NAMES.intersection(literals):
            yield node.lineno, ast.unparse(node)[:80]


def _strings(node):
    items = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return [x.value for x in items if isinstance(x, ast.Constant) and isinstance(x.value, str)]


def test_nothing_but_the_table_decides_by_a_teachers_name():
    files = sources("theory", "experiments", "figures", "benchmarks")
    found = {
        name: list(choices(ast.parse(text))) for name, text in files.items() if name not in FREE_OF_CHOICE
    }
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "code",
    [
        "if teacher == 'centering': pass",
        "found = kind in ('none', 'projected')",
        "match kind:\n    case 'sinkhorn': pass",
        "{'inverse_prior': lambda p: p}[kind]",
        "{'centering': theory.centering_log_tilt, 'cumulant': cumulant}[kind]",
    ],
)
def test_a_choice_by_name_is_seen(code):
    assert list(choices(ast.parse(code)))


# -- public functions check, and call kernels -------------------------------------------------------


def public_functions():
    """Name → function, of what users of the core, of `theory.dynamics` and of `theory.systems` can call."""
    rooms_ = (theory, theory.dynamics, theory.systems)
    found = {name: getattr(room, name) for room in rooms_ for name in room.__all__}
    return {name: value for name, value in found.items() if inspect.isfunction(value)}


def called(function):
    """What a function calls by a name found in its module: `f()`, `module.f()`."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield function.__globals__.get(node.func.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = function.__globals__.get(ast.unparse(node.func.value))
            yield getattr(owner, node.func.attr, None)


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_a_public_function_calls_no_public_function(name):
    """It checks at the door and calls kernels; a public function called inside would check once more."""
    public = public_functions()
    assert [f.__name__ for f in called(public[name]) if f in public.values()] == []


def checks_twice(log_p):
    return entropy(log_p) + theory.kl(log_p, log_p)


def test_a_call_of_a_public_function_is_seen():
    assert list(called(checks_twice)) == [entropy, theory.kl]


@pytest.mark.parametrize("room", [theory, theory.dynamics, theory.systems], ids=lambda room: room.__name__)
def test_every_public_name_is_declared_where_it_is_written(room):
    for name in room.__all__:
        value = getattr(room, name)
        home = getattr(value, "__module__", None)
        if inspect.isfunction(value) or inspect.isclass(value):
            assert name in sys.modules[home.replace("checks.arrays", "checks")].__all__, name
    assert len(set(room.__all__)) == len(room.__all__)
