"""Answers at the limits are those documented; an answer is never NaN; nothing given is changed."""

import numpy as np
import pytest
import torch

import theory
from tests.claims.ledger import equal
from tests.support import calls

PER_SAMPLE = ("log_p", "log_q", "log_r", "logits")
EVERY = sorted(calls.CALLS)


def test_minus_infinity_is_an_exact_zero():
    log_p = theory.log_softmax(np.array([[0.0, -np.inf], [0.0, 0.0]]))
    equal(log_p, [[0.0, -np.inf], [-np.log(2.0)] * 2])
    equal(theory.log_range(log_p), [np.log(2.0), np.inf])
    equal(theory.jensen_gap(log_p)[1], np.inf)
    equal(theory.kl(log_p[1], log_p[0]), np.inf)
    equal(theory.entropy(log_p), [0.0, np.log(2.0)])


def test_infinite_gaps_and_ranges_have_infinite_bounds():
    for bound in (theory.specht_bound, theory.hoeffding_bound, theory.variance_bound):
        equal(bound(np.array([np.inf])), [np.inf])
    distance = theory.teacher_distance_bound(np.array([[0.0, np.inf], [np.inf, np.inf]]))
    equal(distance.log_ratio, [np.inf, np.inf])
    equal(distance.kl, [np.inf, np.inf])
    equal(distance.total_variation, [1.0, 1.0])


def test_no_ranges_have_no_bounds():
    assert theory.specht_bound(np.zeros((0, 3))).shape == (0, 3)


def test_one_sample_is_its_own_prior():
    log_p = calls.operands(n=1)["log_p"]
    equal(theory.log_prior(log_p), log_p[0])
    equal(theory.mutual_information(log_p), 0.0)
    equal(theory.project(log_p).log_r[0], np.full(4, -np.log(4.0)))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("centering_log_tilt", "mean of order 0"),
        ("inverse_prior_log_tilt", "mean of order 1"),
        ("power_mean_log_tilt", "mean of order 2"),
        ("cumulant_log_tilt", "geometric mean"),
        ("sinkhorn_log_tilt", "mean"),
    ],
)
def test_a_cluster_nobody_uses_has_no_tilt(name, kind):
    log_p = theory.log_softmax(np.array([[0.0, -np.inf, 1.0], [0.0, -np.inf, 0.0]]))
    message = rf"^`log_p` must give every cluster a positive {kind} over the samples, got 0 at index 1\.$"
    with pytest.raises(ValueError, match=message):
        getattr(theory, name)(log_p, **calls.CALLS[name].settings)


def test_a_sample_without_weight_may_hold_zeros():
    log_p = theory.log_softmax(np.array([[0.0, -np.inf], [0.0, 1.0], [0.5, 0.0]]))
    weights = np.array([0.0, 0.5, 0.5])
    for name in ("centering_log_tilt", "cumulant_log_tilt", "inverse_prior_log_tilt"):
        choose = getattr(theory, name)
        equal(choose(log_p, weights=weights), choose(log_p[1:]))


# -- whatever is valid -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_nothing_given_is_changed(name):
    values = calls.operands(batch=(2,))
    kept = {key: value.copy() for key, value in values.items()}
    for value in values.values():
        value.flags.writeable = False
    calls.call(name, values)
    tensors = {key: torch.tensor(value) for key, value in kept.items()}
    calls.call(name, tensors)
    for key, value in kept.items():
        assert np.array_equal(values[key], value), key
        assert torch.equal(tensors[key], torch.tensor(value)), key


@pytest.mark.parametrize("name", EVERY)
def test_a_bad_call_changes_nothing_either(name):
    values = calls.operands()
    key = calls.CALLS[name].arrays[0]
    bad = calls.with_entry(np.nan, values[key])
    kept = bad.copy()
    with pytest.raises(ValueError, match="NaN"):
        calls.call(name, values, **{key: bad})
    assert np.array_equal(bad, kept, equal_nan=True)


_REFUSES_ZEROS = ("centering_log_tilt", "cumulant_log_tilt")  # the geometric prior is 0 there


@pytest.mark.parametrize("name", [name for name in EVERY if name not in _REFUSES_ZEROS])
@pytest.mark.parametrize("scale", [0.0, 1e-8, 1.0, 1e4])
def test_no_answer_is_nan_and_no_warning_escapes(name, scale):
    """Zeros, infinities and saturated rows; that pytest turns warnings into errors is part of the test."""
    values = calls.operands(scale=scale)
    zeros = {key: calls.log_softmax(calls.with_entry(-np.inf, values[key])) for key in PER_SAMPLE}
    for given in (values, {**values, **zeros}):
        for part, value in calls.parts(calls.call(name, given)).items():
            assert not np.isnan(value).any(), part


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_float_is_a_logit(dtype):
    largest = np.finfo(dtype).max
    logits = np.array([[largest, 0.0], [0.0, 0.0]], dtype)
    log_tilt = theory.batch_softmax_log_tilt(logits, temperature=1.0)
    equal(log_tilt, [-largest, -np.log(2.0)], rtol=1e-6)
