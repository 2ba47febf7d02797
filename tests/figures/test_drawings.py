"""What a reader needs stands in the picture: titles, looks and names of lines, the sense of a difference."""

import re
import tomllib

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.text import Text

from experiments.engine import registry, runner, store
from experiments.studies import predictions
from figures import save
from figures.draw.predictions import WORDS
from figures.draw.shared import name_lines
from tests.figures.test_look import BY_LABEL, has_look, legend_entries
from theory import TEACHERS

FIGURES = registry.figures()
TABLES = ("published", "predictions")
"""Rows of words with bars beside them, no panels."""
UNTITLED = (*TABLES, "assignments")
"""A title above each column, and the result below each panel."""


@pytest.fixture(scope="module")
def drawn(request):
    """Figure and dataset, once for all tests of one figure: none changes them."""
    entry = FIGURES[request.param]
    dataset = store.load(runner.RESULTS / f"{entry.source}.nc")
    with mpl.rc_context():
        mpl.style.use(save.STYLE)
        figure = entry.module.draw(dataset)
        for axis in figure.axes:  # which gives ticks their labels, as drawing would
            for labels in (axis.get_xticklabels, axis.get_yticklabels):
                labels(which="both")
        yield figure, dataset
        pyplot.close(figure)


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def titles(figure):
    bars = [axis for axis in figure.axes if axis.get_label() == "<colorbar>"]
    return [axis.get_title(loc="left") or axis.get_title() for axis in figure.axes if axis not in bars]


@pytest.mark.parametrize("drawn", [name for name in FIGURES if name not in UNTITLED], indirect=True)
def test_every_panel_has_a_title_of_more_than_its_letter(drawn):
    assert all(len(title) > 1 for title in titles(drawn[0]))


@pytest.mark.parametrize("drawn", [name for name in FIGURES if name not in TABLES], indirect=True)
def test_no_difference_is_called_less(drawn):
    assert [text for text in words(drawn[0]) if text.startswith("less ") or "  less " in text] == []


@pytest.mark.parametrize("drawn", FIGURES, indirect=True)
def test_legends_show_every_teacher_in_its_look(drawn):
    entries = legend_entries(drawn[0])
    wrong = [label for label, line in entries if label in BY_LABEL and not has_look(line, BY_LABEL[label])]
    assert wrong == []


@pytest.mark.parametrize("drawn", ["real_data"], indirect=True)
def test_differences_on_real_data_are_the_first_teacher_minus_the_other(drawn):
    figure, dataset = drawn
    nmi = dataset.nmi.sel({"method": ["moving_centering", "projected"]}).mean("seed")
    marks = [line for line in figure.axes[4].lines if line.get_marker() == "^"]
    (mark,) = marks
    np.testing.assert_allclose(mark.get_xdata(), float(nmi[0] - nmi[1]), atol=1e-6)


@pytest.mark.parametrize("drawn", ["power_family"], indirect=True)
def test_what_was_never_reached_has_a_place_of_its_own(drawn):
    figure, dataset = drawn
    panels = [axis for axis in figure.axes if "half-way" in axis.get_title(loc="left")]
    assert panels[-1].get_xticklabels()[-1].get_text() == "never"
    for axis, data in zip(panels, dataset.data.values, strict=True):
        assert (dataset.half_way_at.sel(data=data, teacher="cumulant") == dataset.step[-1]).all()
        dots = [line for line in axis.lines if line.get_marker() == "."][-1]
        np.testing.assert_allclose(dots.get_xdata(), axis.get_xticks()[-1])


@pytest.mark.parametrize("drawn", ["hysteresis"], indirect=True)
def test_no_start_hides_another(drawn):
    figure, _ = drawn
    (square, triangle, circle) = (
        next(line for line in figure.axes[0].lines if line.get_label() == name)
        for name in ("learnt", "warmed up", "cold")
    )
    assert square.get_markersize() > triangle.get_markersize() > circle.get_markersize()
    order = [figure.axes[0].lines.index(line) for line in (square, triangle, circle)]
    assert order == sorted(order)


@pytest.mark.parametrize("drawn", ["phase_diagram", "phase_diagram_learner"], indirect=True)
def test_three_shares_make_the_colour_and_short_runs_are_marked(drawn):
    figure, _ = drawn
    assert "run too short" in words(figure)
    legend = [text.get_text().split(",")[0] for text in figure.legends[0].get_texts()]
    assert legend == ["learnt", "undecided", "not used"]


@pytest.mark.parametrize("drawn", ["phase_diagram", "phase_diagram_learner"], indirect=True)
def test_a_teacher_without_a_constraint_has_no_line_to_learn_below(drawn):
    figure, dataset = drawn
    diagonals = [
        any(len(line.get_xdata()) == 2 and list(line.get_ydata()) == [0, 1] for line in axis.lines)
        for axis in figure.axes
    ]
    assert diagonals == [TEACHERS[teacher].constrained for teacher in dataset.teacher.values]


@pytest.mark.parametrize("drawn", ["phase_plane"], indirect=True)
def test_what_the_few_clusters_hold_at_best_is_from_the_runs(drawn):
    figure, dataset = drawn
    bare = dataset.student_information.sel(student="linear", teacher="unconstrained").mean("seed")
    best = float(bare.max()) / np.log(store.settings_of(dataset)["components"])
    assert any(f"{best:.1f} at best" in text for text in words(figure))


@pytest.mark.parametrize("drawn", ["fates"], indirect=True)
def test_every_run_that_is_drawn_has_met_one_fate(drawn):
    figure, dataset = drawn
    said = [re.search(r"(\d+) of (\d+) runs", text) for text in words(figure)]
    met, of = zip(*((int(match[1]), int(match[2])) for match in said if match), strict=True)
    seeds, constrained = dataset.sizes["seed"], dataset.sizes["teacher"] - 1
    assert of == (constrained * seeds, constrained * seeds, seeds, seeds)
    assert sum(met) == (2 * constrained + 1) * seeds


def test_every_measure_that_is_predicted_has_words_of_its_own():
    said = [tomllib.loads(path.read_text(encoding="utf-8")) for path in predictions.FILES.glob("*.toml")]
    assert {test["measure"] for one in said for test in one["test"]} == WORDS.keys()
    assert {one["claim"] for one in said} == set(FIGURES["predictions"].claims)


@pytest.mark.parametrize("drawn", ["predictions"], indirect=True)
def test_predictions_carry_their_verdict_as_a_sign_and_no_code(drawn):
    figure, dataset = drawn
    found = predictions.judge(dataset)
    verdicts = [one.hit for one in found] + [bound.holds for one in found for bound in one.bounds]
    said = words(figure)
    assert (said.count("✓"), said.count("✗")) == (verdicts.count(True), verdicts.count(False))
    assert [text for text in said if re.search(r"\de[-−]\d|e\^I(?!\$)|^\w+_\w+", text)] == []


@pytest.mark.parametrize("drawn", ["published"], indirect=True)
def test_every_published_row_has_its_verdict_and_those_that_could_not_fail_have_none(drawn):
    figure, dataset = drawn
    said, free = words(figure), dataset.free.values.astype(bool)
    verdicts = dataset.verdict.values[~free].tolist()
    assert said.count("read ρ here") == free.sum() > 0
    for verdict in set(verdicts):
        assert said.count(verdict) == verdicts.count(verdict)
    judged = [*verdicts, *dataset.toy_verdict.values]
    assert (said.count("✓"), said.count("✗")) == (judged.count("as predicted"), judged.count("contradicts"))


def test_names_of_lines_are_apart_and_in_order():
    _, axis = pyplot.subplots()
    axis.set(xlim=(0, 1), ylim=(0, 1))
    name_lines(axis, [(0.5, "b", "k"), (0.5, "c", "k"), (0.49, "a", "k"), (1.0, "d", "k")], apart=0.1)
    heights = [text.get_position()[1] for text in axis.texts]
    assert [text.get_text() for text in axis.texts] == ["a", "b", "c", "d"]
    assert np.diff(heights).min() >= 0.1 - 1e-6
    pyplot.close()


@pytest.mark.parametrize("name", ["phase_diagram", "phase_diagram_learner", "phase_plane"])
def test_rows_are_hatched_only_where_a_run_was_too_short(name):
    dataset = store.load(runner.RESULTS / f"{FIGURES[name].source}.nc")
    decided = dataset.assign(student_prior_entropy=dataset.student_information)
    for data, hatched in ((dataset, True), (decided, False)):
        figure = FIGURES[name].module.draw(data)
        assert ("run too short" in words(figure)) == hatched
        pyplot.close(figure)
