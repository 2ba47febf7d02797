"""The cross-view correlations: what D2 and D3 rest on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.ledger import at_most, equal
from tests.theory.dynamics.toys import paired_views, seeds
from theory.dynamics import correlations, cross_view_moments


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
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
