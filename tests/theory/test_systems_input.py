"""The published teachers keep namespace, dtype and gradient of what goes in, and name what they refuse."""

import inspect
import math

import array_api_compat
import numpy as np
import pytest
import torch

import theory
from tests.claims.ledger import equal
from tests.support import calls
from tests.support.strategies import fixed

OPTIONAL = ("weights", "log_target")
CALLS = {
    "dino": calls.Call(arrays=("logits", "center"), settings={"temperature": 0.5}),
    "update_center": calls.Call(arrays=("center", "logits"), knobs=("weights",), settings={"momentum": 0.9}),
    "dinov2": calls.Call(arrays=("logits",), knobs=OPTIONAL, settings={"temperature": 0.5, "rounds": 3}),
    "swav": calls.Call(arrays=("scores",), knobs=OPTIONAL, settings={"epsilon": 0.5, "rounds": 3}),
    "msn": calls.Call(arrays=("logits",), knobs=OPTIONAL, settings={"temperature": 0.5, "rounds": 3}),
    "sela": calls.Call(
        arrays=("logits",), knobs=OPTIONAL, settings={"sharpness": 2.0, "tol": 1e-13, "max_iter": 100}
    ),
}


def operands(**sizes):
    found = calls.operands(**sizes)
    return found | {"scores": found["logits"], "center": found["log_tilt"]}


def run(name, values, **changed):
    spec, given = CALLS[name], {**values, **CALLS[name].settings, **changed}
    knobs = {key: given[key] for key in (*spec.knobs, *spec.settings)}
    return getattr(theory.systems, name)(*(given[key] for key in spec.arrays), **knobs)


def test_the_table_holds_every_function_of_the_room_and_its_arguments():
    public = theory.systems.__all__
    functions = {name for name in public if inspect.isfunction(getattr(theory.systems, name))}
    assert set(CALLS) == functions - {"capi", "power_law_log_target", "which_system"}  # no batch goes in
    for name, spec in CALLS.items():
        parameters = inspect.signature(getattr(theory.systems, name)).parameters
        assert set(parameters) == {*spec.arrays, *spec.knobs, *spec.settings}, name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("namespace", calls.NAMESPACES)
@pytest.mark.parametrize("name", CALLS)
def test_results_keep_namespace_dtype_device_and_batch(name, namespace, dtype):
    xp = calls.NAMESPACES[namespace]
    device = xp.Device("device1") if namespace == "strict" else None
    values = {key: x.astype(dtype) for key, x in operands(batch=(2,)).items()}
    lifted = {
        key: xp.asarray(x.tolist(), dtype=getattr(xp, dtype), device=device) for key, x in values.items()
    }
    result = run(name, lifted)
    assert array_api_compat.array_namespace(result) is array_api_compat.array_namespace(lifted["logits"])
    assert array_api_compat.device(result) == array_api_compat.device(lifted["logits"])
    assert result.dtype == getattr(xp, dtype)
    got = np.asarray(result.to_device(xp.Device("CPU_DEVICE")) if namespace == "strict" else result)
    equal(got, np.stack([run(name, {key: x[i] for key, x in values.items()}) for i in range(2)]))


@pytest.mark.parametrize("name", CALLS)
def test_knobs_left_out_are_uniform(name):
    values = operands()
    spelt_out = {"weights": np.full(5, 0.2), "log_target": np.full(4, -np.log(4.0))}
    equal(run(name, values, **dict.fromkeys(OPTIONAL)), run(name, values, **spelt_out))


@pytest.mark.parametrize("name", CALLS)
def test_derivatives_agree_with_differences(name):
    values = {key: torch.tensor(x) for key, x in operands(seed=3, n=3, k=2).items()}
    free = [values[key].clone().requires_grad_() for key in CALLS[name].arrays]

    def function(*arrays):
        return run(name, {**values, **dict(zip(CALLS[name].arrays, arrays, strict=True))})

    assert torch.autograd.gradcheck(function, free, atol=1e-6, rtol=1e-5)


def _with(value, x):
    return np.concatenate([np.full_like(x[..., :1], value), x[..., 1:]], axis=-1)


BAD = {
    "logits": [
        (np.zeros((5, 4), int), TypeError, "floating-point"),
        (np.zeros(4), ValueError, r"have shape \[\.\.\., N, K\], got shape \(4,\)"),
        (np.zeros((5, 1)), ValueError, "have at least 2 clusters"),
        (_with(np.nan, np.zeros((5, 4))), ValueError, ".*(NaN|nan)"),
        (_with(np.inf, np.zeros((5, 4))), ValueError, ".*inf"),
    ],
    "center": [
        (None, TypeError, "an array"),
        (np.zeros(3), ValueError, r"match the clusters of `logits`, shape \(4,\), got shape \(3,\)"),
        (np.zeros((1, 4)), ValueError, r"match .*got shape \(1, 4\)"),
        (np.array([np.nan, 0.0, 0.0, 0.0]), ValueError, "finite, got nan at index 0"),
        (np.array([0.0, -np.inf, 0.0, 0.0]), ValueError, "finite, got -inf at index 1"),
    ],
    "weights": [
        (np.full(5, 0.3), ValueError, r"sum to 1 along the last axis, got 1\.5"),
        (np.full(4, 0.25), ValueError, "match the samples of `(logits|scores)`"),
    ],
    "log_target": [
        (np.full(4, 0.25), ValueError, "hold log-probabilities, not probabilities"),
        (np.log([0.5, 0.5]), ValueError, "match the clusters of `(logits|scores)`"),
    ],
    "temperature": [(x, ValueError, "positive and finite") for x in (0.0, -0.1, math.inf, math.nan)],
    "rounds": [(0, ValueError, "at least 1, got 0"), (3.0, TypeError, r"an integer, got 3\.0")],
    "momentum": [
        (-0.1, ValueError, r"in \[0, 1\], got -0\.1"),
        (1.1, ValueError, r"in \[0, 1\], got 1\.1"),
        (None, TypeError, "a number, got NoneType"),
    ],
    "tol": [(0.0, ValueError, "positive and finite, got 0")],
    "max_iter": [(0, ValueError, "at least 1, got 0")],
}
BAD |= {"scores": BAD["logits"], "epsilon": BAD["temperature"], "sharpness": BAD["temperature"]}


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, x in CALLS.items() for key in (*x.arrays, *x.knobs, *x.settings)]
)
def test_a_bad_argument_is_named_with_what_arrived(name, key):
    for value, error, message in BAD[key]:
        with pytest.raises(error, match=f"^`{key}` must (be |not contain )?{message}"):
            run(name, operands(), **{key: value})


@pytest.mark.parametrize("name", ["dinov2", "swav", "msn", "sela"])
def test_a_cluster_that_no_sample_can_use_is_named(name):
    logits = np.zeros((5, 4))
    logits[1:, 2] = -np.inf
    weights = np.array([0.0, 0.25, 0.25, 0.25, 0.25])
    values = operands() | {"logits": logits, "scores": logits, "weights": weights}
    message = "must have a finite entry of positive weight in every cluster, got only -inf at index 2"
    with pytest.raises(ValueError, match=f"^`{CALLS[name].arrays[0]}` {message}"):
        run(name, values)
    assert not np.isnan(run(name, values, weights=None)).any()


def test_a_centre_does_not_follow_an_infinite_logit():
    logits = np.array([[0.0, -np.inf], [0.0, 1.0]])
    equal(np.exp(theory.systems.dino(logits, np.zeros(2), temperature=1.0))[0], [1.0, 0.0])
    with pytest.raises(ValueError, match=r"^`logits` must be finite, got -inf at index \(0, 1\)\.$"):
        theory.systems.update_center(np.zeros(2), logits)


def test_a_projection_that_does_not_converge_says_so():
    case = fixed(20.0 * np.random.default_rng(0).standard_normal((9, 4)))
    with pytest.raises(theory.NotConverged, match="in 1 iterations"):
        theory.systems.sela(case.logits, max_iter=1)
