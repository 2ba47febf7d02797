"""A number that moves fails until CHANGELOG.md says so: quick results and results/CHECKSUMS."""

import copy
import hashlib
import json

import numpy as np
import pytest
import xarray as xr

from experiments.engine import registry
from tests.experiments.quick_results import CHANGELOG, SETTLED, TRAINED, digest, lacking, moved, quick, read

EXPERIMENTS = registry.experiments()


def example(shift=0.0, **more):
    runs = np.linspace(0.0, 1.0, 101) + shift
    return xr.Dataset({"loss": ("seed", runs), "name": ("seed", ["a"] * 101)} | more)


def kept(kind):
    found = digest(example())
    return {name: numbers | {"kind": kind} for name, numbers in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_quick_run_gives_what_it_gave(name, tmp_path):
    """After a change that was meant to move it: python -m tests.experiments.quick_results"""
    assert moved(read()[name], digest(quick(EXPERIMENTS[name], tmp_path))) == []


def test_every_experiment_has_its_numbers():
    stored = read()
    assert stored.keys() == EXPERIMENTS.keys()
    for variables in stored.values():
        assert {numbers["kind"] for numbers in variables.values()} <= {"settled", "trained"}


def test_the_changelog_says_which_numbers_moved():
    """A row for each experiment whose results file or quick results are not those of its newest row."""
    assert lacking(read(), CHANGELOG.read_text(encoding="utf-8")) == []


def test_a_number_that_moves_is_missed_in_the_changelog():
    stored, text = read(), CHANGELOG.read_text(encoding="utf-8")
    changed = copy.deepcopy(stored)
    changed["collapse"]["loss"]["mean"] += 1.0
    (row,) = lacking(changed, text)
    digits = hashlib.sha256(json.dumps(changed["collapse"]).encode()).hexdigest()[:8]
    assert row.startswith("| collapse | `") and row.endswith(f" | `{digits}` | WHY |")
    told = row.replace("WHY", "another learning rate")
    table = text.index("| experiment |")
    rule = text.index("\n", text.index("\n", table) + 1)
    assert lacking(changed, f"{text[:rule]}\n{told}{text[rule:]}") == []
    assert lacking(changed, f"{text}\n{told}") == [row]  # it is the newest row that counts
    assert lacking(changed, row.replace("WHY", "") + "\n" + text) == [row]  # and a reason is one


@pytest.mark.parametrize("kind, far", [("settled", 2 * SETTLED), ("trained", 1.5 * TRAINED["mean"])])
def test_what_moves_further_than_its_kind_is_seen(kind, far):
    assert moved(kept(kind), digest(example())) == []
    assert moved(kept(kind), digest(example(0.1 * far))) == []
    assert any(line.startswith("loss: mean") for line in moved(kept(kind), digest(example(far))))


@pytest.mark.parametrize("kind", ["settled", "trained"])
def test_what_is_not_a_number_has_no_tolerance(kind):
    for other in (
        example(more=("seed", np.zeros(101))),
        example().drop_vars("loss"),
        example(name=("seed", ["b"] * 101)),
        example().isel(seed=slice(100)),
        example(loss=("seed", np.zeros(101, bool))),
        example(loss=("seed", np.full(101, np.nan))),
    ):
        assert moved(kept(kind), digest(other))


def test_of_settled_numbers_each_that_is_there_stays():
    hole = example()
    hole.loss[3] = np.nan
    assert moved(kept("settled"), digest(hole))
    end = example()
    end.loss[-1] = np.nan
    assert any("probe" in line for line in moved(kept("settled"), digest(end)))
