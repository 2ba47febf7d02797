"""The report on a run: fates that were built on purpose, the numbers it quotes, and the command line."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import theory
from experiments.data.mixtures import Mixture
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from tests.claims.claim_table import ROOT
from tests.claims.ledger import equal
from theory.__main__ import KINDS, main

N, K = 256, 16
KNOBS = {"temperature": 0.04, "student_temperature": 0.1}


def noise(seed=0, scale=1.0, k=K):
    return scale * np.random.default_rng(seed).normal(size=(N, k))


def clustered(seed=0):
    """Teacher and student logits of two views that agree about K clusters, and the two views' features."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, K, N)
    centres = rng.normal(size=(K, 8))
    views = [centres[label] + 0.4 * rng.normal(size=(N, 8)) for _ in range(2)]
    return [0.3 * view @ centres.T for view in views], views


def levels(diagnosis, claim):
    return {finding.level for finding in diagnosis.findings if finding.claim == claim}


LIVE = clustered()[0][0]
UNIFORM = noise(scale=1e-5)
ONE = noise(scale=1e-5) + 4.0 * np.eye(K)[3]
CONSTANT = noise(scale=1e-5) + 0.05 * np.arange(K)


@pytest.mark.parametrize("teacher", ["none", "centering", "inverse_prior", "sinkhorn", "projected"])
@pytest.mark.parametrize(
    "logits, fate", [(UNIFORM, "uniform collapse"), (ONE, "one cluster"), (CONSTANT, "constant")]
)
def test_the_fate_of_a_constant_network_is_seen_through_every_constraint(logits, fate, teacher):
    """Constrained, all three come back as π [T8]: the raw teacher tells them apart."""
    found = theory.diagnose(logits, teacher=teacher, **KNOBS)
    assert found.fate == fate
    assert not found.healthy
    assert theory.diagnose(logits, student_logits=logits, teacher=teacher, **KNOBS).fate == fate


def test_a_bias_is_no_collapse_for_a_teacher_that_removes_it():
    (teacher, _), _ = clustered()
    bias = 30.0 * np.eye(K)[0]
    assert theory.diagnose(teacher + bias, teacher="none", **KNOBS).fate == "one cluster"
    assert theory.diagnose(teacher + bias, teacher="centering", **KNOBS).fate == "alive"


def test_a_live_run_is_told_so_and_with_what_proof():
    (teacher, student), views = clustered()
    momenta = {"teacher_momentum": 0.996, "center_momentum": 0.9}
    options = {"center": teacher.mean(0), "features": views} | momenta | KNOBS
    found = theory.diagnose(teacher, student_logits=student, **options)
    assert found.fate == "alive"
    assert found.healthy
    assert [levels(found, claim) for claim in ("O3", "O5", "D2", "D4")] == [{"ok"}] * 4


@pytest.mark.claim("O5")
def test_the_margin_is_the_entropy_of_the_teachers_prior_less_the_loss():
    (teacher, student), _ = clustered()
    found = theory.diagnose(teacher, student_logits=student, **KNOBS).measurements
    log_p = theory.log_softmax(teacher, temperature=0.04)
    log_r, log_q = theory.tilt(log_p, theory.centering_log_tilt(log_p)), theory.log_softmax(student, temperature=0.1)
    proof = theory.certificate(log_r, log_q)
    equal(found["margin"], proof.teacher_information - proof.kl, rtol=1e-10)
    equal(found["loss"], theory.evaluate(log_r, log_q).cross_entropy)
    logged = theory.diagnose(teacher, loss=found["loss"], **KNOBS).measurements
    equal(logged["margin"], found["margin"])


@pytest.mark.control("O5")
def test_a_loss_that_a_constant_reaches_proves_nothing():
    (teacher, _), _ = clustered()
    found = theory.diagnose(teacher, student_logits=UNIFORM, **KNOBS)
    assert found.fate == "uniform collapse"
    assert levels(found, "O5") == {"note"}
    assert found.measurements["margin"] <= 0


@pytest.mark.control("O2")
def test_a_loss_below_the_entropy_of_the_teacher_is_no_cross_entropy():
    (teacher, student), _ = clustered()
    numbers = theory.diagnose(teacher, student_logits=student, **KNOBS).measurements
    for loss in (0.0, 0.5 * numbers["teacher_entropy"]):
        found = theory.diagnose(teacher, loss=loss, **KNOBS)
        assert levels(found, "O2") == {"warning"}
        assert levels(found, "O5") == set()


def test_a_dead_half_of_a_pair_is_named():
    (teacher, student), _ = clustered()
    found = theory.diagnose(1e-5 * teacher, student_logits=student, **KNOBS)
    assert (found.fate, levels(found, "O3")) == ("alive", {"problem"})
    assert "lautum_information" not in found.measurements
    found = theory.diagnose(teacher, student_logits=1e-5 * student, **KNOBS)
    assert found.fate == "uniform collapse"
    assert "the teacher is alive" in found.findings[0].remedy


def test_a_student_of_shuffled_rows_is_worse_than_a_uniform_answer():
    (teacher, student), _ = clustered()
    shuffled = np.random.default_rng(1).permutation(student)
    found = theory.diagnose(teacher, student_logits=shuffled, **KNOBS)
    assert levels(found, "O5") == {"warning"}


@pytest.mark.parametrize("teacher", ["none", "centering", "projected"])
def test_remedies_do_not_repeat_what_the_run_does(teacher):
    (remedy,) = {
        finding.remedy
        for finding in theory.diagnose(CONSTANT, teacher=teacher, **KNOBS).findings
        if finding.level == "problem"
    }
    assert ("constrain" in remedy) == (teacher == "none")
    assert "faster centre" not in remedy
    assert "sharpen" not in remedy
    warm = theory.diagnose(CONSTANT, temperature=0.2, student_temperature=0.1).findings
    assert any("sharpen" in finding.remedy for finding in warm)


def test_a_skewed_target_that_is_met_is_no_fault():
    (teacher, _), _ = clustered()
    log_target = np.log(np.array([0.4, 0.3, 0.29] + [0.01 / (K - 3)] * (K - 3)))
    found = theory.diagnose(teacher, teacher="projected", log_target=log_target, **KNOBS)
    assert levels(found, "T8") == set()


def test_a_loss_of_log_k_is_recognised():
    found = theory.diagnose(noise(scale=1e-5, k=4096), loss=8.3178, **KNOBS)
    assert found.fate == "uniform collapse"
    assert any("log 4096" in finding.text for finding in found.findings)


def test_prices_are_those_of_the_functions():
    (teacher, _), _ = clustered()
    found = theory.diagnose(teacher, **KNOBS).measurements
    log_p = theory.log_softmax(teacher, temperature=0.04)
    exact = np.exp(theory.project(log_p).log_r)
    centred = np.exp(theory.tilt(log_p, theory.centering_log_tilt(log_p)))
    equal(found["lautum_information"], theory.lautum_information(log_p))
    equal(found["gap_oscillation"], np.ptp(theory.jensen_gap(log_p)))
    equal(found["teacher_to_exact_tv"], found["batch_centred_to_exact_tv"])
    equal(found["batch_centred_to_exact_tv"], 0.5 * np.abs(centred - exact).sum(1).mean())
    equal(found["crossing_batch_size"], theory.teacher_crossing_batch_size(log_p))


def test_the_centre_that_is_given_is_the_one_that_is_used():
    (teacher, _), _ = clustered()
    own = theory.diagnose(teacher, **KNOBS).measurements
    mean = theory.diagnose(teacher, center=teacher.mean(0), **KNOBS).measurements
    for name, value in own.items():
        equal(mean[name], value, rtol=1e-9, atol=1e-9)
    lagging = theory.diagnose(teacher, center=teacher.mean(0) + 2.0 * np.eye(K)[0], **KNOBS)
    assert lagging.measurements["teacher_off_target_tv"] > own["teacher_off_target_tv"]
    assert lagging.measurements["teacher_to_exact_tv"] > own["teacher_to_exact_tv"]
    equal(lagging.measurements["center_lag_temperatures"], 2.0 / 0.04, rtol=1e-9)
    assert levels(lagging, "D4") == {"warning"}


def test_a_lagging_centre_is_the_knob_that_is_named():
    (teacher, _), _ = clustered()
    knobs = KNOBS | {"teacher_momentum": 0.996, "center_momentum": 0.9999, "center": teacher.mean(0)}
    assert levels(theory.diagnose(teacher, **knobs), "D4") == {"warning"}
    rates = {rate: theory.diagnose(teacher, learning_rate=rate, **knobs) for rate in (1e-6, 0.1)}
    assert levels(rates[1e-6], "D4") == {"ok"}
    assert levels(rates[0.1], "D4") == {"problem"}
    assert levels(theory.diagnose(teacher, **(knobs | {"center_momentum": 0.99})), "D4") == {"ok"}
    assert levels(theory.diagnose(teacher, **(knobs | {"teacher_momentum": 1.0})), "D4") == {"note"}


def test_an_overshooting_student_is_not_blamed_on_the_centre():
    (teacher, _), _ = clustered()
    knobs = KNOBS | {"teacher_momentum": 0.996, "center_momentum": 0.9, "center": teacher.mean(0)}
    limit = 2 * K * 0.1**2
    assert levels(theory.diagnose(teacher, learning_rate=0.9 * limit, **knobs), "D4") == {"ok"}
    found = theory.diagnose(teacher, learning_rate=1.1 * limit, **knobs)
    assert levels(found, "D4") == {"problem"}
    assert "overshoots" in found.findings[0].text
    radii = [
        theory.dynamics.center_stability(
            gain=share * limit / (K * 0.1),
            teacher_momentum=0.996,
            center_momentum=0.9,
            student_temperature=0.1,
            teacher_temperature=0.04,
        ).spectral_radius
        for share in (0.9, 1.1)
    ]
    assert radii[0] < 1 < radii[1]


def test_without_a_moving_centre_the_student_alone_may_overshoot():
    (teacher, _), _ = clustered()
    limit = 2 * K * 0.1**2
    for share, found_levels in ((0.9, set()), (1.1, {"problem"})):
        found = theory.diagnose(teacher, teacher="inverse_prior", learning_rate=share * limit, **KNOBS)
        assert levels(found, "D4") == found_levels
        assert ("overshoots along" in found.findings[0].text) is bool(found_levels)


def test_a_student_past_its_goal_is_judged_by_the_map_itself():
    """Between α = 1 and 2 a centre that is enough below may be too slow; above 2 some hold the student."""
    (teacher, _), _ = clustered()
    goal = K * 0.1**2
    for share, temperature, m_t, m_c, level in (
        (0.9, 0.04, 0.7, 0.347, "ok"),
        (1.9, 0.04, 0.7, 0.347, "problem"),
        (2.2, 0.1 / 1.33, 0.57, 0.034, "ok"),
    ):
        knobs = {"temperature": temperature, "student_temperature": 0.1, "center": teacher.mean(0)}
        knobs |= {"teacher_momentum": m_t, "center_momentum": m_c}
        found = theory.diagnose(teacher, learning_rate=share * goal, **knobs)
        assert levels(found, "D4") == {level}
        assert (found.measurements["center_spectral_radius"] < 1) is (level == "ok")


@pytest.mark.control("D2")
def test_independent_features_are_told_from_learnable_ones():
    """M samples of D features correlate by chance; what shuffled rows show does not count."""
    rng = np.random.default_rng(0)
    for samples in (60, 300, 2000):
        views = [rng.normal(size=(samples, 40)) for _ in range(2)]
        found = theory.diagnose(LIVE, features=views, **KNOBS)
        assert found.measurements["growing_directions"] <= 1
        assert "ok" not in levels(found, "D2") or found.measurements["growing_directions"] == 1
    shared = rng.normal(size=(2000, 5))
    views = [np.hstack([shared, np.zeros((2000, 35))]) + 0.5 * rng.normal(size=(2000, 40)) for _ in range(2)]
    assert theory.diagnose(LIVE, features=views, **KNOBS).measurements["growing_directions"] == 5


@pytest.mark.claim("D2", "D3")
def test_features_that_do_not_survive_the_views_are_the_knob_that_is_named():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(4000, 3))
    views = [shared * [1.0, 0.5, 0.1] + rng.normal(size=(4000, 3)) for _ in range(2)]  # r = 0.5, 0.2, 0.01
    grow = {ratio: {"temperature": 0.1 * ratio, "student_temperature": 0.1} for ratio in (0.1, 0.4, 0.7)}
    found = {ratio: theory.diagnose(UNIFORM, features=views, **knobs) for ratio, knobs in grow.items()}
    assert [found[ratio].measurements["growing_directions"] for ratio in grow] == [2, 1, 0]
    equal(found[0.4].measurements["largest_correlation"], 0.5, rtol=0.1)
    assert "problem" in levels(found[0.7], "D3")
    (teacher, _), _ = clustered()
    assert "problem" not in levels(theory.diagnose(teacher, features=views, **grow[0.7]), "D3")


def test_an_unsharpened_teacher_is_a_problem():
    (teacher, _), _ = clustered()
    assert levels(theory.diagnose(teacher, temperature=0.1, student_temperature=0.1), "D2") >= {"problem"}


def test_trained_runs_get_the_fate_that_they_have():
    """A warm and a sharp teacher on one mixture, from the networks' own logits of held-out views."""
    options = {"center_momentum": None, "learning_rate": 0.01}
    warm = Variant(name="uniform collapse", kind="centering", teacher_temperature=0.2, **options)
    sharp = Variant(name="alive", kind="inverse_prior", teacher_temperature=0.04, **options)
    source, architecture = Mixture().source([0, 1]), Architecture(clusters=4, hidden=(16,))
    trained = train(source, architecture, [warm, sharp], Training(steps=600, batch_size=64, records=2))
    views = source.held_out(512, views=2).views
    teacher, student = (
        architecture.logits(weights, views[:, v]).detach()
        for v, weights in enumerate((trained.teacher, trained.student))
    )
    for a, variant in enumerate((warm, sharp)):
        for seed in range(2):
            found = theory.diagnose(
                teacher[a, seed],
                temperature=variant.teacher_temperature,
                teacher=variant.kind,
                student_logits=student[a, seed],
                student_temperature=0.1,
            )
            assert found.fate == variant.name


def test_torch_tensors_with_gradients_are_read_and_left_alone():
    (teacher, student), _ = clustered()
    tensors = [torch.tensor(z, dtype=torch.float32, requires_grad=True) for z in (teacher, student)]
    found = theory.diagnose(tensors[0], student_logits=tensors[1], **KNOBS)
    expected = theory.diagnose(teacher, student_logits=student, **KNOBS)
    assert found.fate == expected.fate
    equal(found.measurements["loss"], expected.measurements["loss"], rtol=1e-5)
    assert tensors[0].grad is None


def test_exact_zeros_are_reported_not_repaired():
    (teacher, _), _ = clustered()
    teacher[0, 0] = -np.inf
    found = theory.diagnose(teacher, teacher="inverse_prior", **KNOBS)
    assert levels(found, "J1") == {"note"}
    assert "lautum_information" not in found.measurements


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"temperature": 0.0}, ValueError, "`temperature` must be positive"),
        ({"logits": LIVE[0]}, ValueError, r"`logits` must have shape \[N, K\], got \(16,\)"),
        ({"logits": LIVE * np.nan}, ValueError, "`logits` must not contain NaN"),
        ({"logits": LIVE.astype(complex)}, TypeError, "`logits` must hold real numbers, got dtype complex"),
        ({"teacher": "dino"}, ValueError, "`teacher` must be one of none, .*, got 'dino'"),
        ({"center": np.zeros(3)}, ValueError, r"`center` must match the clusters of `logits`"),
        ({"center": np.zeros(K), "teacher": "none"}, ValueError, "`center` must be None for teacher 'none'"),
        ({"student_logits": LIVE[:5]}, ValueError, "`student_logits` must have the shape of `logits`"),
        (
            {"student_temperature": None, "student_logits": LIVE},
            ValueError,
            "`student_temperature` must be given with `student_logits`",
        ),
        (
            {"center_momentum": 0.9},
            ValueError,
            "`center_momentum` and `teacher_momentum` must be given together",
        ),
        ({"loss": -1.0}, ValueError, r"`loss` must be finite and at least 0, got -1"),
        ({"features": [LIVE]}, ValueError, r"`features` must be two or more views .* got \(256, 16\)"),
        ({"features": [LIVE, LIVE[:9]]}, ValueError, r"`features` must be .* got \(256, 16\), \(9, 16\)"),
        ({"features": 5}, TypeError, "`features` must be two or more views .* got int"),
        ({"features": []}, ValueError, "`features` must be two or more views .* got none"),
        ({"features": [1e200 * LIVE, LIVE]}, ValueError, "`features` must have finite squares, got "),
        ({"student_temperature": "a"}, TypeError, "`student_temperature` must be a number, got str"),
        (
            {"student_temperature": 0.0},
            ValueError,
            "`student_temperature` must be positive and finite, got 0",
        ),
        ({"loss": np.inf}, ValueError, "`loss` must be finite and at least 0, got inf"),
        (
            {"teacher": "projected", "teacher_momentum": 5, "center_momentum": 0.9},
            ValueError,
            r"`teacher_momentum` must be in \[0, 1\], got 5",
        ),
        ({"logits": LIVE[:1]}, ValueError, "`logits` must hold at least 2 samples, got 1"),
        ({"logits": np.full((4, 4), 0.25)}, ValueError, "`logits` must be raw outputs, got probabilities"),
        ({"logits": np.where(np.arange(K) == 2, -np.inf, LIVE)}, ValueError, "got only -inf in cluster 2"),
        (
            {"log_target": np.full(3, -np.log(3))},
            ValueError,
            "`log_target` must match the clusters of `logits`",
        ),
        (
            {"learning_rate": -1.0, "center_momentum": 0.9, "teacher_momentum": 0.99},
            ValueError,
            "`learning_rate` must be positive",
        ),
    ],
)
def test_garbage_is_named(arguments, error, message):
    given = {"logits": LIVE, **KNOBS} | arguments
    with pytest.raises(error, match=message):
        theory.diagnose(given.pop("logits"), **given)


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
    assert out.startswith("fate: alive")
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
        (["empty.npy", "--temperature", "1"], "empty.npy must be a .npy or .npz file of plain numbers"),
        (["broken.npz", "--temperature", "1"], "broken.npz must be a .npy or .npz file of plain numbers"),
        (["packed.npz", "--temperature", "1"], "packed.npz must be a .npy or .npz file of plain numbers"),
        ([".", "--temperature", "1"], ". is not a file"),
        (["run.pt", "--temperature", "1"], "got a file of PyTorch"),
        (["odd.npz", "--temperature", "1"], "holds `studnet`, which is none of logits, student_logits"),
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
    assert done.returncode == 1 and done.stdout.startswith("fate: uniform collapse") and done.stderr == ""


def test_half_precision_logits_are_diagnosed():
    found = theory.diagnose(torch.tensor(LIVE).bfloat16(), **KNOBS)
    assert found.fate == "alive"


def test_every_published_system_has_a_kind():
    assert {convention.teacher for convention in theory.systems.SYSTEMS.values()} <= KINDS.keys()
