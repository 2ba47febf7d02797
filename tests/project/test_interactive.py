"""The interactive page computes what `theory` computes: teachers, their distances, and the moving centre."""

import importlib.util
import math
import re

import numpy as np
import pytest

import theory
from tests.claims.claim_table import ROOT
from tests.project.conftest import Visit
from theory.dynamics import center_stability, critical_center_momentum

pytestmark = pytest.mark.browser
SETTINGS = 20
PRESETS = ("symmetric", "minority", "broad", "biased", "digits")
EXACT = "projected"


@pytest.fixture(scope="module")
def interactive(browser):
    root = ROOT / "docs/interactive"
    visit = Visit(browser, root / "teachers.html", root=root)
    yield visit.page
    assert visit.wrong == []


def expected_teachers(logits, temperature):
    log_p = theory.log_softmax(logits, temperature=temperature)
    log_r = {
        "unconstrained": log_p,
        "centering": theory.tilt(log_p, theory.centering_log_tilt(log_p)),
        "inverse_prior": theory.tilt(log_p, theory.inverse_prior_log_tilt(log_p)),
        EXACT: theory.project(log_p, tol=1e-13).log_r,
    }
    return log_p, {name: np.exp(value) for name, value in log_r.items()}


def distance(r, name, other):
    each = np.sum(np.abs(r[name] - r[other]), axis=-1) / 2
    return {"mean": each.mean(), "largest": each.max()}


def test_the_page_offers_the_presets(interactive):
    assert interactive.evaluate("Object.keys(PRESETS)") == list(PRESETS)


@pytest.mark.parametrize("preset", PRESETS)
def test_interactive_teachers_are_those_of_theory(interactive, preset):
    rng = np.random.default_rng(5)
    logits = np.array(interactive.evaluate(f"PRESETS.{preset}.logits"))
    bias_of_first = np.eye(logits.shape[1])[0]
    for exponent, bias in rng.uniform([-1.7, -4.0], [0.7, 4.0], (SETTINGS, 2)):
        settings = {"temperature": 10**exponent, "bias": bias}
        shown = interactive.evaluate("teachers", settings | {"logits": logits.tolist()})
        log_p, r = expected_teachers(logits + bias * bias_of_first, 10**exponent)
        gap = theory.jensen_gap(log_p)
        expected = {
            "gap": gap,
            "osc": np.ptp(gap),
            "mutual": theory.mutual_information(log_p),
            "lautum": theory.lautum_information(log_p),
            "bound": theory.teacher_distance_bound(gap).total_variation,
        }
        distances = {
            "centeringToExact": distance(r, "centering", EXACT),
            "inverseToExact": distance(r, "inverse_prior", EXACT),
            "centeringToInverse": distance(r, "centering", "inverse_prior"),
        }
        assert shown.keys() == {*expected, *distances, "teachers"}
        assert shown["teachers"].keys() == {theory.TEACHERS[name].label for name in r}
        for name, value in expected.items():
            np.testing.assert_allclose(
                shown[name], value, rtol=1e-9, atol=1e-9, err_msg=f"{name}, {settings}"
            )
        for name, value in distances.items():
            for which in ("mean", "largest"):
                np.testing.assert_allclose(shown[name][which], value[which], rtol=0, atol=1e-9, err_msg=name)
        for name, value in r.items():
            teacher, wrong = shown["teachers"][theory.TEACHERS[name].label], f"{name}, {settings}"
            np.testing.assert_allclose(teacher["r"], value, rtol=0, atol=1e-9, err_msg=wrong)
            np.testing.assert_allclose(teacher["prior"], value.mean(0), rtol=0, atol=1e-9, err_msg=wrong)


@pytest.mark.parametrize("preset", PRESETS)
def test_interactive_curves_of_distance_are_those_of_theory(interactive, preset):
    logits = np.array(interactive.evaluate(f"PRESETS.{preset}.logits"))
    shown = interactive.evaluate(f"distancesAgainst(TEMPERATURES, {{ ...PRESETS.{preset}, bias: 0 }})")
    np.testing.assert_allclose([shown[0]["temperature"], shown[-1]["temperature"]], [10**-1.7, 10**0.7])
    for point in shown:
        _, r = expected_teachers(logits, point["temperature"])
        for name, key in (("centering", "centering"), ("inverse_prior", "inverse")):
            np.testing.assert_allclose(point[key], distance(r, name, EXACT)["mean"], rtol=0, atol=1e-9)


def test_presets_show_what_the_page_says_of_them(interactive):
    """Where each starts: both corrections near, centering far off, inverse priors far off, a real network."""
    found = interactive.evaluate(
        """Object.fromEntries(Object.entries(PRESETS).map(([name, preset]) => {
          const { centeringToExact, inverseToExact } = teachers(preset);
          return [name, [centeringToExact.mean, inverseToExact.mean]];
        }))"""
    )
    assert max(found["symmetric"]) < 0.04
    assert found["minority"][0] > 0.3 and found["minority"][1] < 0.01
    assert found["broad"][0] > 1.5 * found["broad"][1] > 0.1
    assert found["biased"][1] > 5 * found["biased"][0]
    assert 1.8 < found["digits"][0] / found["digits"][1] < 2.4


def test_the_digits_are_those_of_a_network_trained_again(interactive):
    """In float64 rounding moves no logit by more than the last decimal that is kept."""
    spec = importlib.util.spec_from_file_location("digit_logits", ROOT / "docs/_ext/digit_logits.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.TARGET.read_text(encoding="utf-8")
    kept, again = module.read(text), module.digits()
    assert module.written(kept) == text and len(text) < 4096
    assert kept == interactive.evaluate("DIGITS")
    unit = 10**-module.DECIMALS
    np.testing.assert_allclose(kept.pop("logits"), again.pop("logits"), rtol=0, atol=1.001 * unit)
    assert kept == again


# -- the moving centre ------------------------------------------------------------------------------


def random_centers(seed):
    rng = np.random.default_rng(seed)
    for center, teacher, ratio, gain in rng.uniform([0, 0, 0.1, -4], [4, 4, 1.2, 0], (SETTINGS, 4)):
        momenta = {"centerMomentum": 1 - 10**-center, "teacherMomentum": 1 - 10**-teacher}
        knobs = {
            "gain": 10**gain,
            "student_temperature": 1.0,
            "teacher_temperature": ratio,
            "teacher_momentum": momenta["teacherMomentum"],
        }
        yield {**momenta, "ratio": ratio, "gain": 10**gain}, knobs


def test_interactive_stability_is_that_of_theory(interactive):
    for settings, knobs in random_centers(6):
        radius, frequency, stable = interactive.evaluate(
            """(settings) => {
              const { radius, period, stable } = stability(settings);
              return [radius, 1 / period, stable];
            }""",
            settings,
        )
        expected = center_stability(center_momentum=settings["centerMomentum"], **knobs)
        numbers = [expected.spectral_radius, 1 / expected.period]
        np.testing.assert_allclose([radius, frequency], numbers, rtol=0, atol=1e-9, err_msg=str(settings))
        assert stable is bool(expected.stable)


def test_interactive_critical_momentum_is_that_of_theory(interactive):
    for settings, knobs in random_centers(7):
        shown = interactive.evaluate("criticalMomentum", settings)
        np.testing.assert_allclose(shown, critical_center_momentum(**knobs), rtol=1e-11, atol=1e-11)


def test_interactive_trace_shows_two_turns_however_long(interactive):
    """On the critical line, where one turn takes from a thousand to a hundred thousand steps."""
    temperatures = {"student_temperature": 1.0, "teacher_temperature": 0.4}
    for gain in (0.1, 1e-2, 1e-4, 1e-5):
        knobs = {"gain": gain, "teacher_momentum": 0.996} | temperatures
        center = float(critical_center_momentum(**knobs))
        settings = {"centerMomentum": center, "teacherMomentum": 0.996, "ratio": 0.4, "gain": gain}
        steps, path = interactive.evaluate(
            """(settings) => {
              const steps = stepsToShow(stability(settings));
              return [steps, trajectory(settings, steps)];
            }""",
            settings,
        )
        expected = center_stability(center_momentum=center, **knobs)
        assert steps == math.ceil(2 * expected.period) and path[-1][0] >= steps
        for step, *state in path[:: len(path) // 7]:
            exact = np.linalg.matrix_power(expected.matrix, step) @ [1, 1, 0]
            np.testing.assert_allclose(state, exact, rtol=0, atol=1e-8)
        teacher = np.array(path)[:, 2]
        assert np.count_nonzero(np.diff(np.sign(teacher))) in (3, 4), "two turns pass 0 four times"


def test_interactive_trace_grows_where_the_centre_is_too_slow(interactive):
    """Also at the end of the slider of the gain, where one step takes a lone student to its goal."""
    for center, ratio, gain, slow in ((0, 0.1, 1, True), (0.99, 0.4, 1, True), (0, 0.9, 0.5, False)):
        settings = {"centerMomentum": center, "teacherMomentum": 0, "ratio": ratio, "gain": gain}
        first, last = interactive.evaluate(
            """(settings) => {
              const path = trajectory(settings, 200);
              return [path[0], path.at(-1)].map((x) => Math.max(...x.slice(1).map(Math.abs)));
            }""",
            settings,
        )
        assert (last > first) is slow, settings


def test_the_tick_stands_where_the_centre_stops_keeping_up(interactive):
    """A slider put at the tick's place is at the critical momentum: on its two sides the words differ."""
    move = """(value) => {
      const slider = document.getElementById("center");
      slider.value = value;
      slider.dispatchEvent(new Event("input"));
      const [tick, box] = ["center-tick", "center"]
        .map((id) => document.getElementById(id).getBoundingClientRect());
      const share = (tick.x + tick.width / 2 - box.x - 8) / (box.width - 16);
      return [document.getElementById("verdict").innerText, 4 * share];
    }"""
    _, at = interactive.evaluate(move, 1)
    assert "keeps up" in interactive.evaluate(move, at - 0.02)[0]
    assert "too slow" in interactive.evaluate(move, at + 0.02)[0]


def test_the_page_says_which_critical_momentum_the_other_pages_mean(interactive):
    said = interactive.evaluate("document.getElementById('critical').textContent")
    at_this, fastest = re.findall(r"\d\.\d{5}", said)
    mu = 10**-2.4  # of the slider as it stands first, at the ratio 0.4
    assert fastest == f"{1 - mu * 1.5 / (1 - mu):.5f}" != at_this
    assert said.endswith("the 0.994 of the other pages.")


def test_interactive_page_answers_its_sliders(interactive):
    move = """([id, value]) => {
      const slider = document.getElementById(id);
      slider.value = value;
      slider.dispatchEvent(new Event("input"));
      return document.querySelector("main").innerText;
    }"""
    moves = [("temperature", 0.5), ("bias", -3), ("center", 4), ("center", 0), ("gain", -1), ("ratio", 1.1)]
    texts = [interactive.evaluate(move, [name, value]) for name, value in moves]
    assert len(set(texts)) == len(texts)
    assert "centre is too slow" in texts[2] and "centre keeps up" in texts[3]
    assert "any centre that moves will do" in texts[5]
    assert not any(word in text for text in texts for word in ("NaN", "Infinity", "undefined"))
