"""Every public function gives the same numbers in every namespace, dtype and batch."""

import inspect

import array_api_compat
import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.support import calls

DTYPES = ["float64", "float32"]
EVERY = sorted(calls.CALLS)


def _convert(values, xp, dtype, device=None):
    return {
        name: xp.asarray(np.asarray(value).tolist(), dtype=getattr(xp, dtype), device=device)
        for name, value in values.items()
    }


def _numbers(x):
    return np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)


def _same(got, want, **tolerance):
    """The same parts with the same numbers, looked at with NumPy."""
    got, want = calls.parts(got), calls.parts(want)
    assert got.keys() == want.keys()
    for part in got:
        a, b = _numbers(got[part]), _numbers(want[part])
        assert a.shape == b.shape, part
        # A certificate of optimality is rounding about 0.
        absolute = {"atol": 1e-5 if a.dtype == np.float32 else 1e-12} if part in _RESIDUALS else {}
        equal(a, b, **{**tolerance, **absolute})


_RESIDUALS = ("marginal_error", "duality_gap")


def test_every_public_function_is_in_the_table():
    assert set(calls.CALLS) == calls.public_functions()


def test_the_table_names_the_arguments_there_are():
    """A new argument without an entry is untested everywhere."""
    for name, spec in calls.CALLS.items():
        parameters = inspect.signature(getattr(theory, name)).parameters
        assert set(parameters) - {"throw"} == {*spec.arrays, *spec.knobs, *spec.settings}, name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("namespace", ["torch", "strict"])
@pytest.mark.parametrize("name", EVERY)
def test_numbers_do_not_depend_on_the_namespace(name, namespace, dtype):
    values = {key: value.astype(dtype) for key, value in calls.operands(batch=(2,)).items()}
    xp = calls.NAMESPACES[namespace]
    got = calls.call(name, _convert(values, xp, dtype))
    _same(got, calls.call(name, values))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("namespace", calls.NAMESPACES)
@pytest.mark.parametrize("name", EVERY)
def test_results_come_back_in_the_namespace_dtype_and_device_given(name, namespace, dtype):
    xp = calls.NAMESPACES[namespace]
    device = xp.Device("device1") if namespace == "strict" else None
    values = _convert(calls.operands(), xp, dtype, device)
    first = values[calls.CALLS[name].arrays[0]]
    for part, result in calls.parts(calls.call(name, values)).items():
        assert array_api_compat.array_namespace(result) is array_api_compat.array_namespace(first), part
        assert array_api_compat.device(result) == array_api_compat.device(first), part
        assert result.dtype == (xp.bool if part == "not_constant" else getattr(xp, dtype)), part


@pytest.mark.parametrize("name", EVERY)
def test_knobs_left_out_are_uniform(name):
    """`weights=None` is 1/N, `log_target=None` is −log K, `log_tilt=None` is 0."""
    values = calls.operands()
    spelt_out = {"weights": np.full(5, 0.2), "log_target": np.full(4, -np.log(4.0)), "log_tilt": np.zeros(4)}
    knobs = calls.CALLS[name].knobs
    _same(
        calls.call(name, values, **dict.fromkeys(knobs)),
        calls.call(name, values, **{key: spelt_out[key] for key in knobs}),
    )


@pytest.mark.parametrize("shape", [(6, 3), (3, 6)], ids=["N > K", "N < K"])
@pytest.mark.parametrize("name", EVERY)
def test_a_batch_is_the_loop_over_it(name, shape):
    n, k = shape
    values = calls.operands(batch=(2, 3), n=n, k=k, scale=3.0)
    whole = calls.parts(calls.call(name, values, **_settings(name)))
    for index in np.ndindex(2, 3):
        one = calls.call(name, {key: value[index] for key, value in values.items()}, **_settings(name))
        for part, alone in calls.parts(one).items():
            equal(whole[part][index], alone, rtol=1e-10, atol=1e-11)


def _settings(name):
    return {"tol": 1e-13} if name == "project" else {}


@pytest.mark.parametrize("name", [name for name in EVERY if calls.CALLS[name].knobs])
def test_knobs_without_the_batch_axes_serve_the_whole_batch(name):
    values = calls.operands(batch=(3,))
    knobs = calls.CALLS[name].knobs
    shared = {key: values[key][0] for key in knobs}
    repeated = {key: np.repeat(values[key][:1], 3, axis=0) for key in knobs}
    _same(calls.call(name, values, **shared), calls.call(name, values, **repeated))


_PER_SAMPLE = {"log_softmax", "tilt", "entropy", "cross_entropy", "kl"}
_SAMPLES = {"logits", "log_p", "log_q", "log_r", "weights"}
_HAS_SAMPLES = [name for name in EVERY if set(calls.CALLS[name].arrays) & {"logits", "log_p", "log_r"}]


@pytest.mark.parametrize("name", _HAS_SAMPLES)
def test_the_order_of_the_samples_does_not_matter(name):
    values = calls.operands()
    order = np.array([3, 0, 4, 1, 2])
    axis = {key: -1 if key == "weights" else -2 for key in _SAMPLES}
    shuffled = {key: np.take(x, order, axis[key]) if key in axis else x for key, x in values.items()}
    got, want = calls.parts(calls.call(name, shuffled)), calls.parts(calls.call(name, values))
    for part in got:
        per_sample = name in _PER_SAMPLE or part == "log_r"
        equal(got[part], want[part][order] if per_sample else want[part], atol=1e-11)


_BY_CLUSTER = {"log_softmax", "log_prior", "jensen_gap", "log_range", "log_variance", "tilt"}
_BY_CLUSTER |= {name for name in calls.CALLS if name.endswith("_log_tilt")}
_BY_CLUSTER |= {"specht_bound", "hoeffding_bound", "variance_bound"}


@pytest.mark.parametrize("name", EVERY)
def test_permuting_the_clusters_permutes_the_answer(name):
    """T6 for everything: no cluster is special, not even to a rounding-sensitive branch."""
    values = calls.operands()
    order = np.array([2, 0, 3, 1])
    shuffled = {key: x if key == "weights" else x[..., order] for key, x in values.items()}
    got, want = calls.parts(calls.call(name, shuffled)), calls.parts(calls.call(name, values))
    for part in got:
        by_cluster = name in _BY_CLUSTER or part in ("log_r", "log_tilt")
        equal(got[part], want[part][..., order] if by_cluster else want[part], atol=1e-11)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("namespace", calls.NAMESPACES)
def test_a_temperature_may_be_a_number_or_an_array(namespace, dtype):
    xp = calls.NAMESPACES[namespace]
    logits = _convert(calls.operands(), xp, dtype)["logits"]
    want = theory.log_softmax(logits, temperature=0.5)
    arrays = [xp.asarray(0.5, dtype=logits.dtype), xp.full((5, 1), 0.5, dtype=logits.dtype)]
    for temperature in [np.float64(0.5), np.float32(0.5), *arrays]:
        got = theory.log_softmax(logits, temperature=temperature)
        assert got.dtype == logits.dtype
        _same(got, want)


def test_scalars_come_back_as_scalars():
    for bound in (theory.specht_bound, theory.hoeffding_bound, theory.variance_bound):
        assert type(bound(2.0)) is float
        equal(bound(2.0), bound(np.array([2.0]))[0])
