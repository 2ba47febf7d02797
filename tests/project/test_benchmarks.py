"""The benchmarks compare like with like: all contenders solve the problem that is timed."""

import json

import numpy as np
import pytest

from benchmarks import exact_teacher, kernels, loss, results
from benchmarks.turns import Contender, Measured, Row, take_turns
from tests.claims.ledger import equal


@pytest.mark.parametrize("make", [exact_teacher.cosine, exact_teacher.unit])
def test_every_contender_for_the_exact_teacher_reaches_it_on_an_easy_problem(make):
    log_p = make(32, 8, 1.0)
    exact = exact_teacher.exact(log_p, 1e-9, 100)
    for name, solve in exact_teacher.POT.items():
        best = exact_teacher.tuned(solve, log_p)
        plan = solve(log_p, best.tol, best.rounds)
        assert exact_teacher.marginal_error(plan) <= 1e-8, name
        equal(plan / plan.sum(1, keepdims=True), exact, rtol=0, atol=1e-6)


def test_the_error_of_a_teacher_that_is_off_is_told():
    assert exact_teacher.marginal_error(np.exp(exact_teacher.unit(32, 8, 0.1))) > 0.01


def test_the_compositions_are_the_numbers_that_are_summarized():
    logits = np.random.default_rng(0).standard_normal((64, 40))
    row = kernels._summaries(logits, repeat=1)
    errors = {one.name: one.error for one in row.measured if one.error is not None}
    assert set(errors) == {"theory.summarize", "SciPy", "torch"} and max(errors.values()) < 1e-12


def test_contenders_take_turns_and_the_ratio_is_that_of_medians():
    order = []
    contenders = [Contender(name=name, run=lambda name=name: order.append(name)) for name in "ab"]
    measured = take_turns(contenders, against="a", repeat=2)
    assert order == ["a", "b"] * 3
    assert measured[0].ratio == 1.0 and measured[1].ratio == measured[1].seconds / measured[0].seconds


def row_of(ratio, ours="ours"):
    mine = Measured(name=ours, seconds=0.1, ratio=ratio, error=1e-9)
    return Row(
        group="a group",
        problem="a problem",
        ours=ours,
        against="peer",
        goal=0.5,
        measured=(mine, Measured(name="peer", seconds=2, ratio=1)),
        absent=(("another", "not there"),),
    )


def test_rows_are_kept_and_the_page_says_what_was_missed(tmp_path, monkeypatch):
    for row in (row_of(0.4), row_of(0.6, ours="slow")):
        results.keep(row, tmp_path)
    kept = results.kept(tmp_path)
    assert [row for row, *_ in kept] == [row_of(0.4), row_of(0.6, ours="slow")]
    monkeypatch.setattr(results, "REASONS", {("a group", "a problem", "slow"): "too much is copied"})
    page = results.table(kept)
    assert "1 of 2 goals are met." in page
    assert "| a problem | **ours** | 100 ms | 0.40 | 1e-09 |  | ≤ 0.5 × peer: met |" in page
    assert "≤ 0.5 × peer: **missed** |" in page and "Missed: too much is copied." in page
    assert "Not there: another (not there)." in page


def test_a_row_measured_again_takes_the_place_of_the_first(tmp_path):
    results.keep(row_of(0.4), tmp_path)
    results.keep(row_of(0.3), tmp_path)
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_text())["measured"][0]["ratio"] == 0.3


def test_every_loss_that_is_timed_is_the_loss_of_the_definition():
    rows = list(loss.rows(repeat=1, quick=True))
    errors = [one.error for row in rows for one in row.measured]
    assert {row.ours for row in rows} >= set(loss.TEACHERS)
    assert all(error is None or error < 1e-5 for error in errors) and any(errors)
