"""The teachers of published systems against their algorithms, step by step, in the numbers they work on."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import theory
from tests.claims.ledger import at_most, equal
from tests.support import calls
from tests.support.strategies import ensembles

SINKHORNS = [theory.systems.dinov2, theory.systems.msn]
rounds_ = st.integers(1, 5)
few = ensembles(reach=4.0, samples=(2, 9))
plain = ensembles(batch=False, samples=(2, 9))


def published_rounds(q, rounds, pi):
    """A positive matrix [N, K] divided by clusters, then samples, `rounds` times; rows end with sum 1."""
    q = q.T / q.sum()
    for _ in range(rounds):
        q = q / q.sum(axis=1, keepdims=True) * pi[:, None]
        q = q / q.sum(axis=0, keepdims=True) / q.shape[1]
    return q.T * q.shape[1]


def call(case, teacher, logits=None, **settings):
    logits = case.logits if logits is None else logits
    return case.call(teacher, logits, weights=case.weights, log_target=case.log_target, **settings)


# -- each teacher is the published algorithm --


@given(plain, rounds_)
def test_dinov2_and_swav_are_sinkhorn_on_exponentials(case, rounds):
    want = published_rounds(np.exp(case.logits / case.temperature), rounds, case.pi)
    knobs = {"rounds": rounds, "log_target": case.log_target}
    got = case.call(theory.systems.dinov2, case.logits, temperature=case.temperature, **knobs)
    equal(np.exp(got), want)
    assert np.array_equal(got, case.call(theory.systems.swav, case.logits, epsilon=case.temperature, **knobs))


@given(plain, rounds_)
def test_msn_is_sinkhorn_on_sharpened_probabilities(case, rounds):
    soft = np.exp(case.logits / 0.5)
    sharp = (soft / soft.sum(axis=1, keepdims=True)) ** (0.5 / case.temperature)
    want = published_rounds(sharp / sharp.sum(axis=1, keepdims=True), rounds, case.pi)
    knobs = {"rounds": rounds, "log_target": case.log_target}
    equal(np.exp(case.call(theory.systems.msn, case.logits, temperature=case.temperature, **knobs)), want)


@given(plain)
def test_one_round_on_exponentials_is_the_softmax_over_the_batch(case):
    columns = np.exp(case.logits / case.temperature)
    columns = case.pi * columns / columns.sum(axis=0)
    want = columns / columns.sum(axis=1, keepdims=True)
    one = {"temperature": case.temperature, "log_target": case.log_target}
    equal(np.exp(case.call(theory.systems.dinov2, case.logits, rounds=1, **one)), want)
    log_tilt = case.call(theory.batch_softmax_log_tilt, case.logits, **one)
    equal(np.exp(case.call(theory.tilt, case.log_p, log_tilt)), want)


@given(ensembles(batch=False, reach=1.0, samples=(2, 9), uniform=True), st.floats(0.5, 4.0))
def test_sela_scales_powers_of_probabilities_until_both_sides_agree(case, sharpness):
    soft = np.exp(case.logits)
    power = ((soft / soft.sum(axis=1, keepdims=True)) ** sharpness).T
    k, n = power.shape
    samples = np.full((n, 1), 1 / n)
    for _ in range(500):  # κ ≤ tanh²(2): far below the tolerance
        clusters = 1 / k / (power @ samples)
        samples = 1 / n / (power.T @ clusters)
    want = (clusters * power * samples.T).T * n
    equal(
        np.exp(case.call(theory.systems.sela, case.logits, sharpness=sharpness, tol=1e-12)), want, atol=1e-9
    )


@given(plain, st.floats(0.0, 0.999), st.integers(1, 5), st.data())
@pytest.mark.claim("J3")
def test_dino_applies_the_old_centre_and_then_moves_it(case, momentum, batches, data):
    """Beside the tilts by minus the moving average of log G."""
    logits = data.draw(arrays(np.float64, (batches, *case.logits.shape), elements=st.floats(-6.0, 6.0)))
    centre, log_g = (np.zeros(case.logits.shape[-1]) for _ in range(2))
    for z in logits:
        q = np.exp((z - centre) / case.temperature)
        log_r = case.call(theory.systems.dino, z, centre, temperature=case.temperature)
        equal(np.exp(log_r), q / q.sum(axis=1, keepdims=True))
        log_p = theory.log_softmax(z, temperature=case.temperature)
        off = 8e-15 * (1 + (np.abs(z).max() + np.abs(centre).max()) / case.temperature)
        equal(case.call(theory.tilt, log_p, -log_g), log_r, rtol=0.0, atol=off)
        moved = momentum * centre + (1 - momentum) * case.mean(z)
        centre = case.call(theory.systems.update_center, centre, z, momentum=momentum, weights=case.weights)
        equal(centre, moved)
        log_g = momentum * log_g + (1 - momentum) * case.weighted(theory.log_prior, log_p, order=0.0)


@pytest.mark.control("J3")
def test_a_centre_moved_before_it_is_applied_is_not_dinos():
    logits, centre = np.array([[3.0, 0.0, 1.0], [1.0, 0.5, 0.0]]), np.array([1.0, 0.0, -1.0])
    late, early = (
        theory.systems.dino(logits, c) for c in (centre, theory.systems.update_center(centre, logits))
    )
    assert np.abs(np.exp(late) - np.exp(early)).max() > 0.1


def test_a_centre_that_forgets_everything_is_the_batchs_own():
    logits = calls.operands(batch=(2,))["logits"]
    centre = theory.systems.update_center(np.zeros(4), logits, momentum=0.0)
    log_p = theory.log_softmax(logits, temperature=0.5)
    equal(
        theory.systems.dino(logits, centre, temperature=0.5),
        theory.tilt(log_p, theory.centering_log_tilt(log_p)),
    )


@given(few)
def test_a_weight_of_two_is_a_sample_counted_twice(case):
    logits, n = case.logits, case.logits.shape[-2]
    twice = np.concatenate([logits, logits[..., :1, :]], axis=-2)
    weights = np.array([2.0] + [1.0] * (n - 1)) / (n + 1)
    for teacher in (theory.systems.dinov2, theory.systems.msn, theory.systems.swav):
        equal(case.call(teacher, logits, weights=weights), case.call(teacher, twice)[..., :n, :], atol=1e-10)
    centre = np.zeros(logits.shape[-1])
    equal(
        case.call(theory.systems.update_center, centre, logits, weights=weights),
        case.call(theory.systems.update_center, centre, twice),
    )


# -- what Sinkhorn ignores, and where it ends --


@given(few, rounds_, st.data())
@pytest.mark.claim("T6")
def test_each_sinkhorn_ignores_one_side_of_the_logits_at_any_round(case, rounds, data):
    bias = data.draw(arrays(np.float64, case.logits.shape[-1:], elements=st.floats(-20.0, 20.0)))
    shift = data.draw(arrays(np.float64, case.logits.shape[:-1], elements=st.floats(-20.0, 20.0)))
    knobs = {"temperature": case.temperature, "rounds": rounds}
    biased, shifted = case.logits + bias, case.logits + shift[..., None]
    equal(
        call(case, theory.systems.dinov2, biased, **knobs),
        call(case, theory.systems.dinov2, **knobs),
        atol=1e-10,
    )
    equal(
        call(case, theory.systems.msn, shifted, **knobs), call(case, theory.systems.msn, **knobs), atol=1e-10
    )


@given(ensembles(reach=2.0), st.data())
@pytest.mark.claim("T6")
def test_the_converged_teacher_ignores_both_sides(case, data):
    bias = data.draw(arrays(np.float64, case.logits.shape[-1:], elements=st.floats(-3.0, 3.0)))
    shift = data.draw(arrays(np.float64, case.logits.shape[:-1], elements=st.floats(-3.0, 3.0)))
    r = [
        np.exp(call(case, theory.systems.sela, z, sharpness=2.0, tol=1e-12))
        for z in (case.logits, case.logits + bias + shift[..., None])
    ]
    equal(*r, atol=1e-9)


@pytest.mark.control("T6")
def test_neither_sinkhorn_ignores_the_other_side_after_three_rounds():
    logits = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 2.0], [1.0, 0.5, 0.0]])
    for teacher, moved in (
        (theory.systems.dinov2, logits + np.array([[3.0], [0.0], [0.0], [0.0]])),
        (theory.systems.msn, logits + np.array([3.0, 0.0, 0.0])),
    ):
        r = [np.exp(teacher(z, temperature=0.5)) for z in (logits, moved)]
        assert np.abs(r[0] - r[1]).max() > 0.02


@given(ensembles(samples=(2, 6), reach=2.0, temperatures=(0.5, 4.0)), st.integers(2, 6))
@pytest.mark.claim("T5")
def test_both_sinkhorns_contract_towards_the_projection(case, rounds):
    """log r of two tilts differ by their λ and a constant per sample, so their osc is that of λ_t − λ*."""
    exact = case.project(tol=1e-13).log_r
    kappa = case.call(theory.sinkhorn_contraction, case.log_p)[..., None]
    for teacher in SINKHORNS:
        first, last = (
            np.ptp(call(case, teacher, temperature=case.temperature, rounds=t) - exact, axis=-1)
            for t in (1, rounds)
        )
        at_most(last, kappa ** (rounds - 1) * first, slack=1e-9)


@given(ensembles(samples=(2, 6), reach=2.0, temperatures=(2.0, 4.0)))
@pytest.mark.claim("T5")
def test_msn_dinov2_and_sela_meet_in_the_limit(case):
    exact = np.exp(call(case, theory.systems.sela, sharpness=1.0 / case.temperature, tol=1e-12))
    equal(exact, np.exp(case.project(tol=1e-12).log_r), atol=1e-9)
    for teacher in SINKHORNS:
        log_r = call(case, teacher, temperature=case.temperature, rounds=25)  # κ ≤ tanh²(½)
        equal(np.exp(log_r), exact, atol=1e-9)


@pytest.mark.control("T5")
def test_three_rounds_at_the_published_temperature_are_not_the_limit():
    logits = np.random.default_rng(0).standard_normal((16, 8))
    exact = np.exp(theory.systems.sela(logits))
    for teacher in SINKHORNS:
        r = np.exp(teacher(logits, temperature=0.04))
        equal(r.sum(axis=1), np.ones(16))
        assert np.abs(r.mean(axis=0) - 1 / 8).max() > 0.01
        assert np.abs(r - exact).max() > 0.1


# -- the published settings --


def test_systems_name_their_teachers_and_the_temperatures_these_begin_at():
    knob = {"dino": "temperature", "dinov2": "temperature", "swav": "epsilon", "msn": "temperature"}
    knob["capi"] = "temperature"
    for name, system in theory.systems.SYSTEMS.items():
        defaults = inspect.signature(getattr(theory.systems, system.function)).parameters
        if system.function == "sela":
            assert system.teacher_temperature == 1.0 / defaults["sharpness"].default
        else:
            assert system.teacher_temperature == defaults[knob[system.function]].default, name
        moves = inspect.signature(theory.systems.update_center).parameters["momentum"].default
        assert system.center_momentum == (moves if system.function == "dino" else 0.0), name
        assert system.teacher_temperature <= system.final_teacher_temperature, name
        assert system.final_teacher_temperature <= system.student_temperature, name
        assert 0.0 <= system.teacher_momentum < 1.0, name
        assert system.clusters >= 2, name
        assert system.source, name
        assert system.teacher in theory.TEACHERS, name
        assert theory.TEACHERS[system.teacher].in_logits == (system.center_momentum > 0), name


def test_systems_cannot_be_changed():
    with pytest.raises(TypeError):
        theory.systems.SYSTEMS["dino"] = None
    with pytest.raises(AttributeError):
        theory.systems.SYSTEMS["dino"].clusters = 2
    assert [f.name for f in fields(theory.systems.System) if not f.kw_only] == []
