"""The experiment `published`: each prediction, its condition and its verdict (D5)."""

import math
from dataclasses import replace

import pytest

from experiments.studies import published

BRACKET = {"correlation": (0.6, 0.8), "clusters": 65536}
POINTS = {(p.sweep, p.setting): p for p in published.points(100)}


@pytest.mark.claim("D5")
def test_no_published_point_contradicts_and_only_the_hard_teacher_is_out_of_reach():
    verdicts = {key: published.predict(point, **BRACKET).verdict for key, point in POINTS.items()}
    assert {key for key, verdict in verdicts.items() if verdict == "silent"} == {("teacher temperature", "0")}
    assert set(verdicts.values()) == {"consistent with", "silent"}


@pytest.mark.control("D5")
def test_a_run_that_should_have_died_and_did_not_would_contradict():
    slow = replace(POINTS["centre momentum", "0.999"], published=69.0)
    warm = replace(POINTS["teacher temperature", "0.08"], published=69.0)
    lagging = replace(POINTS["centre momentum", "0.9"], published=0.1)
    assert {published.predict(p, **BRACKET).verdict for p in (slow, warm, lagging)} == {"contradicts"}


@pytest.mark.claim("D5")
@pytest.mark.parametrize(
    ("key", "needs"),
    [
        (("centre momentum", "0.99"), "r > 0.4; any gain"),
        (("centre momentum", "0.999"), "gain a > 7.01e-05"),
        (("teacher", "centering, no momentum"), "gain a > 0.00625"),
        (("teacher", "Sinkhorn, no momentum"), "r > 0.4"),
        (("teacher temperature", "0.04 to 0.07"), "r = 0.6: lives up to 0.094"),
    ],
)
def test_a_prediction_states_what_it_needs(key, needs):
    assert published.predict(POINTS[key], **BRACKET).needs == needs


def test_the_published_deaths_are_three():
    dead = {key for key, point in POINTS.items() if point.published < 1}
    assert dead == {
        ("centre momentum", "0.999"),
        ("teacher temperature", "0.08"),
        ("teacher", "centering, no momentum"),
    }
    assert sum(math.isnan(point.published) for point in POINTS.values()) == 3
