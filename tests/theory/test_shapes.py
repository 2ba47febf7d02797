"""The shapes in the signatures are kept: the real functions under beartype, on one table of valid calls.

Within one call a name is one number: N in `weights` is the N of `log_p`, `batch` the leading axes of both.
"""

import dataclasses
import inspect
import sys
import types
import typing

import jaxtyping
import numpy as np
import pytest
import torch
from beartype import beartype
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Bool, Float, jaxtyped

import theory
from tests.support import calls

Array = np.ndarray | np.generic | torch.Tensor  # NumPy gives a scalar, not an array, where no axis is left
NAMES = {"Array": Array, "Bool": Bool, "Float": Float}
CORE = sorted(calls.CALLS)
VIOLATIONS = (jaxtyping.TypeCheckError, BeartypeCallHintViolation)


def hints(value):
    """The annotations of a function of `theory`, with `Array` one of the three kinds tried here."""
    return typing.get_type_hints(value, vars(sys.modules[value.__module__]) | NAMES)


def contract(name):
    """The function with what its signature says of every argument and of its result checked at each call."""
    real = getattr(theory, name)
    copy = types.FunctionType(
        real.__code__, real.__globals__, real.__name__, real.__defaults__, real.__closure__
    )
    copy.__kwdefaults__, copy.__annotations__ = real.__kwdefaults__, hints(real)
    return jaxtyped(copy, typechecker=beartype)


CONTRACTS = {name: contract(name) for name in CORE}


def call(name, values):
    spec = calls.CALLS[name]
    knobs = {key: values[key] for key in spec.knobs} | spec.settings
    return CONTRACTS[name](*(values[key] for key in spec.arrays), **knobs)


@pytest.mark.parametrize("name", CORE)
def test_every_array_of_a_signature_says_its_shape(name):
    function = getattr(theory, name)
    for key in calls.names(name):
        assert "Float[Array" in function.__annotations__[key], key
    result = hints(function)["return"]
    assert dataclasses.is_dataclass(result) or "Float[Array" in function.__annotations__["return"]


@pytest.mark.parametrize("namespace", ["numpy", "torch"])
@pytest.mark.parametrize("batch", [(), (2, 1, 3)], ids=str)
@pytest.mark.parametrize(("n", "k"), [(5, 4), (2, 6)])
@pytest.mark.parametrize("name", CORE)
def test_shapes_are_as_promised(name, n, k, batch, namespace):
    xp = calls.NAMESPACES[namespace]
    result = call(name, {key: xp.asarray(x) for key, x in calls.operands(batch=batch, n=n, k=k).items()})
    shapes = {"[..., N, K]": (*batch, n, k), "[..., K]": (*batch, k), "[...]": batch, "[...], bool": batch}
    for field in dataclasses.fields(result) if dataclasses.is_dataclass(result) else ():
        if field.name != "iterations":
            assert tuple(getattr(result, field.name).shape) == shapes[documented(type(result), field.name)]


def documented(record, field):
    """The shape that a record's docstring gives for a field."""
    line = next(x for x in inspect.getdoc(record).splitlines() if x.startswith(f"{field} : "))
    return line.partition(" : ")[2]


@pytest.mark.parametrize("name", [name for name in CORE if len(calls.names(name)) > 1])
def test_the_contract_itself_refuses_a_misfit(name):
    """That the check above can fail: one argument with one sample or one cluster more."""
    last = calls.names(name)[-1]
    with pytest.raises(VIOLATIONS):
        call(name, calls.operands() | {last: calls.operands(n=6, k=5)[last]})
