"""What a reader needs stands in the picture: titles, looks and names of lines, the sense of a difference."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex
from matplotlib.text import Text

from figures import look
from figures.draw import assignments
from figures.draw.shared import name_lines
from tests.figures.conftest import FIGURES
from tests.figures.test_look import BY_LABEL, has_look, legend_entries

TABLES = ("published", "predictions")
"""Rows of words with bars beside them, no panels."""
UNTITLED = (*TABLES, "assignments")
"""A title above each column, and the result below each panel."""


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def beyond_the_limits(figure):
    """Labels of ticks that no drawing shows, since the axis ends before them or is none."""
    for axis in (one for axes in figure.axes for one in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if not (axis.axes.axison and low <= tick.get_loc() <= high):
                yield from (tick.label1, tick.label2)


def places(figure):
    """Words and the rectangle that they take, in pixels, of all that stand upright or level."""
    figure.canvas.draw()
    unseen = set(beyond_the_limits(figure))
    texts = [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text not in unseen
    ]
    return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_rotation() % 90 == 0]


def clashes(figure):
    """Pairs of words that share more than an edge, and words that leave the page."""
    placed = places(figure)
    pairs = [
        (first, second)
        for (first, a), (second, b) in combinations(placed, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 0.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 0.5
    ]
    page = figure.bbox
    beyond = [
        word
        for word, box in placed
        if min(box.x0 - page.x0, box.y0 - page.y0, page.x1 - box.x1, page.y1 - box.y1) < -1
    ]
    return pairs + beyond


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


@pytest.mark.parametrize("drawn", FIGURES, indirect=True)
def test_no_words_lie_on_others_or_leave_the_page(drawn):
    assert clashes(drawn[0]) == []


def test_words_on_words_and_beyond_the_page_would_be_seen():
    figure = pyplot.figure()
    for x, word in ((0.2, "one"), (0.21, "two"), (0.6, "three"), (0.99, "beyond the page")):
        figure.text(x, 0.5, word)
    assert clashes(figure) == [("one", "two"), "beyond the page"]
    pyplot.close(figure)


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


@pytest.mark.parametrize("drawn", ["adaptive"], indirect=True)
def test_heights_at_the_floor_are_said_to_be_less_and_the_rate_of_dino_is_seen(drawn):
    figure, dataset = drawn
    floors = 0
    for axis in (figure.axes[0], figure.axes[2]):
        assert axis.get_yticklabels()[0].get_text().startswith(r"$\leq ")
        floor = axis.get_yticks()[0]
        floors += sum(np.sum(line.get_ydata() == floor) for line in axis.lines)
    of_panels = [
        dataset["size"].sel(optimizer=[name, "SGD"], clusters=k) for name, k in (("Adam", 2), ("AdamW", 8))
    ]
    assert floors == sum(int((size / dataset.learning_rate < floor).sum()) for size in of_panels) > 0
    (rate,) = (box for word, box in places(figure) if word == "DINO's rate")
    panel = figure.axes[1].bbox
    assert panel.x0 < rate.x0 < rate.x1 < panel.x1 and panel.y0 < rate.y0 < rate.y1 < panel.y1


@pytest.mark.parametrize("drawn", ["learnt_race"], indirect=True)
def test_ratios_beyond_the_break_stand_in_a_column_of_their_own(drawn):
    figure, dataset = drawn
    axis = figure.axes[0]
    pile = axis.get_xticks()[0]
    assert axis.get_xticklabels()[0].get_text() == "< −0.6"
    shown = np.concatenate([line.get_xdata() for line in axis.lines if line.get_marker() in ("o", "s")])
    runs = dataset.sizes["seed"] * dataset.sizes["start"]
    assert np.sum(shown == pile) == runs * int((dataset.ratio < -0.6).sum()) > 0
    assert np.sort(shown[shown != pile])[0] > -0.6
    (losing,) = (line for line in axis.lines if line.get_linestyle() == ":")
    cold = dataset.kept.sel(start="cold")
    assert float(cold.where(dataset.ratio < losing.get_xdata()[0]).min()) > 0.9
    assert float(cold.where(dataset.ratio == losing.get_xdata()[0]).min()) < 0.9


@pytest.mark.parametrize("drawn", ["batch_size"], indirect=True)
def test_what_a_batch_of_one_costs_stands_at_one(drawn):
    figure, dataset = drawn
    ticks = [line for line in figure.axes[0].lines if line.get_marker() == "_"]
    assert len(ticks) == dataset.sizes["clusters"]
    assert {float(np.ravel(tick.get_xdata())[0]) for tick in ticks} == {1.0}


@pytest.mark.parametrize("drawn", ["certificate"], indirect=True)
def test_the_threshold_of_the_monitor_is_dotted_and_log_k_is_solid(drawn):
    figure, dataset = drawn
    for axis in figure.axes[2:4]:
        level = {
            line.get_ydata()[0]: line.get_linestyle() for line in axis.lines if len(line.get_xdata()) == 2
        }
        assert level == {float(dataset.log_clusters): "-", float(dataset.monitor_threshold): ":"}


@pytest.mark.parametrize("drawn", ["real_data", "price_of_centering_paid"], indirect=True)
def test_rows_of_differences_say_which_centering_they_are_of(drawn):
    figure, _ = drawn
    rows = [label.get_text() for label in figure.axes[4].get_yticklabels()]
    of = {row.split(" − ")[0] for row in rows}
    assert of in ({"moving"}, {"batch"})
    other = {"moving": "batch", "batch": "moving"}[of.pop()]
    assert [row for row in rows if "centering" in row] == [row for row in rows if f"{other} centering" in row]


@pytest.mark.parametrize("drawn", ["growth"], indirect=True)
def test_teachers_that_coincide_have_one_key(drawn):
    figure, dataset = drawn
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["unconstrained", f"{dataset.sizes['teacher'] - 1} constrained (coincide)"]


def test_clusters_do_not_wear_the_colours_of_teachers():
    ours = {to_hex(color) for color in assignments.COLORS}
    assert len(ours) == len(assignments.COLORS)
    assert ours & {to_hex(one.color) for one in look.LOOKS.values()} == set()


def test_names_of_lines_are_apart_and_in_order():
    _, axis = pyplot.subplots()
    axis.set(xlim=(0, 1), ylim=(0, 1))
    name_lines(axis, [(0.5, "b", "k"), (0.5, "c", "k"), (0.49, "a", "k"), (1.0, "d", "k")], apart=0.1)
    heights = [text.get_position()[1] for text in axis.texts]
    assert [text.get_text() for text in axis.texts] == ["a", "b", "c", "d"]
    assert np.diff(heights).min() >= 0.1 - 1e-6
    pyplot.close()
