"""tests/accuracy.md is what `python -m tests.accuracy` measures, and each function meets its bound."""

import numpy as np
import pytest

import theory
from tests.accuracy import measure as measuring
from tests.accuracy.balls import floats, known
from tests.accuracy.cases import CASES, NO_ROW, SLACK
from tests.accuracy.formulas import FORMULAS
from tests.accuracy.grid import ALL, FEW
from tests.accuracy.measure import BOUNDS, Worst, measure
from tests.accuracy.table import (
    FACTOR,
    FINDINGS,
    PATH,
    REASONS,
    functions,
    read,
    row,
    rows,
    table,
    violations,
)
from tests.support import everything
from tests.support.oracle import ORACLE

EPS = {dtype: float(np.finfo(dtype).eps) for dtype in BOUNDS}


@pytest.mark.parametrize("name", functions())
def test_a_function_is_as_accurate_as_the_table_says(name):
    """On the few clusters of the grid, which take a moment."""
    for dtype, said in read()[name].items():
        worst = measure(name, dtype, FEW)
        assert violations(name, dtype, worst) == []
        assert worst.error <= FACTOR * max(said.error, EPS[dtype]), worst


@pytest.mark.slow
@pytest.mark.parametrize("name", functions())
def test_the_table_is_what_the_whole_grid_measures(name):
    for dtype, said in read()[name].items():
        worst = measure(name, dtype, ALL)
        assert violations(name, dtype, worst) == []
        least, most = sorted(max(x.error, EPS[dtype]) for x in (worst, said))
        assert most <= FACTOR * least, (worst, said)


def test_every_public_function_has_a_row_or_a_reason():
    assert set(CASES) | set(NO_ROW) == everything.public()
    assert not set(CASES) & set(NO_ROW)
    assert list(read()) == functions()
    assert set(FORMULAS) == set(CASES) >= set(SLACK)


def test_the_words_are_those_of_the_code():
    assert PATH.read_text(encoding="utf-8") == table(rows())


def test_what_is_above_the_bound_is_explained_and_nothing_else():
    high = {name for name, pair in read().items() if any(x.error > BOUNDS[d] for d, x in pair.items())}
    assert high == set(REASONS) | set(FINDINGS)
    assert not set(REASONS) & set(FINDINGS)
    for name, pair in read().items():
        for dtype, worst in pair.items():
            assert violations(name, dtype, worst) == []


@pytest.mark.parametrize("name", sorted(ORACLE))
def test_formulas_agree_with_the_oracle(name):
    """Two derivations, in mpmath and in Arb, of what a function should give."""
    for case in list(CASES[name]("float64", FEW))[4:6] or CASES[name]("float64", FEW):
        given = case.given | ({"slack": np.ones(SLACK[name](case.given))} if name in SLACK else {})
        mine = known(FORMULAS[name], given)
        theirs = ORACLE[name](
            **{key: x for key, x in case.given.items() if key not in ("slack", "rounded", "tol")}
        )
        for part, value in mine.items():
            np.testing.assert_allclose(floats(value), theirs[part], rtol=1e-15, atol=0)


def test_these_checks_can_fail(monkeypatch):
    assert violations("kl", "float64", Worst(error=2e-12, roundings=0.1))
    assert violations("dinov2", "float64", Worst(error=2e-12, roundings=17.0))
    assert not violations("dinov2", "float64", Worst(error=2e-12, roundings=15.0))
    off = {"entropy": lambda log_p: theory.entropy(log_p) * (1 + 1e-9)}
    monkeypatch.setattr(measuring, "CALLED", off)
    assert violations("entropy", "float64", measure.__wrapped__("entropy", "float64", FEW))
    pair = {"float64": Worst(error=2e-9, at="there", roundings=0.5, cases=1), "float32": Worst()}
    assert row("entropy", pair) == "| `entropy` | 2.0e-09 (0.5) | there | — | computes in float64 |  |"
