"""The table of teachers: each row makes the teacher it says, ignores and averages what it says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import theory
from tests.claims.ledger import at_most, equal
from tests.support.strategies import ensembles, fixed
from theory.checks import Ensemble, check_ensemble
from theory.ensembles import power_mean_kernel
from theory.teachers import Batch

TEACHERS = list(theory.TEACHERS.values())
GIVEN = {"power_mean": {"order": 0.5}, "sinkhorn": {"rounds": 3}}
FUNCTIONS = {
    "centering": theory.centering_log_tilt,
    "inverse_prior": theory.inverse_prior_log_tilt,
    "power_mean": theory.power_mean_log_tilt,
    "cumulant": theory.cumulant_log_tilt,
    "sinkhorn": theory.sinkhorn_log_tilt,
    "projected": lambda log_p, **knobs: theory.project(log_p, **knobs).log_tilt,
}
every = pytest.mark.parametrize("teacher", TEACHERS, ids=theory.TEACHERS)
few = ensembles(reach=4.0, samples=(2, 9))


def of(case, teacher, logits=None, *, log_tilt=False, **changed):
    """log r of a case's logits, or λ."""
    knobs = {"temperature": case.temperature, "weights": case.weights, "log_target": case.log_target}
    logits = case.logits if logits is None else logits
    function = teacher.log_tilt if log_tilt else teacher
    return case.call(function, logits, **knobs | GIVEN.get(teacher.name, {}) | changed)


def checked(case, logits):
    """The batch of checked arrays that a training loop builds."""
    log_p = theory.log_softmax(logits, temperature=case.temperature)
    weights = None if case.weights is None else case.weights
    return Batch(logits, case.temperature, check_ensemble(log_p, weights, case.log_target))


def settings(teacher):
    return teacher.check_settings(**{"order": None, "rounds": None} | GIVEN.get(teacher.name, {}))


@every
@given(few)
def test_a_teacher_is_the_tilt_by_its_own_log_tilt(teacher, case):
    log_tilt = of(case, teacher, log_tilt=True)
    equal(of(case, teacher), case.call(theory.tilt, case.log_p, log_tilt), atol=1e-10)


def _named(teacher):
    return getattr(teacher, "name", None)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(few)
def test_the_table_and_the_function_of_log_p_are_one_teacher(name, case):
    given_ = GIVEN.get(name, {})
    log_r, _ = case.teacher(FUNCTIONS[name], **given_)
    equal(np.exp(of(case, theory.TEACHERS[name])), np.exp(log_r), atol=1e-8)


@given(few)
def test_softmax_over_the_batch_is_its_function_of_logits(case):
    knobs = {"weights": case.weights, "log_target": case.log_target, "temperature": case.temperature}
    want = case.call(theory.batch_softmax_log_tilt, case.logits, **knobs)
    equal(of(case, theory.TEACHERS["batch_softmax"], log_tilt=True), want)


@every
@given(few)
def test_log_probabilities_are_logits_of_temperature_one(teacher, case):
    """But for what e^{z/τ} adds to p in the softmax over the batch: on log p it is the inverse prior."""
    same = theory.TEACHERS["inverse_prior"] if "sample shift" not in teacher.ignores else teacher
    knobs = {"weights": case.weights, "log_target": case.log_target}
    got = case.call(teacher, case.log_p, **knobs | GIVEN.get(teacher.name, {}))
    equal(np.exp(got), np.exp(of(case, same)), atol=1e-8)


@every
@given(few, st.data())
@pytest.mark.claim("T6")
def test_each_teacher_ignores_what_the_table_says(teacher, case, data):
    moves = {
        "sample shift": data.draw(
            arrays(np.float64, (*case.logits.shape[:-1], 1), elements=st.floats(-9, 9))
        ),
        "cluster bias": data.draw(arrays(np.float64, case.logits.shape[-1:], elements=st.floats(-9, 9))),
    }
    for what in teacher.ignores:
        moved = of(case, teacher, case.logits + moves[what])
        equal(np.exp(moved), np.exp(of(case, teacher)), atol=1e-7)


@every
@pytest.mark.control("T6")
def test_each_teacher_answers_to_what_the_table_does_not_name(teacher):
    case = fixed([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0], [0.0, 0.3, 1.5], [1.0, -1.0, 0.2]], temperature=0.5)
    moves = {
        "sample shift": np.array([[3.0], [0.0], [-1.0], [1.0]]),
        "cluster bias": np.array([1.5, 0.0, -0.5]),
    }
    for what in moves.keys() - teacher.ignores:
        moved = of(case, teacher, case.logits + moves[what])
        assert np.abs(np.exp(moved) - np.exp(of(case, teacher))).max() > 1e-3, what


@every
@given(ensembles(batch=False, samples=(2, 9)))
@pytest.mark.claim("T8")
def test_a_constant_output_comes_back_as_the_target_where_the_table_says_constrained(teacher, case):
    constant = np.repeat(case.logits[:1], len(case.logits), axis=0)
    r = np.exp(of(case, teacher, constant))
    want = (
        case.pi if teacher.constrained else np.exp(theory.log_softmax(constant, temperature=case.temperature))
    )
    equal(r, np.broadcast_to(want, r.shape), atol=1e-8)


@every
@pytest.mark.control("T8")
def test_only_exact_teachers_meet_the_target_on_any_batch(teacher):
    case = fixed([[4.0, 0.0, 0.0], [2.0, 1.0, 0.0], [3.0, 0.0, 1.0]], log_target=np.log([0.2, 0.3, 0.5]))
    off = np.abs(np.exp(theory.log_prior(of(case, teacher))) - case.pi).sum()
    assert (off < 1e-8) == teacher.exact


@every
@given(few)
def test_log_tilt_and_statistic_say_the_same(teacher, case):
    batch, given_ = checked(case, case.logits), settings(teacher)
    statistic = teacher.statistic_of(batch, given_)
    applied = teacher.applied(statistic, case.temperature, batch.ensemble.log_target)
    equal(applied, teacher.log_tilt_of(batch, given_), atol=1e-9)


@pytest.mark.parametrize("teacher", [t for t in TEACHERS if t.pools], ids=_named)
@given(ensembles(batch=False, samples=(4, 9), uniform=True), st.data())
def test_the_statistic_of_two_batches_is_the_mean_of_theirs(teacher, case, data):
    cut = data.draw(st.integers(1, len(case.logits) - 1))
    case = fixed(case.logits, temperature=case.temperature)
    given_ = settings(teacher)
    parts = [teacher.statistic_of(checked(case, z), given_) for z in (case.logits[:cut], case.logits[cut:])]
    shares = np.array([cut, len(case.logits) - cut]) / len(case.logits)
    pooled = power_mean_kernel(np.stack(parts), shares, teacher.order_of_average(given_), np)
    equal(pooled, teacher.statistic_of(checked(case, case.logits), given_), atol=1e-9)


@pytest.mark.parametrize("teacher", [t for t in TEACHERS if t.constrained and not t.pools], ids=_named)
def test_the_statistics_of_other_teachers_do_not_pool(teacher):
    case = fixed([[3.0, 0.0, 1.0], [2.0, 0.5, 0.0], [0.0, 2.0, 0.0], [0.0, 0.5, 4.0]])
    given_ = settings(teacher)
    parts = [teacher.statistic_of(checked(case, z), given_) for z in (case.logits[:2], case.logits[2:])]
    difference = np.mean(parts, axis=0) - teacher.statistic_of(checked(case, case.logits), given_)
    assert np.ptp(difference) > 0.05


@every
def test_a_uniform_network_has_the_statistic_that_averages_begin_with(teacher):
    case = fixed(np.zeros((3, 4)))
    statistic = teacher.statistic_of(checked(case, case.logits), settings(teacher))
    equal(statistic, np.full(4, 0.0 if teacher.of_scores else -math.log(4)), atol=1e-12)


@every
@given(few)
def test_even_weights_are_those_left_out(teacher, case):
    ensemble = checked(case, case.logits).ensemble
    even = np.full(case.logits.shape[-2], 1.0 / case.logits.shape[-2])
    plain = Batch(
        case.logits, case.temperature, Ensemble(ensemble.log_p, even, ensemble.log_target, ensemble.xp)
    )
    given_ = settings(teacher)
    equal(
        teacher.statistic_of(plain, given_),
        teacher.statistic_of(plain._replace(even=True), given_),
        atol=1e-12,
    )


@every
def test_a_setting_is_asked_for_where_it_is_needed_and_nowhere_else(teacher):
    logits = np.zeros((3, 4))
    for name, value in (("order", 2.0), ("rounds", 2)):
        right = {key: x for key, x in GIVEN.get(teacher.name, {}).items() if key != name}
        wrong = right if name in teacher.settings else right | {name: value}
        with pytest.raises(
            ValueError, match=rf"^`{name}` must be given for teacher '.*' and for no other, got"
        ):
            teacher(logits, **wrong)


def test_settings_are_checked():
    logits = np.zeros((3, 4))
    with pytest.raises(ValueError, match=r"^`rounds` must be at least 1, got 0"):
        theory.TEACHERS["sinkhorn"](logits, rounds=0)
    with pytest.raises(ValueError, match=r"^`order` must be a number or ±inf, got nan"):
        theory.TEACHERS["power_mean"](logits, order=math.nan)


@every
def test_a_cluster_without_mass_is_named(teacher):
    logits = np.array([[0.0, -np.inf, 0.0], [0.0, -np.inf, 1.0]])
    with pytest.raises(
        ValueError, match=r"^`logits` must have a finite entry of positive weight in every cluster"
    ):
        teacher(logits, **GIVEN.get(teacher.name, {}))


@pytest.mark.parametrize("name", ["centering", "cumulant"])
def test_a_zero_in_one_sample_has_no_geometric_prior(name):
    logits = np.array([[0.0, -np.inf, 0.0], [0.0, 0.0, 1.0]])
    with pytest.raises(
        ValueError, match=rf"^`logits` must give every cluster a positive mean for teacher '{name}'"
    ):
        theory.TEACHERS[name](logits)


def test_a_target_that_zeros_put_out_of_reach_is_named():
    logits = np.array([[0.0, 0.0, -np.inf], [0.0, 0.0, -np.inf], [0.0, 0.0, 0.0]])
    with pytest.raises(theory.InfeasibleTarget, match=r"met by a tilt of `logits`.*\{2\} exceeds"):
        theory.TEACHERS["projected"](logits, log_target=np.log([0.25, 0.25, 0.5]))


def test_a_centre_is_divided_by_one_temperature():
    logits, each = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]]), np.array([[0.5], [1.0], [2.0]])
    for name, teacher in theory.TEACHERS.items():
        given_ = GIVEN.get(name, {})
        if teacher.in_logits:
            with pytest.raises(
                ValueError, match=r"^`temperature` must be one for all samples .* shape \(3, 1\)"
            ):
                teacher(logits, temperature=each, **given_)
        else:
            same = theory.log_softmax(logits, temperature=each)
            if "sample shift" in teacher.ignores:
                equal(teacher(logits, temperature=each, **given_), teacher(same, **given_), atol=1e-9)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        theory.TEACHERS["centering"] = None
    with pytest.raises(AttributeError):
        theory.TEACHERS["centering"].pools = False


@given(ensembles(reach=6.0, samples=(2, 9)))
def test_one_round_of_sinkhorn_is_the_inverse_prior_and_many_the_projected(case):
    one = of(case, theory.TEACHERS["sinkhorn"], rounds=1)
    equal(one, of(case, theory.TEACHERS["inverse_prior"]))
    r, exact = np.exp(one), np.exp(of(case, theory.TEACHERS["projected"]))
    many = np.exp(of(case, theory.TEACHERS["sinkhorn"], rounds=40))
    at_most(np.abs(many - exact).max(), np.abs(r - exact).max(), slack=1e-9)
