"""Numbers that a diagnosis reads, from runs so small that they can be written out."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, K, clustered, levels
from theory.checks import check_ensemble
from theory.diagnosis import agreement, clusters, correlations, history, readings
from theory.diagnosis.report import Report
from theory.diagnosis.views import Views, spanned

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("off, told", [(0.0049, False), (0.00503, True), (-0.0049, False), (-0.00503, True)])
def test_a_logged_loss_may_be_off_by_a_twentieth_of_it_or_of_a_tenth_of_a_nat(off, told):
    log_q = np.array([[-0.05, math.log1p(-math.exp(-0.05))]] * 4)
    report = Report()
    log_r = np.array([[0.0, -math.inf]] * 4)
    read = readings.read_student(report, check_ensemble(log_r, None, None), log_q, 0.05 + off)
    equal(read.loss, 0.05)
    text = f"the logged loss is {0.05 + off:.4f}, that of these logits 0.0500."
    assert [f.text for f in report.findings] == [text] * told
    larger = Report()
    readings.read_student(larger, check_ensemble(log_r, None, None), 10 * log_q.clip(-0.3), 0.5 + 5 * off)
    assert len(larger.findings) == told


@pytest.mark.parametrize("moved, fate", [(0.499, "constant"), (0.502, "turning")])
def test_one_answer_is_another_one_from_half_of_the_shares_on(moved, fate):
    now = SimpleNamespace(log_prior=np.log([0.999, 0.001]), mutual_information=0.0)
    then = SimpleNamespace(log_prior=np.log([0.999 - moved, 0.001 + moved]), mutual_information=0.0)
    run, report = SimpleNamespace(raw=lambda: now), Report()
    assert history.read_history(report, run, then, "constant") == fate
    assert history.read_history(report, run, then, "alive") == "alive"
    then.mutual_information = 0.02
    assert history.read_history(report, run, then, "constant") == "constant"
    equal(report.records[0].shares_moved_tv, moved)


def test_the_same_logits_are_told_up_to_shifts_of_rows_and_rounding():
    z = RNG.normal(size=(20, 4))
    spread = math.sqrt(np.mean((z - z.mean(1, keepdims=True) - (z - z.mean(1, keepdims=True)).mean(0)) ** 2))
    step = RNG.choice([-1.0, 1.0], size=(10, 2))
    step = np.block([[step, -step], [-step, step]])  # no mean by row or by column
    for size, same in ((0.99e-5, True), (1.01e-5, False)):
        assert agreement.same_logits(z + np.arange(20.0)[:, None], z + size * spread * step) == same
    assert not agreement.same_logits(np.ones((5, 3)), np.ones((5, 3)))
    zero = z.copy()
    zero[0, 0] = -math.inf
    assert agreement.same_logits(zero, zero.copy())
    assert not agreement.same_logits(zero, z) and not agreement.same_logits(z, zero)


def test_the_reading_of_a_centre_does_not_depend_on_what_all_clusters_share():
    (teacher, _), _ = clustered()
    names = ("center_lag_temperatures", "center_factor")
    centre = 0.3 * teacher.mean(axis=0) + 0.01 * np.arange(K)
    found = theory.diagnose(teacher, center=centre, **KNOBS).measurements
    moved = theory.diagnose(teacher + 2.0, center=centre - 7.0, **KNOBS).measurements
    z, c = (x - x.mean() for x in (teacher.mean(axis=0), centre))
    equal([found[name] for name in names], [np.ptp(c - z) / 0.04, c @ z / (z @ z)], rtol=1e-9)
    equal([moved[name] for name in names], [found[name] for name in names], rtol=1e-9)


def test_clusters_that_tell_nothing_count_as_one_whatever_their_shares():
    """Two idle clusters of unlike shares, and two that split the samples."""
    rest = 0.6 * np.array([[0.999, 0.001], [0.001, 0.999]] * 10)
    p = np.concatenate([np.full((20, 1), 0.3), np.full((20, 1), 0.1), rest], axis=1)
    ensemble = check_ensemble(np.log(p), None, None)
    groups = clusters._groups(ensemble, p.mean(axis=0))
    assert groups[0] == groups[1] and len(set(groups)) == 3
    split = 0.999 * math.log(1.998) + 0.001 * math.log(0.002)
    equal(clusters._told(ensemble, p.mean(axis=0), np.array([0, 2])), [0.0, split], atol=1e-12)


def test_a_duplicate_spreads_its_samples_as_another_does_and_a_near_one_does_not():
    base = RNG.dirichlet(np.ones(3), size=200)
    for off, alike in ((0.0, True), (0.3, False)):
        copy = 0.5 * base[:, :1] * np.exp(off * RNG.normal(size=(200, 1)))
        p = np.concatenate([base, copy], axis=1)
        p /= p.sum(axis=1, keepdims=True)
        groups = clusters._groups(check_ensemble(np.log(p), None, None), p.mean(axis=0))
        assert (groups[0] == groups[3]) == alike and len(set(groups)) == 4 - alike


def test_the_agreement_of_features_is_the_mean_over_pairs_of_views_over_their_square():
    raw = [RNG.normal(size=(9, 2)) + np.array([3.0, -1.0]) for _ in range(3)]
    stacked = np.stack(raw)
    x = (stacked - stacked.mean(axis=(0, 1))) / stacked.std(axis=(0, 1))
    pairs = [np.sum(x[i] * x[j]) for i in range(3) for j in range(3) if i != j]
    own = np.sum(x**2) / 27
    value, error = Views(raw).agreement()
    equal(value, np.sum(pairs) / 54 / own, rtol=1e-12)
    chance = np.mean([(x[i] @ x[j].T).ravel() ** 2 for i in range(3) for j in range(3) if i != j])
    assert 0.2 < error / (math.sqrt(chance / 9) / own) < 5.0


def test_two_views_are_the_same_up_to_what_bfloat16_keeps():
    base = RNG.normal(size=(4000, 3))
    noise = RNG.normal(size=base.shape)
    for size, same in ((4.9e-3, (1, 2)), (5.1e-3, None)):
        assert Views([base, 2.0 - 3.0 * (base + size * noise)]).same_twice() == same
    assert Views([RNG.normal(size=base.shape), base, base]).same_twice() == (2, 3)
    assert Views([base, RNG.normal(size=base.shape), base]).same_twice() == (1, 3)


def test_a_view_that_stands_still_is_named_and_few_rows_span_few_dimensions():
    base = RNG.normal(size=(50, 3))
    still = np.tile(base[:1], (50, 1))
    for off, found in ((0.99e-9, [2]), (1.01e-9, [])):
        shaken = still.copy()
        shaken[1:] *= 1 + off * RNG.choice([-1, 1], size=(49, 3))
        assert Views([base, shaken]).still_views() == found
    assert Views([base, base]).still_views() == []
    assert Views([still, still]).still_views() == [1, 2]
    for d, turned in ((100, False), (101, True)):
        assert (spanned(Views([RNG.normal(size=(50, d)) for _ in range(2)])).dimensions == 100) == (
            turned or d == 100
        )
        assert (type(spanned(Views([RNG.normal(size=(50, d)) for _ in range(2)]))) is not Views) == turned


@pytest.mark.parametrize("m, d, folds", [(1999, 2, 5), (2000, 2, 2), (2000, 100, 2), (2000, 101, 5)])
def test_two_parts_do_for_many_rows(m, d, folds):
    assert len(correlations._parts(Views([RNG.normal(size=(m, d))] * 2), 0)) == folds


def test_the_parts_of_the_rows_are_all_of_them_once():
    parts = correlations._parts(Views([RNG.normal(size=(53, 2))] * 2), 0)
    index = np.concatenate([part.rows for part in parts])
    assert sorted(index) == list(range(53)) and {len(part.rows) for part in parts} == {10, 11}
    assert all((np.diff(part.rows) > 0).all() for part in parts)


def test_summaries_of_a_dead_cluster_add_up_to_that_of_all_rows():
    z = RNG.normal(size=(40, 4))
    z[:, 2] = -math.inf
    whole = theory.summarize(z, temperature=0.5)
    added = theory.summarize(z[:13], temperature=0.5) + theory.summarize(z[13:], temperature=0.5)
    equal(added.dispersion, whole.dispersion, rtol=1e-12, atol=1e-15)
    half = z.copy()
    half[:13, 2] = 0.0
    whole = theory.summarize(half, temperature=0.5)
    added = theory.summarize(half[:13], temperature=0.5) + theory.summarize(half[13:], temperature=0.5)
    equal(added.dispersion, whole.dispersion, rtol=1e-12, atol=1e-15)
    equal(added.log_prior, whole.log_prior, rtol=1e-12)


def test_a_summary_may_be_short_of_samples():
    found = theory.diagnose(theory.summarize(RNG.normal(size=(20, 4)), temperature=1e4))
    assert found.fate == "undecided" and levels(found, "E1") == {"warning"}


def test_two_samples_are_enough_and_one_is_not():
    z = RNG.normal(size=(2, 4))
    assert theory.diagnose(z, temperature=0.5).measurements["samples"] == 2
    with pytest.raises(ValueError, match="`logits` must hold at least 2 samples, got 1"):
        theory.diagnose(z[:1], temperature=0.5)


@pytest.mark.parametrize("off, refused", [(0.0, True), (0.99e-3, True), (1.02e-3, False)])
def test_rows_that_sum_to_one_and_are_nowhere_negative_are_probabilities(off, refused):
    p = RNG.dirichlet(np.ones(4), size=30)
    p[3] *= 1 + off
    if refused:
        with pytest.raises(ValueError, match="`logits` must be raw outputs, got probabilities"):
            theory.diagnose(p, temperature=0.5)
    else:
        assert theory.diagnose(p, temperature=0.5).measurements["samples"] == 30
    shifted = p + np.array([1.0, -1.0, 0.0, 0.0])  # of the same sums, below 0 somewhere
    assert theory.diagnose(shifted, temperature=0.5).measurements["samples"] == 30
