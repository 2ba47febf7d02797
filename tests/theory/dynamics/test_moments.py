"""Cross-view moments: what they estimate, in one batch and in a stream."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.dynamics.toys import paired_views, seeds
from theory.dynamics import correlations, cross_view_moments

VIEW = np.ones((3, 2))


@given(seeds, st.integers(1, 59), st.floats(-1e3, 1e3))
def test_streaming_equals_one_batch_whatever_the_mean(seed, cut, offset):
    first, second = paired_views(seed, offset=offset)
    whole = cross_view_moments(first, second)
    stream = cross_view_moments(first[:cut], second[:cut]).update(first[cut:], second[cut:])
    back = cross_view_moments(first[cut:], second[cut:]).update(first[:cut], second[:cut])
    for other in (stream, back):
        assert other.mass == 60
        np.testing.assert_allclose(other.covariance, whole.covariance, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(other.cross_covariance, whole.cross_covariance, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(other.student_mean, whole.student_mean, rtol=1e-12, atol=1e-12)


def test_moments_of_float32_features_have_the_rank_of_float64():
    """Their moments are summed in float64, where a copy of a feature is told from one that is not."""
    first, second = (view.astype(np.float32) for view in paired_views(2))
    low = cross_view_moments(first, second)
    wide = cross_view_moments(first.astype(np.float64), second.astype(np.float64))
    assert low.covariance.dtype == low.cross_covariance.dtype == np.float64
    np.testing.assert_array_equal(low.covariance, wide.covariance)
    copies = [np.hstack([view, 2 * view[:, :1]]) for view in (first, second)]
    moments = cross_view_moments(*copies)
    assert correlations(moments.cross(), moments.second(), drop_singular=True).dropped == 1


def test_weights_act_as_repeats_and_mass_as_batch_size():
    first, second = paired_views(0, n=6)
    repeats = np.array([1, 2, 1, 3, 1, 2])
    weighted = cross_view_moments(first, second, weights=repeats / 10, mass=10.0)
    repeated = cross_view_moments(np.repeat(first, repeats, axis=0), np.repeat(second, repeats, axis=0))
    np.testing.assert_allclose(weighted.second(), repeated.second(), rtol=1e-13)
    np.testing.assert_allclose(
        weighted.cross(constrained=False), repeated.cross(constrained=False), rtol=1e-13
    )
    assert weighted.mass == repeated.mass == 10


def test_moments_are_the_expectations_they_name():
    views = paired_views(1, views=3, offset=2.0)
    phi = [np.column_stack([view, np.ones(60)]) for view in views]
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    mean = np.mean(phi, axis=(0, 1))
    moments = cross_view_moments(*views)
    np.testing.assert_allclose(moments.second(), sum(p.T @ p for p in phi) / 180, rtol=1e-12)
    free = sum(phi[i].T @ phi[j] for i, j in pairs) / 360
    np.testing.assert_allclose(moments.cross(constrained=False), free, rtol=1e-12)
    held = sum(phi[i].T @ (phi[j] - mean) for i, j in pairs) / 360
    np.testing.assert_allclose(moments.cross(), (held + held.T) / 2, rtol=1e-9, atol=1e-12)
    one_way = cross_view_moments(views[0], views[1], directed=True)
    held = phi[0].T @ (phi[1] - phi[1].mean(axis=0)) / 60
    np.testing.assert_allclose(one_way.cross(), held, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cross_view_moments(VIEW), "`views` must be two or more arrays .* got 1"),
        (lambda: cross_view_moments(VIEW, VIEW, VIEW, directed=True), "`views` must be two, .* got 3"),
        (lambda: cross_view_moments(VIEW, VIEW[:2]), r"`views\[1\]` must have the shape of .* got \(2, 2\)"),
        (lambda: cross_view_moments(VIEW, VIEW * np.nan), r"`views\[1\]` must be finite"),
        (lambda: cross_view_moments(VIEW[0], VIEW[0]), r"`views\[0\]` must have shape \[N, D\]"),
        (
            lambda: cross_view_moments(VIEW, VIEW, weights=[0.5, 0.5, 0.5]),
            "`weights` must sum to 1 .* got 1.5",
        ),
        (lambda: cross_view_moments(VIEW, VIEW, mass=0.0), "`mass` must be positive"),
        (
            lambda: cross_view_moments(VIEW, VIEW).update(VIEW[:, :1], VIEW[:, :1]),
            "must have D = 2 .* got D = 1",
        ),
        (lambda: cross_view_moments(VIEW, VIEW).update(VIEW, VIEW, VIEW), "same `views`, 2, got 3"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
