"""The site as a reader without a network sees it."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

import theory.nn
from tests.claims.claim_table import NOTEBOOKS, ROOT
from tests.claims.notes import NOTES, read_claims
from tests.project.conftest import Visit, require

pytestmark = pytest.mark.browser
BUILT = ROOT / "docs/_build/html"
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
        visit = Visit(browser, BUILT / path, root=BUILT)
        seen[path] = visit.wrong + visit.page.evaluate(UNTYPESET)
        visit.page.close()
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
    anchors = {anchor.removeprefix("module-") for page in pages.values() for anchor in page.anchors}
    documented = {anchor.rpartition(".")[2] for anchor in anchors if anchor.startswith("theory.")}
    for package in (theory, theory.dynamics, theory.systems, theory.nn):
        assert set(package.__all__) - documented == set(), package.__name__


BAD_PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>All wrong</title>
<p>$$x$$ <span class="math">x</span> <mjx-merror>y</mjx-merror> <code>$$z$$</code></p>
<img src="missing.png"><img src="http://example.com/foreign.png">
<script>console.warn("warned"); console.error("erred"); console.assert(false, "doubted")</script>
<script>throw new Error("thrown")</script>"""


def test_whatever_is_wrong_with_a_page_is_noticed(browser, tmp_path):
    (tmp_path / "bad.html").write_text(BAD_PAGE, encoding="utf-8")
    visit = Visit(browser, tmp_path / "bad.html", root=tmp_path)
    assert visit.page.evaluate(UNTYPESET) == ["x", "y", "$$x$$"]
    foreign, missing = "http://example.com/foreign.png", f"{tmp_path.as_uri()}/missing.png"
    for complaint in (
        "console: warned",
        "console: erred",
        "console: doubted",
        "exception: thrown",
        f"requested: {foreign}",
        f"not loaded: {foreign}: net::ERR_INTERNET_DISCONNECTED",
        f"not loaded: {missing}: net::ERR_FILE_NOT_FOUND",
    ):
        assert complaint in visit.wrong
    assert not any("requested" in complaint and "missing" in complaint for complaint in visit.wrong)


@pytest.mark.parametrize("ci, outcome", [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_browser_is_a_skip_and_in_ci_a_failure(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    require("chromium", "/usr/bin/chromium")
    with pytest.raises(outcome, match="needs chromium, which is not installed"):
        require("chromium", None)
