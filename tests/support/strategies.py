"""Hypothesis strategies: ensembles valid by construction, carried into any array namespace."""

import dataclasses
import functools

import array_api_compat
import array_api_strict
import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import theory

_CONVERTERS = {"numpy": np.array, "torch": torch.tensor, "array_api_strict": array_api_strict.asarray}


def lift(function, namespace="numpy"):
    """`function` of theory, called on NumPy arguments in another array namespace, its results back in NumPy.

    Fails if a result leaves the namespace that went in.
    """

    @functools.wraps(function)
    def called(*args, **kwargs):
        args = [_into(a, namespace) for a in args]
        kwargs = {name: _into(a, namespace) for name, a in kwargs.items()}
        return _back(function(*args, **kwargs), namespace)

    return called


def _into(value, namespace):
    if not isinstance(value, np.ndarray):
        return value
    return _CONVERTERS[namespace](value)


def _back(value, namespace):
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(
            value, **{f.name: _back(getattr(value, f.name), namespace) for f in dataclasses.fields(value)}
        )
    if array_api_compat.is_array_api_obj(value):
        assert namespace in array_api_compat.array_namespace(value).__name__
        return np.asarray(value)
    return value


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """Logits [..., N, K] and what the claims need beside them, in NumPy; `call` goes through `namespace`."""

    logits: np.ndarray
    temperature: float
    weights: np.ndarray | None
    log_target: np.ndarray | None
    namespace: str

    @property
    def log_p(self):
        return theory.log_softmax(self.logits, temperature=self.temperature)

    @property
    def p(self):
        return np.exp(self.log_p)

    @property
    def w(self):
        n = self.logits.shape[-2]
        return np.full(n, 1 / n) if self.weights is None else self.weights

    @property
    def log_pi(self):
        k = self.logits.shape[-1]
        return np.full(k, -np.log(k)) if self.log_target is None else self.log_target

    @property
    def pi(self):
        return np.exp(self.log_pi)

    def mean(self, x):
        """Σₙ wₙ xₙ over axis −2 of [..., N, K], or the last axis of [..., N]."""
        return (
            np.einsum("...n,...nk->...k", self.w, x) if x.ndim == self.logits.ndim else np.sum(self.w * x, -1)
        )

    def call(self, function, *args, **kwargs):
        return lift(function, self.namespace)(*args, **kwargs)

    def weighted(self, function, log_p=None, **kwargs):
        """function(log_p, weights=w) in the drawn namespace."""
        return self.call(function, self.log_p if log_p is None else log_p, weights=self.weights, **kwargs)

    def teacher(self, choose, log_p=None, **kwargs):
        """The tilt of p by `choose(log_p, weights=w, log_target=log π)`, and its λ."""
        log_p = self.log_p if log_p is None else log_p
        log_tilt = self.weighted(choose, log_p, log_target=self.log_target, **kwargs)
        return self.call(theory.tilt, log_p, log_tilt), log_tilt

    def project(self, log_p=None, **kwargs):
        log_p = self.log_p if log_p is None else log_p
        return self.weighted(theory.project, log_p, log_target=self.log_target, **kwargs)


def distributions(shape, *, smallest=0.02):
    """Points of the simplex [..., K], every entry at least about smallest/K."""
    return arrays(np.float64, shape, elements=st.floats(smallest, 1.0)).map(
        lambda u: u / u.sum(axis=-1, keepdims=True)
    )


def log_distributions(shape, *, reach=8.0):
    """log_softmax of scores in [−reach, reach]."""
    return arrays(np.float64, shape, elements=st.floats(-reach, reach)).map(theory.log_softmax)


@st.composite
def ensembles(
    draw, *, samples=(1, 9), clusters=(2, 6), reach=8.0, temperatures=(0.25, 4.0), batch=True, uniform=False
):
    """Ensembles whose log-ratios span up to 2·reach/τ nats: a common part per cluster plus one per entry.

    One in three is batched, one in two weighted (weights may be 0), one in two has a target of its own.
    """
    n, k = draw(st.integers(*samples)), draw(st.integers(*clusters))
    lead = draw(st.sampled_from([(), (), (2,)])) if batch else ()
    part = st.floats(-reach / 2, reach / 2)
    bias = draw(arrays(np.float64, (k,), elements=part))
    own = draw(arrays(np.float64, (*lead, n, k), elements=part))
    weights = draw(st.none() | _weights((*lead, n)))
    log_target = None if uniform else draw(st.none() | distributions((k,)).map(np.log))
    return Ensemble(
        logits=bias + own * draw(st.sampled_from([1.0, 1.0, 0.1])),
        temperature=draw(st.floats(*temperatures)),
        weights=weights,
        log_target=log_target,
        namespace=draw(st.sampled_from(list(_CONVERTERS))),
    )


def _weights(shape):
    """Weights of which any but the first may be 0."""
    first = np.eye(1, shape[-1])[0]
    return arrays(np.float64, shape, elements=st.floats(0.0, 1.0)).map(
        lambda u: (u + 0.1 * first) / (u + 0.1 * first).sum(axis=-1, keepdims=True)
    )


def fixed(logits, *, temperature=1.0, weights=None, log_target=None):
    """An `Ensemble` of given logits, for @example and for controls."""
    logits, weights, log_target = (
        a if a is None else np.asarray(a, float) for a in (logits, weights, log_target)
    )
    return Ensemble(logits, temperature, weights, log_target, "numpy")
