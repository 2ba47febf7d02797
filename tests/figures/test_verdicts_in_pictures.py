"""Pictures whose colours, regions and rows are verdicts: the planes, the fates, the two tables."""

import re
import tomllib

import numpy as np
import pytest
from matplotlib import pyplot

from experiments.engine import runner, store
from experiments.studies import predictions
from figures.draw.predictions import WORDS
from tests.figures.conftest import FIGURES
from tests.figures.test_drawings import words
from theory import TEACHERS


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


@pytest.mark.parametrize("name", ["phase_diagram", "phase_diagram_learner", "phase_plane"])
def test_rows_are_hatched_only_where_a_run_was_too_short(name):
    dataset = store.load(runner.RESULTS / f"{FIGURES[name].source}.nc")
    decided = dataset.assign(student_prior_entropy=dataset.student_information)
    for data, hatched in ((dataset, True), (decided, False)):
        figure = FIGURES[name].module.draw(data)
        assert ("run too short" in words(figure)) == hatched
        pyplot.close(figure)
