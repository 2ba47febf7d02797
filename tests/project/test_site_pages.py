"""What is written for the site alone agrees with what it is about: advice, findings, thumbnails, frames."""

import importlib.util
import re
import sys

import pytest

import theory
import theory.nn
from experiments.engine.registry import figures
from experiments.studies.published_rows import rows
from tests.claims.claim_table import NOTEBOOKS, ROOT, anchor
from tests.claims.notes import NOTES, read_claims
from tests.project.conftest import Visit, require
from theory.diagnosis.advice import ENOUGH

BUILT = ROOT / "docs/_build/html"
LABELS = re.compile(r"\[((?:[OTJEDC]\d+(?:, )?)+)\]")
NUMBER = re.compile(r"\d+\.\d+")


OF_DOCS = {"assemble": "myst_parser", "bibliography": "pybtex", "labels": "sphinx"}
"""Extension → a package of the group docs that it imports."""


def extension(monkeypatch, name):
    if name in OF_DOCS:
        require("the group docs", importlib.util.find_spec(OF_DOCS[name]))
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs/_ext"), *sys.path])
    spec = importlib.util.spec_from_file_location(f"site_{name}", ROOT / f"docs/_ext/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(name):
    return (ROOT / f"docs/pages/{name}.md").read_text(encoding="utf-8")


def advice():
    """The cells of each row."""
    lines = [line for line in written("which_teacher").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_every_row_of_advice_rests_on_a_claim():
    claims = read_claims(ROOT / NOTES)
    cited = [LABELS.findall(row[-1]) for row in advice()]
    assert all(cited)
    assert {label for row in cited for group in row for label in group.split(", ")} <= claims.keys()


def test_the_advice_speaks_of_every_teacher_of_the_table():
    named = {name for row in advice() for name in re.findall(r"`(\w+)`", row[1])}
    assert named == theory.TEACHERS.keys()


def test_the_advice_gives_each_teacher_the_settings_it_needs():
    for row in advice():
        for name in re.findall(r"`(\w+)`", row[1]):
            given = set(re.findall(r"`(\w+)=", row[1]))
            assert set(theory.TEACHERS[name].settings) == given - {"momentum"}, row[1]


def test_numbers_of_the_advice_are_those_of_theory_and_of_the_notes():
    dino = theory.systems.SYSTEMS["dino"]
    momentum, sharpening = dino.teacher_momentum, dino.student_temperature / dino.teacher_temperature
    limit = 1 - (1 - momentum) * (sharpening - 1) / momentum
    text = written("which_teacher")
    assert f"{limit:.3f} at most" in text
    assert f"momentum={dino.center_momentum}" in text
    assert f"B of {ENOUGH} or more" in text
    notes = (ROOT / NOTES).read_text(encoding="utf-8")
    by_hand = (ROOT / "benchmarks/RESULTS.md").read_text(encoding="utf-8").partition("once, by hand")[2]
    known = set(NUMBER.findall(notes)) | set(NUMBER.findall(by_hand.partition("\n## ")[0]))
    assert set(NUMBER.findall(text)) - {"0.25"} <= known


RESULTS = """
## loss

| problem | contender | time | ratio | error |
|---|---|--:|--:|--:|
| step, 2 × 8 views, 64 × 16384 | **centering** | 40 ms | 0.24 | 9e-08 |
|  | lightly DINOLoss | 165 ms | 1.00 | 4e-07 |
| step, 2 × 8 views, 64 × 16384, peak memory | **centering** | 40 ms | 0.91 | 9e-08 |
| step, 2 × 8 views, 64 × 65536 | **centering** | 182 ms | 0.28 | 2e-07 |

## trainer

| 16 runs | **centering** | 1 s | 0.10 | 3e-05 |
"""


def test_costs_are_the_range_of_times_and_nothing_else(monkeypatch):
    choice = extension(monkeypatch, "choice")
    assert choice.costs(RESULTS) == {"centering": "0.24 to 0.28"}
    assert choice.priced("a {centering} b", RESULTS) == "a 0.24 to 0.28 b"
    with pytest.raises(KeyError, match="projected"):
        choice.priced("{projected}", RESULTS)


def test_the_home_page_finds_no_more_than_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = written("findings")
    assert set(NUMBER.findall(found)) == {"0.994", "0.04", "0.34", "0.45"} <= set(NUMBER.findall(readme))
    assert found.count("*But*") == found.count("\n**") + 1 == 3


def test_the_ledger_is_there_in_words(monkeypatch):
    lines = extension(monkeypatch, "ledger").table().splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    assert len(cells) == 1 + len(rows())
    assert {len(row) for row in cells} == {4}
    free = [f"{row.sweep}: {row.setting}" for row in rows() if row.free]
    assert [row[0] for row in cells if row[-1] == "ρ was read here"] == free


def test_a_claim_or_figure_has_the_anchor_that_others_link_to(monkeypatch):
    assemble = extension(monkeypatch, "assemble")
    for label, claim in read_claims(ROOT / NOTES).items():
        assert assemble.slug(f"[{label}] {claim.title}") == anchor(claim)
    assert assemble.slug("What to see, then") == "what-to-see-then"
    for name, drawn in figures().items():
        assert assemble.slug(drawn.description) == name


def test_labels_in_docstrings_lead_to_the_notes_and_lines_of_code_are_left(monkeypatch):
    labels = extension(monkeypatch, "labels")
    place = anchor(read_claims(ROOT / NOTES)["D4"])
    assert labels.linked("enough [D4], [0.5]") == f"enough [`D4 <../paper_notes.html#{place}>`__], [0.5]"
    assert labels.linked(">>> x  # [D4]") == ">>> x  # [D4]"


def test_names_in_the_notation_are_no_figures(monkeypatch):
    assemble = extension(monkeypatch, "assemble")
    assert "center_momentum" in figures()
    row = "| $m_c$ | `center_momentum` | |"
    assert assemble._linked(f"{row}\n\nfigure `center_momentum`\n") == (
        f"{row}\n\nfigure [center_momentum](figures/index.md#center_momentum)\n"
    )


def test_the_gallery_has_a_thumbnail_and_a_command_for_every_figure(monkeypatch):
    gallery = extension(monkeypatch, "gallery")
    page = gallery.gallery((ROOT / "figures/README.md").read_text(encoding="utf-8"))
    for name, drawn in figures().items():
        words = drawn.description
        assert page.count(f"- [![{words}]({name}.svg)](index.md#{name})") == 1
        place = page.partition(f"\n## {words}\n")[2]
        assert place.startswith(f"\n```{{image}} {name}.svg\n:alt: {words}\n:width: 100%\n```\n")
        below = place.partition("```\n\n")[2]
        assert below.startswith(f"[{', '.join(drawn.claims)}] · `python -m figures {name} --retrain` · ")
    assert page.count("\n|---|") == 1 and "<a id=" not in page
    assert page.index("<details>") < page.index("|---|") < page.index("</details>")
    with pytest.raises(ValueError, match="must list the figures"):
        gallery.gallery("| [Another one](#other) | D4 | words | `command` | 1 s |\n|---|\n")


def test_examples_of_the_loss_and_the_trainer_print_what_they_say(capsys):
    names = {"__name__": "training"}
    blocks = re.findall(r"```python\n(.*?)```", written("training"), re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        exec(compile(block, "training.md", "exec"), names)
        assert capsys.readouterr().out.rstrip() == block.splitlines()[-1].removeprefix("# ")


def test_every_public_name_of_nn_has_a_formula_and_an_example():
    parts = re.split(r"^## ", written("training"), flags=re.MULTILINE)
    for name in theory.nn.__all__:
        (part,) = [part for part in parts if f"{{py:obj}}`theory.nn.{name}`" in part]
        assert "$$" in part
        assert f"{name}(" in part


def test_the_api_shows_what_users_call_inherited_or_not_and_no_internals(monkeypatch):
    api = extension(monkeypatch, "api")
    for name in ("ClusterDistillationLoss", "MaskedPatchLoss"):
        (members,) = re.findall(r":members: (.*)", "\n".join(api._entry(f"theory.nn.{name}")))
        assert set(members.split(", ")) == {"update", "load_center", "like", "forward"}


FRAMED = {"index.html": "collapse", "_assembled/interactive.html": "all"} | {
    f"_assembled/notebooks/{name}.html": {"02": "compare", "04": "compare", "07": "keeps-up"}[name[:2]]
    for name in NOTEBOOKS
    if name[:2] in ("02", "04", "07")
}


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("path, section", FRAMED.items())
def test_a_frame_shows_its_part_whole_and_in_the_theme_of_its_page(browser, path, section):
    visit = Visit(browser, BUILT / path, root=BUILT)
    frames = visit.page.locator("iframe.interactive")
    assert frames.count() == 1
    frames.scroll_into_view_if_needed()
    inside = frames.element_handle().content_frame()
    inside.wait_for_selector(".embedded")
    visible = inside.evaluate(
        "[...document.querySelectorAll('section, h1')].filter((e) => e.checkVisibility()).map((e) => e.id)"
    )
    assert visible == (["compare", "keeps-up", "collapse"] if section == "all" else [section])
    headings = inside.evaluate(
        "[...document.querySelectorAll('h2')].map((e) => e.checkVisibility() && e.innerText)"
    )
    assert all(re.match(r"\d · ", words) is not None for words in filter(None, headings)) is (
        section == "all"
    )
    for theme in ("dark", "light"):
        visit.page.evaluate("(theme) => document.body.dataset.theme = theme", theme)
        inside.wait_for_selector(f":root[data-theme={theme}]")
    whole = "document.documentElement.scrollHeight <= innerHeight"
    inside.wait_for_function(whole)
    visit.page.set_viewport_size({"width": 390, "height": 800})
    frames.scroll_into_view_if_needed()  # a frame out of sight draws nothing, and so sees no animation frame
    inside.wait_for_function(whole)
    assert inside.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert visit.wrong == []
    visit.page.close()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "page",
    [
        "index",
        "_assembled/which_teacher",
        "_assembled/figures/index",
        "_assembled/paper_notes",
        "_assembled/speed",
    ],
)
def test_no_table_of_a_page_to_read_needs_a_scrollbar(browser, page, width):
    visit = Visit(browser, BUILT / f"{page}.html", root=BUILT)
    visit.page.set_viewport_size({"width": width, "height": 900})
    boxes = "[...document.querySelectorAll('.table-wrapper, .thumbnails')]"
    assert visit.page.evaluate(f"{boxes}.filter((e) => e.scrollWidth > e.clientWidth + 1).length") == 0
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.page.close()
