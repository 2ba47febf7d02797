"""Curves made from the theory, each with its verdict; and healthy ones that must not get it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theory

K = 64
TOP = math.log(K)
KNOBS = {"teacher_temperature": 0.04, "student_temperature": 0.1, "teacher_momentum": 0.99}


def noise(n, scale, seed=0):
    return scale * np.random.default_rng(seed).normal(size=n)


def healthy(n=2000, start=6.0, end=1.5):
    return end + (start - end) * np.exp(-np.arange(n) / (n / 8))


def turning(gain=0.02, momentum=0.985, n=20000):
    """A student of biases alone, in DINO's order, below a centre that is just too slow; and D4's period."""
    tau_s, tau_t, m_t = 0.1, 0.04, KNOBS["teacher_momentum"]
    w = 1e-3 * np.random.default_rng(0).normal(size=K)
    v, c, losses = w.copy(), np.zeros(K), np.empty(n)
    for t in range(n):
        r, log_q = np.exp((v - c) / tau_t), w / tau_s - np.log(np.exp(w / tau_s).sum())
        r /= r.sum()
        losses[t] = -r @ log_q
        c = momentum * c + (1 - momentum) * v
        w = w - gain * K * (np.exp(log_q) - r)
        v = m_t * v + (1 - m_t) * w
    found = theory.dynamics.center_stability(gain=gain, center_momentum=momentum, **KNOBS)
    return losses, float(found.period)


@pytest.mark.parametrize("scale", [0.0, 1e-4, 5e-3])
def test_uniform_is_called_within_its_noise(scale):
    found = theory.explain_loss(TOP + noise(500, scale), clusters=K)
    assert found.fate == "uniform collapse" and not found.healthy


def test_a_curve_that_comes_back_to_log_k_is_a_late_collapse():
    back = np.concatenate([healthy(1500), np.full(1000, TOP)]) + noise(2500, 5e-3)
    found = theory.explain_loss(back, clusters=K)
    assert found.fate == "late collapse" and not found.healthy


def test_zero_is_a_problem_only_where_nothing_constrains_the_teacher():
    curve = np.maximum(healthy(end=0.0), 1e-5)
    found_by = {name: theory.explain_loss(curve, clusters=K, teacher=name) for name in theory.TEACHERS}
    assert {found.fate for found in found_by.values()} == {"near zero"}
    assert [name for name, found in found_by.items() if not found.healthy] == ["unconstrained"]


def test_healthy_curves_are_not_called_collapsed():
    curve = healthy() + noise(2000, 0.05)
    for cut in (2000, int(np.abs(healthy() - TOP).argmin()) + 1):  # the end, and where it crosses log K
        found = theory.explain_loss(curve[:cut], clusters=K)
        assert found.healthy and found.fate not in ("uniform collapse", "late collapse")


def test_a_mean_of_log_k_that_scatters_is_not_uniform():
    assert theory.explain_loss(TOP + noise(500, 0.3), clusters=K).fate == "undecided"


def test_turns_are_seen_at_half_the_period_of_the_centre():
    losses, period = turning()
    losses = losses + noise(len(losses), 0.2 * losses[10000:].std(), seed=1)
    found = theory.explain_loss(
        losses, clusters=K, center_momentum=0.985, learning_rate=0.02 * K * 0.1, **KNOBS
    )
    assert found.measurements["swing_period_steps"] == pytest.approx(period / 2, rel=0.05)
    assert any(f.level == "problem" and f.claim == "D4" for f in found.findings)


def test_a_schedule_is_not_called_turning():
    curve = 1.5 + 0.2 * np.sin(2 * np.pi * np.arange(4000) / 200) + noise(4000, 0.02)
    for knobs in ({}, {"center_momentum": 0.9, "learning_rate": 0.01, **KNOBS}):
        found = theory.explain_loss(curve, clusters=K, **knobs)
        assert found.measurements["swing_period_steps"] == pytest.approx(200, rel=0.02)
        assert found.healthy


@pytest.mark.parametrize("seed", range(40))
def test_noise_and_random_walks_do_not_swing(seed):
    walk = 2.0 + np.abs(np.cumsum(noise(2000, 0.01, seed)))
    for curve in (walk, 2.0 + noise(2000, 0.1, seed)):
        assert "swing_period_steps" not in theory.explain_loss(curve, clusters=K).measurements


def test_a_fall_is_of_the_teacher_or_of_the_student():
    fall, flat = healthy(start=3.0, end=1.0), np.full(2000, 0.5)
    for entropy, level in ((fall, "warning"), (flat, "note")):
        found = theory.explain_loss(fall + flat, clusters=K, teacher_entropy=entropy)
        assert {f.level for f in found.findings if f.claim == "O2"} == {level}
        assert found.measurements["teacher_entropy_change"] == pytest.approx(
            -2.0 * math.exp(-0.4) if entropy is fall else 0, abs=0.02
        )


def test_resumed_runs_gaps_and_nan_are_met():
    steps = np.concatenate([np.arange(100), np.arange(50, 150), np.arange(900, 1000)])
    loss = np.concatenate([np.full(100, 9.0), np.full(200, TOP)])
    loss[120] = np.nan
    found = theory.explain_loss(loss, steps=steps, clusters=K)
    text = str(found)
    assert (
        found.fate == "uniform collapse"
        and "50 records" in text
        and "1 losses are NaN" in text
        and "in a row" in text
    )
    assert theory.explain_loss([3.0] * 20 + [np.nan] * 3, clusters=K).fate == "diverged"
    assert theory.explain_loss([TOP], clusters=K).fate == "undecided"


@given(st.integers(2, 2**20), st.integers(8, 400), st.integers(0, 99))
def test_only_a_flat_curve_at_log_k_is_uniform(clusters, n, seed):
    top = math.log(clusters)
    assert theory.explain_loss(np.full(n, top), clusters=clusters).fate == "uniform collapse"
    for off in (-0.3 * top, 0.3 * top):
        other = theory.explain_loss(top + off + noise(n, 0.01, seed), clusters=clusters)
        assert other.fate not in ("uniform collapse", "late collapse")


@pytest.mark.parametrize("bad", [{"clusters": 1}, {"steps": [1.0]}, {"kl": [1.0]}, {"center_momentum": 2.0}])
def test_bad_arguments_are_named(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        theory.explain_loss([1.0, 2.0], **({"clusters": 4} | bad))


@pytest.mark.parametrize(
    "factor, name", [(2.0, "2 log 64"), (16 / 18, "16/18 log 64"), (1 / math.log(2), "1/log 2")]
)
def test_a_plateau_at_a_multiple_of_log_k_may_be_uniform(factor, name):
    """A sum of two losses, a part of one, bits."""
    found = theory.explain_loss(np.full(200, factor * TOP), clusters=K)
    assert found.fate == "undecided"
    assert any(name in f.text and f.level == "warning" for f in found.findings)
    assert not any(f.level == "ok" or "looks at its input" in f.text for f in found.findings)


@pytest.mark.parametrize("options, factor", [
    ({"loss_is": "mean"}, 1.0), ({"loss_is": "sum of pairs", "pairs": 18}, 18.0),
    ({"loss_is": "part", "scale": 16 / 18}, 16 / 18),
])  # fmt: skip
def test_a_loss_of_known_scale_is_read_at_its_scale(options, factor):
    found = theory.explain_loss(np.full(200, factor * TOP), clusters=K, **options)
    assert found.fate == "uniform collapse"
    below = theory.explain_loss(np.full(200, factor * (TOP - 1)), clusters=K, teacher="projected", **options)
    assert any(f.level == "ok" and "looks at its input" in f.text for f in below.findings)
    unknown = theory.explain_loss(np.full(200, TOP - 1), clusters=K, teacher="projected")
    assert not any(f.level == "ok" or "looks at its input" in f.text for f in unknown.findings)


@pytest.mark.parametrize("options, message", [
    ({"loss_is": "sum"}, "`loss_is` must be one of mean, sum of pairs, part, got 'sum'"),
    ({"loss_is": "sum of pairs"}, "`pairs` must be given where `loss_is` is 'sum of pairs'"),
    ({"loss_is": "mean", "scale": 0.5}, "`scale` must be given where `loss_is` is 'part', and only there"),
    ({"loss_is": "part", "scale": 0.0}, "`scale` must be positive"),
])  # fmt: skip
def test_a_scale_that_does_not_fit_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        theory.explain_loss([1.0] * 9, clusters=K, **options)


def test_a_plateau_of_another_head_is_told_so():
    found = theory.explain_loss(np.full(200, math.log(4096)), clusters=65536, loss_is="mean")
    assert found.fate == "undecided"
    assert any("with 4096 clusters, not 65536" in f.text for f in found.findings)


def test_a_negative_loss_is_no_cross_entropy():
    found = theory.explain_loss(healthy() - 4.0, clusters=K, loss_is="mean")
    assert found.fate == "undecided"
    assert any("KoLeo or me-max" in f.text for f in found.findings)


@pytest.mark.claim("O5")
def test_the_entropy_of_the_teachers_mean_makes_the_loss_a_proof():
    for prior, level in ((2.0, "ok"), (1.0, "note"), (np.full(2000, 2.0), "ok")):
        found = theory.explain_loss(healthy(end=1.5), clusters=K, loss_is="mean", prior_entropy=prior)
        wanted = 0.5 if level == "ok" else -0.5
        assert found.measurements["margin"] == pytest.approx(wanted, abs=0.01)
        assert [
            f.level for f in found.findings if "H(r̄) − loss is" in f.text or "nats below what" in f.text
        ] == [level]


def test_a_late_rise_is_a_warm_up_where_the_teachers_entropy_rises():
    """τ_t warmed up: the teacher's entropy goes from .62 to 1.21, the KL stays."""
    rise = np.concatenate([np.full(1000, 0.62), np.linspace(0.62, 1.21, 1000)])
    loss = rise + 0.3 + 2.0 * np.exp(-np.arange(2000) / 100)
    logged = theory.explain_loss(loss, clusters=K, teacher_entropy=rise)
    assert any("a warm-up" in f.text for f in logged.findings)
    assert any("a warm-up of τ_t raises" in f.text for f in theory.explain_loss(loss, clusters=K).findings)
    assert not any("warm-up" in f.text for f in theory.explain_loss(healthy(), clusters=K).findings)


def test_clusters_in_turns_are_told_from_a_loss_that_comes_back_once_or_never():
    turns = np.tile(np.concatenate([np.full(80, 0.005), np.full(20, 0.9 * TOP)]), 6)
    found = theory.explain_loss(turns, clusters=K)
    assert (found.fate, found.healthy) == ("turning", False)
    assert found.measurements["steps_between_turns"] == 100
    for other in (turns[:150], np.maximum(turns, 0.3), np.minimum(turns, 0.4 * TOP)):
        assert theory.explain_loss(other, clusters=K).fate != "turning"


def test_the_numbers_read_off_a_curve_are_its_level_and_its_distance_from_log_k():
    found = theory.explain_loss(healthy(end=1.5), clusters=K).measurements
    assert found["final_loss"] == pytest.approx(1.5, abs=0.01)
    assert found["below_log_clusters"] == pytest.approx(TOP - found["final_loss"])
    assert found["lowest_loss"] <= found["final_loss"]
    assert (found["records"], found["log_clusters"]) == (2000, pytest.approx(TOP))
