"""What is not drawn, and in which words: results that were altered, folders that cannot be written."""

import dataclasses

import numpy as np
import pytest

from experiments.engine import checksums, disk, registry, store
from tests.figures.test_figures import ENTRY, SUFFIXES, Settings, call, contents, dataset, results

__all__ = ["call", "dataset", "results"]


def refused(call, words):
    status, out, err = call()
    assert status == 1
    assert "drawn" not in out
    assert words in err
    assert "compute: python -m experiments toy_experiment (about 3 s)" in err


def test_altered_numbers_with_a_digest_of_their_own_are_not_drawn(call, results, dataset):
    path = results / "toy_experiment.nc"
    checksums.record(path)
    assert call()[0] == 0
    store.save(dataset.assign(walk=dataset.walk + np.float32(0.5)), path)
    refused(call, "toy_experiment.nc: it is not the file that CHECKSUMS lists")
    checksums.record(path)
    assert "drawn" in call()[1]


def test_a_run_brings_the_list_up_to_date(call, results, dataset):
    checksums.record(results / "toy_experiment.nc")
    store.save(dataset.assign(walk=dataset.walk * 0), results / "toy_experiment.nc")
    assert call("--retrain")[0] == 0
    assert not checksums.differs(results / "toy_experiment.nc")
    assert call()[0] == 0


def test_numbers_that_are_none_are_not_drawn(call, results, dataset):
    store.save(dataset.assign(walk=dataset.walk * np.nan), results / "toy_experiment.nc")
    refused(call, "toy_experiment.nc: variable 'walk' holds no numbers")


def test_results_of_another_experiment_are_not_drawn(call, results, dataset):
    other = store.stamp(dataset, experiment="growth", settings=Settings())
    store.save(other, results / "toy_experiment.nc")
    refused(call, "the results are those of growth, not of toy_experiment")


def test_results_without_what_the_figure_draws_are_named(call, results, dataset):
    store.save(dataset.drop_vars("walk"), results / "toy_experiment.nc")
    status, _, err = call()
    assert status == 1
    assert "toy_experiment: the results lack what the figure draws: 'Dataset' object has no attribute" in err


def test_a_record_without_a_checksum_is_said(call, results, dataset):
    assert "no checksum" not in call()[1]
    older = dataset.copy()
    older.attrs = {name: value for name, value in dataset.attrs.items() if name != "checksum"}
    (results / "toy_experiment.nc").write_bytes(store._serialise(older))
    status, out, _ = call()
    assert status == 0
    assert "its record carries no checksum" in out


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_figure_that_cannot_be_written_costs_no_other(call, results, tmp_path, monkeypatch, suffix):
    second = dataclasses.replace(ENTRY, name="second", constants=ENTRY.constants | {"SOURCE": ENTRY.name})
    second.__dict__["module"] = ENTRY.module
    monkeypatch.setattr(registry, "figures", lambda _: {ENTRY.name: ENTRY, "second": second})
    (tmp_path / "figures" / f"toy_experiment.{suffix}").mkdir(parents=True)
    status, out, err = call()
    assert status == 1
    assert f"toy_experiment.{suffix} cannot be written: it is a directory" in err
    assert len(err.splitlines()) == 1
    assert out.count("drawn") == 1
    assert {f"second.{suffix}" for suffix in SUFFIXES} <= contents(tmp_path / "figures").keys()


def test_a_full_disk_is_one_line_a_figure(call, results, monkeypatch):
    def full(path, data):
        raise disk.CannotWrite(f"{path.name} cannot be written: No space left on device")

    monkeypatch.setattr(store, "write_atomically", full)
    status, _, err = call()
    assert status == 1
    assert err.splitlines() == [
        "toy_experiment: toy_experiment.svg cannot be written: No space left on device",
        "python -m figures: README.md cannot be written: No space left on device",
    ]


def test_what_a_killed_drawing_left_is_swept(call, results, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "_lives", lambda process: process != 12345)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / ".toy_experiment.svg.12345.partial").touch()
    call()
    assert not list((tmp_path / "figures").glob(".*"))
