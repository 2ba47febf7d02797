"""Clusters that do the work, and rows that are drawn: limits from both sides, numbers written out."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.test_limits import said, teacher
from theory.diagnosis import clusters, sample
from theory.diagnosis.report import Report

RNG = np.random.default_rng(0)


def run_of(wanted, rows=10_000, exact=False):
    """A run whose target asks for so many even clusters, of that many rows."""
    log_target = np.full(wanted, -math.log(wanted))
    batch = SimpleNamespace(ensemble=SimpleNamespace(log_target=log_target), logits=np.empty((rows, 1)))
    return SimpleNamespace(batch=batch, teacher=SimpleNamespace(exact=exact))


def reading(**changes):
    numbers = {"raw_clusters_in_use": 60, "duplicate_clusters": 0, "distinct_clusters": 30.0}
    return clusters.ClusterReading(**numbers | {"clusters_told_apart": 7.25} | changes)


@pytest.mark.parametrize("rows, expected", [(10_000, 60.0), (240, 60.0), (236, 59.0), (4, 1.0)])
def test_as_many_clusters_are_expected_as_the_target_has_and_four_rows_each_can_show(rows, expected):
    equal(clusters.expected_clusters(run_of(60, rows)), expected, rtol=1e-12)
    assert (clusters.PARTIAL, clusters.ROWS_EACH) == (1 / 3, 4)


@pytest.mark.parametrize("distinct, fate", [(19.99, "partial collapse"), (20.01, "alive")])
def test_a_third_of_the_clusters_is_a_partial_collapse(distinct, fate):
    found = reading(distinct_clusters=distinct)
    assert clusters.fate_of_clusters("alive", found, run_of(60)) == fate
    assert clusters.fate_of_clusters("constant", found, run_of(60)) == "constant"
    lines = said(clusters._about_the_clusters(found, teacher(), run_of(60)))
    text = f"partial collapse: {distinct:.1f} clusters' worth do all the work where 60 could, 7.2 told"
    text += " apart (e^I)."
    assert lines == ([("warning", text)] if fate != "alive" else [])


def test_the_remedy_of_a_partial_collapse_goes_by_its_cause():
    few = math.log(19.0)
    shares, spread = (
        "a teacher whose shares are right, 'projected'",
        "prototypes that start apart, or are kept",
    )
    for entropy, exact, duplicates, begins, ends in (
        (few, False, 0, shares, "'projected'."),
        (few, True, 0, "", ""),
        (math.log(21.0), False, 0, "", ""),
        (few, False, 5, f"{shares}; {spread}", "or fewer of them."),
        (few, True, 5, spread, "or fewer of them."),
    ):
        seen = teacher(teacher_prior_entropy=entropy)
        found = reading(distinct_clusters=10.0, duplicate_clusters=duplicates)
        (line,) = clusters._about_the_clusters(found, seen, run_of(60, exact=exact))
        assert line.remedy.startswith(begins) and line.remedy.endswith(ends)
        assert ("; 5 only repeat others." in line.text) == bool(duplicates)


def test_duplicates_that_leave_enough_are_a_note():
    ((level, text),) = said(
        clusters._about_the_clusters(reading(duplicate_clusters=3), teacher(), run_of(60))
    )
    assert level == "note"
    assert text == "3 clusters repeat others or tell nothing: 30.0 do the work, 7.2 told apart (e^I)."


@pytest.mark.parametrize("own, told", [(30, False), (29, True)])
def test_half_of_the_balanced_clusters_are_the_networks_own(own, told):
    lines = said(clusters._about_the_clusters(reading(raw_clusters_in_use=own), teacher(), run_of(60)))
    text = "the constraint spreads the samples over 60 clusters, the network's own largest output "
    assert lines == ([("warning", f"{text}is one of {own}.")] if told else [])


def test_distinct_clusters_are_the_exponential_of_the_entropy_of_joined_shares():
    """Three clusters: one of share ½, and two duplicates of ¼ each."""
    one = np.array([[0.9, 0.1], [0.1, 0.9]] * 20)
    p = np.concatenate([one[:, :1], 0.5 * one[:, 1:], 0.5 * one[:, 1:]], axis=1)
    ensemble = theory.checks.check_ensemble(np.log(p), None, None)
    run = run_of(3)
    run.raw = lambda: SimpleNamespace(largest_count=np.array([20, 20, 0]))
    found = clusters.read_clusters(Report(), run, ensemble, teacher(teacher_information=math.log(1.5)))
    assert (found.raw_clusters_in_use, found.duplicate_clusters) == (2, 1)
    equal([found.distinct_clusters, found.clusters_told_apart], [2.0, 1.5], rtol=1e-9)


# -- rows that are drawn -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "samples, k, drawn",
    [
        (10**9, 1 << 10, 1 << 11),
        (10**9, 1 << 21, 64),
        (10**9, 1 << 15, 64),
        (10**9, 1 << 14, 128),
        (50, 4, 50),
    ],
)
def test_so_many_rows_are_drawn_as_two_million_numbers_hold_and_64_at_least(samples, k, drawn):
    assert sample._drawn(samples, k) == drawn


def test_rows_that_are_drawn_are_some_of_all_in_order():
    index = sample._chosen(100, 30)
    assert len(set(index)) == 30 and (np.diff(index) > 0).all() and index.min() >= 0 and index.max() < 100
    assert index.tolist() == sample._chosen(100, 30).tolist()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("again", [10, 40, 90, 1000])
def test_what_the_constraint_makes_of_all_rows_is_summed_up_shifted(monkeypatch, weighted, again):
    z, shift = RNG.normal(size=(90, 4)), np.array([0.5, 0.0, -0.5, 0.1])
    w = RNG.dirichlet(np.ones(90)) if weighted else None
    monkeypatch.setattr(sample, "READ_AGAIN", 4 * again)
    monkeypatch.setattr(sample, "SHIFTED", 28)  # seven rows at a time
    source = sample.Source(rows=z[:20], everything=z, all_weights=w)
    index = np.arange(90) if again >= 90 else sample._chosen(90, max(20, again))
    expected = theory.summarize(z[index] + shift, temperature=0.5, weights=None if w is None else w[index])
    found = source.under(shift, 0.5)
    assert found.samples == expected.samples
    equal(found.mutual_information, expected.mutual_information, rtol=1e-9)
    equal(found.log_prior, expected.log_prior, rtol=1e-9)
    assert sample.Source(rows=z).under(shift, 0.5) is None


def test_weights_are_shares_of_all_rows():
    equal(sample._share([1.0, 3.0], (2,)), [0.25, 0.75])
    equal(sample._share([[1.0], [3.0]], (2,)), [0.25, 0.75])
    for bad, got in (
        ([1.0, -1.0], "-1"),
        ([0.0, 0.0], "0"),
        ([1.0, math.inf], "inf"),
        ([1.0, math.nan], "nan"),
    ):
        with pytest.raises(ValueError, match=f"finite, not negative, and of a positive sum, got {got}"):
            sample._share(bad, (2,))
    with pytest.raises(
        ValueError, match=r"`weights` must have shape \(3,\), one for each row, got shape \(2,\)"
    ):
        sample._share([1.0, 3.0], (3,))


def test_rows_without_weight_are_left_out_and_their_partners_too():
    z = RNG.normal(size=(6, 3))
    source = sample.source_of(z, 1.0, weights=[1.0, 0.0, 2.0, 0.0, 1.0, 0.0])
    np.testing.assert_array_equal(source.rows, z[[0, 2, 4]])
    equal(source.weights, [0.25, 0.5, 0.25])
    np.testing.assert_array_equal(source.of("other", 2 * z), 2 * z[[0, 2, 4]])
    np.testing.assert_array_equal(source.of("other", z[:5]), z[:5])  # refused at the door
    whole = sample.source_of(z, 1.0, weights=np.ones(6))
    assert whole.index is None and whole.total == 6
    equal(whole.weights, np.full(6, 1 / 6))
    np.testing.assert_array_equal(whole.of("other", 2 * z), 2 * z)
    assert sample.source_of(z, 1.0).weights is None


def test_more_numbers_than_are_worked_on_whole_are_summed_up_and_a_sample_drawn(monkeypatch):
    z = RNG.normal(size=(100, 4))
    monkeypatch.setattr(sample, "LARGE", 400)
    assert sample.source_of(z, 0.5).whole is None
    monkeypatch.setattr(sample, "LARGE", 399)
    monkeypatch.setattr(sample, "DRAWN", 4 * 70)
    found = sample.source_of(z, 0.5)
    assert found.whole.samples == found.total == 100 and len(found.rows) == 70 and found.weights is None
    np.testing.assert_array_equal(found.rows, z[found.index])
    w = np.r_[np.zeros(20), np.full(80, 1.0)]
    found = sample.source_of(z, 0.5, weights=w)
    assert found.index.min() >= 20 and len(found.index) == 70
    equal(found.weights, np.full(70, 1 / 70))
    equal(found.all_weights, w / 80)


def test_of_blocks_that_pass_a_sample_stays(monkeypatch):
    monkeypatch.setattr(sample, "DRAWN", 3 * 100)
    z = RNG.normal(size=(1000, 3))
    found = sample.source_of((z[at : at + 90] for at in range(0, 1000, 90)), 0.5)
    assert found.whole.samples == 1000 and found.rows.shape == (100, 3)
    places = [int(np.flatnonzero((z == row).all(axis=1))[0]) for row in found.rows]
    assert len(set(places)) == 100
    assert 350 < np.mean(places) < 650 and min(places) < 100 and max(places) > 900  # of all, not of the first
    few = sample.source_of((z[at : at + 9] for at in range(0, 99, 9)), 0.5)
    assert few.whole is None and few.rows.shape == (99, 3)
