"""A swing counts where it comes back often enough, and is called turns where its period is near theirs."""

import math

import numpy as np
import pytest

from theory.curves.curve import CYCLES, _period, curve_of, swing_of
from theory.curves.turns import Turns, about_the_swing


def curve(loss):
    return curve_of(np.arange(float(len(loss))), np.asarray(loss, dtype=float))


@pytest.mark.parametrize(
    "loss",
    [np.empty(0), np.ones(6 * CYCLES), np.random.default_rng(0).normal(size=400)],
    ids=["none", "few", "noise"],
)
def test_what_does_not_come_back_has_no_period(loss):
    assert swing_of(curve(loss)) == math.inf


@pytest.mark.parametrize(
    "share, level", [(0.799, "warning"), (0.801, "problem"), (1.249, "problem"), (1.251, "warning")]
)
def test_turns_are_those_within_a_quarter_of_the_period(share, level):
    turns = Turns(safe=False, decided=True, period=400.0)
    (found,) = about_the_swing(share * turns.period / 2, turns)
    assert found.level == level


def test_the_period_is_in_steps_of_the_second_half_exactly():
    assert swing_of(curve(np.sin(np.pi * np.arange(401) / 10))) == 20.0


def test_the_lowest_level_may_be_that_of_the_last_records():
    assert curve(np.repeat([1.0, 0.0], 8)).lowest == 0.0
    assert curve(np.repeat([0.0, 1.0], 8)).lowest == 0.0


@pytest.mark.parametrize("n", [64, 200])
def test_a_period_that_fits_just_four_times_is_told_exactly(n):
    assert _period(np.sin(2 * np.pi * np.arange(n) / (n // CYCLES) + 0.3)) == n // CYCLES
