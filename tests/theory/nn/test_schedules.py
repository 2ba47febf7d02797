"""Schedules: start, end, shape, and what is refused."""

import pytest

from theory.nn.schedules import Schedule, value_at


def test_a_line_goes_from_start_to_end_and_stays():
    line = Schedule(start=0.04, end=0.07, steps=10)
    assert [line(t) for t in (0, 5, 10, 99)] == pytest.approx([0.04, 0.055, 0.07, 0.07])


def test_a_cosine_is_level_at_both_ends():
    cosine = Schedule(start=1.0, end=0.0, steps=4, shape="cosine")
    assert [cosine(t) for t in (0, 1, 2, 4, 9)] == pytest.approx([1.0, 0.5 + 0.125**0.5, 0.5, 0.0, 0.0])


def test_a_constant_and_any_function_of_the_step_are_schedules():
    assert value_at(0.1, 7) == 0.1
    assert value_at(lambda step: step / 10, 7) == 0.7


@pytest.mark.parametrize(
    "error, message, changed",
    [
        (ValueError, "`start` must be finite, got nan", {"start": float("nan")}),
        (TypeError, "`end` must be a number, got str", {"end": "low"}),
        (ValueError, "`steps` must be at least 1, got 0", {"steps": 0}),
        (TypeError, "`steps` must be an integer, got 2.5", {"steps": 2.5}),
        (ValueError, "`shape` must be 'linear' or 'cosine', got 'step'", {"shape": "step"}),
    ],
)
def test_bad_arguments_are_named(error, message, changed):
    with pytest.raises(error, match=f"^{message}"):
        Schedule(**{"start": 0.0, "end": 1.0, "steps": 5} | changed)
