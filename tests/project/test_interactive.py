"""The interactive page computes what `theory` computes."""

import math

import numpy as np
import pytest

import theory
from tests.claims.claim_table import ROOT
from tests.project.conftest import Visit
from theory.dynamics import center_stability

pytestmark = pytest.mark.browser
SETTINGS = 20


@pytest.fixture(scope="module")
def interactive(browser):
    root = ROOT / "docs/interactive"
    visit = Visit(browser, root / "teachers.html", root=root)
    assert visit.wrong == []
    return visit.page


def test_interactive_teachers_are_those_of_theory(interactive):
    rng = np.random.default_rng(5)
    logits = np.array(interactive.evaluate("LOGITS"))
    bias_of_first = np.eye(logits.shape[1])[0]
    for exponent, bias in rng.uniform([-1.7, -4.0], [0.7, 4.0], (SETTINGS, 2)):
        settings = {"temperature": 10**exponent, "bias": bias}
        shown = interactive.evaluate("teachers", settings)
        log_p = theory.log_softmax(logits + bias * bias_of_first, temperature=10**exponent)
        log_r = {
            "unconstrained": log_p,
            "centering": theory.tilt(log_p, theory.centering_log_tilt(log_p)),
            "inverse_prior": theory.tilt(log_p, theory.inverse_prior_log_tilt(log_p)),
            "projected": theory.project(log_p, tol=1e-13).log_r,
        }
        r = {name: np.exp(value) for name, value in log_r.items()}
        gap = theory.jensen_gap(log_p)
        distance = theory.teacher_distance_bound(gap)

        def total_variation(name, other, r=r):
            return np.max(np.sum(np.abs(r[name] - r[other]), axis=-1)) / 2

        expected = {
            "gap": gap,
            "osc": np.ptp(gap),
            "mutual": theory.mutual_information(log_p),
            "lautum": theory.lautum_information(log_p),
            "distance": total_variation("centering", "inverse_prior"),
            "toProjected": total_variation("centering", "projected"),
            "bound": distance.total_variation,
        }
        assert shown.keys() == {*expected, "teachers"}
        assert shown["teachers"].keys() == {theory.TEACHERS[name].label for name in r}
        for name, value in expected.items():
            np.testing.assert_allclose(
                shown[name], value, rtol=1e-9, atol=1e-9, err_msg=f"{name}, {settings}"
            )
        for name, value in r.items():
            teacher, wrong = shown["teachers"][theory.TEACHERS[name].label], f"{name}, {settings}"
            np.testing.assert_allclose(teacher["r"], value, rtol=0, atol=1e-9, err_msg=wrong)
            np.testing.assert_allclose(teacher["prior"], value.mean(0), rtol=0, atol=1e-9, err_msg=wrong)


def test_interactive_stability_is_that_of_theory(interactive):
    rng = np.random.default_rng(6)
    for center, teacher, ratio, gain in rng.uniform([0, 0, 0.1, -4], [4, 4, 1.2, 0], (SETTINGS, 4)):
        momenta = {"centerMomentum": 1 - 10**-center, "teacherMomentum": 1 - 10**-teacher}
        settings = {**momenta, "ratio": ratio, "gain": 10**gain}
        radius, frequency, stable = interactive.evaluate(
            """(settings) => {
              const { radius, period, stable } = stability(settings);
              return [radius, 1 / period, stable];
            }""",
            settings,
        )
        expected = center_stability(
            gain=10**gain,
            student_temperature=1.0,
            teacher_temperature=ratio,
            teacher_momentum=momenta["teacherMomentum"],
            center_momentum=momenta["centerMomentum"],
        )
        numbers = [expected.spectral_radius, 1 / expected.period]
        np.testing.assert_allclose([radius, frequency], numbers, rtol=0, atol=1e-9, err_msg=str(settings))
        assert stable is bool(expected.stable)


def test_interactive_trace_grows_where_the_centre_is_too_slow(interactive):
    """Also at the end of the slider of the gain, where one step takes a lone student to its goal."""
    for center, ratio, gain, slow in ((0, 0.1, 1, True), (0.99, 0.4, 1, True), (0, 0.9, 0.5, False)):
        settings = {"centerMomentum": center, "teacherMomentum": 0, "ratio": ratio, "gain": gain}
        first, last = interactive.evaluate(
            """(settings) => {
              const path = trajectory(settings, 200);
              return [path[0], path.at(-1)].map((x) => Math.max(...x.map(Math.abs)));
            }""",
            settings,
        )
        assert (last > first) is slow, settings


def test_interactive_page_answers_its_sliders(interactive):
    move = """([id, value]) => {
      const slider = document.getElementById(id);
      slider.value = value;
      slider.dispatchEvent(new Event("input"));
      return document.querySelector("main").innerText;
    }"""
    moves = [("temperature", 0.5), ("bias", -3), ("center", 4), ("center", 0), ("gain", -1)]
    texts = [interactive.evaluate(move, [name, value]) for name, value in moves]
    assert len(set(texts)) == len(texts)
    assert "centre is too slow" in texts[2] and "centre keeps up" in texts[3]
    assert not any(word in text for text in texts for word in ("NaN", "Infinity", "undefined"))
    assert math.isfinite(
        interactive.evaluate("document.getElementById('trace').getBoundingClientRect().width")
    )
