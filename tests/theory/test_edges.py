"""The last number that is taken and the first that is refused, of every argument that has limits."""

import math

import pytest

import theory
from tests.support.everything import everything

ABOVE_1 = math.nextafter(1.0, 2.0)
SMALL = 0.005
EDGES = {
    "clusters": ([2], [1]),
    "rounds": ([1], [-1]),
    "max_iter": ([1], [0]),
    "batch_size": ([1], [0]),
    "correlation": ([0.0, 1.0], [-1e-9, ABOVE_1]),
    "share": ([0.0, 1.0], [-1e-9, ABOVE_1]),
    "rank_tol": ([0.0, 1.0], [-1e-9, ABOVE_1]),
    "momentum": ([0.0], [-1e-9, ABOVE_1]),
    "teacher_momentum": ([0.0, 1.0], [-1e-9, ABOVE_1]),
    "center_momentum": ([0.0, 1.0], [-1e-9, ABOVE_1]),
    "exponent": ([0.0, SMALL], [-1e-9]),
    "pairs": ([1], [0]),
    "me_max": ([0.0, SMALL], [-1e-9]),
    "every": ([1], [0]),
    "mass": ([SMALL], [0.0]),
    "tol": ([SMALL], [0.0]),
    "prior_entropy": ([0.0], []),
}
SPEEDS = ("gain", "learning_rate", "gradient_noise", "teacher_rate", "epsilon", "sharpness")
EVERY = everything()
OWN = {
    ("sinkhorn_log_tilt", "rounds"): ([0, 1], [-1]),
    ("center_race", "correlation"): ([-1.0, 0.0, 1.0], [-1 - 1e-9, ABOVE_1]),
    ("learnt_solution", "correlation"): ([0.6], [0.0, 1.0]),
    ("learnt_center_stability", "correlation"): ([0.6], [0.0, 1.0]),
    ("critical_temperature", "correlation"): ([-2.0, 2.0], [math.nan]),
    ("whitened_growth_rate", "correlation"): ([-2.0, 2.0], [math.nan]),
}
OWN |= {
    (name, "teacher_momentum"): ([0.0], [1.0, ABOVE_1, -1e-9])
    for name in ("adaptive_turns", "center_gain_limit", "critical_center_momentum")
}
CASES = [
    (name, argument, *OWN.get((name, argument), EDGES.get(argument, ([SMALL], [0.0, -SMALL]))))
    for name, (_, arguments) in EVERY.items()
    for argument in arguments
    if argument in EDGES or argument in SPEEDS or argument.endswith("temperature")
]


@pytest.mark.parametrize(("name", "argument", "taken", "refused"), CASES)
def test_what_is_inside_its_limits_is_taken_and_what_is_outside_is_refused_by_name(
    name, argument, taken, refused
):
    function, arguments = EVERY[name]
    for value in refused:
        with pytest.raises((TypeError, ValueError), match=f"`{argument}`"):
            function(**arguments | {argument: value})
    for value in taken:
        said = ""
        try:
            function(**arguments | {argument: value})
        except (ArithmeticError, ValueError, theory.NotConverged) as failure:  # of what the others then are
            said = str(failure)
        assert not said.startswith(f"`{argument}` must be"), value
