"""The command line of the diagnosis: files in, report and exit status out."""

import io
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import theory
from tests.claims.claim_table import ROOT
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, SETTINGS, UNIFORM, K, clustered
from theory import __main__ as command
from theory.__main__ import main
from theory.diagnosis.printed import printed

LIKE = ["--temperature", "0.04", "--student-temperature", "0.1"]


@pytest.fixture
def files(tmp_path):
    (teacher, student), views = clustered()
    np.savez(
        tmp_path / "run.npz", logits=teacher, student_logits=student, features_1=views[0], features_2=views[1]
    )
    np.save(tmp_path / "uniform.npy", UNIFORM)
    np.save(tmp_path / "student.npy", student)
    np.savez(tmp_path / "odd.npz", logits=teacher, studnet=student)
    (tmp_path / "empty.npy").touch()
    (tmp_path / "broken.npz").write_bytes((tmp_path / "run.npz").read_bytes()[:999])
    np.savez_compressed(tmp_path / "packed.npz", logits=teacher)
    packed = bytearray((tmp_path / "packed.npz").read_bytes())
    packed[200:260] = bytes(60)
    (tmp_path / "packed.npz").write_bytes(packed)
    torch.save({"logits": torch.ones(3)}, tmp_path / "run.pt")
    return tmp_path


def test_the_command_prints_the_report_and_exits_by_it(files, capsys):
    assert main([str(files / "run.npz"), "--like", "dino"]) == 0
    out = capsys.readouterr().out
    assert re.match(r"read: .*run\.npz, float64 256 × 16; with it student_logits, features\nfate: alive", out)
    assert "[D4] the centre keeps up at any learning rate" in out
    assert main([str(files / "uniform.npy"), "--temperature", "0.04", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["fate"] == "uniform collapse"
    assert {"level", "claim", "text", "remedy"} == report["findings"][0].keys()
    equal(report["measurements"]["log_clusters"], math.log(K))


def test_knobs_given_go_before_those_of_the_system(files, capsys):
    assert main([str(files / "run.npz"), "--like", "dino", "--temperature", "0.08", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)["measurements"]
    assert numbers["temperature_ratio"] == pytest.approx(0.8)
    assert numbers["center_gain_limit"] == "inf"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nothing.npy", "--temperature", "1"], "nothing.npy is not there"),
        (
            ["run.npz", "--temperature", "1", "--student-logits", "student.npy"],
            "`student_logits` is given twice",
        ),
        (["run.npz", "--temperature", "-1", "--student-temperature", "1"], "`temperature` must be positive"),
        (["run.npz", "--temperature", "1"], "`student_temperature` must be given with `student_logits`"),
        (["empty.npy", "--temperature", "1"], "empty.npy must be a file of plain numbers, .npy, .npz, .pt"),
        (["broken.npz", "--temperature", "1"], "broken.npz must be a file of plain numbers, .npy, .npz, .pt"),
        (["packed.npz", "--temperature", "1"], "packed.npz must be a .npy or .npz file of plain numbers"),
        ([".", "--temperature", "1"], ". is not a file"),
        (["run.pt", "--temperature", "1"], "`logits` must have shape [N, K], got (3,)"),
        (["odd.npz", "--key", "studnet", "--temperature", "-1"], "`temperature` must be positive"),
        (
            ["odd.npz", "--key", "x", "--temperature", "1"],
            "holds no `x`, but logits [256, 16] float64, stud",
        ),
        (["*.npx", "--temperature", "1"], "*.npx matches no file"),
        (["uniform.npy"], "`temperature` must be given, or `like` a system that publishes one"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_input(files, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(files)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_terminal_without_greek_letters_gets_the_report_too(files):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "theory", str(files / "uniform.npy"), "--temperature", "0.04"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert (
        done.returncode == 1
        and done.stdout.partition("\n")[2].startswith("fate: uniform collapse")
        and done.stderr == ""
    )


@pytest.mark.parametrize("name", theory.systems.SYSTEMS)
def test_every_published_system_names_a_teacher_of_the_table(files, capsys, name):
    system = theory.systems.SYSTEMS[name]
    assert system.teacher in theory.TEACHERS
    assert main([str(files / "run.npz"), "--like", name, "--json"]) < 2
    numbers = json.loads(capsys.readouterr().out)["measurements"]
    ratio = system.teacher_temperature / system.student_temperature
    assert numbers["temperature_ratio"] == pytest.approx(ratio)


@pytest.mark.parametrize("name", theory.TEACHERS)
def test_every_teacher_can_be_named_on_the_command_line(files, capsys, name):
    settings = SETTINGS.get(name, {})
    options = [text for key, value in settings.items() for text in (f"--{key}", str(value))]
    main([str(files / "run.npz"), *LIKE, "--teacher", name, *options, "--json"])
    report = json.loads(capsys.readouterr().out)
    (teacher, student), views = clustered()
    expected = theory.diagnose(
        teacher, teacher=name, student_logits=student, features=views, **settings, **KNOBS
    )
    assert report["measurements"] == pytest.approx(dict(expected.measurements))
    assert [finding["text"] for finding in report["findings"]] == [x.text for x in expected.findings]


def test_a_teacher_that_is_not_in_the_table_is_refused(files, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([str(files / "run.npz"), *LIKE, "--teacher", "dino"])
    assert stopped.value.code == 2
    assert "unconstrained" in capsys.readouterr().err


def test_what_a_terminal_cannot_show_is_a_question_mark(files, monkeypatch):
    arguments = [str(files / "uniform.npy"), "--temperature", "0.04"]
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(arguments) == 1
    terminal.flush()
    assert b"lower ?_t until" in terminal.buffer.getvalue()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert main(arguments) == 1
    assert "lower τ_t until" in sys.stdout.getvalue()


def test_the_help_says_what_the_command_is_for(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert command.__doc__.partition("\n\n")[2].strip().splitlines()[0] in capsys.readouterr().out


@pytest.mark.parametrize("form", [False, True])
def test_a_closed_pipe_takes_the_report_without_an_error_then_or_later(monkeypatch, form):
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert printed(theory.diagnose(UNIFORM, **KNOBS), "here", as_json=form) == 1
        pipe.flush()  # as at the exit


def test_the_report_does_not_wait_for_the_exit(monkeypatch):
    """In a pipe, a log or a notebook it is there when the function is done."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8"))
    printed(theory.diagnose(UNIFORM, **KNOBS), "here", as_json=False)
    assert raw.getvalue().decode().startswith("read: here\nfate: uniform collapse")


def test_without_arguments_those_of_the_command_line_are_read(files, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["theory", str(files / "uniform.npy"), "--temperature", "0.04"])
    assert main() == 1
    assert "fate: uniform collapse" in capsys.readouterr().out


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_reader_that_leaves_early_is_no_error(files, form):
    """As in `python -m theory … | head -1`: the status is still that of the report."""
    call = [sys.executable, "-m", "theory", str(files / "uniform.npy"), *LIKE, *form]
    with subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (said, process.returncode) == (b"", 1)
