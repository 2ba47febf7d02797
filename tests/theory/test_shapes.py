"""The shape contract of every public function, as annotations that jaxtyping and beartype check.

Within one call a name is one number: N in `weights` is the N of `log_p`, `batch` the leading axes of both.
"""

import inspect
from dataclasses import astuple

import jaxtyping
import numpy as np
import pytest
import torch
from beartype import beartype
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Bool, Float, jaxtyped

import theory
from tests.support import calls

Array = np.ndarray | torch.Tensor
Samples = Float[Array, "*batch N K"]
Rows = Float[Array, "*batch N"]
Clusters = Float[Array, "*batch K"]
# NumPy gives a scalar, not an array, where no axis is left.
Number = Float[Array, "*batch"] | np.floating
Verdict = Bool[Array, "*batch"] | np.bool_

CONTRACTS = {}


def contract(wrapper):
    """Register a typed wrapper, whose parameters are the array arguments of the function of its name."""
    CONTRACTS[wrapper.__name__] = jaxtyped(wrapper, typechecker=beartype)
    return CONTRACTS[wrapper.__name__]


@contract
def log_softmax(logits: Samples) -> Samples:
    return theory.log_softmax(logits)


@contract
def marginal(log_p: Samples, weights: Rows) -> Clusters:
    return theory.log_prior(log_p, weights=weights)


@contract
def entropy(log_p: Samples) -> Rows:
    return theory.entropy(log_p)


@contract
def cross_entropy(log_r: Samples, log_q: Samples) -> Rows:
    return theory.cross_entropy(log_r, log_q)


@contract
def kl(log_p: Samples, log_q: Samples) -> Rows:
    return theory.kl(log_p, log_q)


@contract
def mutual_information(log_p: Samples, weights: Rows) -> Number:
    return theory.mutual_information(log_p, weights=weights)


@contract
def lautum_information(log_p: Samples, weights: Rows) -> Number:
    return theory.lautum_information(log_p, weights=weights)


@contract
def jeffreys_information(log_p: Samples, weights: Rows) -> Number:
    return theory.jeffreys_information(log_p, weights=weights)


@contract
def log_prior(log_p: Samples, weights: Rows) -> Clusters:
    return theory.log_prior(log_p, order=-0.5, weights=weights)


@contract
def jensen_gap(log_p: Samples, weights: Rows) -> Clusters:
    return theory.jensen_gap(log_p, weights=weights)


@contract
def log_range(log_p: Samples, weights: Rows) -> Clusters:
    return theory.log_range(log_p, weights=weights)


@contract
def log_variance(log_p: Samples, weights: Rows) -> Clusters:
    return theory.log_variance(log_p, weights=weights)


@contract
def tilt(log_p: Samples, log_tilt: Clusters) -> Samples:
    return theory.tilt(log_p, log_tilt)


@contract
def centering(log_p: Samples, weights: Rows, log_target: Clusters) -> Clusters:
    return theory.centering_log_tilt(log_p, weights=weights, log_target=log_target)


@contract
def inverse_prior(log_p: Samples, weights: Rows, log_target: Clusters) -> Clusters:
    return theory.inverse_prior_log_tilt(log_p, weights=weights, log_target=log_target)


@contract
def power_mean(log_p: Samples, weights: Rows, log_target: Clusters) -> Clusters:
    return theory.power_mean_log_tilt(log_p, order=2.0, weights=weights, log_target=log_target)


@contract
def cumulant(log_p: Samples, weights: Rows, log_target: Clusters) -> Clusters:
    return theory.cumulant_log_tilt(log_p, weights=weights, log_target=log_target)


@contract
def sinkhorn(log_p: Samples, weights: Rows, log_target: Clusters, log_tilt: Clusters) -> Clusters:
    return theory.sinkhorn_log_tilt(log_p, rounds=2, weights=weights, log_target=log_target, log_tilt=log_tilt)


@contract
def project(
    log_p: Samples, weights: Rows, log_target: Clusters, log_tilt: Clusters
) -> tuple[Samples, Clusters, Number, Number, int]:
    found = theory.project(log_p, weights=weights, log_target=log_target, log_tilt=log_tilt)
    return found.log_r, found.log_tilt, found.marginal_error, found.duality_gap, found.iterations


@contract
def specht_bound(log_range: Clusters) -> Clusters:
    return theory.specht_bound(log_range)


@contract
def hoeffding_bound(log_range: Clusters) -> Clusters:
    return theory.hoeffding_bound(log_range)


@contract
def variance_bound(log_range: Clusters) -> Clusters:
    return theory.variance_bound(log_range)


@contract
def teacher_distance_bound(jensen_gap: Clusters) -> tuple[Number, Number, Number]:
    found = theory.teacher_distance_bound(jensen_gap)
    return found.log_ratio, found.kl, found.total_variation


@contract
def hilbert_diameter(log_p: Samples) -> Number:
    return theory.hilbert_diameter(log_p)


@contract
def sinkhorn_contraction(log_p: Samples) -> Number:
    return theory.sinkhorn_contraction(log_p)


@contract
def exact_distance_bound(log_p: Samples, step: Clusters) -> Number:
    return theory.projected_distance_bound(log_p, step)


@contract
def evaluate(
    log_r: Samples, log_q: Samples, weights: Rows
) -> tuple[Number, Number, Number, Number, Number, Number, Number]:
    return astuple(theory.evaluate(log_r, log_q, weights=weights))


@contract
def certificate(
    log_r: Samples, log_q: Samples, weights: Rows, log_target: Clusters
) -> tuple[Number, Number, Number, Number, Verdict]:
    return astuple(theory.certificate(log_r, log_q, weights=weights, log_target=log_target))


def _given(name, values):
    return {key: values[key] for key in calls.names(name)}


def test_every_public_function_has_a_contract_for_all_its_arrays():
    assert set(CONTRACTS) == calls.public_functions()
    for name, typed in CONTRACTS.items():
        assert set(inspect.signature(typed).parameters) == set(calls.names(name)), name


@pytest.mark.parametrize("namespace", ["numpy", "torch"])
@pytest.mark.parametrize("batch", [(), (2, 1, 3)], ids=str)
@pytest.mark.parametrize(("n", "k"), [(5, 4), (2, 6)])
@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_shapes_are_as_promised(name, n, k, batch, namespace):
    xp = calls.NAMESPACES[namespace]
    values = calls.operands(batch=batch, n=n, k=k)
    CONTRACTS[name](**{key: xp.asarray(value) for key, value in _given(name, values).items()})


@pytest.mark.parametrize("name", [name for name, typed in CONTRACTS.items() if len(calls.names(name)) > 1])
def test_the_contract_itself_refuses_a_misfit(name):
    """That the check above can fail: one argument with one sample or one cluster more."""
    values = calls.operands()
    last = calls.names(name)[-1]
    larger = calls.operands(n=6, k=5)[last]
    violations = (jaxtyping.TypeCheckError, BeartypeCallHintViolation)
    with pytest.raises(violations):
        CONTRACTS[name](**{**_given(name, values), last: larger})
