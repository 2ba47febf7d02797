"""The registered predictions: their files, their judge, and that they came before their runs."""

import subprocess
import tomllib

import numpy as np
import pytest
import xarray as xr

from experiments.engine.store import load
from experiments.studies import predictions
from experiments.studies.measures import MEASURES
from tests.claims.claim_table import ROOT
from tests.claims.notes import NOTES, read_claims

FILES = sorted(predictions.FILES.glob("*.toml"))
SAID = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in FILES}


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, check=False, text=True)


@pytest.mark.claim("C1")
@pytest.mark.parametrize("name", SAID)
def test_a_file_says_what_is_predicted_by_which_claim_and_what_would_refute_it(name):
    said = SAID[name]
    assert said["claim"] in read_claims(ROOT / NOTES)
    assert {"title", "registered", "setting", "predicted", "refuted_by", "test"} <= said.keys()
    for test in said["test"]:
        assert test["of"] in ("all", "mean")
        assert {"at_least", "at_most"} & test.keys()


def test_every_prediction_is_measured_and_every_measure_is_of_a_prediction():
    assert set(MEASURES) == set(SAID)
    assert len(SAID) >= 8


@pytest.mark.parametrize("name", SAID)
def test_a_prediction_was_committed_before_its_result_and_not_changed_after(name):
    commit = str(load(ROOT / "results" / "predictions.nc").attrs["git_commit"])
    if git("cat-file", "-e", f"{commit}^{{commit}}").returncode:
        pytest.skip("the history that the order is read from is not here (a shallow clone or an archive)")
    last = git("log", "-1", "--format=%H", "--", f"predictions/{name}.toml").stdout.strip()
    assert git("merge-base", "--is-ancestor", last, commit).returncode == 0, (last, commit)


def test_the_judge_puts_misses_first_and_bounds_runs_or_their_mean():
    measures = {test["measure"]: test for said in SAID.values() for test in said["test"]}
    inside = {}
    for name, test in measures.items():
        low, high = test.get("at_least"), test.get("at_most")
        middle = low + 1e-9 if high is None else high - 1e-9 if low is None else (low + high) / 2
        inside[name] = (f"run of {name}", np.array([middle]))
    inside["clusters_told_apart"] = ("run of clusters_told_apart", np.array([7.0, 7.0]))
    found = predictions.judge(xr.Dataset(inside))
    assert all(one.hit for one in found)
    inside["clusters_told_apart"] = ("run of clusters_told_apart", np.array([5.0, 8.5]))
    first, *others = predictions.judge(xr.Dataset(inside))
    assert (first.name, first.hit) == ("distinct", False)
    assert [bound.holds for bound in first.bounds] == [True, False, True]
    assert all(one.hit for one in others)


def test_only_what_was_measured_is_judged():
    assert predictions.judge(xr.Dataset()) == []
