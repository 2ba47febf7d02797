"""A bad argument is named, with what arrived; an answer is never NaN; nothing given is changed."""

import re
import threading

import numpy as np
import pytest
import torch

import theory
from tests.claims.ledger import equal
from tests.support import calls

LOG_PROBABILITIES = ("log_p", "log_q", "log_r", "log_target")
PER_SAMPLE = ("log_p", "log_q", "log_r", "logits")
EVERY = sorted(calls.CALLS)


def _with(value, x, at=0):
    x = x.copy()
    x.reshape(-1)[at] = value
    return x


# What every array argument refuses: the kind of error, what arrives, and what the message says arrived.
ARRAYS = {
    "a list": (TypeError, lambda x: x.tolist(), "list"),
    "a missing array": (TypeError, lambda _: None, "NoneType"),
    "text": (TypeError, lambda _: "0.5", "str"),
    "integers": (TypeError, lambda x: np.zeros(x.shape, int), "int64"),
    "booleans": (TypeError, lambda x: x > 0, "bool"),
    "complex numbers": (TypeError, lambda x: x.astype(complex), "complex128"),
    "NaN": (ValueError, lambda x: _with(np.nan, x), "nan|NaN"),
}
# What only some of them refuse.
SHAPES = {
    "no axes": (ValueError, lambda x: np.asarray(x.flat[0]), r"shape \(\)"),
    "no clusters": (ValueError, lambda x: x[..., :0], r"shape \(.*0.*\)"),
    "one cluster": (ValueError, lambda x: x[..., :1], r"K = 1|shape \(1,\)"),
    "+inf": (ValueError, lambda x: _with(np.inf, x), "inf"),
    "no samples": (ValueError, lambda x: x[:0], r"shape \(0, 4\)"),
    "no sample axis": (ValueError, lambda x: x[0], r"shape \(4,\)"),
    "too many axes": (ValueError, lambda x: np.stack([x, x]), r"shape \(2, .*\)"),
    "one fewer": (ValueError, lambda x: x[..., :-1], r"shape \(.*\)"),
}
VALUES = {
    "probabilities": (ValueError, np.exp, r"not probabilities.*got \d\.\d+"),
    "sums off by a tenth": (ValueError, lambda x: x + np.log(1.1), r"got 1\.1"),
    "huge values": (ValueError, lambda x: x + 1e4, "none above 0, got [0-9.]+"),
    "a row of zeros": (ValueError, lambda x: np.full_like(x, -np.inf), "only -inf"),
}
WEIGHTS = {
    "a negative weight": (ValueError, lambda w: _with(-0.1, w), "negative, got -0.1 at index 0"),
    "a sum of 0.97": (ValueError, lambda w: 0.97 * w, "sum to 1 along the last axis, got 0.97"),
    "an infinite weight": (ValueError, lambda w: _with(np.inf, w), "got inf at index 0"),
    "no weights": (ValueError, lambda w: w[:0], r"shape \(0,\)"),
    "a weight too few": (ValueError, lambda w: w[:-1], r"shape \(4,\)"),
    "a scalar array": (ValueError, lambda w: np.asarray(w[0]), r"shape \(\)"),
    "a batch the samples lack": (ValueError, lambda w: np.stack([w, w]), r"shape \(2, 5\)"),
}
_ROWS = ["no axes", "no clusters", "one cluster"]
REFUSED = {
    "weights": WEIGHTS,
    **{key: {x: SHAPES[x] for x in [*_ROWS, "no samples", "+inf"]} for key in PER_SAMPLE},
    **{
        key: {x: SHAPES[x] for x in [*_ROWS, "+inf", "one fewer", "too many axes"]}
        for key in ("log_tilt", "log_tilt_change")
    },
    "log_target": {x: SHAPES[x] for x in [*_ROWS, "+inf", "one fewer", "too many axes"]},
    "jensen_gap": {x: SHAPES[x] for x in _ROWS},
    "log_range": {
        "a negative range": (ValueError, lambda x: _with(-0.5, x), "negative, got -0.5 at index 0")
    },
}
REFUSED["logits"]["a row of zeros"] = VALUES["a row of zeros"]
for _key in LOG_PROBABILITIES:
    REFUSED[_key] = REFUSED[_key] | VALUES
REFUSED["log_target"]["a cluster without a share"] = (
    ValueError,
    lambda x: np.array([-np.inf, *np.log([0.2, 0.3, 0.5])]),
    "a share of 0",
)
ENSEMBLE_FUNCTIONS = [  # those that need a sample axis
    name for name in EVERY if "log_p" in calls.CALLS[name].arrays or "weights" in calls.CALLS[name].knobs
]
ENSEMBLE_FUNCTIONS = [name for name in ENSEMBLE_FUNCTIONS if name not in ("entropy", "kl")]


def _refused(name, key):
    cases = {**ARRAYS, **REFUSED[key]}
    if key in PER_SAMPLE and name in ENSEMBLE_FUNCTIONS:
        cases["no sample axis"] = SHAPES["no sample axis"]
    if key in calls.CALLS[name].knobs:
        del cases["a missing array"]
    return cases


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in EVERY for key in calls.names(name)])
def test_a_bad_array_is_named_with_what_arrived(name, key):
    values = calls.operands()
    for label, (error, spoil, arrived) in _refused(name, key).items():
        bad = spoil(values[key])
        with pytest.raises(error, match=rf"^`{key}` must (?s:.*)({arrived})(?s:.*)\.$") as caught:
            calls.call(name, values, **{key: bad})
        assert type(caught.value) is error, label


def _mixtures():
    for name in EVERY:
        first, *others = calls.names(name)
        for key in others:
            yield pytest.param(name, first, key, id=f"{name}-{key}")


@pytest.mark.parametrize(("name", "first", "key"), list(_mixtures()))
def test_two_libraries_or_two_precisions_are_not_mixed(name, first, key):
    values = calls.operands()
    message = rf"^`{key}` is an array of torch but `{first}` of numpy; use one namespace\.$"
    with pytest.raises(TypeError, match=message):
        calls.call(name, values, **{key: torch.tensor(values[key])})
    message = rf"^`{key}` has dtype float32 but `{first}` has float64; use one dtype\.$"
    with pytest.raises(TypeError, match=message):
        calls.call(name, values, **{key: values[key].astype(np.float32)})


def _mismatches():
    """Pairs of array arguments whose shapes must fit, and a piece of the second that does not."""
    for name in EVERY:
        given = calls.names(name)
        rows = [key for key in given if key in PER_SAMPLE]
        for key in rows[1:]:
            yield pytest.param(name, {key: (slice(4), slice(None))}, key, id=f"{name}-{key}-samples")
        if "weights" in given:
            cut = dict.fromkeys(rows, (slice(4), slice(None)))
            yield pytest.param(name, cut, "weights", id=f"{name}-weights-samples")
        for key in (x for x in given if x in ("log_tilt", "log_target", "log_tilt_change")):
            yield pytest.param(name, {key: (slice(3),)}, key, id=f"{name}-{key}-clusters")


@pytest.mark.parametrize(("name", "cut", "blamed"), list(_mismatches()))
def test_shapes_that_do_not_fit_are_named_with_both_shapes(name, cut, blamed):
    values = calls.operands()
    shorter = {key: values[key][index] for key, index in cut.items()}
    with pytest.raises(ValueError, match=rf"^`{blamed}` must .*\(.*\), got .*\(.*\)\.$"):
        calls.call(name, values, **shorter)


@pytest.mark.parametrize("name", ["kl", "cross_entropy"])
def test_teacher_and_student_differ_in_clusters_or_samples_either_way_round(name):
    log_p = calls.operands()["log_p"]
    other = calls.operands(n=4)["log_p"]
    wider = calls.operands(k=5)["log_p"]
    for one, two in [(log_p, other), (other, log_p), (log_p, wider), (wider, log_p), (wider[0], log_p)]:
        first, second = calls.CALLS[name].arrays
        message = re.escape(f"`{second}` must match `{first}`, shape {one.shape}, got shape {two.shape}.")
        with pytest.raises(ValueError, match=message):
            getattr(theory, name)(one, two)


SETTINGS = {
    "temperature": [
        (0.0, ValueError, "positive and finite, got 0"),
        (-1.0, ValueError, "positive and finite, got -1"),
        (np.nan, ValueError, "positive and finite, got nan"),
        (np.inf, ValueError, "positive and finite, got inf"),
        (True, TypeError, "a number, got True"),
        ("0.1", TypeError, "a number, got '0.1'"),
        (None, TypeError, "a number, got NoneType"),
        ([0.1], TypeError, "a number, got list"),
        (1j, TypeError, "a number, got complex"),
        (np.array([[0.1], [0.0]] + 3 * [[0.1]]), ValueError, r"positive and finite, got 0 at index \(1, 0\)"),
        (np.array([0.1, 0.2, 0.1, 0.1]), ValueError, r"one for all clusters, .*got shape \(4,\)"),
        (np.array([np.nan]), ValueError, "positive and finite, got nan at index 0"),
        (np.full((3, 1), 0.1), ValueError, r"broadcast against shape \(5, 4\), got shape \(3, 1\)"),
        (np.full((2, 5, 1), 0.1), ValueError, r"broadcast against shape \(5, 4\), got shape \(2, 5, 1\)"),
        (np.full((5, 1), 1), TypeError, "floating-point, got dtype int64"),
    ],
    "order": [
        (np.nan, ValueError, "a number or ±inf, got nan"),
        (None, TypeError, "a number, got NoneType"),
        (True, TypeError, "a number, got True"),
        ("1", TypeError, "a number, got '1'"),
        (1j, TypeError, "a number, got complex"),
        (np.ones(3), TypeError, "a number, got ndarray"),
    ],
    "rounds": [
        (-1, ValueError, "at least 0, got -1"),
        (1.0, TypeError, r"an integer, got 1\.0"),
        (True, TypeError, "an integer, got True"),
        (None, TypeError, "an integer, got None"),
        ("3", TypeError, "an integer, got '3'"),
    ],
    "tol": [
        (0.0, ValueError, "positive and finite, got 0"),
        (-1e-9, ValueError, "positive and finite, got -1e-09"),
        (np.nan, ValueError, "positive and finite, got nan"),
        (np.inf, ValueError, "positive and finite, got inf"),
        (None, TypeError, "a number, got NoneType"),
    ],
    "max_iter": [
        (0, ValueError, "at least 1, got 0"),
        (-5, ValueError, "at least 1, got -5"),
        (10.0, TypeError, r"an integer, got 10\.0"),
        (None, TypeError, "an integer, got None"),
    ],
}


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name in EVERY for key in calls.CALLS[name].settings]
)
def test_a_bad_setting_is_named_with_what_arrived(name, key):
    for value, error, message in SETTINGS[key]:
        with pytest.raises(error, match=f"^`{key}` must (be )?{message}") as caught:
            calls.call(name, calls.operands(), **{key: value})
        assert type(caught.value) is error, value


def test_a_temperature_of_another_precision_is_refused():
    logits = torch.zeros(3, 2, dtype=torch.float64)
    message = "`temperature` has dtype torch.float32 but `logits` has torch.float64; use one dtype."
    with pytest.raises(TypeError, match=re.escape(message)):
        theory.log_softmax(logits, temperature=torch.tensor(0.1))


# -- documented answers ----------------------------------------------------------------------------


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
    bad = _with(np.nan, values[key])
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
    zeros = {key: calls.log_softmax(_with(-np.inf, values[key])) for key in PER_SAMPLE}
    for given in (values, {**values, **zeros}):
        for part, value in calls.parts(calls.call(name, given)).items():
            assert not np.isnan(value).any(), part


# -- assume_valid ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_assume_valid_changes_no_valid_answer(name):
    values = calls.operands()
    checked = calls.parts(calls.call(name, values))
    with theory.assume_valid():
        unchecked = calls.parts(calls.call(name, values))
    for part, value in checked.items():
        assert np.array_equal(value, unchecked[part]), part


def test_assume_valid_skips_values_not_shapes():
    log_p, doubled = calls.operands()["log_p"], 2.0 * calls.operands()["weights"]
    with theory.assume_valid():
        equal(theory.log_prior(log_p, weights=doubled)[0] > theory.log_prior(log_p)[0] - 1.0, True)
        with pytest.raises(ValueError, match="`weights` must match the samples"):
            theory.log_prior(log_p, weights=doubled[:3])
        with pytest.raises(TypeError, match="`log_p` must be floating-point"):
            theory.log_prior(np.zeros((3, 2), int))
        with pytest.raises(TypeError, match="`order` must be a number"):
            theory.log_prior(log_p, order=None)
    with pytest.raises(ValueError, match="`weights` must sum to 1"):
        theory.log_prior(log_p, weights=doubled)


def test_assume_valid_nests_and_ends_with_an_error():
    probabilities = np.array([[0.5, 0.5]])

    def fail_inside():
        with theory.assume_valid():
            with theory.assume_valid():
                theory.entropy(probabilities)
            theory.entropy(probabilities)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_inside()
    with pytest.raises(ValueError, match="not probabilities"):
        theory.entropy(probabilities)


def test_assume_valid_holds_for_its_own_thread_only():
    seen = []

    def work():
        try:
            theory.entropy(np.array([0.5, 0.5]))
        except ValueError as error:
            seen.append(error)

    with theory.assume_valid():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(seen) == 1


def test_unconverged_and_infeasible_projections_say_so():
    log_p = calls.operands(scale=20.0)["log_p"]
    with pytest.raises(theory.NotConverged, match=r"marginal error of .*, not tol = 1e-09, in 1 iterations"):
        theory.project(log_p, max_iter=1)
    blocked = theory.log_softmax(np.array([[0.0, 0.0, -np.inf], [0.0, 0.0, -np.inf], [0.0, 0.0, 0.0]]))
    target = np.log([0.25, 0.25, 0.5])
    with pytest.raises(theory.InfeasibleTarget, match=r"clusters \{2\} exceeds the weight 0.333333"):
        theory.project(blocked, log_target=target)


def test_numbers_no_float_holds_are_named():
    log_p = calls.operands()["log_p"]
    with pytest.raises(ValueError, match=r"^`temperature` must fit a float, got an integer of 401 digits"):
        theory.log_softmax(log_p, temperature=10**400)
    with pytest.raises(ValueError, match=r"^`clusters` must be below 2\^63, got an integer of 401 digits"):
        theory.dynamics.student_gain(learning_rate=0.1, clusters=10**400, student_temperature=0.1)
    with pytest.raises(ValueError, match=r"^`temperature` must leave logits/temperature finite, got inf"):
        theory.batch_softmax_log_tilt(1e5 * np.abs(log_p), temperature=1e-306)


CENTER = {
    "gain": 0.1, "teacher_momentum": 0.9, "student_temperature": 0.1, "teacher_temperature": 0.04
}  # fmt: skip


@pytest.mark.parametrize(
    ("function", "arguments", "error", "message"),
    [
        (
            theory.dynamics.critical_center_momentum,
            {"gain": "fast"},
            TypeError,
            "`gain` must hold real numbers",
        ),
        (theory.dynamics.critical_center_momentum, {"gain": 1j}, TypeError, "`gain` must hold real numbers"),
        (
            theory.dynamics.critical_center_momentum,
            {"gain": [[1], [1, 2]]},
            TypeError,
            "`gain` must be an array",
        ),
        (
            theory.dynamics.critical_center_momentum,
            {"gain": np.full(2, 0.1), "teacher_momentum": np.full(3, 0.9)},
            ValueError,
            r"must broadcast together, got shapes `gain` \(2,\), `teacher_momentum` \(3,\)",
        ),
        (
            theory.dynamics.center_stability,
            {"center_momentum": np.zeros((2, 2)), "gain": np.full(3, 0.1)},
            ValueError,
            r"must broadcast together, got shapes `gain` \(3,\).*`center_momentum` \(2, 2\)",
        ),
    ],
)
def test_the_rooms_on_numpy_name_what_arrived(function, arguments, error, message):
    with pytest.raises(error, match=message):
        function(**CENTER | arguments)


def test_moments_and_correlations_name_what_arrived():
    view = np.ones((4, 2))
    for views, error, message in (
        ((view, "abc"), TypeError, r"`views\[1\]` must hold real numbers, got dtype <U3"),
        ((view, [[1.0], [1.0, 2.0]]), TypeError, r"`views\[1\]` must be an array of numbers, got list"),
        (
            (1e200 * view, -1e200 * view),
            ValueError,
            r"`views` must have finite squares, got values up to 1e\+200",
        ),
    ):
        with pytest.raises(error, match=message), np.errstate(over="ignore", invalid="ignore"):
            theory.dynamics.cross_view_moments(*views)
    with pytest.raises(TypeError, match="`correlation` must hold real numbers"):
        theory.dynamics.survival_temperature("a", clusters=3, student_temperature=0.1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_tensors_are_read(dtype):
    views = [torch.randn(64, 3, generator=torch.Generator().manual_seed(i)).to(dtype) for i in range(2)]
    got, want = (
        theory.dynamics.cross_view_moments(*(f(v) for v in views))
        for f in (lambda v: v, lambda v: v.double())
    )
    equal(got.covariance, want.covariance)
