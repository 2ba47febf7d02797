"""Cross-view moments and their correlations: what D2 and D3 rest on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.ledger import at_most, equal
from theory.dynamics.moments import correlations, cross_view_moments

seeds = st.integers(0, 2**32 - 1)


def paired_views(seed, *, n=60, d=4, views=2, noise=1.0, offset=0.0):
    """A shared part and a private part for each view."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    return [shared + noise * rng.normal(size=(n, d)) + offset for _ in range(views)]


@given(seeds, st.integers(2, 4), st.floats(0.0, 3.0))
@pytest.mark.claim("D2")
def test_symmetrised_views_have_correlations_within_one(seed, views, noise):
    moments = cross_view_moments(*paired_views(seed, views=views, noise=noise))
    found = correlations(moments.cross(), moments.second())
    at_most(np.abs(found.values), np.ones(5), slack=1e-13 + 1e-15 * found.condition)
    assert found.asymmetry == 0 and found.dropped == 0


@pytest.mark.control("D2")
def test_a_one_way_loss_between_unlike_views_has_correlations_above_one():
    teacher, student = paired_views(3, n=4000, noise=0.1)
    one_way = cross_view_moments(0.25 * student, teacher, directed=True)
    assert correlations(one_way.cross(), one_way.second()).values[0] > 3


@given(seeds, st.floats(-5.0, 5.0))
@pytest.mark.claim("D3")
def test_constant_direction_correlates_fully_without_a_constraint_and_not_at_all_with_one(seed, offset):
    moments = cross_view_moments(*paired_views(seed, offset=offset))
    bare = correlations(
        moments.cross(bias=False), moments.second(bias=False) - np.outer(*2 * [moments.student_mean])
    )
    free = correlations(moments.cross(constrained=False), moments.second())
    held = correlations(moments.cross(), moments.second())
    equal(free.values, np.sort([1.0, *bare.values])[::-1], rtol=1e-7, atol=1e-8)
    equal(held.values, np.sort([0.0, *bare.values])[::-1], rtol=1e-7, atol=1e-8)
    constant = np.array([0, 0, 0, 0, 1.0])
    np.testing.assert_allclose(
        moments.cross(constrained=False) @ constant, moments.second() @ constant, atol=1e-12
    )


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


@given(seeds)
def test_correlations_do_not_depend_on_the_basis_of_the_features(seed):
    views = paired_views(seed)
    mix = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0] * [0.1, 1.0, 3.0, 10.0]
    plain, mixed = cross_view_moments(*views), cross_view_moments(*(view @ mix for view in views))
    found = correlations(plain.cross(), plain.second())
    np.testing.assert_allclose(found.values, correlations(mixed.cross(), mixed.second()).values, atol=1e-8)
    v = found.directions
    np.testing.assert_allclose(v.T @ plain.second() @ v, np.eye(5), atol=1e-9)
    np.testing.assert_allclose(v.T @ plain.cross() @ v, np.diag(found.values), atol=1e-9)


def test_singular_moments_say_how_many_directions_were_dropped():
    first, second = paired_views(5)
    copy = np.zeros((4, 6))
    copy[:, :4], copy[0, 4], copy[1, 5] = np.eye(4), 1.0, -2.0
    moments = cross_view_moments(first @ copy, second @ copy)
    with pytest.raises(ValueError, match=r"`second` is singular: 2 of 7 directions .* drop_singular=True"):
        correlations(moments.cross(), moments.second())
    kept = correlations(moments.cross(), moments.second(), drop_singular=True)
    plain = cross_view_moments(first, second)
    assert kept.dropped == 2 and kept.directions.shape == (7, 5)
    np.testing.assert_allclose(kept.values, correlations(plain.cross(), plain.second()).values, atol=1e-9)


def test_asymmetry_is_measured_and_the_symmetric_part_used():
    cross = np.array([[0.5, 0.3], [0.1, 0.4]])
    found = correlations(cross, np.eye(2))
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh((cross + cross.T) / 2)[::-1])
    assert found.asymmetry == pytest.approx(np.linalg.norm(cross - cross.T) / np.linalg.norm(cross + cross.T))


VIEW = np.ones((3, 2))


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
        (lambda: correlations(np.eye(2), np.eye(3)), r"`cross` must have the shape of `second`, \(3, 3\)"),
        (lambda: correlations(np.ones(2), np.ones(2)), r"`second` must have shape \[D, D\]"),
        (lambda: correlations(np.eye(2), [[1, 0], [0, np.inf]]), "`second` must be finite"),
        (lambda: correlations(np.eye(2), [[1.0, 1.0], [0.0, 1.0]]), "`second` must be symmetric"),
        (lambda: correlations(np.eye(2), -np.eye(2)), "`second` must be positive semi-definite"),
        (
            lambda: correlations(np.eye(2), np.diag([1.0, 0.0]), drop_singular=True),
            "`cross` must vanish where",
        ),
        (lambda: correlations(np.eye(2), np.eye(2), rank_tol=2.0), r"`rank_tol` must be in \[0, 1\], got 2"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
