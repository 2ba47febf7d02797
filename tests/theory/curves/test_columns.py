"""Which column of a log is the loss, which lines are left out, and what the command makes of the knobs."""

import json
import math

import numpy as np
import pytest

from theory.curves import command
from theory.curves.files import LONGEST, LOSSES, STEPS, column_among, read_curve
from theory.curves.scale import PARTS

WANTED = {"loss": None, "step": None}
SUM = ("--loss-is", "sum of pairs", "--pairs", "18")


def curve(tmp_path, text, name="log.csv", **wanted):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_curve(tmp_path / name, WANTED | wanted)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("step", STEPS)
def test_every_name_that_trainers_use_is_known(tmp_path, name, step):
    columns, told = curve(tmp_path, f"{step},{name.upper()},x\n3,1.5,9\n4,2.5,9\n")
    assert {role: list(values) for role, values in columns.items()} == {"loss": [1.5, 2.5], "step": [3, 4]}
    assert told == [f"the loss is column {name.upper()!r}, steps are {step!r}"]


def test_the_first_known_name_counts_and_ibots_part_before_its_sum(tmp_path):
    columns, told = curve(tmp_path, "value,loss\n1,2\n")
    assert list(columns["loss"]) == [2] and told == ["the loss is column 'loss'"]
    columns, _ = curve(tmp_path, "loss,train_cls,train_patch\n3,1,2\n")
    assert list(columns["loss"]) == [1]
    columns, _ = curve(tmp_path, "loss,train_cls\n3,1\n")
    assert list(columns["loss"]) == [3]


def test_one_other_column_that_speaks_of_a_loss_is_it(tmp_path):
    columns, told = curve(tmp_path, "my_loss,my_loss__min,my_loss__max\n1,0,2\n")
    assert list(columns["loss"]) == [1] and told == ["the loss is column 'my_loss'"]
    with pytest.raises(ValueError, match=r"no one column that must be the loss.*--column: a_loss, b_loss"):
        curve(tmp_path, "a_loss,b_loss\n1,2\n")


def test_bare_numbers_are_a_loss_or_a_step_and_a_loss(tmp_path):
    assert list(curve(tmp_path, "1.5\n2.5\n")[0]["loss"]) == [1.5, 2.5]
    for text in ("10 1.5\n20 2.5\n", "10\t1.5\n20\t2.5\n", "10,1.5\n20,2.5\n", "10;1,5\n20;2,5\n"):
        columns, _ = curve(tmp_path, text)
        assert (list(columns["step"]), list(columns["loss"])) == ([10, 20], [1.5, 2.5])
    with pytest.raises(ValueError, match="has 3 columns without names: put a line of names first"):
        curve(tmp_path, "1 2 3\n")


def test_other_roles_are_taken_as_they_are_named(tmp_path):
    text = "a,b,c\n1,2,3\n4,,6\n7,x,9\n"
    columns, told = curve(tmp_path, text, loss="a", step="c", kl="b")
    assert list(columns["loss"]) == [1, 4, 7] and list(columns["step"]) == [3, 6, 9]
    np.testing.assert_array_equal(columns["kl"], [2, math.nan, math.nan])
    assert told == ["the loss is column 'a', steps are 'c'"]
    assert "step" not in curve(tmp_path, "step,x\n1,2\n", loss="step")[0]  # a loss is not its own step


@pytest.mark.parametrize(
    "lines, kept, left",
    [
        (["1", "", "x", "2"], 2, 1),
        (["1", "x", "2", "y", "z,z"], 2, 3),
        (["1,5", "2"], 1, 1),
        (["1", "2"], 2, 0),
    ],
)
def test_lines_that_are_no_numbers_are_counted_unless_empty(tmp_path, lines, kept, left):
    text = "loss,lr\n" + "".join(f"{line},0.1\n" if "," not in line else f"{line},0,0\n" for line in lines)
    if left > kept:
        with pytest.raises(ValueError, match=f"cannot be read: {left} of its lines are damaged"):
            curve(tmp_path, text)
        return
    columns, told = curve(tmp_path, text)
    assert len(columns["loss"]) == kept
    assert told[1:] == ([f"{left} damaged lines are left out"] if left else [])


def test_json_lines_that_are_cut_or_no_objects_are_left_out(tmp_path):
    good = [json.dumps({"loss": n, "flag": True, "step": n}) for n in range(4)]
    columns, told = curve(tmp_path, "\n".join([good[0], "[1]", good[1], '{"loss": ', *good[2:]]), "log.jsonl")
    assert list(columns["loss"]) == [0, 1, 2, 3] and told[1] == "2 damaged lines are left out"
    with pytest.raises(ValueError, match="holds no number that could be a loss"):
        curve(tmp_path, json.dumps({"loss": True}), "log.jsonl")
    columns, _ = curve(tmp_path, json.dumps({"loss": 1, "step": 10**400}), "log.jsonl")
    assert math.isnan(columns["step"][0])


def test_a_line_of_a_mebibyte_is_read_and_a_longer_one_is_no_log(tmp_path):
    text = '{"loss": 1, "x": "' + "a" * (LONGEST - 20) + '"}'
    assert len(text) == LONGEST
    assert list(curve(tmp_path, text)[0]["loss"]) == [1]
    for other in (text[:-2] + 'a"}', "a\0b\n"):
        with pytest.raises(ValueError, match="is no log: a CSV, JSON lines or plain numbers are read"):
            curve(tmp_path, other)


def test_the_column_of_a_part_is_looked_for_in_the_first_record(tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"b": 1, "a": 2}) + "\n" + json.dumps({"c": 1}))
    assert column_among(path, ("a", "b")) == "a" and column_among(path, ("c",)) is None
    path.write_text("b,a\n1,2\n")
    assert column_among(path, ("a", "b")) == "a" and column_among(path, ("2",)) is None
    path.write_text("")
    assert column_among(path, ("a",)) is None
    assert column_among(tmp_path / "gone", ("a",)) is None


# -- the command ---------------------------------------------------------------------------------------


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """What `explain_loss` is asked for by a command line on a log of ten epochs."""
    rows = [json.dumps({"train_loss": 2.0, "epoch": n, "h": 1.5, "k": 0.5}) for n in range(10)]
    (tmp_path / "log.txt").write_text("\n".join(rows))
    seen = {}
    monkeypatch.setattr(command, "explain_loss", lambda loss, **knobs: seen.update(knobs, loss=loss))
    monkeypatch.setattr(
        command, "printed", lambda found, told, *, as_json: seen.update(told=told, json=as_json)
    )

    def ask(*options):
        seen.clear()
        command.main([str(tmp_path / "log.txt"), *options])
        return dict(seen)

    return ask


def test_a_system_gives_its_knobs_and_what_is_said_goes_first(asked):
    found = asked("--like", "dino", "--teacher-temperature", "0.07", "--steps-per-unit", "100")
    assert found["teacher"] == "centering" and found["clusters"] == 65536 and found["loss_is"] == "mean"
    assert (found["teacher_temperature"], found["student_temperature"]) == (0.07, 0.1)
    assert (found["teacher_momentum"], found["center_momentum"]) == (0.996, 0.9)
    assert list(found["steps"]) == [100.0 * n for n in range(10)] and list(found["loss"]) == [2.0] * 10
    assert found["told"] == "the loss is column 'train_loss', steps are 'epoch'; K = 65536"
    own = asked(
        "--like", "dino", "--teacher", "sinkhorn", "--clusters", "64", "--learning-rate", "0.5", "--json"
    )
    assert (own["teacher"], own["clusters"], own["learning_rate"], own["json"]) == ("sinkhorn", 64, 0.5, True)


def test_without_a_system_nothing_is_assumed(asked):
    found = asked("--clusters", "64", "--teacher-entropy", "h", "--kl", "k", "--prior-entropy", "3")
    assert found.keys() == {
        "clusters", "loss", "steps", "center_momentum", "teacher_entropy", "kl", "prior_entropy",
        "told", "json",
    }  # fmt: skip
    assert found["center_momentum"] is None and found["prior_entropy"] == 3.0 and found["json"] is False
    assert list(found["teacher_entropy"]) == [1.5] * 10 and list(found["kl"]) == [0.5] * 10
    assert found["told"].endswith("steps are epochs: without --steps-per-unit turns are not judged; K = 64")
    assert list(found["steps"]) == list(range(10))


def test_what_the_loss_is_may_be_said(asked):
    found = asked("--clusters", "64", "--loss-is", "part", "--scale", "0.5")
    assert (found["loss_is"], found["scale"], found["pairs"]) == ("part", 0.5, None)
    found = asked("--like", "dinov2")  # a system that logs sums
    assert "loss_is" not in found


def test_parts_are_told_by_their_column(tmp_path, asked):
    rows = [json.dumps({"dino_local_crops_loss": 2.0, "iteration": n}) for n in range(10)]
    (tmp_path / "log.txt").write_text("\n".join(rows))
    found = asked("--like", "dinov3")
    assert (found["loss_is"], found["scale"]) == ("part", 16 / 18)
    assert "which is 0.8889 of one cross-entropy" in found["told"]


def test_the_shares_of_published_columns_are_those_of_their_pairs():
    """2 global and 8 local crops: 2 pairs of global and 16 of global and local ones."""
    shares = {name: round(18 * share, 12) for name, share in PARTS.items()}
    whole = dict.fromkeys(("ibot_loss", "train_cls", "train_patch"), 18.0)
    assert shares == {"dino_local_crops_loss": 16.0, "dino_global_crops_loss": 2.0} | whole


@pytest.mark.parametrize("name", [*command.KNOBS, "learning_rate", "prior_entropy", "scale"])
def test_every_knob_of_the_command_line_is_a_number(asked, name):
    found = asked("--clusters", "64", f"--{name.replace('_', '-')}", "0.25", "--steps-per-unit", "2", *SUM)
    assert (found[name], type(found[name])) == (0.25, float)
