"""The wheel holds `theory` alone; it works with NumPy and SciPy, and `theory.nn` says what it needs."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.claims.claim_table import ROOT

pytestmark = pytest.mark.slow
SITE = Path(sysconfig.get_paths()["purelib"])
NEEDED = ("numpy", "numpy.libs", "scipy", "scipy.libs", "array_api_compat")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, ROOT], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def run(wheel, tmp_path):
    """A program's answer in an environment of the wheel, what it declares, and the packages named besides."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)

    def answer(program, *besides):
        for name in (*NEEDED, *besides):
            if (SITE / name).exists() and not (tmp_path / name).exists():
                (tmp_path / name).symlink_to(SITE / name)
        code = f"import sys; sys.path.append({str(tmp_path)!r}); {program}"
        command = [sys.executable, "-I", "-S", "-c", code]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    return answer


def test_it_holds_theory_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"theory"}


def test_theory_needs_numpy_and_scipy(run):
    program = "import theory, numpy; print(theory.entropy(numpy.log(numpy.array([0.5, 0.5]))).round(4))"
    done = run(program)
    assert (done.stdout.strip(), done.stderr) == ("0.6931", "")


def test_without_torch_its_modules_say_what_they_need(run):
    done = run("import theory.nn")
    assert done.returncode
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        "ModuleNotFoundError: theory.nn needs PyTorch: pip install '.[torch]' in a clone of the repository"
    )


def test_the_extra_brings_what_the_modules_need(run):
    torch = ("torch", "torchgen", "functorch", "typing_extensions.py", "sympy", "mpmath", "networkx")
    torch += ("jinja2", "markupsafe", "fsspec", "filelock", "filelock.py", "setuptools")
    done = run(
        "from theory.nn import ClusterDistillationLoss as L; print(L('centering', clusters=2))", *torch
    )
    assert done.stdout.startswith("ClusterDistillationLoss("), done.stderr


def test_experiments_beside_the_wheel_name_in_one_line_what_they_need(run):
    """The wheel does not hold them; a checkout does, whose environment may be that of the wheel."""
    program = f"sys.path.insert(0, {str(ROOT)!r}); import runpy; "
    done = run(program + "runpy.run_module('experiments', run_name='__main__')")
    assert done.returncode == 1
    need = "tyro is not installed; in a checkout: pip install --editable '.[torch]' --group experiments"
    assert done.stderr == f"python -m experiments: {need}\n"
