"""The quotient of a direction and the covariance that directions are found with, beside their definitions."""

import itertools
import math

import numpy as np
import pytest

from tests.claims.ledger import equal
from theory.diagnosis import correlations
from theory.diagnosis.correlations import FLOOR, FOLDS, ROWS, SURE, Estimate, Fold, Quotient
from theory.diagnosis.views import Views
from theory.dynamics.moments import PairedViews, moments_kernel

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("v", "m"), [(2, 9), (3, 40)])
def test_a_quotient_is_the_mean_over_pairs_of_views_over_the_mean_square(v, m):
    seen = RNG.normal(size=(v, m)) + RNG.normal(size=m) + 3.0
    found = correlations._quotient(seen)
    y = seen - seen.mean()
    pairs = [np.mean(y[i] * y[j]) for i, j in itertools.permutations(range(v), 2)]
    equal(found.value, np.mean(pairs) / np.mean(y**2), rtol=1e-12)
    own = (y**2).mean(axis=0)
    cross = sum(y[i] * y[j] for i, j in itertools.permutations(range(v), 2)) / (v * (v - 1))
    influence = (cross - found.value * own) / own.mean()
    equal(found.error, influence.std(ddof=1) / math.sqrt(m), rtol=1e-12)
    equal(found.concentration, (own**2).sum() / own.sum() ** 2, rtol=1e-12)


def test_the_error_of_a_quotient_is_its_scatter_over_samples():
    drawn = [
        correlations._quotient(np.sqrt(0.5) * (rng.normal(size=(2, 400)) + rng.normal(size=400)))
        for rng in map(np.random.default_rng, range(300))
    ]
    scatter = np.std([one.value for one in drawn], ddof=1)
    equal(np.mean([one.error for one in drawn]), scatter, rtol=4 / math.sqrt(2 * 299))


def test_a_direction_without_any_spread_says_nothing():
    assert correlations._quotient(np.full((2, 5), 7.0)) == Quotient(0.0, math.inf, 1.0)


def test_the_part_of_a_fold_holds_its_moments_and_the_fourth_power_of_its_rows(monkeypatch):
    views = Views([RNG.normal(size=(50, 3)), RNG.normal(size=(50, 3))])
    index = np.arange(0, 50, 2)
    rows = views.rows(index)
    own = sum(np.einsum("nd,ne->nde", row, row) for row in rows) / 2
    whole = moments_kernel(PairedViews(rows, np.full(25, 1 / 25), 25.0, directed=False))
    for at_once in (1 << 22, 12):  # four rows at a time
        monkeypatch.setattr(correlations, "AT_ONCE", at_once)
        part = correlations._part(views, index)
        equal(part.fourth, (own**2).sum(), rtol=1e-12)
        equal(part.moments.covariance, whole.covariance, rtol=1e-12, atol=1e-15)
        equal(part.moments.cross_covariance, whole.cross_covariance, rtol=1e-12, atol=1e-15)
        assert part.moments.mass == 25.0


def test_a_covariance_is_shrunk_by_its_estimated_noise():
    """Ledoit and Wolf: of Gaussian rows of covariance 1, all of it is noise; of many rows nearly none is."""
    for m in (30, 20_000):
        rows = RNG.normal(size=(m, 5)) * np.array([1.0, 1.0, 1.0, 1.0, 4.0])
        second = rows.T @ rows / m
        fourth = float((np.einsum("nd,nd->n", rows, rows) ** 2).sum())
        size, square = np.trace(second) / 5, (second**2).sum()
        alpha = (fourth / m - square) / m / (square - 5 * size**2)
        assert 0 < alpha < 1
        expected = (1 - alpha) * second + alpha * size * np.eye(5)
        equal(correlations._shrunk(second, fourth, float(m), features=5), expected, rtol=1e-12, atol=1e-14)


def test_a_covariance_that_is_a_multiple_of_one_stays_and_a_sure_one_is_shrunk_by_the_floor():
    one = 2.0 * np.eye(3)
    equal(correlations._shrunk(one, 1e9, 10.0, features=3), one, rtol=1e-15)
    sure = np.diag([1.0, 4.0])
    expected = (1 - FLOOR) * sure + FLOOR * 2.5 * np.eye(2)
    equal(correlations._shrunk(sure, 0.0, 10.0, features=2), expected, rtol=1e-15)
    noisy = correlations._shrunk(sure, 1e9, 10.0, features=2)
    equal(noisy, 2.5 * np.eye(2), rtol=1e-15)


def made_of(*quotients, in_sample=(0.9,), monkeypatch):
    """Folds whose worst quotient is the one given."""
    waiting = dict(zip(range(len(quotients)), quotients, strict=True))
    folds = [Fold(None, np.array([i]), np.ones((1, 3)), None, None) for i in waiting]
    monkeypatch.setattr(Fold, "worst", lambda self, j: waiting[int(self.index[0])])
    return correlations.CrossValidated(folds, np.asarray(in_sample), 7)


def test_two_parts_give_the_mean_and_the_error_of_their_mean(monkeypatch):
    found = made_of(Quotient(0.5, 0.03, 0.01), Quotient(0.7, 0.04, 0.01), monkeypatch=monkeypatch).estimate(1)
    error = 1.3 * 0.025 / (1 - 0.6**2)
    low, high = math.tanh(math.atanh(0.6) - SURE * error), math.tanh(math.atanh(0.9) + SURE * error / 1.3)
    equal(found, Estimate(0.6, low, high, error), rtol=1e-12)


def test_five_parts_that_scatter_more_than_their_errors_say_have_the_error_of_their_scatter(monkeypatch):
    values = (0.1, 0.3, 0.5, 0.7, 0.9)
    for error, wanted in ((1e-3, np.std(values, ddof=1) / math.sqrt(5)), (1.0, 1.0 / math.sqrt(5))):
        parts = [Quotient(value, error, 0.01) for value in values]
        found = made_of(*parts, monkeypatch=monkeypatch).estimate(1)
        equal(found.error, 1.5 * wanted / (1 - 0.5**2), rtol=1e-12)


def test_a_direction_carried_by_fewer_rows_than_five_has_no_error_to_speak_of(monkeypatch):
    assert (ROWS, FOLDS) == (5, 5)
    for concentration, known in ((0.399, True), (0.401, False)):  # two parts of 2.5 rows are five
        parts = [Quotient(0.5, 0.01, concentration)] * 2
        found = made_of(*parts, monkeypatch=monkeypatch).estimate(1)
        assert math.isfinite(found.error) == known
        assert (found.low == -1.0) != known


def test_beyond_what_all_rows_have_a_correlation_may_be_anything(monkeypatch):
    found = made_of(*[Quotient(0.5, 0.01, 0.01)] * 2, in_sample=(0.9, 0.6), monkeypatch=monkeypatch)
    assert found.estimate(2).high < found.estimate(1).high < 1.0 == found.estimate(3).high
    assert found.most == 3
    few = made_of(*[Quotient(0.5, 0.01, 0.01)] * 2, in_sample=(), monkeypatch=monkeypatch)
    assert few.above(0.4, 0.01) == (3, 7) and few.above(0.6, 0.01) == (0, 7)
    assert found.above(0.4, 0.01) == (3, 3)
    assert found.above(0.55, 0.01) == (0, 2) and found.above(0.7, 0.01) == (0, 1)
    assert found.above(0.61, 0.02) == (0, 2)  # 0.6 and its error reach it
