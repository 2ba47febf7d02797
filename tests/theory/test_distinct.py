"""e^I counts distinct prototypes from below; a balanced prior counts nothing (C1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theory
from tests.claims.ledger import at_most, equal

seeds = st.integers(0, 2**32 - 1)


def posteriors(seed, n, k, sharpness):
    return theory.log_softmax(sharpness * np.random.default_rng(seed).normal(size=(n, k)))


def repeated(log_p, parts):
    """Each column split into equal parts: as many prototypes as there are parts, all alike."""
    column = np.repeat(np.arange(log_p.shape[1]), parts)
    return log_p[:, column] - np.log(np.asarray(parts))[column]


def prior_entropy(log_p):
    return theory.entropy(np.log(np.exp(log_p).mean(0)))


@given(seeds, st.integers(1, 40), st.integers(2, 6), st.floats(0.0, 30.0), st.data())
@pytest.mark.claim("C1")
def test_information_is_at_most_the_log_of_the_number_of_distinct_columns(seed, n, k, sharpness, data):
    """Columns of one direction, of any lengths, are one cluster: merging them loses nothing."""
    log_p = posteriors(seed, n, k, sharpness)
    parts = data.draw(st.lists(st.integers(1, 4), min_size=k, max_size=k))
    many = repeated(log_p, parts)
    information = float(theory.mutual_information(many))
    rounding = 16 * many.shape[1] * np.finfo(float).eps  # of each column's share
    equal(information, theory.mutual_information(log_p), rtol=rounding, atol=rounding)
    at_most(information, np.log(k))


@given(seeds, st.integers(2, 6))
@pytest.mark.claim("C1")
def test_the_count_is_attained_by_sure_and_balanced_assignments(seed, k):
    sure = np.log(np.eye(k)[np.random.default_rng(seed).permutation(np.tile(np.arange(k), 3))] + 1e-300)
    equal(np.exp(theory.mutual_information(repeated(sure, [3] * k))), k)


@given(seeds, st.integers(2, 8), st.integers(2, 5))
@pytest.mark.control("C1")
def test_a_uniform_prior_certifies_no_number_of_prototypes(seed, k, copies):
    """All prototypes one and the same: the prior is uniform, its entropy log K, and e^I is 1."""
    log_p = np.zeros((16, 1))
    many = repeated(log_p, [k * copies])
    equal(np.exp(prior_entropy(many)), k * copies, rtol=1e-9)
    equal(np.exp(theory.mutual_information(many)), 1.0, rtol=1e-9)
    # and beside k true clusters, each in `copies` prototypes: clusters in use say k · copies
    sure = np.log(np.eye(k)[np.arange(4 * k) % k] + 1e-300)
    twins = repeated(sure, [copies] * k)
    equal(np.exp(prior_entropy(twins)), k * copies, rtol=1e-9)
    equal(np.exp(theory.mutual_information(twins)), k, rtol=1e-9)
