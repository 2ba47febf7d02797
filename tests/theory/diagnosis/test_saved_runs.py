"""24 saved runs of known fate: named without a mistake from logits, from the loss as far as it can tell."""

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import theory

CLUSTERS = 16
RUNS = Path(__file__).parents[3] / "examples" / "runs"
FATES = {
    "healthy": "alive",
    "uniform": "uniform collapse",
    "one_cluster": "one cluster",
    "constant": "constant",
    "partial": "partial collapse",
    "turning": "turning",
}
FROM_THE_LOSS = {
    "healthy": {"below log K"},
    "uniform": {"uniform collapse", "late collapse"},
    "one_cluster": {"near zero"},
    "constant": {"below log K"},
    "partial": {"below log K"},
    "turning": {"turning"},
}
"""A loss cannot tell a constant answer of few clusters from one that looks at its input."""
NAMES = [f"{name}_{seed}" for name in FATES for seed in range(4)]


def saved(name):
    """Arrays and knobs of a run, as arguments of `theory.diagnose`, and its labels."""
    with np.load(RUNS / f"{name}.npz") as held:
        found = {key: held[key].item() if held[key].ndim == 0 else held[key] for key in held}
    return found, found.pop("labels")


def shares(z, temperature):
    p = np.exp((z - z.max(1, keepdims=True)) / temperature)
    return p / p.sum(1, keepdims=True)


def test_there_are_four_runs_of_each_fate():
    assert sorted(path.stem for path in RUNS.glob("*.npz")) == sorted(NAMES)
    assert sorted(path.stem for path in RUNS.glob("*.csv")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_run_has_the_fate_that_its_labels_show(name):
    """The truth, in plain NumPy: what the student says of each label, and how much that differs."""
    run, labels = saved(name)
    q = shares(run["student_logits"].astype(float), run["student_temperature"])
    mean, spread = q.mean(0), np.ptp(q, axis=0).max()
    by_label = np.array([q[labels == label].mean(0) for label in np.unique(labels)])
    apart = 0.5 * np.abs(by_label[:, None] - by_label[None]).sum(-1)
    fate = FATES[name.rpartition("_")[0]]
    if fate in ("alive", "partial collapse"):
        assert np.median(apart[apart > 0]) > 0.5
        assert (len(np.unique(labels)) <= CLUSTERS / 4) == (fate == "partial collapse")
        return
    assert spread < 0.1
    if fate == "uniform collapse":
        assert np.abs(mean - 1 / CLUSTERS).max() < 0.02
    elif fate == "one cluster":
        assert mean.max() > 0.99
    elif fate == "constant":
        assert 0.1 < mean.max() < 0.99
    else:
        loss = np.loadtxt(RUNS / f"{name}.csv", delimiter=",", skiprows=1)[:, 1]
        assert np.count_nonzero(np.diff(np.sign(loss - 1)) > 0) >= 4


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_run_is_named_from_its_logits(name):
    run, _ = saved(name)
    found = theory.diagnose(**run)
    fate = FATES[name.rpartition("_")[0]]
    assert found.fate == fate
    assert found.healthy == (fate in ("alive", "partial collapse"))
    assert (fate == "partial collapse") == any(f.text.startswith("partial collapse") for f in found.findings)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_run_is_named_from_its_last_moment_alone(name):
    run, _ = saved(name)
    for later in ("student_logits", "earlier_logits"):
        del run[later]
    assert theory.diagnose(**run).fate == FATES[name.rpartition("_")[0]]


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_alone_says_no_more_than_it_can(name):
    with (RUNS / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    steps, loss = (np.array([float(row[key]) for row in rows]) for key in ("step", "loss"))
    found = theory.explain_loss(loss, steps=steps, clusters=CLUSTERS)
    kind = name.rpartition("_")[0]
    assert found.fate in FROM_THE_LOSS[kind]
    assert found.healthy == (kind not in ("uniform", "turning"))
    assert not any(finding.level == "ok" for finding in found.findings)


@pytest.mark.slow
def test_the_saved_runs_are_what_their_script_makes(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("saved_runs", RUNS.parent / "saved_runs.py")
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "saved_runs", script)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "HERE", tmp_path)
    monkeypatch.setattr(script, "DESIGNS", {"healthy": script.DESIGNS["healthy"]})
    script.main()
    for seed in range(4):
        with np.load(tmp_path / f"healthy_{seed}.npz") as new, np.load(RUNS / f"healthy_{seed}.npz") as old:
            assert set(new) == set(old)
            np.testing.assert_allclose(new["logits"], old["logits"], rtol=1e-3, atol=1e-3)
