"""The points of the critical line are rows of the ledger, and their places do not change their sides."""

import math

import pytest

from experiments.studies.published_rows import rows
from figures.draw.critical_center import RUNS, TEACHER, TITLE
from theory.dynamics import critical_center_momentum

SWEEPS = {
    "DINO": "centre momentum, ViT-S, k-NN",
    "DINO-X": "DINO-X, centre, loss at 2,000 steps",
    "iBOT's patches": "iBOT's patches, centre, k-NN",
}
POINTS = [(system, *run) for system, (_, _, runs) in RUNS.items() for run in runs]


def published(sweep):
    return {row.setting: row for row in rows() if row.sweep == sweep}


@pytest.mark.parametrize("system", SWEEPS)
def test_every_row_with_a_moving_centre_is_drawn(system):
    moving = {
        setting for setting, row in published(SWEEPS[system]).items() if row.center_momentum is not None
    }
    assert {f"{momentum:g}" for momentum, _ in RUNS[system][2]} == moving


@pytest.mark.parametrize(("system", "momentum", "fate"), POINTS)
def test_a_point_is_what_was_published(system, momentum, fate):
    row = published(SWEEPS[system])[f"{momentum:g}"]
    assert row.teacher_momentum == TEACHER
    assert (row.outcome == "dies") == (fate != "live")


def test_what_was_learnt_late_was_lost_before():
    assert [(system, momentum) for system, momentum, fate in POINTS if fate == "late"] == [("DINO-X", 0.999)]
    later = published("DINO-X, later")
    assert later["0.999 at 10,000"].outcome == "dies"
    assert later["0.999 at 100,000"].outcome == "learns"


@pytest.mark.parametrize(("system", "momentum", "fate"), POINTS)
def test_a_point_beside_the_others_stays_on_its_side_of_the_line(system, momentum, fate):
    knobs = {"gain": math.inf, "student_temperature": 0.1, "teacher_temperature": 0.04}
    there = 1 - (1 - TEACHER) * RUNS[system][0]
    line, moved = (critical_center_momentum(teacher_momentum=m, **knobs) for m in (TEACHER, there))
    assert (momentum > line) == (momentum > moved) == (momentum == 0.999)


def test_the_title_counts_the_fates_on_both_sides_of_the_line():
    knobs = {"gain": math.inf, "student_temperature": 0.1, "teacher_temperature": 0.04}
    line = float(critical_center_momentum(teacher_momentum=TEACHER, **knobs))
    below = [fate for _, momentum, fate in POINTS if momentum < line]
    above = [fate for _, momentum, fate in POINTS if momentum > line]
    assert TITLE == "Below the line none of these runs died; above it one of three stayed dead"
    assert set(below) == {"live"}
    assert (above.count("dead"), len(above)) == (1, 3)
