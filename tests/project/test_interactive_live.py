"""The live run of the interactive page is a run as `theory` has it, and grows and ends as section D says."""

import numpy as np
import pytest

import theory
from tests.claims.claim_table import ROOT
from tests.project.conftest import Visit
from theory.dynamics import (
    center_stability,
    correlations,
    critical_center_momentum,
    cross_view_moments,
    growth_rates,
    student_gain,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STUDENT_TEMPERATURE, SEEDS = 1.0, (1, 2, 3)
BATCH = {"constraint": "batch", "ratio": 0.4, "centerMomentum": 0.5}
SCENARIOS = {
    "order": BATCH,
    "free": BATCH | {"constraint": "none"},
    "flat": BATCH | {"ratio": 1.0},
    "warm": BATCH | {"ratio": 0.78},
    "kept": BATCH | {"constraint": "moving"},
    "slow": BATCH | {"constraint": "moving", "centerMomentum": 0.99},
}


@pytest.fixture(scope="module")
def visit(browser):
    root = ROOT / "docs/interactive"
    visit = Visit(browser, root / "teachers.html", root=root)
    yield visit
    assert visit.wrong == []


@pytest.fixture
def page(visit):
    return visit.page


def begun(page, seed):
    run = page.evaluate("startRun", seed)
    return [np.array(run["data"][view]) for view in "ab"], np.array(run["student"]), run["data"]


def knobs(page):
    return page.evaluate(
        "({ rate: LEARNING_RATE, momentum: TEACHER_MOMENTUM, clusters: OUTPUTS, gain: GAIN })"
    )


def run_by_theory(page, seed, settings, steps):
    """The same steps with `theory`'s own teachers: student, teacher and centre after them."""
    views, weights, _ = begun(page, seed)
    given = knobs(page)
    views = [np.column_stack([view, np.ones(len(view))]) for view in views]
    student, teacher, center = weights, weights, np.zeros(given["clusters"])
    for _ in range(steps):
        z = np.concatenate([view @ teacher for view in views])
        if settings["constraint"] == "moving":
            log_r = theory.systems.dino(z, center, temperature=settings["ratio"])
        else:
            log_r = theory.log_softmax(z, temperature=settings["ratio"])
            if settings["constraint"] == "batch":
                log_r = theory.tilt(log_r, theory.centering_log_tilt(log_r))
        center = theory.systems.update_center(center, z, momentum=settings["centerMomentum"])
        targets = np.split(np.exp(log_r), 2)[::-1]
        answers = [np.exp(theory.log_softmax(view @ student)) for view in views]
        gradient = sum(
            view.T @ (q - r) / (2 * len(view)) for view, q, r in zip(views, answers, targets, strict=True)
        )
        student = student - given["rate"] * gradient
        teacher = given["momentum"] * teacher + (1 - given["momentum"]) * student
    log_q = theory.log_softmax(np.concatenate([view @ student for view in views]))
    return student, teacher, center, log_q


@pytest.mark.parametrize("seed", SEEDS)
def test_the_correlations_of_the_views_are_those_of_theory(page, seed):
    """And the moments are as the page's formulas need them: mean 0, C₂₂ = 1, C₁₂ diagonal."""
    views, _, data = begun(page, seed)
    moments = cross_view_moments(*views)
    np.testing.assert_allclose(moments.student_mean, 0, atol=1e-13)
    np.testing.assert_allclose(moments.second(), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(moments.cross(bias=False), np.diag(data["correlations"]), atol=1e-12)
    found = correlations(moments.cross(bias=False), moments.second(bias=False)).values
    np.testing.assert_allclose(data["correlations"], found, rtol=1e-12)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_live_run_is_that_of_theory(page, name):
    """Step by step the same weights; 150 steps are well past the linear regime where anything grows."""
    shown = page.evaluate(
        "(settings) => trained(2, settings, 150)",
        SCENARIOS[name],
    )
    student, teacher, center, log_q = run_by_theory(page, 2, SCENARIOS[name], 150)
    for key, value in (("student", student), ("teacher", teacher), ("center", center)):
        np.testing.assert_allclose(shown[key], value, rtol=1e-7, atol=1e-9, err_msg=key)
    last = shown["history"][-1]
    assert last["step"] == 150 and len(shown["history"]) == 151
    log_prior = theory.log_prior(log_q)
    np.testing.assert_allclose(last["shares"], np.exp(log_prior), rtol=0, atol=1e-8)
    np.testing.assert_allclose(last["prior"], theory.entropy(log_prior), rtol=0, atol=1e-8)
    np.testing.assert_allclose(last["information"], theory.mutual_information(log_q), rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_predicted_of_a_live_run_is_theory(page, name):
    settings, given = SCENARIOS[name], knobs(page)
    _, _, data = begun(page, 1)
    told = page.evaluate("([rho, settings]) => predict(rho, settings)", [data["correlations"], settings])
    gain = student_gain(
        learning_rate=given["rate"], clusters=given["clusters"], student_temperature=STUDENT_TEMPERATURE
    )
    assert gain == given["gain"]
    temperatures = {"student_temperature": STUDENT_TEMPERATURE, "teacher_temperature": settings["ratio"]}
    moving = {"gain": gain, "teacher_momentum": given["momentum"], **temperatures}
    each = [
        growth_rates(
            [[rho]], [[1.0]], gain=gain, teacher_rate=1 - given["momentum"], discrete=True, **temperatures
        )
        for rho in [*data["correlations"], 1.0]
    ]
    center = center_stability(center_momentum=settings["centerMomentum"], **moving)
    common = {
        "none": each[2].rates[0],
        "batch": np.log1p(-gain),
        "moving": np.log(center.spectral_radius),
    }[settings["constraint"]]
    expected = [each[0].rates[0], each[1].rates[0], common]
    np.testing.assert_allclose(told["rates"], expected, rtol=0, atol=1e-12)
    assert told["learnt"] == each[0].growing + each[1].growing
    assert told["learnt"] == sum(rho > settings["ratio"] for rho in data["correlations"])
    assert told["commonGrows"] is bool(common > 1e-12)
    np.testing.assert_allclose(told["critical"], critical_center_momentum(**moving), rtol=1e-12)
    if settings["constraint"] == "moving":
        assert told["commonGrows"] is (settings["centerMomentum"] > told["critical"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_live_run_grows_as_theory_says(page, name, seed):
    """What is measured while scores are below 0.03 of the temperature, within 1 % of the fastest rate."""
    told, seen = page.evaluate(
        """([seed, settings]) => {
          const run = trained(seed, settings, 150), told = predict(run.data.correlations, settings);
          return [told.rates, measuredRates(run.history, 0, told, settings.constraint)];
        }""",
        [seed, SCENARIOS[name]],
    )
    measured = [i for i, found in enumerate(seen) if found]
    assert measured == ([0, 1] if name == "kept" else [0, 1, 2])
    rates = [seen[i]["rate"] for i in measured]
    expected = [told[i] for i in measured]
    np.testing.assert_allclose(rates, expected, rtol=0, atol=0.01 * np.abs(told).max())


@pytest.mark.parametrize("seed", SEEDS)
def test_live_runs_end_as_theory_says(page, seed):
    ends = """([seed, settings]) => {
      const { history, data } = trained(seed, settings, 1000);
      const told = predict(data.correlations, settings), later = history.slice(150).map((h) => h.information);
      return [told.fate, happened(history), lastTurn(history, 0), Math.min(...later), Math.max(...later)];
    }"""
    found = {name: page.evaluate(ends, [seed, settings]) for name, settings in SCENARIOS.items()}
    for name, fate in (
        ("order", "clusters are learnt"),
        ("kept", "clusters are learnt"),
        ("flat", "uniform"),
    ):
        assert found[name][:2] == [fate, fate]
    assert found["free"][:2] == ["one cluster, or few for long", "one cluster"]
    assert found["slow"][0] == "one cluster, or clusters in turns"
    turn, least, most = found["slow"][2:]
    assert turn > 20 and least < 0.05 < 0.3 < most
    assert found["order"][3] > 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_page_says_that_theory_does_not(page, seed):
    """Learnt clusters outlive the constraint, in part; and a centre slower than the critical one."""
    outlived = page.evaluate(
        """([seed, settings, free]) => {
          let run = trained(seed, settings, 800);
          for (let i = 0; i < 1000; i++) run = trainStep(run, free);
          return happened(run.history);
        }""",
        [seed, BATCH, SCENARIOS["free"]],
    )
    assert outlived == "2 clusters in use"
    late = BATCH | {"constraint": "moving", "centerMomentum": 0.9}
    fate, ends = page.evaluate(
        """([seed, settings]) => {
          const run = trained(seed, settings, 1000);
          return [predict(run.data.correlations, settings).fate, happened(run.history)];
        }""",
        [seed, late],
    )
    assert (fate, ends) == ("one cluster, or clusters in turns", "clusters are learnt")


def test_a_seed_is_a_run(page):
    same, again, other = (page.evaluate("([s, x]) => trained(s, x, 60)", [s, BATCH]) for s in (1, 1, 2))
    assert same == again and same["student"] != other["student"]


# -- the page around it -----------------------------------------------------------------------------


def step_of(page):
    return int(page.inner_text("#live-step").replace(",", ""))


def test_a_run_is_started_paused_and_restarted_by_keyboard(page):
    page.focus("#restart")
    page.keyboard.press("Enter")
    assert step_of(page) == 0
    page.focus("#run")
    page.keyboard.press("Space")
    assert page.inner_text("#run") == "Pause"
    page.wait_for_function("live.step >= 20")
    page.keyboard.press("Space")
    assert page.inner_text("#run") == "Run"
    at = step_of(page)
    page.wait_for_timeout(100)
    assert step_of(page) == at >= 20
    assert page.evaluate("live.student") == page.evaluate("(n) => trained(1, liveSettings(), n).student", at)
    page.focus("#step")
    page.keyboard.press("Enter")
    assert step_of(page) == at + 10
    assert "Step" in page.text_content("#live-status")


def test_a_knob_moved_in_a_run_is_felt(page):
    """A learnt run whose teacher is no longer sharpened forgets; the picture says since when."""
    page.evaluate("halt(); restart(); advance(500)")
    assert page.evaluate("happened(live.history)") == "clusters are learnt"
    page.evaluate(
        """() => {
          const slider = document.getElementById("live-ratio");
          slider.value = 1.1;
          slider.dispatchEvent(new Event("input"));
          advance(500);
        }"""
    )
    assert page.evaluate("happened(live.history)") == "uniform"
    assert "knob moved" in page.text_content("#curves")


@pytest.mark.parametrize("number, fate", [(0, "clusters are learnt"), (1, "one cluster"), (2, "uniform")])
def test_a_button_starts_its_scenario(page, number, fate):
    page.locator("#scenarios button").nth(number).click()
    assert page.inner_text("#run") == "Pause"
    page.evaluate("halt(); advance(600)")
    assert page.locator("#prediction tbody tr").last.locator("td").last.inner_text() == fate


def test_everything_that_is_moved_or_seen_has_a_name(page):
    unnamed = """[...document.querySelectorAll("input, button, svg, canvas, fieldset, section")].filter((e) =>
      !(e.labels?.[0]?.innerText || e.innerText || e.ariaLabel || e.getAttribute("aria-labelledby")))
      .map((e) => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(unnamed) == []
    sliders = page.evaluate(
        "[...document.querySelectorAll('[type=range]')].map((e) => e.getAttribute('aria-valuetext'))"
    )
    assert len(sliders) == 8 and all(sliders)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits(visit, width, scheme):
    visit.page.set_viewport_size({"width": width, "height": 900})
    visit.page.emulate_media(color_scheme=scheme)
    for preset in visit.page.evaluate("Object.keys(PRESETS)"):
        visit.page.check(f"input[value={preset}]")
        wide = """[...document.querySelectorAll("main *")].filter((e) => {
          const box = e.getBoundingClientRect();
          const out = box.right > innerWidth + 1 || box.left < -1;
          return box.width && out && !e.matches("polyline, .unseen");
        }).map((e) => e.outerHTML.slice(0, 80))"""
        assert visit.page.evaluate(wide) == [], preset
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
