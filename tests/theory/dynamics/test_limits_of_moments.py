"""Moments of any scale: what is symmetric, singular, semi-definite or leaking goes by their own size."""

import numpy as np
import pytest

from tests.claims.ledger import equal
from theory.dynamics import correlations, growth_rates, shared_head_stability, whitened_growth_rate

KNOBS = {"gain": 0.1, "student_temperature": 0.2, "teacher_temperature": 0.1}
SCALES = [1e-8, 1.0, 1e8]


@pytest.mark.parametrize("scale", SCALES)
def test_a_second_moment_is_symmetric_to_ten_digits(scale):
    for off, fits in ((0.999e-10, True), (1.001e-10, False)):
        second = scale * np.array([[1.0, 0.5 + off], [0.5, 1.0]])
        for function in (correlations, lambda cross, second: growth_rates(cross, second, **KNOBS)):
            if fits:
                function(second / 2, second)
            else:
                with pytest.raises(ValueError, match="`second`"):
                    function(second / 2, second)


@pytest.mark.parametrize("scale", SCALES)
def test_a_direction_is_singular_below_d_rounding_errors_or_the_tolerance_given(scale):
    eps = 3 * np.finfo(float).eps
    for tol, limit in ((None, eps), (1e-3, 1e-3)):
        for part, whole in ((1.5 * limit, True), (0.7 * limit, False)):
            second = scale * np.diag([1.0, 0.5, part])
            found = correlations(second / 4, second, rank_tol=tol, drop_singular=True)
            assert found.dropped == 1 - whole
            equal(found.values, [0.25] * (2 + whole), rtol=1e-9)
            equal(found.condition, 1 / part if whole else 2.0)
            if not whole:
                with pytest.raises(ValueError, match="1 of 3 directions have variance at most"):
                    correlations(second / 4, second, rank_tol=tol)


@pytest.mark.parametrize("scale", SCALES)
def test_a_second_moment_is_semi_definite_to_ten_digits(scale):
    for low, fits in ((-0.999e-10, True), (-1.001e-10, False)):
        second = scale * np.diag([1.0, low])
        if fits:
            assert correlations(second * 0, second, drop_singular=True).dropped == 1
        else:
            with pytest.raises(ValueError, match="positive semi-definite and not 0, got eigenvalues down to"):
                correlations(second * 0, second, drop_singular=True)
    with pytest.raises(ValueError, match="positive semi-definite and not 0"):
        correlations(np.zeros((2, 2)), np.zeros((2, 2)), drop_singular=True)


@pytest.mark.parametrize("scale", SCALES)
def test_what_has_no_variance_has_no_covariance(scale):
    second = scale * np.diag([1.0, 0.0])
    for leak, fits in ((1.998e-10, True), (2.002e-10, False)):
        cross = scale * np.diag([0.5, leak])
        if fits:
            equal(correlations(cross, second, drop_singular=True).values, [0.5])
        else:
            with pytest.raises(ValueError, match="`cross` must vanish where `second` does"):
                correlations(cross, second, drop_singular=True)


def test_the_asymmetry_of_a_cross_moment_is_its_odd_part_over_its_even_one():
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    equal(correlations(0.3 * np.eye(2) + 0.1 * turn, np.eye(2)).asymmetry, 0.1 / 0.3)
    assert correlations(0.3 * np.eye(2), np.eye(2)).asymmetry == 0.0
    assert correlations(0.1 * turn, np.eye(2)).asymmetry == 1.0
    assert correlations(np.zeros((2, 2)), np.eye(2)).asymmetry == 0.0


def test_where_a_pair_is_complex_its_rate_is_the_mean_of_the_two_decays():
    """α = .5, μ = .3: complex from ρ < −(α − μ)²τ_t/(4μa) on."""
    a, mu = 0.1, 0.3
    edge = -((0.5 - mu) ** 2) * 0.1 / (4 * mu * a)
    found = whitened_growth_rate([2 * edge, edge, 0.9 * edge], teacher_rate=mu, **KNOBS)
    equal(found[:2], [-(0.5 + mu) / 2] * 2, rtol=1e-12, atol=1e-8)
    assert -(0.5 + mu) / 2 < found[2] < 0
    for scale in (1e-200, 1e200):
        same = whitened_growth_rate([2 * edge, 0.8], teacher_rate=scale * mu, **KNOBS | {"gain": scale * a})
        equal(same, scale * whitened_growth_rate([2 * edge, 0.8], teacher_rate=mu, **KNOBS), rtol=1e-12)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"center_momenta": (-1e-9, None)}, "`center_momenta` must be in"),
        ({"center_momenta": (None, 1 + 1e-9)}, "`center_momenta` must be in"),
        ({"teacher_temperatures": (0.0, 0.07)}, "`teacher_temperatures` must be positive"),
        ({"teacher_temperatures": (0.04, -1.0)}, "`teacher_temperatures` must be positive"),
        ({"center_momenta": (0.9,)}, None),
    ],
)
def test_both_heads_are_checked(changed, message):
    knobs = {"share": 0.5, "gain": 0.01, "teacher_momentum": 0.99, "student_temperature": 0.1}
    knobs |= {"center_momenta": (0.0, 1.0), "teacher_temperatures": (0.005, 0.005)}
    assert shared_head_stability(**knobs).matrix.shape == (4, 4)
    with pytest.raises(ValueError, match=message):
        shared_head_stability(**knobs | changed)


def test_the_step_of_two_losses_on_one_head_is_that_of_its_parts():
    """Written out: w' = (1 − α)w + (β₁ + β₂)v − β₁c₁ − β₂c₂, each centre at its own rate."""
    found = shared_head_stability(
        share=0.25,
        gain=0.02,
        teacher_momentum=0.9,
        student_temperature=0.1,
        center_momenta=(0.8, 0.7),
        teacher_temperatures=(0.04, 0.08),
    ).matrix
    one, two = 0.25 * 0.02 / 0.04, 0.75 * 0.02 / 0.08
    student = np.array([1 - 0.2, one + two, -one, -two])
    teacher = 0.1 * student + np.array([0, 0.9, 0, 0])
    equal(found, np.array([student, teacher, [0, 0.2, 0.8, 0], [0, 0.3, 0, 0.7]]), rtol=1e-12, atol=1e-15)
