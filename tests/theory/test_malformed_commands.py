"""Malformed command lines: status 2, and a line that says what is wrong with which argument."""

import numpy as np
import pytest
import torch

from tests.support.everything import CURVE, EARLIER, VIEWS, K, Z
from theory.__main__ import main

RUN = ["--temperature", "0.04"]
BITS = torch.from_numpy(Z).bfloat16().view(torch.int16).numpy()


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("z.npy", Z)
    np.save("one.npy", Z[0])
    np.save("nan.npy", Z * np.nan)
    np.save("bits.npy", BITS)
    np.save("words.npy", np.array([["a", "b"], ["c", "d"]]))
    np.save("p.npy", np.full((40, K), 1 / K))
    np.savez("bits.npz", logits=Z, student_logits=BITS)
    np.savez("two.npz", a=Z, b=EARLIER)
    np.savez("views.npz", features_1=BITS, features_2=BITS)
    for i, view in enumerate(VIEWS):
        np.save(f"v{i}.npy", view)
    np.save("short.npy", VIEWS[0][:9])
    torch.save(torch.from_numpy(Z).to_sparse(), "sparse.pt")
    with open("curve.csv", "w") as file:
        file.write("loss\n" + "\n".join(map(str, CURVE)))
    with open("words.csv", "w") as file:
        file.write("loss\na\nb\n")


FEATURES, LOSS = ["features", "v0.npy", "v1.npy"], ["loss", "curve.csv"]
TAUS = ["--teacher-temperature", "0.04", "--student-temperature", "0.1"]
LINES = [
    (["z.npy", *RUN, "--temperature", "0"], "`temperature` must be positive and finite, got 0"),
    (["z.npy", "--temperature", "nan"], "`temperature` must be positive and finite, got nan"),
    (["z.npy", "--temperature", "warm"], "argument --temperature: invalid float value: 'warm'"),
    (["z.npy", *RUN, "--teacher", "zzz"], "--teacher: invalid choice: 'zzz'"),
    (["z.npy", *RUN, "--like", "zzz"], "--like: invalid choice: 'zzz'"),
    (
        ["z.npy", *RUN, "--student-temperature", "-1"],
        "`student_temperature` must be positive and finite, got -1",
    ),
    (
        ["z.npy", *RUN, "--student-temperature", "1e308"],
        "`student_temperature`/`temperature` must be at most",
    ),
    (
        ["z.npy", *RUN, "--student-temperature", ".1", "--learning-rate", "0"],
        "`learning_rate` must be positive",
    ),
    (
        ["z.npy", *RUN, "--student-temperature", ".1", "--teacher-momentum", "2"],
        "`center_momentum` and `teacher",
    ),
    (["z.npy", *RUN, "--order", "nan"], "`order` must be given for teacher 'power_mean' and for no other"),
    (["z.npy", *RUN, "--teacher", "power_mean"], "`order` must be given for teacher 'power_mean'"),
    (["z.npy", *RUN, "--teacher", "sinkhorn", "--rounds", "0"], "`rounds` must be at least 1, got 0"),
    (["z.npy", *RUN, "--batch-size", "0"], "`batch_size` must be"),
    (["z.npy", *RUN, "--scheduler", "here"], "scheduler"),
    (["z.npy", *RUN, "--zzz"], "unrecognized arguments: --zzz"),
    ([], "the following arguments are required"),
    (["gone.npy", *RUN], "gone.npy is not there"),
    (["one.npy", *RUN], "`logits` must have shape [N, K], got (4,)"),
    (["nan.npy", *RUN], "`logits` must not contain NaN"),
    (
        ["bits.npy", *RUN],
        "must hold floating-point numbers, got one array [40, 4] int16; if these are the bits of",
    ),
    (["words.npy", *RUN], "must hold floating-point numbers, got one array [2, 2]"),
    (["p.npy", *RUN], "`logits` must be raw outputs, got probabilities"),
    (
        ["bits.npz", *RUN, "--student-temperature", "0.1"],
        "`student_logits` must be floating-point, got dtype int16",
    ),
    (
        ["two.npz", *RUN],
        "must hold an array named `logits`, or one that it can be; `key` names one of a [40, 4]",
    ),
    (["two.npz", *RUN, "--key", "c"], "two.npz holds no `c`, but a [40, 4] float64"),
    (["sparse.pt", *RUN], "`the tensor` must be dense, got a tensor of layout torch.sparse_coo"),
    (
        ["z.npy", *RUN, "--student-temperature", ".1", "--student-logits", "one.npy"],
        "`student_logits` must have",
    ),
    (["z.npy", *RUN, "--earlier-logits", "short.npy"], "`earlier_logits` must have the shape of `logits`"),
    (
        ["z.npy", *RUN, "--center", "z.npy", "--teacher", "centering"],
        "`center` must have shape [K], got (40, 4)",
    ),
    (
        ["z.npy", *RUN, "--weights", "one.npy"],
        "`weights` must have shape (40,), one for each row, got shape (4,)",
    ),
    (["z.npy", *RUN, "--log-target", "nan.npy"], "`log_target` must have shape [K]"),
    ([*FEATURES, "--clusters", "4"], "--teacher-temperature, --student-temperature needed"),
    ([*FEATURES, *TAUS], "--clusters needed"),
    ([*FEATURES, *TAUS, "--clusters", "1"], "`clusters` must be at least 2, got 1"),
    ([*FEATURES, *TAUS, "--clusters", "many"], "--clusters: invalid int value: 'many'"),
    (
        [*FEATURES, *TAUS, "--clusters", "4", "--teacher-temperature", "-1"],
        "`teacher_temperature` must be positive",
    ),
    (["features", "v0.npy", *TAUS, "--clusters", "4"], "`features` must be two or more views"),
    (
        ["features", "v0.npy", "short.npy", *TAUS, "--clusters", "4"],
        "`features` must be two or more views of one",
    ),
    (
        ["features", "views.npz", *TAUS, "--clusters", "4"],
        "`features` must be floating-point, got dtype int16",
    ),
    (
        ["features", "v0.npy", "bits.npy", *TAUS, "--clusters", "4"],
        "must hold floating-point numbers, got one array",
    ),
    (["features", "v0.npy", "gone.npy", *TAUS, "--clusters", "4"], "gone.npy is not there"),
    (["loss", "gone.csv", "--clusters", "4"], "gone.csv"),
    (["loss", "gone.csv"], "gone.csv is not there"),
    (["loss", "words.csv"], "holds no number"),
    (["features", "v0.npy", "gone.npy"], "gone.npy is not there"),
    (["features", "v0.npy", "words.csv"], "words.csv must be a file of plain numbers"),
    (["z.npy", "--student-logits", "gone.npy"], "gone.npy is not there"),
    (["z.npy", "--earlier-logits", "words.csv"], "words.csv must be a file of plain numbers"),
    (LOSS, "--clusters"),
    ([*LOSS, "--clusters", "1"], "`clusters` must be at least 2, got 1"),
    (
        [*LOSS, "--clusters", "4", "--student-temperature", "0"],
        "`student_temperature` must be positive and finite",
    ),
    ([*LOSS, "--clusters", "4", "--center-momentum", "2"], "`center_momentum` must be in [0, 1], got 2"),
    ([*LOSS, "--clusters", "4", "--column", "zzz"], "zzz"),
    (["loss", "words.csv", "--clusters", "4"], "holds no number"),
]


@pytest.mark.parametrize(("arguments", "message"), LINES, ids=[" ".join(line) for line, _ in LINES])
def test_a_malformed_command_line_is_refused_in_words(capsys, arguments, message):
    try:
        status = main(arguments)
    except SystemExit as end:  # argparse's own
        status = end.code
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert message in said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()[-1]) > 0


@pytest.mark.parametrize("arguments", [[], ["features"], ["loss"]], ids=["logits", "features", "loss"])
def test_usage_is_two_lines(capsys, arguments):
    with pytest.raises(SystemExit):
        main(arguments)
    assert len(capsys.readouterr().err.splitlines()) == 3  # and the error
    with pytest.raises(SystemExit):
        main([*arguments, "--help"])
    assert capsys.readouterr().out.split("\n\n")[0].count("\n") == 1
