"""CAPI's teacher and PMSN's target are the others', position by position and cluster by cluster."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theory
from tests.theory.test_which_system import case
from theory.systems import SYSTEMS, capi, dinov2, power_law_log_target


def test_capi_is_dinov2_at_each_position():
    z = np.stack([case(seed, n=16)[0] for seed in range(3)], axis=1)
    found = capi(z, rounds=2)
    for position in range(3):
        np.testing.assert_allclose(found[:, position], dinov2(z[:, position], temperature=0.06, rounds=2))
    assert not np.allclose(found, dinov2(z.reshape(-1, 8), temperature=0.06, rounds=2).reshape(z.shape))
    with pytest.raises(ValueError, match=r"`logits` must have shape \[N, P, K\], got \(16, 8\)"):
        capi(z[:, 0])


@given(clusters=st.integers(2, 500), exponent=st.floats(0, 3))
def test_the_power_law_is_a_prior_that_falls(clusters, exponent):
    log_target = power_law_log_target(clusters, exponent=exponent)
    assert abs(np.exp(log_target).sum() - 1) < 1e-12
    np.testing.assert_allclose(
        np.diff(log_target), -exponent * np.diff(np.log(np.arange(1, clusters + 1))), atol=1e-12
    )
    assert np.allclose(power_law_log_target(clusters, exponent=0), -np.log(clusters))


def test_a_power_law_is_a_target_of_the_teachers():
    z, tau, _ = case(0)
    log_target = power_law_log_target(8)
    log_r = theory.project(theory.log_softmax(z, temperature=tau), log_target=log_target).log_r
    np.testing.assert_allclose(np.exp(log_r).mean(0), np.exp(log_target), atol=1e-8)
    assert set(SYSTEMS) >= {"msn", "dinov2"}


@pytest.mark.parametrize("exponent", [12.0, 40.0, 79.1])
def test_the_first_share_of_a_steep_power_law_keeps_its_digits(exponent):
    with mpmath.workdps(60):
        total = mpmath.fsum(mpmath.mpf(j) ** -mpmath.mpf(exponent) for j in range(1, 9))
        expected = float(-mpmath.log(total))
    found = theory.systems.power_law_log_target(8, exponent=exponent)
    np.testing.assert_allclose(found[0], expected, rtol=1e-14)


def test_capi_names_the_shape_that_it_was_given():
    with pytest.raises(ValueError, match=r"`logits` must not be empty, got shape \(4, 0, 3\)"):
        capi(np.zeros((4, 0, 3)))
