"""One look for each teacher: told apart, and the same in every figure."""

import ast
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import pyplot
from matplotlib.colors import is_color_like, to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D, lineStyles

from figures import save
from figures.look import DRAWN, LOOKS, MOVING
from theory import TEACHERS

DRAWINGS = sorted((save.HERE / "draw").glob("*.py"))
BY_LABEL = {look.label: look for look in LOOKS.values()}


def looks_by_teacher(text):
    """Lines of the dictionaries that give a teacher a literal colour, line style or marker."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Dict):
            continue
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in {*LOOKS, *BY_LABEL}:
                literals = [part.value for part in ast.walk(value) if isinstance(part, ast.Constant)]
                found += [key.lineno for literal in literals if is_a_look(literal)]
    return sorted(set(found))


def is_a_look(literal):
    known = {*lineStyles, *Line2D.markers} - {"", " ", "None", "none"}
    return isinstance(literal, str) and (is_color_like(literal) or literal in known)


def line_of(handle):
    return handle[0] if isinstance(handle, ErrorbarContainer) else handle


def legend_entries(figure):
    """Label and line of every entry of a legend of the figure."""
    pairs = [pair for axis in figure.axes for pair in zip(*axis.get_legend_handles_labels(), strict=True)]
    for legend in figure.legends:
        pairs += zip(legend.legend_handles, [text.get_text() for text in legend.get_texts()], strict=True)
    return [(label, line_of(handle)) for handle, label in pairs]


def has_look(line, look):
    """Whether a line has the colour of the look and, where it has them, its dashes and its marker."""
    wanted = Line2D([], [], linewidth=line.get_linewidth(), **look.keywords())
    same = to_hex(line.get_color()) == to_hex(look.color)
    if line.get_linestyle().lower() != "none":
        same &= line._dash_pattern == wanted._dash_pattern  # `get_linestyle` says "--" of all dashes
    return same and line.get_marker() in ("None", look.marker)


def test_every_teacher_has_a_look_and_a_moving_one_where_there_is_something_to_average():
    assert DRAWN.keys() == TEACHERS.keys()
    assert LOOKS.keys() == {*TEACHERS, *(MOVING + name for name, t in TEACHERS.items() if t.constrained)}


@pytest.mark.parametrize("names", [list(TEACHERS), [name for name in LOOKS if name.startswith(MOVING)]])
def test_looks_are_told_apart_by_colour_and_by_marker(names):
    for attribute in ("label", "color", "marker"):
        assert len({getattr(LOOKS[name], attribute) for name in names}) == len(names)


def test_lines_and_markers_tell_teachers_apart_in_black_and_white():
    assert len({str(LOOKS[name].line) for name in TEACHERS}) == len(TEACHERS)
    assert len({(str(look.line), look.marker) for look in LOOKS.values()}) == len(LOOKS)


def test_colours_are_told_apart_with_any_colour_vision():
    okabe_ito = {to_hex(colour) for colour in mpl.color_sequences["okabe_ito"]}
    assert {to_hex(LOOKS[name].color) for name in TEACHERS} <= okabe_ito | {to_hex("#999999")}


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_no_figure_has_looks_of_its_own_for_teachers(path):
    assert looks_by_teacher(Path(path).read_text()) == []


@pytest.mark.parametrize(
    "text", ['X = {"projected": ("C2", "-.")}', 'X = {1: 2, "inverse prior": {"marker": "o"}}']
)
def test_looks_of_its_own_would_be_seen(text):
    assert looks_by_teacher(text) == [1]
    assert looks_by_teacher('X = {"nmi": ("C2", "-."), "projected": "exact constraint"}') == []


@pytest.mark.parametrize("change", [{"color": "#0072B2"}, {"ls": "--"}, {"marker": "o"}])
def test_another_colour_line_or_marker_would_be_seen(change):
    figure, axis = pyplot.subplots()
    look = LOOKS["projected"]
    axis.plot([0, 1], [0, 1], **look.keywords(label=True))
    axis.errorbar([0, 1], [0, 1], [1, 1], **look.keywords(label=True))
    axis.plot([0, 1], [0, 1], **(look.keywords(label=True) | change))
    assert [has_look(line, look) for _, line in legend_entries(figure)] == [True, False, True]
    pyplot.close(figure)
