"""The rooms on NumPy name a bad number or array, with what arrived; half precision is read."""

import numpy as np
import pytest
import torch

import theory
from tests.claims.ledger import equal
from tests.support.everything import ROOMS

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


SPEEDS = ("gain", "learning_rate", "gradient_noise", "teacher_rate", "batch_size", "mass")
POSITIVE = [
    (room, name)
    for room, (_, arguments) in ROOMS.items()
    for name in arguments
    if name in SPEEDS or name.endswith("temperature") or name in ("epsilon", "sharpness")
]


@pytest.mark.parametrize(("room", "name"), POSITIVE)
@pytest.mark.parametrize("value", [-1.0, 0.0, np.nan])
def test_what_must_be_positive_is_refused_below_by_its_name(room, name, value):
    function, arguments = ROOMS[room]
    with pytest.raises((ValueError, TypeError), match=f"`{name}`"):
        function(**arguments | {name: value})


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_tensors_are_read(dtype):
    views = [torch.randn(64, 3, generator=torch.Generator().manual_seed(i)).to(dtype) for i in range(2)]
    got, want = (
        theory.dynamics.cross_view_moments(*(f(v) for v in views))
        for f in (lambda v: v, lambda v: v.double())
    )
    equal(got.covariance, want.covariance)


@pytest.mark.parametrize("values", [[0.1, -1.0], [[0.1, 0.2], [np.inf, 0.1]], [np.nan, 0.1]])
def test_one_bad_number_among_good_ones_is_refused(values):
    with pytest.raises(ValueError, match="`gain` must be positive"):
        theory.dynamics.center_stability(**CENTER | {"gain": values, "center_momentum": 0.9})
    with pytest.raises(ValueError, match=r"`center_momentum` must be in \[0, 1\], got (-1|inf|nan)"):
        theory.dynamics.center_stability(**CENTER | {"gain": 0.1, "center_momentum": values})
