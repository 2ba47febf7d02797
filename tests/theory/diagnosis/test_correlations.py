"""Bounds of cross-view correlations from few samples: what they cover, and what they do not depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.claims.ledger import equal
from theory.diagnosis.correlations import cross_validated
from theory.diagnosis.views import Views, spanned
from theory.dynamics import correlations, cross_view_moments

RATIO = 0.4
R = (0.9, 0.8, 0.6, 0.3, 0.2)


def drawn(seed, m, d, rho=R, views=2, scales=1.0, tails=False):
    """Views of which feature j has correlation ρ_j and the others none, in a random basis."""
    rng = np.random.default_rng(seed)
    rho = np.pad(rho, (0, d - len(rho)))

    def draw():
        return rng.standard_t(8, size=(m, d)) if tails else rng.normal(size=(m, d))

    shared, turn = draw() * np.sqrt(rho), np.linalg.qr(rng.normal(size=(d, d)))[0]
    return [((shared + draw() * np.sqrt(1 - rho)) * scales) @ turn for _ in range(views)]


def bounds(views):
    found = cross_validated(spanned(Views(views)))
    first = found.estimate(1)
    return first, found.above(RATIO, first.error)


@pytest.mark.parametrize(("m", "tails"), [(20, False), (60, False), (200, True), (600, False), (2000, True)])
def test_the_interval_covers_the_largest_correlation_and_the_number_above_the_ratio(m, tails):
    """Nominal 95%; of 60 runs a coverage of 95% falls below 51 once in a thousand times."""
    runs = [bounds(drawn(seed, m, 24, tails=tails)) for seed in range(60)]
    assert sum(first.low <= R[0] <= first.high for first, _ in runs) >= 51
    assert sum(low <= 3 <= high for _, (low, high) in runs) >= 51


@pytest.mark.parametrize(("m", "d"), [(24, 24), (200, 24), (60, 3), (100, 5), (800, 24)])
def test_views_that_share_nothing_are_not_said_to(m, d):
    """The parts that are left out have learnt from each other: independent errors would miss 1 run in 10."""
    lows = [bounds(drawn(seed, m, d, ()))[0].low for seed in range(100)]
    assert sum(low > 0 for low in lows) <= 6


@pytest.mark.parametrize("rho", [(), (0.4,) * 12, (0.38,) * 40])
def test_no_direction_is_said_to_grow_that_does_not(rho):
    """None is above the ratio, many are at it: each run may err with 2.5%."""
    runs = [bounds(drawn(seed, 400, 40, rho))[1][0] for seed in range(60)]
    assert sum(low > 0 for low in runs) <= 7


def test_more_samples_narrow_the_interval_to_the_truth():
    widths = [[bounds(drawn(seed, m, 20))[0] for seed in range(5)] for m in (60, 600, 20_000)]
    spread = [np.mean([first.high - first.low for first in runs]) for runs in widths]
    assert spread[0] > 3 * spread[1] > 6 * spread[2] and spread[2] < 0.03
    first, growing = bounds(drawn(0, 20_000, 20))
    assert growing == (3, 3)
    equal(first.value, R[0], rtol=0.02)


def test_as_many_samples_as_features_bound_nothing_from_above():
    """Where M ≤ D the rows themselves show correlations of 1, whatever the truth."""
    views = drawn(0, 60, 80)
    moments = cross_view_moments(*views)
    naive = correlations(moments.cross(bias=False), moments.second(bias=False), drop_singular=True)
    equal(naive.values[0], 1.0, rtol=1e-6)
    first, (low, high) = bounds(views)
    assert first.high == 1.0 and low <= 3 and high == 80


def test_with_many_samples_the_bounds_close_on_the_correlations_of_all_rows():
    views = drawn(1, 50_000, 6, views=3)
    moments = cross_view_moments(*views)
    naive = correlations(moments.cross(bias=False), moments.second(bias=False)).values
    found = cross_validated(Views(views))
    for j in range(1, 4):
        estimate = found.estimate(j)
        assert estimate.low <= naive[j - 1] <= estimate.high
        equal(estimate.value, naive[j - 1], rtol=0.02)


def test_the_bounds_are_the_same_in_the_coordinates_that_the_rows_span():
    """V M < D: the rows are turned, so that memory and time go by V M."""
    raw = drawn(0, 50, 300, (0.95,) * 30)
    views = Views(raw)
    turned = spanned(views)
    assert turned.dimensions == 100 and spanned(Views([x[:, :99] for x in raw])).dimensions == 99
    equal(
        turned.raw[0] @ turned.raw[1].T, views.rows(slice(None))[0] @ views.rows(slice(None))[1].T, atol=1e-9
    )
    direct, there = (cross_validated(v).estimate(1) for v in (views, turned))
    equal(direct.value, there.value, rtol=1e-6)
    equal(direct.low, there.low, rtol=1e-6)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 99),
    log_scale=st.floats(-100, 100),
    shift=st.floats(-1e3, 1e3),
    m=st.integers(40, 200),
)
def test_scale_and_shift_of_a_feature_and_the_order_of_views_do_not_matter(seed, log_scale, shift, m):
    views = drawn(seed, m, 8)
    scales = np.exp(log_scale * np.linspace(-1, 1, 8))
    moved = [(view + shift) * scales for view in views][::-1]
    for here, there in zip(bounds(views)[0], bounds(moved)[0], strict=True):
        equal(there, here, rtol=1e-6, atol=1e-6)


def test_views_that_are_opposite_correlate_below_0():
    view = np.random.default_rng(0).normal(size=(300, 4))
    first, growing = bounds([view, -view + 0.5 * np.random.default_rng(1).normal(size=view.shape)])
    assert first.high < 0 and growing == (0, 0)


@pytest.mark.parametrize("m", [100, 5000])
@pytest.mark.parametrize("noise", [1e-3, 0.1])
def test_what_one_sample_has_is_no_evidence(m, noise):
    """One row is all that the views share: on the part that holds it every direction has ρ = 1."""
    rng = np.random.default_rng(0)
    spike = np.zeros((m, 5))
    spike[0] = 30.0
    first, (low, _) = bounds([spike + noise * rng.normal(size=spike.shape) for _ in range(2)])
    assert low == 0 and first.low < RATIO < first.high


def test_identical_views_stay_inside_what_a_fisher_transform_can_bear():
    """Views that are one are named before; whoever asks all the same gets a number, just below 1."""
    view = np.random.default_rng(0).normal(size=(300, 4))
    found = cross_validated(Views((view, view)))
    largest = found.estimate(1)
    assert 1 - 1e-9 < largest.value < 1
    assert np.isfinite([largest.low, largest.high, largest.error]).all()


def test_the_agreement_of_views_is_beside_that_of_rows_that_share_nothing():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 24, 2)) + rng.normal(size=(24, 2))
    both = np.concatenate([first, second])
    a, b = ((view - both.mean(axis=0)) / both.std(axis=0) for view in (first, second))
    order = np.random.default_rng(0).permutation(24)  # which rows are put together by chance
    chance = np.concatenate([(a * b[order]).sum(1), (b * a[order]).sum(1)])
    size = ((a**2).sum() + (b**2).sum()) / 48
    mean, error = Views([first, second]).agreement()
    equal(mean, (a * b).sum(1).mean() / size, rtol=1e-12)
    equal(error, np.sqrt((chance**2).mean() / 24) / size, rtol=1e-12)
