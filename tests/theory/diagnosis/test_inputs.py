"""What logits may come as: weighted rows, patch tokens, several files, half precision, a summary alone."""

import json

import numpy as np
import pytest
import torch

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import CONSTANT, KNOBS, LIVE, ONE, UNIFORM, K, clustered, noise
from theory.__main__ import main
from theory.diagnosis import sample


def agree(found, wanted, *, but=(), rtol=1e-9):
    assert found.fate == wanted.fate
    assert set(found.measurements) == set(wanted.measurements)
    for name, value in wanted.measurements.items():
        if name not in but:
            equal(found.measurements[name], value, rtol=rtol, atol=1e-9)


@pytest.mark.parametrize("teacher", ["centering", "inverse_prior", "projected"])
def test_a_row_of_weight_two_is_that_row_twice(teacher):
    (z, s), _ = clustered()
    often = np.random.default_rng(0).integers(1, 4, len(z))
    knobs = KNOBS | {"teacher": teacher}
    weighted = theory.diagnose(z, student_logits=s, weights=often.astype(float), **knobs)
    repeated = theory.diagnose(np.repeat(z, often, 0), student_logits=np.repeat(s, often, 0), **knobs)
    agree(weighted, repeated, but=("samples", "agreement_error", "crossing_batch_size"), rtol=1e-6)


def test_rows_of_weight_zero_are_not_there():
    (z, s), _ = clustered()
    w = (np.arange(len(z)) % 3 > 0).astype(float)
    some = theory.diagnose(z, student_logits=s, weights=w, **KNOBS)
    agree(some, theory.diagnose(z[w > 0], student_logits=s[w > 0], **KNOBS))
    poisoned = np.where(w[:, None] > 0, z, np.nan)
    agree(theory.diagnose(poisoned, student_logits=s, weights=w, **KNOBS), some)


def test_patch_tokens_of_several_images_are_rows():
    (z, s), _ = clustered()
    w = np.random.default_rng(1).uniform(size=(16, 16))
    tokens = theory.diagnose(z.reshape(16, 16, K), student_logits=s.reshape(16, 16, K), weights=w, **KNOBS)
    agree(tokens, theory.diagnose(z, student_logits=s, weights=w.reshape(-1), **KNOBS))


@pytest.mark.parametrize("weights, message", [
    (np.ones(5), r"`weights` must have shape \(256,\), one for each row, got shape \(5,\)"),
    (-np.ones(256), "`weights` must be finite, not negative, and of a positive sum"),
    (np.zeros(256), "`weights` must be finite, not negative, and of a positive sum"),
    (np.full(256, np.nan), "`weights` must be finite, not negative, and of a positive sum"),
])  # fmt: skip
def test_weights_that_do_not_fit_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        theory.diagnose(LIVE, weights=weights, **KNOBS)


@pytest.mark.parametrize("shape", [(K,), (1, K), (1, 1, K)], ids=["own", "DINO", "lightly"])
def test_a_centre_is_taken_as_codes_store_it(shape):
    found = theory.diagnose(LIVE, center=LIVE.mean(0).reshape(shape), **KNOBS)
    assert found.measurements["center_lag_temperatures"] < 1e-12
    with pytest.raises(ValueError, match=r"`center` must have shape \[K\], got \(2, 16\)"):
        theory.diagnose(LIVE, center=np.zeros((2, K)), **KNOBS)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_as_it_is(dtype):
    half = torch.from_numpy(LIVE).to(dtype)
    agree(theory.diagnose(half, **KNOBS), theory.diagnose(half.double().numpy(), **KNOBS))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["npy", "bfloat16"])
def test_shards_larger_than_memory_should_hold_are_that_run(tmp_path, monkeypatch, kind, weighted):
    monkeypatch.setattr(sample, "LARGE", 64 * K)
    monkeypatch.setattr(sample, "DRAWN", 128 * K)
    (z, s), _ = clustered()
    z, s = z.astype(np.float32), s.astype(np.float32)
    if kind == "bfloat16":
        z = torch.from_numpy(z).bfloat16().float().numpy()
    for name, array in (("z", z), ("s", s)):
        for i, part in enumerate(np.array_split(array, 3)):
            if kind == "npy" or name == "s":
                np.save(tmp_path / f"{name}{i}.npy", part)
            else:
                torch.save({"teacher": torch.from_numpy(part).bfloat16()}, tmp_path / f"z{i}.pt")
    w = np.linspace(0.0, 2.0, len(z)) if weighted else None
    given = tmp_path / ("z*.npy" if kind == "npy" else "z*.pt")
    of_files = theory.diagnose(given, student_logits=tmp_path / "s*.npy", weights=w, **KNOBS)
    of_array = theory.diagnose(z, student_logits=s, weights=w, **KNOBS)
    agree(of_files, of_array, rtol=1e-5)
    assert any("that were drawn" in finding.text for finding in of_files.findings)


def test_what_the_constraint_makes_of_many_rows_is_told_from_more_than_the_rest(monkeypatch):
    monkeypatch.setattr(sample, "LARGE", 64 * K)
    monkeypatch.setattr(sample, "DRAWN", 64 * K)
    monkeypatch.setattr(sample, "READ_AGAIN", 200 * K)
    found = theory.diagnose(LIVE, **KNOBS)
    (finding,) = (finding for finding in found.findings if "drawn" in finding.text)
    assert (
        "of all 256 rows, the teacher's other numbers are of 200 that were drawn, all else of 64"
        in finding.text
    )
    whole = theory.log_softmax(LIVE, temperature=0.04)
    log_tilt = theory.centering_log_tilt(whole)
    equal(
        found.measurements["teacher_information"],
        theory.mutual_information(theory.tilt(whole, log_tilt)),
        rtol=0.05,
    )


# -- a summary alone --------------------------------------------------------------------------------


def summary(z):
    return theory.summarize(z, temperature=0.04)


@pytest.mark.parametrize("z, fate", [
    (LIVE, "alive"), (UNIFORM, "uniform collapse"), (ONE, "one cluster"), (CONSTANT, "constant"),
])  # fmt: skip
def test_a_summary_tells_the_fate_that_the_rows_tell(z, fate):
    found = theory.diagnose(sum(summary(part) for part in np.split(z, 4)), student_temperature=0.1)
    assert found.fate == fate
    rows = theory.diagnose(z, **KNOBS).measurements
    shared = set(found.measurements) & set(rows)
    assert {"raw_teacher_information", "raw_teacher_entropy", "temperature_ratio"} <= shared
    for name in shared:
        equal(found.measurements[name], rows[name], rtol=1e-8, atol=1e-10)


def test_a_summary_calls_no_collapse_that_a_bias_could_hide():
    """Centering removes the bias, and the rows are alive; without a constraint they are not."""
    biased = summary(clustered()[0][0] + 30.0 * np.eye(K)[0])
    assert theory.diagnose(biased).fate == "undecided"
    assert theory.diagnose(biased, teacher="unconstrained").fate == "one cluster"


@pytest.mark.claim("J7")
def test_the_certified_distance_holds_on_the_rows():
    found = theory.diagnose(summary(LIVE)).measurements
    log_p = theory.log_softmax(LIVE, temperature=0.04)
    a, b = (
        theory.tilt(log_p, tilt(log_p)) for tilt in (theory.centering_log_tilt, theory.inverse_prior_log_tilt)
    )
    measured = 0.5 * np.abs(np.exp(a) - np.exp(b)).sum(1).max()
    assert measured <= found["centering_to_inverse_prior_tv_bound"] * (1 + 1e-12)


def test_a_summary_has_no_rows_for_what_needs_them():
    s = summary(LIVE)
    for name, value in (
        ("student_logits", LIVE),
        ("center", LIVE[0]),
        ("rounds", 3),
        ("earlier_logits", LIVE),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must be None with a summary"):
            theory.diagnose(s, student_temperature=0.1, **{name: value})
    with pytest.raises(ValueError, match=r"`temperature` must be that of the summary, 0\.04, got 0\.1"):
        theory.diagnose(s, temperature=0.1)
    assert theory.diagnose(summary(noise()[:20] * 1e-6)).fate == "undecided"


# -- the command line -------------------------------------------------------------------------------


def test_an_archive_may_hold_the_knobs_and_what_it_holds_beside_is_left_alone(tmp_path, capsys):
    (z, s), views = clustered()
    np.savez(
        tmp_path / "run.npz", teacher_out=z, student_logits=s, center=z.mean(0)[None], epoch=np.asarray(3),
        temperature=np.asarray(0.05), student_temperature=0.1, batch_size=64, teacher="inverse_prior",
        features_2=views[1], features_1=views[0], features_x=views[0][:3],
    )  # fmt: skip
    assert main([str(tmp_path / "run.npz"), "--key", "teacher_out", "--teacher", "centering"]) == 0
    first, *report = capsys.readouterr().out.splitlines()
    assert "`teacher_out` of" in first
    assert "with it student_logits, center, temperature, student_temperature, batch_size, features" in first
    assert first.endswith("left alone: epoch, features_x, teacher")
    wanted = theory.diagnose(
        z, student_logits=s, center=z.mean(0), temperature=0.05, student_temperature=0.1, features=views
    )
    assert report == str(wanted).splitlines()


def test_knobs_on_the_command_line_go_before_those_of_the_file(tmp_path, capsys):
    np.savez(tmp_path / "run.npz", logits=LIVE, temperature=0.05, student_temperature=0.1)
    assert main([str(tmp_path / "run.npz"), "--temperature", "0.02", "--json"]) < 2
    found = json.loads(capsys.readouterr().out)
    equal(found["measurements"]["temperature_ratio"], 0.2)
    assert found["read"].endswith("with it student_temperature; left alone: temperature")


def test_several_files_are_one_run(tmp_path, capsys):
    for i, part in enumerate(np.split(LIVE, 4)):
        np.save(tmp_path / f"rank{i}.npy", part)
    arguments = ["--temperature", "0.04", "--json"]
    for given in ([str(tmp_path / "rank*.npy")], [str(tmp_path / f"rank{i}.npy") for i in range(4)]):
        assert main([*given, *arguments]) < 2
        found = json.loads(capsys.readouterr().out)
        assert "4 files" in found["read"]
        equal(
            found["measurements"]["teacher_information"],
            theory.diagnose(LIVE, temperature=0.04).measurements["teacher_information"],
            rtol=1e-9,
        )


def test_a_cluster_sums_up_shards_as_one_process_does(tmp_path):
    distributed = pytest.importorskip("distributed", reason="the group dask is not installed")
    for i, part in enumerate(np.array_split(LIVE, 3)):
        np.save(tmp_path / f"rank{i}.npy", part)
    knobs = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**knobs, protocol="tcp://") as cluster:
        address = cluster.scheduler_address
        found = theory.diagnose(tmp_path / "rank*.npy", scheduler=address, **KNOBS)
        with pytest.raises(ValueError, match="`scheduler` must go with the paths of files"):
            theory.diagnose(LIVE, scheduler=address, **KNOBS)
    agree(found, theory.diagnose(LIVE, **KNOBS), rtol=1e-6)


def test_a_scheduler_that_does_not_answer_is_told_in_a_line(tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed", reason="the group dask is not installed")
    monkeypatch.setattr("theory.diagnosis.shards.WAIT", 0.2)
    np.save(tmp_path / "a.npy", LIVE)
    arguments = [str(tmp_path / "a.npy"), "--temperature", "1", "--scheduler", "tcp://127.0.0.1:9"]
    assert main(arguments) == 2
    assert "`scheduler` tcp://127.0.0.1:9 does not answer" in capsys.readouterr().err


def test_a_scheduler_without_workers_is_told_in_a_line(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the group dask is not installed")
    monkeypatch.setattr("theory.diagnosis.shards.WAIT", 0.5)
    np.save(tmp_path / "a.npy", LIVE)
    with (
        distributed.LocalCluster(
            n_workers=0, processes=False, dashboard_address=None, protocol="tcp://"
        ) as cluster,
        pytest.raises(RuntimeError, match="has no worker: start one, dask worker tcp://"),
    ):
        theory.diagnose(tmp_path / "a.npy", temperature=1, scheduler=cluster.scheduler_address)


def test_one_file_may_hold_all_views_of_the_features(tmp_path, capsys):
    _, views = clustered()
    np.savez(tmp_path / "run.npz", logits=LIVE, features_2=views[1], features_1=views[0])
    for i, view in enumerate(views):
        np.save(tmp_path / f"view{i}.npy", view)
    knobs = ["--clusters", "16", "--like", "dino", "--json"]
    found = []
    for files in ([str(tmp_path / "run.npz")], [str(tmp_path / f"view{i}.npy") for i in range(2)]):
        assert main(["features", *files, *knobs]) < 2
        found.append(json.loads(capsys.readouterr().out)["measurements"])
    assert found[0] == found[1]
    assert main(["features", str(tmp_path / "view0.npy"), *knobs]) == 2
    assert "two or more views" in capsys.readouterr().err
