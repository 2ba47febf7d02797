"""`python -m theory features`: files in, report and exit status out."""

import json

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from theory.diagnosis import feature_command
from theory.diagnosis.feature_command import main


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(600, 6))
    for i in (1, 2):
        view = (shared + 0.3 * rng.normal(size=shared.shape)).astype(np.float32)
        np.save(tmp_path / f"view_{i}.npy", view)
        np.savez(tmp_path / f"named_{i}.npz", phi=view, other=view[:9])
    return tmp_path


def test_the_report_is_that_of_the_function(files, capsys):
    views = [str(files / f"view_{i}.npy") for i in (1, 2)]
    assert main([*views, "--like", "dino", "--clusters", "64"]) == 0
    out = capsys.readouterr().out
    assert "600 × 6; K = 64\nfate: undecided" in out
    assert main([*views, "--like", "dino", "--clusters", "64", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    knobs = {"teacher_temperature": 0.04, "student_temperature": 0.1, "clusters": 64}
    found = theory.diagnose_features([np.load(view) for view in views], **knobs)
    assert report["measurements"].keys() == found.measurements.keys()
    for name, value in found.measurements.items():
        equal(report["measurements"][name], value)
    assert main([*views, "--like", "dino", "--temperature", "0.2"]) == 1


def test_one_array_of_several_is_named_by_its_key(files, capsys):
    named = [str(files / f"named_{i}.npz") for i in (1, 2)]
    assert main([*named, "--like", "dino", "--key", "phi"]) == 0
    assert main([*named, "--like", "dino"]) == 2
    assert "`key`" in capsys.readouterr().err


def test_the_same_file_twice_is_a_problem(files, capsys):
    view = str(files / "view_1.npy")
    assert main([view, view, "--like", "dino"]) == 1
    assert "the same up to scale" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["absent.npy", "empty.npy", "words.npy"])
def test_what_cannot_be_read_is_one_line_and_status_2(files, capsys, name):
    (files / "empty.npy").touch()
    (files / "words.npy").write_text("epoch,loss")
    assert main([str(files / "view_1.npy"), str(files / name), "--like", "dino"]) == 2
    err = capsys.readouterr().err
    assert name in err and err.count("\n") == 1


def test_unlike_views_and_missing_knobs_are_status_2(files, capsys):
    np.save(files / "short.npy", np.ones((5, 6)))
    view = str(files / "view_1.npy")
    assert main([view, str(files / "short.npy"), "--like", "dino"]) == 2
    assert "`features`" in capsys.readouterr().err
    assert main([view, "--like", "dino"]) == 2
    with pytest.raises(SystemExit) as stopped:
        main([view, view, "--clusters", "64"])
    assert stopped.value.code == 2
    assert "--teacher-temperature, --student-temperature needed" in capsys.readouterr().err


def test_out_of_memory_is_said_so_and_no_report(files, capsys, monkeypatch):
    def fails(views, **knobs):
        raise MemoryError

    monkeypatch.setattr(feature_command, "diagnose_features", fails)
    view = str(files / "view_1.npy")
    assert main([view, view, "--like", "dino"]) == 2
    assert "out of memory: fewer samples will do" in capsys.readouterr().err
