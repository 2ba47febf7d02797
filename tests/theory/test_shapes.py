"""The shapes in the signatures, written for type checkers, hold: jaxtyping and beartype check them at a call.

Within one call a name is one number: N in `weights` is the N of `log_p`, `batch` the leading axes of both.
"""

import functools
import inspect
import re
from dataclasses import is_dataclass
from typing import get_args, get_origin

import jaxtyping
import numpy as np
import pytest
import torch
from beartype import beartype
from jaxtyping import Bool, Float, TypeCheckError, jaxtyped

import theory
import theory.nn
from tests.support import calls

ARRAY = np.ndarray | torch.Tensor
EVERY = sorted(calls.CALLS)


def annotations(value):
    """Name → type of the parameters and "return" of a function, of the fields of a record."""
    return inspect.get_annotations(value, locals=vars(jaxtyping) | {"Array": ARRAY}, eval_str=True)


def fields(record):
    """Name → type of the fields of a record: shapes as its docstring gives them, the others as annotated."""
    found = annotations(record)
    for name, shape, kind in re.findall(r"^(\w+) : \[(.*?)\](, bool)?", inspect.getdoc(record), re.MULTILINE):
        found[name] = (Bool if kind else Float)[ARRAY, shape.replace("...", "*batch").replace(",", "")]
    return found


def promised(hint):
    """Name → type of what is returned: the fields of a record, or the result itself under ""."""
    return fields(hint) if is_dataclass(hint) else {"": hint}


def contract(function, spoilt=None):
    """The function, refusing what its annotations do not allow; it returns the tuple of what is promised.

    spoilt: the name of a part that gets one axis too many.
    """
    hints = annotations(function)
    parts = promised(hints["return"])

    @functools.wraps(function)
    def typed(*args, **kwargs):
        result = function(*args, **kwargs)
        found = {part: getattr(result, part) if part else result for part in parts}
        # NumPy gives a scalar, not an array, where no axis is left.
        found = {part: np.asarray(x) if isinstance(x, np.generic) else x for part, x in found.items()}
        if spoilt is not None:
            found[spoilt] = found[spoilt][..., None]
        return tuple(found.values())

    typed.__annotations__ = hints | {"return": tuple[*parts.values()]}
    parameters = [
        p.replace(annotation=hints[p.name]) for p in inspect.signature(function).parameters.values()
    ]
    typed.__signature__ = inspect.Signature(parameters, return_annotation=typed.__annotations__["return"])
    return jaxtyped(typed, typechecker=beartype)


def call(name, values, spoilt=None):
    given = {key: values[key] for key in calls.names(name)}
    return contract(getattr(theory, name), spoilt)(**given, **calls.CALLS[name].settings)


@pytest.mark.parametrize("namespace", ["numpy", "torch"])
@pytest.mark.parametrize("batch", [(), (2, 1, 3)], ids=str)
@pytest.mark.parametrize(("n", "k"), [(5, 4), (2, 6)])
@pytest.mark.parametrize("name", EVERY)
def test_shapes_are_as_promised(name, n, k, batch, namespace):
    values = calls.operands(batch=batch, n=n, k=k)
    call(name, {key: calls.NAMESPACES[namespace].asarray(value) for key, value in values.items()})


SHARED = [(name, key) for name in EVERY for key in calls.CALLS[name].knobs]
SHARED += [("kl", "log_p"), ("kl", "log_q"), ("cross_entropy", "log_r"), ("cross_entropy", "log_q")]


@pytest.mark.parametrize(
    ("name", "key"), [*SHARED, ("tilt", "log_tilt"), ("projected_distance_bound", "log_tilt_change")]
)
def test_one_argument_for_all_ensembles_is_allowed(name, key):
    call(name, calls.operands(batch=(2, 1, 3)) | {key: calls.operands()[key]})


@pytest.mark.parametrize("shape", [(1,), (5, 1), (1, 3, 1, 1), (2, 1, 3, 5, 1)], ids=str)
@pytest.mark.parametrize(
    "teacher", [theory.log_softmax, theory.batch_softmax_log_tilt, theory.systems.dinov2, theory.systems.msn]
)
def test_a_temperature_for_each_ensemble_or_sample_is_allowed(teacher, shape):
    contract(teacher)(calls.operands(batch=(2, 1, 3))["logits"], temperature=np.full(shape, 0.5))


@pytest.mark.parametrize("name", [name for name in EVERY if len(calls.names(name)) > 1])
def test_an_argument_with_one_sample_or_cluster_more_is_refused(name):
    """That the check above can fail, before the function itself has looked at anything."""
    values = calls.operands()
    for larger in (calls.operands(n=6), calls.operands(k=5)):
        for key in (key for key in calls.names(name)[1:] if larger[key].shape != values[key].shape):
            with pytest.raises(TypeCheckError, match=rf"typechecking parameter '{key}'"):
                call(name, values | {key: larger[key]})


@pytest.mark.parametrize("name", EVERY)
def test_a_result_with_an_axis_more_is_refused(name):
    values = calls.operands()
    for part in calls.parts(calls.call(name, values)):
        with pytest.raises(TypeCheckError, match="checking the return value"):
            call(name, values, spoilt=part)


# -- what is not called here is annotated all the same ------------------------------------------------

ROOMS = (theory, theory.dynamics, theory.systems, theory.nn)
ANNOTATED = {
    f"{room.__name__}.{name}": value
    for room in ROOMS
    for name, value in vars(room).items()
    if name in room.__all__ and (inspect.isfunction(value) or is_dataclass(value))
}


def kinds(hint):
    """The types that an annotation is made of."""
    return [get_origin(hint) or hint, *(kind for part in get_args(hint) for kind in kinds(part))]


def shapeless(value):
    """The parameters, fields and returns that are not annotated, or are with an array of any shape."""
    wanted = [*inspect.signature(value).parameters, *(["return"] if inspect.isfunction(value) else [])]
    hints = fields(value) if is_dataclass(value) else annotations(value)
    return [name for name in wanted if any(kind in get_args(ARRAY) for kind in kinds(hints.get(name, ARRAY)))]


@pytest.mark.parametrize("name", ANNOTATED)
def test_every_array_of_a_signature_has_a_shape(name):
    assert shapeless(ANNOTATED[name]) == []


def half_annotated(log_p: "Float[Array, '*batch K']", weights: "Array | None", order) -> "Array":  # noqa: F821
    """Of the arrays one has a shape."""


def test_an_array_without_a_shape_is_seen():
    assert shapeless(half_annotated) == ["weights", "order", "return"]
