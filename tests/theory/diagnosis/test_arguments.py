"""What the command line hands to the diagnosis, option by option, and how its answer is printed."""

import math

import numpy as np
import pytest

import theory
from tests.support.everything import STUDENT, VIEWS, Z
from tests.theory.diagnosis.runs import levels
from theory import __main__ as command
from theory.diagnosis import feature_command, gather, summarized
from theory.diagnosis.gather import gathered
from theory.diagnosis.printed import printed
from theory.diagnosis.report import Diagnosis, note, problem


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """What `diagnose` is called with, and the line of what was read."""
    monkeypatch.chdir(tmp_path)
    np.save("z.npy", Z)
    np.save("student.npy", STUDENT)
    np.save("w.npy", np.full(len(Z), 1 / len(Z)))
    for i, view in enumerate(VIEWS):
        np.save(f"v{i}.npy", view)
    seen = {}
    monkeypatch.setattr(command, "diagnose", lambda **arguments: seen.update(arguments))
    monkeypatch.setattr(
        command, "printed", lambda found, told, *, as_json: seen.update(told=told, json=as_json)
    )

    def ask(*options):
        seen.clear()
        command.main(["z.npy", *options])
        assert str(seen.pop("logits")) == "z.npy"
        return {name: value for name, value in seen.items() if name not in ("told", "json") or value}

    return ask


@pytest.mark.parametrize(
    "option, name, text, value",
    [
        ("--like", "like", "dino", "dino"),
        ("--key", None, "", ""),
        ("--temperature", "temperature", "0.04", 0.04),
        ("--teacher", "teacher", "sinkhorn", "sinkhorn"),
        ("--order", "order", "0.5", 0.5),
        ("--rounds", "rounds", "4", 4),
        ("--student-temperature", "student_temperature", "0.1", 0.1),
        ("--teacher-momentum", "teacher_momentum", "0.99", 0.99),
        ("--center-momentum", "center_momentum", "0.9", 0.9),
        ("--learning-rate", "learning_rate", "0.1", 0.1),
        ("--batch-size", "batch_size", "64", 64),
        ("--loss", "loss", "1.5", 1.5),
        ("--loss-is", "loss_is", "mean", "mean"),
        ("--scheduler", "scheduler", "tcp://a:1", "tcp://a:1"),
    ],
)
def test_every_option_reaches_the_diagnosis_as_its_type(asked, option, name, text, value):
    found = asked() if name is None else asked(option, text)
    told = found.pop("told")
    assert told == "z.npy, float64 40 × 4"
    assert found == ({} if name is None else {name: value})
    assert all(type(found[key]) is type(value) for key in found)


def test_arrays_come_from_files_of_their_own(asked):
    found = asked(
        "--student-logits", "student.npy", "--weights", "w.npy", "--features", "v0.npy", "v1.npy", "--json"
    )
    assert found["student_logits"] == "student.npy" and found["json"] is True
    np.testing.assert_array_equal(found["weights"], np.full(len(Z), 1 / len(Z)))
    for view, given in zip(VIEWS, found["features"], strict=True):
        np.testing.assert_array_equal(given, view)


def test_what_only_another_system_would_do_is_refused_by_the_parser(asked, capsys):
    for option, value in (
        ("--loss-is", "sum"),
        ("--rounds", "1.5"),
        ("--batch-size", "a"),
        ("--loss", "low"),
    ):
        with pytest.raises(SystemExit):
            asked(option, value)
        assert option in capsys.readouterr().err


def test_the_report_is_printed_as_json_word_for_word(capsys):
    found = Diagnosis(fate="alive", measurements={"a": 1.5, "b": math.inf}, findings=(note("O3", "τ"),))
    assert printed(found, "here", as_json=True) == 0
    assert capsys.readouterr().out == (
        '{\n "fate": "alive",\n "measurements": {\n  "a": 1.5,\n  "b": "inf"\n },\n "findings": [\n  {\n'
        '   "level": "note",\n   "claim": "O3",\n   "text": "τ",\n   "remedy": ""\n  }\n ],\n'
        ' "read": "here"\n}\n'
    )


def test_the_report_is_printed_in_words_and_a_problem_is_status_1(capsys):
    long = Diagnosis(
        fate="one cluster", measurements={"a": 1.5, "samples": 7}, findings=(problem("O4", "one", "two"),)
    )
    assert printed(long, "here", as_json=False) == 1
    assert capsys.readouterr().out.splitlines() == [
        "read: here",
        "fate: one cluster",
        "",
        "found",
        "  problem [O4] one",
        "               → two",
        "",
        "measured",
        "  a        1.5",
        f"  samples  7            {theory.diagnosis.report.GLOSSES['samples']}",
    ]
    empty = Diagnosis(fate="alive", measurements={}, findings=())
    assert str(empty) == "fate: alive\n\nfound\n\nmeasured"


def test_features_are_said_with_the_shape_of_the_first_view(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(50, 3)))
    np.save(tmp_path / "b.npy", np.random.default_rng(1).normal(size=(50, 3)))
    files = [str(tmp_path / "a.npy"), str(tmp_path / "b.npy")]
    assert feature_command.main([*files, "--like", "dino", "--clusters", "64"]) < 2
    assert capsys.readouterr().out.startswith(f"read: {files[0]}, {files[1]}, 50 × 3; K = 64\n")
    assert feature_command.main([*files, "--like", "dino"]) < 2
    assert "; K = 65536\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        feature_command.main(files)
    error = capsys.readouterr().err
    assert "--clusters, --teacher-temperature, --student-temperature needed, or --like a system" in error


# -- a summary -----------------------------------------------------------------------------------------


def test_a_summary_bounds_how_far_two_constraints_are_apart():
    summary = theory.summarize(Z, temperature=0.5)
    found = theory.diagnose(summary)
    bound = math.tanh(np.ptp(summary.jensen_gap) / 4)
    assert found.measurements["centering_to_inverse_prior_tv_bound"] == pytest.approx(bound, rel=1e-12)
    assert 0 < bound < 1
    zeros = Z.copy()
    zeros[0, 0] = -math.inf
    found = theory.diagnose(theory.summarize(zeros, temperature=0.5))
    assert found.measurements["centering_to_inverse_prior_tv_bound"] == 1.0
    assert levels(found, "J1") == {"note"} and "gap_oscillation" not in found.measurements


@pytest.mark.parametrize(
    "fate, level, words",
    [
        ("alive", "ok", "answers of the network depend on the sample."),
        ("undecided", "warning", "the network's own answers are worth less than 0.02 nats, and move:"),
        ("uniform collapse", "problem", "uniform collapse, whatever the constraint: no answer moves by more"),
        ("one cluster", "problem", "one cluster, whatever the constraint: no answer moves by more"),
    ],
)
@pytest.mark.parametrize("samples", [31, 32])
def test_a_summary_says_what_the_network_is(fate, level, words, samples):
    reading = summarized.SummaryReading(
        samples=samples,
        clusters=4,
        log_clusters=math.log(4),
        raw_teacher_information=1.0,
        raw_teacher_prior_entropy=1.0,
        raw_teacher_entropy=0.0,
        raw_clusters_in_use=4,
        centering_to_inverse_prior_tv_bound=0.5,
    )
    first, *few, last = summarized._about_the_network(reading, fate)
    assert (first.level, last.level) == ("note", level) and last.text.startswith(words)
    assert [f.text for f in few] == (
        [f"{samples} samples are too few to call a fate."] if samples < 32 else []
    )
    assert last.claim == ("D3" if fate == "uniform collapse" else "O4" if level == "problem" else "O3")


@pytest.mark.parametrize(
    "off, said", [(4e-4, "is log 4"), (6e-4, "takes the rows"), (-6e-4, "takes the rows")]
)
def test_a_loss_beside_a_summary(off, said):
    summary = theory.summarize(Z, temperature=0.5)
    found = theory.diagnose(summary, loss=math.log(4) + off, loss_is="mean")
    assert [f.text for f in found.findings if said in f.text]
    assert levels(found, "O4" if "log" in said else "O5") == {"note"}
    unsaid = theory.diagnose(summary, loss=math.log(4) + off)
    assert bool([f for f in unsaid.findings if f.claim == "O5"]) is False


def test_several_files_are_named_by_the_first_and_the_last(asked, tmp_path):
    for i in range(11):
        np.save(tmp_path / f"r{i}.npy", Z)
    seen = gathered([str(tmp_path / "r*.npy")], key=None, features=None)
    where = f"11 files, {tmp_path / 'r0.npy'} to {tmp_path / 'r10.npy'}"
    assert seen.told == f"{where}, float64 40 × 4 in the first"
    np.save(tmp_path / "deep.npy", np.stack([Z, Z]))
    assert (
        gathered(["deep.npy"], key=None, features=None).told == "deep.npy, float64 2 × 40 × 4, taken as rows"
    )


def test_a_vector_longer_than_clusters_or_samples_can_be_is_not_opened(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(gather, "SMALL", 8 * len(Z))
    assert asked("--weights", "w.npy")["weights"].shape == (len(Z),)
    monkeypatch.setattr(gather, "SMALL", 8 * len(Z) - 1)
    with pytest.raises(ValueError, match="holds `` of 40 numbers: more than clusters or samples"):
        gathered(["z.npy"], key=None, features=None, weights="w.npy")
    gathered(["z.npy"], key=None, features=["v0.npy", "v1.npy"])  # of two axes: as large as the logits


def test_what_a_file_holds_beside_the_logits_is_told_and_what_is_left_alone(tmp_path):
    extra = {f"x{i}": np.zeros(2) for i in range(10)}
    np.savez(
        tmp_path / "a.npz", z=Z, weights=np.ones(40), loss=np.asarray(1.5), rounds=np.asarray(3), **extra
    )
    found = gathered([str(tmp_path / "a.npz")], key="z", features=None)
    alone = ", ".join(f"x{i}" for i in range(8))
    begins = f"`z` of {tmp_path / 'a.npz'}, float64 40 × 4; with it weights, loss, rounds"
    assert found.told == f"{begins}; left alone: {alone} …"
    assert found.arguments["key"] == "z" and found.arguments["loss"] == 1.5
    assert type(found.arguments["rounds"]) is int and found.arguments["rounds"] == 3
    for count, end in ((8, "x6, x7"), (9, "x6, x7 …")):
        np.savez(tmp_path / "b.npz", logits=Z, **{name: extra[name] for name in list(extra)[:count]})
        assert gathered([str(tmp_path / "b.npz")], key=None, features=None).told.endswith(end)
    with pytest.raises(ValueError, match="`weights` is given twice"):
        gathered([str(tmp_path / "a.npz")], key="z", features=None, weights="w.npy")


@pytest.mark.parametrize(
    "name, number",
    [
        ("features_1", 1),
        ("features_12", 12),
        ("features", 0),
        ("features_", 0),
        ("features_x", 0),
        ("a_1", 0),
        ("1", 0),
    ],
)
def test_views_are_numbered(name, number):
    assert gather._number(name) == number
