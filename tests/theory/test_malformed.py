"""Malformed calls of everything public: what arrived is refused, the argument that it came as is named."""

import re

import numpy as np
import pytest
import torch

from tests.support.everything import everything, public

EVERYTHING = everything()
NUMBERED = {"first": "views[0]", "second": "views[1]"}
"""What messages call the views that are given one after another."""


def is_views(value):
    return isinstance(value, list) and len(value) > 0 and isinstance(value[0], np.ndarray | torch.Tensor)


def is_array(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def is_tensor(value):
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def is_number(value):
    return isinstance(value, int | float)


def holds_numbers(value):
    return is_array(value) or is_tensor(value) or is_views(value)


def each(change):
    """The change of an array, made in every view where there are several."""
    return lambda value: [change(view) for view in value] if is_views(value) else change(value)


def masked(x):
    return np.ma.masked_array(np.asarray(x), mask=np.zeros(tuple(x.shape), bool))


def tensor(x):
    return x if isinstance(x, torch.Tensor) else torch.from_numpy(x)


def no_numbers(x):
    return x * float("nan")


MALFORMED = {  # which arguments it is tried on, what is made of them, and what the message says
    "a mask": (holds_numbers, each(masked), "an array without a mask|tensor, got MaskedArray"),
    "no memory": (holds_numbers, each(lambda x: tensor(x).to("meta")), "got a tensor on the device 'meta'"),
    "sparse": (holds_numbers, each(lambda x: tensor(x).to_sparse()), "dense, got .* torch.sparse_coo"),
    "complex": (is_array, lambda x: x.astype(complex), "got dtype complex128|got complex128"),
    "NaN": (is_array, no_numbers, "NaN|nan"),
    "words": (holds_numbers, lambda _: "0.9", "got str|got '0.9'|dtype <U3"),
    "an object": (holds_numbers, lambda _: object(), "got object|got dtype object|dtype object"),
    "a dictionary": (holds_numbers, lambda _: {}, "got dict|dtype object"),
    "a number of words": (is_number, lambda _: "0.9", "got '0.9'|got str|dtype <U3"),
    "a list of words": (is_number, lambda _: ["a"], r"got list|got \['a'\]|dtype <U1"),
    "an imaginary number": (is_number, lambda _: 1j, "got complex|got 1j|dtype complex128"),
    "a number without a value": (is_number, lambda _: float("nan"), "got nan|got NaN"),
    "digits beyond any float": (is_number, lambda _: 10**400, "401 digits|dtype object"),
    "no choice": (lambda x: isinstance(x, str), lambda _: "zzz", "got 'zzz'"),
    "an unhashable choice": (lambda x: isinstance(x, str), lambda _: ["a"], r"got \['a'\]"),
}
MEANS_SOMETHING = {
    *((name, key, "NaN") for name in ["explain_loss"] for key in ("loss", "teacher_entropy", "kl")),
    ("explain_loss", "prior_entropy", "a number without a value"),
    *(("diagnose", key, "words") for key in ("logits", "student_logits", "earlier_logits")),  # a path
    ("summarize", "logits", "words"),
    ("Monitor", "criterion", "words"),
}
CASES = [
    pytest.param(name, key, kind, id=f"{name}-{key}-{kind}")
    for name, (_, given) in EVERYTHING.items()
    for key, value in given.items()
    for kind, (applies, _, _) in MALFORMED.items()
    if applies(value) and (name, key, kind) not in MEANS_SOMETHING
]


def test_every_public_function_is_in_the_table_and_every_call_of_it_is_valid():
    assert public() - {"assume_valid"} <= EVERYTHING.keys()
    for function, given in EVERYTHING.values():
        function(**given)
    assert len(CASES) >= 250


@pytest.mark.parametrize(("name", "key", "kind"), CASES)
def test_a_malformed_argument_is_named_with_what_arrived(name, key, kind):
    function, given = EVERYTHING[name]
    _, spoil, arrived = MALFORMED[kind]
    called = re.escape(NUMBERED.get(key, key)) if name == "cross_view_moments" else key
    with pytest.raises(
        (TypeError, ValueError), match=rf"^`{called}(\[\d\])?` must (?s:.*)({arrived})"
    ) as caught:
        function(**given | {key: spoil(given[key])})
    assert type(caught.value) in (TypeError, ValueError)


LOSS, STEP = "ClusterDistillationLoss", "a step of ClusterDistillationLoss"
SINGLE = [
    (
        "center_gain_limit",
        {"student_temperature": 1e300},
        r"`student_temperature`/`teacher_temperature` must be",
    ),
    (
        "center_stability",
        {"gain": 1e300},
        r"`gain`/`student_temperature` must be at most 1e\+150, got 1e\+301",
    ),
    ("center_stability", {"teacher_temperature": 1e-300}, "`gain`/`teacher_temperature` must be at most"),
    ("coupled_center_stability", {"student_temperature": 5e-324}, "`gain`/`student_temperature` must be"),
    ("coupled_center_stability", {"moments": 3.0}, "`moments` must be CrossViewMoments, got float"),
    ("critical_center_momentum", {"teacher_temperature": 1e-310}, "`student_temperature`/`teacher_temper"),
    ("growth_rates", {"student_temperature": 1e-310}, "`gain`/`student_temperature` must be at most"),
    ("growth_rates", {"gain": 1e308}, "`gain`/`student_temperature` must be at most"),
    ("diagnose", {"student_temperature": 1e-310}, "`learning_rate`/`student_temperature` must be at most"),
    ("diagnose", {"student_temperature": 1e308}, "`student_temperature`/`temperature` must be at most"),
    ("diagnose", {"learning_rate": 1e308}, "`learning_rate`/`student_temperature` must be at most"),
    (
        "explain_loss",
        {"student_temperature": 1e-310},
        "`learning_rate`/`student_temperature` must be at most",
    ),
    ("explain_loss", {"teacher_temperature": 1e-310}, "`learning_rate`/`student_temperature`/`teacher_temp"),
    ("sela", {"sharpness": 1e308}, "`sharpness` must leave logits/temperature finite, got inf"),
    ("swav", {"epsilon": 1e-310}, "`epsilon` must leave scores/temperature finite, got inf"),
    ("diagnose", {"weights": np.ones(3)}, r"`weights` must have shape \(40,\), one for each row"),
    ("diagnose", {"logits": np.zeros((0, 4))}, r"`logits` must not be empty, got shape \(0, 4\)"),
    (LOSS, {"momentum": "0.9"}, "`momentum` must be a number, got '0.9'"),
    (LOSS, {"momentum": [0.9]}, "`momentum` must be a number, got list"),
    (LOSS, {"momentum": torch.full((3,), 0.9)}, r"`momentum` must broadcast to shape \(1,\)"),
    (LOSS, {"log_target": [1]}, "`log_target` must be an array .*, got list"),
    (LOSS, {"view_weights": []}, "`view_weights` must be numbers, one for each student view"),
    (LOSS, {"view_weights": 2.0}, "`view_weights` must be numbers, .* got float"),
    (LOSS, {"view_weights": [1.0, "a"]}, "`view_weights` must be a number, got str"),
    ("TeacherNormalizer", {"batch_shape": 3}, "`batch_shape` must be a tuple of integers, got int"),
    ("TeacherNormalizer", {"batch_shape": "ab"}, "`batch_shape` must be a tuple of integers, got str"),
    ("TeacherNormalizer", {"batch_shape": {}}, "`batch_shape` must be a tuple of integers, got dict"),
    ("TeacherNormalizer", {"batch_shape": (0,)}, "`batch_shape` must be at least 1, got 0"),
    ("TeacherNormalizer", {"batch_shape": (1.5,)}, r"`batch_shape` must be an integer, got 1\.5"),
    (STEP, {"student": [torch.zeros(4)] * 2}, r"`student` must have shape \[\.\.\., N"),
    (STEP, {"student": [torch.zeros(40, 4).int()] * 2}, r"`student\[0\]` must be float"),
    (STEP, {"student": ["a", "b"]}, r"`student\[0\]` must be a tensor, got str"),
    (STEP, {"teacher": 3}, "`teacher` must be a tensor or a list of views, got int"),
    (STEP, {"weights": [0.5]}, "`weights` must be a tensor, got list"),
    ("a step of MaskedPatchLoss", {"teacher": torch.zeros(4)}, "`student` and `teacher` must have shape"),
    ("a masked step of MaskedPatchLoss", {"mask": [True]}, "`mask` must be a tensor of bool, got list"),
    ("a masked step of MaskedPatchLoss", {"mask": torch.ones(2, 40)}, "`mask` must be of bool and shape"),
    (
        "a masked step of MaskedPatchLoss",
        {"mask": torch.ones(2, 40, dtype=torch.bool).to_sparse()},
        "`mask` must be dense, got a tensor of layout torch.sparse_coo",
    ),
    ("a step of TeacherNormalizer", {"logits": torch.zeros(4)}, r"`logits` must have shape \[\.\.\., N, K\]"),
    ("load_average", {"average": torch.zeros(4).int()}, "`average` must be floating-point, got torch.int32"),
    ("Schedule", {"steps": 0}, "`steps` must be at least 1, got 0"),
]


@pytest.mark.parametrize(("name", "changed", "message"), SINGLE)
def test_what_only_some_refuse_is_named_too(name, changed, message):
    function, given = EVERYTHING[name]
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        function(**given | changed)


BITS = ["diagnose", "diagnose_features", "which_system", "summarize"]
FLOATING = [
    (name, key)
    for name in BITS
    for key in EVERYTHING[name][1]
    if key in ("logits", "student_logits", "earlier_logits", "features", "center")
    and (name, key) != ("which_system", "center")
]


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.int64])
@pytest.mark.parametrize(("name", "key"), FLOATING)
def test_integers_which_may_be_the_bits_of_bfloat16_are_no_logits(name, key, kind):
    function, given = EVERYTHING[name]
    bits = each(lambda x: torch.from_numpy(x).bfloat16().view(torch.int16).numpy().astype(kind))(given[key])
    with pytest.raises(TypeError, match=f"^`{key}` must be (floating-point|of float16).*{np.dtype(kind)}"):
        function(**given | {key: bits})


def test_a_teacher_that_moves_at_once_is_a_limit_at_every_temperature():
    """m_t = 0: the critical rate was 0/0 where the teacher is no sharper than the student."""
    limit, given = EVERYTHING["center_gain_limit"]
    for temperature in (0.04, 0.1, 0.2):
        assert limit(**given | {"teacher_momentum": 0.0, "teacher_temperature": temperature}) >= 0
    diagnose, given = EVERYTHING["diagnose"]
    for temperature in (0.04, 0.2):
        found = diagnose(**given | {"teacher_momentum": 0.0, "temperature": temperature})
        assert not np.isnan(found.measurements["center_momentum_safe"])
