"""A bad argument of the core is named, with what arrived."""

import re

import numpy as np
import pytest
import torch

import theory
from tests.support import calls

LOG_PROBABILITIES = ("log_p", "log_q", "log_r", "log_target")
PER_SAMPLE = ("log_p", "log_q", "log_r", "logits")
EVERY = sorted(calls.CALLS)


# What every array argument refuses: the kind of error, what arrives, and what the message says arrived.
ARRAYS = {
    "a list": (TypeError, lambda x: x.tolist(), "list"),
    "a missing array": (TypeError, lambda _: None, "NoneType"),
    "text": (TypeError, lambda _: "0.5", "str"),
    "integers": (TypeError, lambda x: np.zeros(x.shape, int), "int64"),
    "booleans": (TypeError, lambda x: x > 0, "bool"),
    "complex numbers": (TypeError, lambda x: x.astype(complex), "complex128"),
    "NaN": (ValueError, lambda x: calls.with_entry(np.nan, x), "nan|NaN"),
}
# What only some of them refuse.
SHAPES = {
    "no axes": (ValueError, lambda x: np.asarray(x.flat[0]), r"shape \(\)"),
    "no clusters": (ValueError, lambda x: x[..., :0], r"shape \(.*0.*\)"),
    "one cluster": (ValueError, lambda x: x[..., :1], r"K = 1|shape \(1,\)"),
    "+inf": (ValueError, lambda x: calls.with_entry(np.inf, x), "inf"),
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
    "a negative weight": (ValueError, lambda w: calls.with_entry(-0.1, w), "negative, got -0.1 at index 0"),
    "a sum of 0.97": (ValueError, lambda w: 0.97 * w, "sum to 1 along the last axis, got 0.97"),
    "an infinite weight": (ValueError, lambda w: calls.with_entry(np.inf, w), "got inf at index 0"),
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
        "a negative range": (ValueError, lambda x: calls.with_entry(-0.5, x), "negative, got -0.5 at index 0")
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
