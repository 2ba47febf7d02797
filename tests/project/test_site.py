"""The site as a reader without a network sees it, and the interactive page's numbers against `theory`."""

import functools
import importlib.util
import math
import os
import re
import shutil
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import numpy as np
import pytest

import theory
from tests.claims.claim_table import NOTEBOOKS, ROOT
from tests.claims.notes import NOTES, read_claims
from theory.dynamics import center_stability

pytestmark = pytest.mark.browser
BUILT = ROOT / "docs/_build/html"
SETTINGS = 20
# Formulas not typeset, formulas in error, and text that still reads like TeX outside of code.
UNTYPESET = r"""(() => {
  const formulas = [...document.querySelectorAll(".math")].filter((e) => !e.querySelector("mjx-container"));
  const errors = [...document.querySelectorAll("mjx-merror")];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const raw = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (/\$\$|\\\(|\\\[|\\begin\{/.test(node.data) && !node.parentElement.closest("pre, code, script, style"))
      raw.push(node);
  }
  return [...formulas, ...errors, ...raw].map((e) => e.textContent.trim().slice(0, 80));
})()"""


def require(name, found):
    """Skip where a program is not installed; where CI is to have installed it, fail."""
    if not found:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop(f"needs {name}, which is not installed")


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium, without a network."""
    chromium = shutil.which("chromium")
    require("playwright", importlib.util.find_spec("playwright"))
    require("chromium", chromium)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as programs:
        opened = programs.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened.new_context(offline=True)
        opened.close()


def visit(browser, path):
    """A page opened, its formulas typeset, and what went wrong: console, exceptions, failed and foreign loads."""
    page, wrong = browser.new_page(), []
    near = (f"{path.parent.as_uri()}/", f"{BUILT.as_uri()}/", "data:", "blob:")

    def unless(innocent, complaint):
        if not innocent:
            wrong.append(complaint)

    page.on("console", lambda m: unless(m.type not in ("error", "warning", "assert"), f"console: {m.text}"))
    page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
    page.on("requestfailed", lambda request: wrong.append(f"not loaded: {request.url}"))
    page.on("request", lambda request: unless(request.url.startswith(near), f"requested {request.url}"))
    page.goto(path.as_uri())
    page.evaluate("window.MathJax?.startup?.promise?.then(() => true)")
    return page, wrong


@pytest.fixture(scope="module")
def pages():
    """Every page of the built site by its path."""
    if not (BUILT / "index.html").exists():
        pytest.fail("the site must be built first: make site")
    paths = sorted(BUILT.rglob("*.html"))
    return {str(path.relative_to(BUILT)): Page(path) for path in paths}


class Page(HTMLParser):
    """A page's links, and the anchors that others may link to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.formulas = [], set(), 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self.links += [attributes[key] for key in ("href", "src") if attributes.get(key)]
        self.formulas += "math" in (attributes.get("class") or "").split()


@pytest.mark.slow
def test_every_internal_link_and_anchor_resolves(pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            if urlsplit(link).scheme:  # the outside world, mail, data
                continue
            target, anchor = urldefrag(urljoin(f"/{path}", link))
            name = unquote(target).lstrip("/") or "index.html"
            known = anchor == "" or name not in pages or unquote(anchor) in pages[name].anchors
            if not (BUILT / urlsplit(name).path).is_file() or not known:
                broken.append(f"{path}: {link}")
    assert broken == []


@pytest.mark.slow
def test_every_page_opens_offline_with_its_formulas_typeset(browser, pages):
    seen = {}
    for path in pages:
        browser.open((BUILT / path).as_uri())
        seen[path] = [*complaints(browser, BUILT), *browser.evaluate(UNTYPESET)]
    assert {path: wrong for path, wrong in seen.items() if wrong} == {}


@pytest.mark.slow
def test_pages_with_mathematics_are_many(pages):
    formulas = {path: page.formulas for path, page in pages.items() if page.formulas}
    written = {f"_assembled/notebooks/{name}.html" for name in NOTEBOOKS}
    assert {"index.html", "_assembled/paper_notes.html", *written} <= formulas.keys()


@pytest.mark.slow
def test_every_claim_leads_to_its_proof_and_its_tests(pages):
    claims = read_claims(ROOT / NOTES)
    text = (BUILT / "_assembled/claims.html").read_text(encoding="utf-8")
    rows = {
        row[1]: set(re.findall(r'href="([a-z]+)', row[2]))
        for row in re.finditer(r"<tr[^>]*><td><p>(\w+)</p></td>(.*?)</tr>", text, re.DOTALL)
    }
    assert list(rows) == list(claims)
    assert [label for label, kinds in rows.items() if not {"paper", "tests"} <= kinds] == []
    derived = {label for labels in NOTEBOOKS.values() for label in labels}
    assert {label for label, kinds in rows.items() if "notebooks" in kinds} == derived


@pytest.mark.slow
def test_every_public_name_of_theory_has_an_entry(pages):
    entries = set().union(*(page.anchors for path, page in pages.items() if "/api/" in path))
    documented = {anchor.rpartition(".")[2] for anchor in entries if anchor.startswith("theory.")}
    assert set(theory.__all__) - documented == set()


@pytest.fixture(scope="module")
def interactive(browser):
    root = ROOT / "docs/interactive"
    browser.open((root / "teachers.html").as_uri())
    assert list(complaints(browser, root)) == []
    return browser


def test_interactive_teachers_are_those_of_theory(interactive):
    rng = np.random.default_rng(5)
    logits = np.array(interactive.evaluate("LOGITS"))
    bias_of_first = np.eye(logits.shape[1])[0]
    for exponent, bias in rng.uniform([-1.7, -4.0], [0.7, 4.0], (SETTINGS, 2)):
        settings = {"temperature": 10**exponent, "bias": bias}
        shown = interactive.evaluate(f"teachers({json.dumps(settings)})")
        log_p = theory.log_softmax(logits + bias * bias_of_first, temperature=10**exponent)
        log_r = {
            "no constraint": log_p,
            "centred": theory.tilt(log_p, theory.centering_log_tilt(log_p)),
            "inverse prior": theory.tilt(log_p, theory.inverse_prior_log_tilt(log_p)),
            "exact": theory.project(log_p, tol=1e-13).log_r,
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
            "distance": total_variation("centred", "inverse prior"),
            "toExact": total_variation("centred", "exact"),
            "bound": distance.total_variation,
        }
        assert shown.keys() == {*expected, "teachers"}
        assert shown["teachers"].keys() == r.keys()
        for name, value in expected.items():
            np.testing.assert_allclose(
                shown[name], value, rtol=1e-9, atol=1e-9, err_msg=f"{name}, {settings}"
            )
        for name, teacher in shown["teachers"].items():
            wrong = f"{name}, {settings}"
            np.testing.assert_allclose(teacher["r"], r[name], rtol=0, atol=1e-9, err_msg=wrong)
            np.testing.assert_allclose(teacher["prior"], r[name].mean(0), rtol=0, atol=1e-9, err_msg=wrong)


def test_interactive_stability_is_that_of_theory(interactive):
    rng = np.random.default_rng(6)
    for center, teacher, ratio, gain in rng.uniform([0, 0, 0.1, -4], [4, 4, 1.2, 0], (SETTINGS, 4)):
        momenta = {"centerMomentum": 1 - 10**-center, "teacherMomentum": 1 - 10**-teacher}
        settings = json.dumps({**momenta, "ratio": ratio, "gain": 10**gain})
        shown = interactive.evaluate(
            f"(({{ radius, period, stable }}) => [radius, 1 / period, stable])(stability({settings}))"
        )
        expected = center_stability(
            gain=10**gain,
            student_temperature=1.0,
            teacher_temperature=ratio,
            teacher_momentum=momenta["teacherMomentum"],
            center_momentum=momenta["centerMomentum"],
        )
        numbers = [expected.spectral_radius, 1 / expected.period]
        np.testing.assert_allclose(shown[:2], numbers, rtol=0, atol=1e-9, err_msg=settings)
        assert shown[2] is bool(expected.stable)


def test_interactive_trace_grows_where_the_centre_is_too_slow(interactive):
    """Also at the end of the slider of the gain, where one step takes a lone student to its goal."""
    for center, ratio, gain, slow in ((0, 0.1, 1, True), (0.99, 0.4, 1, True), (0, 0.9, 0.5, False)):
        settings = json.dumps({"centerMomentum": center, "teacherMomentum": 0, "ratio": ratio, "gain": gain})
        first, last = interactive.evaluate(
            f"(p => [p[0], p.at(-1)].map((x) => Math.max(...x.map(Math.abs))))(trajectory({settings}, 200))"
        )
        assert (last > first) is slow, settings


def test_interactive_page_answers_its_sliders(interactive):
    move = """(id, value) => {
      const slider = document.getElementById(id);
      slider.value = value;
      slider.dispatchEvent(new Event("input"));
      return document.querySelector("main").innerText;
    }"""
    texts = [
        interactive.evaluate(f"({move})({id!r}, {value})")
        for id, value in [("temperature", 0.5), ("bias", -3), ("center", 4), ("center", 0), ("gain", -1)]
    ]
    assert len(set(texts)) == len(texts)
    assert "centre is too slow" in texts[2] and "centre keeps up" in texts[3]
    assert not any(word in text for text in texts for word in ("NaN", "Infinity", "undefined"))
    assert math.isfinite(
        interactive.evaluate("document.getElementById('trace').getBoundingClientRect().width")
    )
