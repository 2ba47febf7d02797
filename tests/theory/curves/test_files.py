"""Logs as trainers write them, and files that are none."""

import gzip
import json
import math

import pytest

from theory.__main__ import main

TOP = math.log(64)
LOGS = {
    "tensorboard.csv": "Wall time,Step,Value\n" + "".join(f"1.7e9,{n},{TOP}\n" for n in range(20)),
    "lightning.csv": "epoch,lr,step,train_loss\n" + "".join(f"0,0.1,{n},\n0,,{n},{TOP}\n" for n in range(20)),
    "dino.txt": "".join(
        json.dumps({"train_loss": TOP, "train_lr": 0.1, "epoch": n}) + "\n" for n in range(20)
    ),
    "ibot.txt": "".join(
        json.dumps({"train_cls": TOP, "train_patch": 1.0, "train_loss": TOP + 1, "epoch": n}) + "\n"
        for n in range(20)
    ),
    "one.txt": f"{TOP}\n" * 20,
    "german.csv": "Schritt;loss\n" + f"1;{TOP}\n".replace(".", ",") * 20,
    "cut.jsonl": json.dumps({"loss": TOP}) + "\n" + (json.dumps({"loss": TOP}) + "\n") * 20 + '{"loss": 4.',
}


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_loss_is_found(tmp_path, capsys, name, encoding):
    (tmp_path / name).write_text(LOGS[name], encoding=encoding)
    assert main(["loss", str(tmp_path / name), "--clusters", "64", "--like", "dino"]) == 1
    assert "fate: uniform collapse" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is empty"),
        (b"\x1f\x8b\x00\x00binary", "what it packs is damaged"),
        (b"x" * (2**20 + 5), "is no log"),
        (b"a,b\n1,2\n", "no one column"),
        (b"loss\nx\ny\n", "holds no number"),
        (b"1 2 3\n1 2 3\n", "3 columns without names"),
    ],
)
def test_what_is_no_curve_is_refused_in_a_sentence(tmp_path, capsys, content, message):
    (tmp_path / "odd.csv").write_bytes(content)
    assert main(["loss", str(tmp_path / "odd.csv"), "--clusters", "64"]) == 2
    assert message in capsys.readouterr().err


def test_a_byte_that_is_no_utf8_costs_no_number(tmp_path, capsys):
    (tmp_path / "latin.csv").write_bytes(b"gr\xf6\xdfe,loss\n" + f"1,{TOP}\n".encode() * 20)
    assert main(["loss", str(tmp_path / "latin.csv"), "--clusters", "64", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["fate"] == "uniform collapse"


def test_columns_can_be_named(tmp_path, capsys):
    (tmp_path / "log.csv").write_text("a,b\n" + "".join(f"{n},{TOP}\n" for n in range(20)))
    assert main(["loss", str(tmp_path / "log.csv"), "--clusters", "64", "--column", "b", "--step", "a"]) == 1
    assert main(["loss", str(tmp_path / "log.csv"), "--clusters", "64", "--column", "c"]) == 2
    assert "no column 'c': a, b" in capsys.readouterr().err


def test_a_packed_log_is_read(tmp_path, capsys):
    (tmp_path / "log.txt.gz").write_bytes(gzip.compress(LOGS["dino.txt"].encode()))
    assert main(["loss", str(tmp_path / "log.txt.gz"), "--clusters", "64"]) == 1
    assert "fate: uniform collapse" in capsys.readouterr().out


def test_epochs_are_no_steps_for_turns(tmp_path, capsys):
    (tmp_path / "log.txt").write_text(LOGS["dino.txt"])
    assert main(["loss", str(tmp_path / "log.txt"), "--clusters", "64", "--like", "dino"]) == 1
    assert "without --steps-per-unit turns are not judged" in capsys.readouterr().out


def test_dinov2s_parts_are_read_as_parts(tmp_path, capsys):
    """A student that pays log K is uniform, not a nat below the best constant student."""
    top = math.log(131072)
    record = {"iteration": 0, "dino_local_crops_loss": 16 / 18 * top, "dino_global_crops_loss": 2 / 18 * top}
    record |= {"ibot_loss": top, "koleo_loss": -0.1, "total_loss": 2 * top - 0.1}
    lines = [json.dumps(record | {"iteration": n}) for n in range(30)]
    (tmp_path / "training_metrics.json").write_text("\n".join(lines))
    path = str(tmp_path / "training_metrics.json")
    for column in ([], ["--column", "dino_global_crops_loss"], ["--column", "ibot_loss"]):
        assert main(["loss", path, "--like", "dinov2", *column]) == 1
        assert "fate: uniform collapse" in capsys.readouterr().out
    assert main(["loss", path, "--like", "dinov2", "--column", "total_loss"]) == 0
    assert "looks at its input" not in capsys.readouterr().out


def test_the_scale_can_be_said_on_the_command_line(tmp_path, capsys):
    (tmp_path / "log.csv").write_text("loss\n" + f"{18 * TOP}\n" * 20)
    arguments = ["loss", str(tmp_path / "log.csv"), "--clusters", "64"]
    assert main([*arguments, "--loss-is", "sum of pairs", "--pairs", "18"]) == 1
    assert "fate: uniform collapse" in capsys.readouterr().out
    assert main([*arguments, "--loss-is", "part"]) == 2
    assert "`scale` must be given" in capsys.readouterr().err
