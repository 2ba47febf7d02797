"""The room as users see it: its names, where they come from, and what it says where torch is missing."""

import importlib
import subprocess
import sys

import pytest

import theory.nn
from theory.nn import loss, normalizer, patches, schedules


def test_its_names_are_public():
    names = ["ClusterDistillationLoss", "MaskedPatchLoss", "Monitor", "Schedule", "TeacherNormalizer"]
    assert theory.nn.__all__ == names
    assert theory.nn.ClusterDistillationLoss is loss.ClusterDistillationLoss
    assert theory.nn.MaskedPatchLoss is patches.MaskedPatchLoss
    assert theory.nn.TeacherNormalizer is normalizer.TeacherNormalizer
    assert theory.nn.Schedule is schedules.Schedule


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # how Python marks a module that cannot be imported
    monkeypatch.delitem(sys.modules, "theory.nn")
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[torch\]' in a clone") as raised:
        importlib.import_module("theory.nn")
    assert raised.value.__cause__.name == "torch"


@pytest.mark.slow
def test_the_formulas_are_imported_without_this_room():
    code = "import sys, theory; print(sorted({'torch', 'theory.nn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
