"""The ledger of published runs: each prediction, what it depends on, its verdict, and the toys (D5)."""

from collections import Counter
from dataclasses import replace

import pytest

from experiments.studies import published
from experiments.studies.ledger import predict
from experiments.studies.published_rows import rows

ROWS = {(row.sweep, row.setting): row for row in rows()}
CENTRE, TEACHER = "centre momentum, ViT-S, k-NN", "teacher, linear"


@pytest.mark.claim("D5")
def test_the_verdicts_are_counted_without_the_rows_that_could_not_fail():
    verdicts = Counter(predict(row).verdict for row in ROWS.values() if not row.free)
    assert verdicts == {"as predicted": 36, "silent": 5, "inconclusive": 3, "contradicts": 1}
    assert [row.setting for row in ROWS.values() if row.free] == ["0.02", "0.04", "0.06", "0.08"]


@pytest.mark.claim("D5")
def test_what_contradicts_and_what_hangs_on_unknown_numbers_is_named():
    of = {verdict: [] for verdict in ("contradicts", "inconclusive")}
    for key, row in ROWS.items():
        if (verdict := predict(row).verdict) in of:
            of[verdict].append(key)
    assert of["contradicts"] == [("DINO-X, later", "0.999 at 100,000")]
    assert of["inconclusive"] == [
        (TEACHER, "centering, no momentum"),
        ("iBOT's patches, centre, k-NN", "0.999"),
        ("iBOT's patches, centre, k-NN", "none"),
    ]


@pytest.mark.control("D5")
def test_a_run_that_should_have_died_and_did_not_would_contradict():
    changed = (
        replace(ROWS[CENTRE, "0.999"], outcome="learns"),
        replace(ROWS["teacher temperature, k-NN", "0.08"], outcome="learns"),
        replace(ROWS[CENTRE, "0.9"], outcome="dies"),
        replace(ROWS["DINO-X, centre, loss at 2,000 steps", "0.99"], outcome="dies"),
    )
    assert {predict(row).verdict for row in changed} == {"contradicts"}


@pytest.mark.claim("D5")
@pytest.mark.parametrize(
    ("key", "claim", "depends"),
    [
        ((CENTRE, "0.99"), "D4", "inside the line 0.9940, any rate"),
        ((CENTRE, "0.999"), "D6", "bias speed ≥ 4.1e-05 a step (η has it)"),
        ((TEACHER, "centering, no momentum"), "D6", "bias speed ≥ 4.0e-03 a step (η times √D has it)"),
        ((TEACHER, "Sinkhorn, no momentum"), "D2", "ρ > 0.4"),
        (("teacher temperature, k-NN", "0.04 to 0.07"), "D3", "ρ ≥ 0.6: lives up to τ_t = 0.094"),
        (
            ("iBOT's patches, centre, k-NN", "none"),
            "D8",
            "share ≥ 0.30 when warm, ≥ 0.60 before; here 0.5",
        ),
    ],
)
def test_a_prediction_states_what_it_depends_on(key, claim, depends):
    found = predict(ROWS[key])
    assert (found.claim, found.depends) == (claim, depends)


@pytest.mark.claim("D5")
@pytest.mark.parametrize(("momentum", "claim"), [(0.99397, "D4"), (0.99399, "D6")])
def test_the_line_is_that_of_steps_and_not_of_continuous_time(momentum, claim):
    """0.99398 in steps, 0.994 in continuous time."""
    assert predict(replace(ROWS[CENTRE, "0.99"], center_momentum=momentum)).claim == claim


@pytest.mark.claim("D5")
@pytest.mark.parametrize(("momentum", "claim"), [(0.99397, "D4"), (0.99399, "D8")])
def test_so_is_the_line_of_patches_under_a_shared_head(momentum, claim):
    row = replace(ROWS["iBOT's patches, centre, k-NN", "0.999"], center_momentum=momentum)
    assert predict(row).claim == claim


@pytest.mark.claim("D5")
def test_what_is_said_of_a_toy_follows_from_its_race():
    said = {
        f"{row.sweep}: {row.setting}": published.toy_said(row, published.Settings())
        for row in published.toys()
    }
    assert [name for name, word in said.items() if word == "less"] == [
        f"{CENTRE}: 0.999",
        "centering, sharpening: sharpening alone",
    ]
    assert [name for name, word in said.items() if word == "dead"] == [
        "teacher temperature, k-NN: 0.08",
        "centering, sharpening: centering alone",
    ]


def test_a_toy_is_judged_against_its_twin():
    assert published.fate(0.05, 0.9) == "dead"
    assert published.fate(0.8, 0.9) == "less"
    assert published.fate(0.82, 0.9) == "whole"
    assert published.toy_verdict("less", "dead") == "as predicted"
    assert published.toy_verdict("whole", "less") == "contradicts"
    assert published.toy_verdict("dead", "less") == "contradicts"


def test_every_row_has_a_source_and_every_toy_a_twin():
    assert all(row.source and row.observed for row in ROWS.values())
    assert len(ROWS) == len(rows()) == 49
    assert len({published.twin_of(row) for row in published.toys()}) == 8
