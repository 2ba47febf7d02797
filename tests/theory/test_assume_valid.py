"""`assume_valid` skips the checks that read values, and nothing else, in its own thread, until its end."""

import threading

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.support import calls

EVERY = sorted(calls.CALLS)


@pytest.mark.parametrize("name", EVERY)
def test_assume_valid_changes_no_valid_answer(name):
    values = calls.operands()
    checked = calls.parts(calls.call(name, values))
    with theory.assume_valid():
        unchecked = calls.parts(calls.call(name, values))
    for part, value in checked.items():
        assert np.array_equal(value, unchecked[part]), part


def test_assume_valid_skips_values_not_shapes():
    log_p, doubled = calls.operands()["log_p"], 2.0 * calls.operands()["weights"]
    with theory.assume_valid():
        equal(theory.log_prior(log_p, weights=doubled)[0] > theory.log_prior(log_p)[0] - 1.0, True)
        with pytest.raises(ValueError, match="`weights` must match the samples"):
            theory.log_prior(log_p, weights=doubled[:3])
        with pytest.raises(TypeError, match="`log_p` must be floating-point"):
            theory.log_prior(np.zeros((3, 2), int))
        with pytest.raises(TypeError, match="`order` must be a number"):
            theory.log_prior(log_p, order=None)
    with pytest.raises(ValueError, match="`weights` must sum to 1"):
        theory.log_prior(log_p, weights=doubled)


def test_assume_valid_nests_and_ends_with_an_error():
    probabilities = np.array([[0.5, 0.5]])

    def fail_inside():
        with theory.assume_valid():
            with theory.assume_valid():
                theory.entropy(probabilities)
            theory.entropy(probabilities)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_inside()
    with pytest.raises(ValueError, match="not probabilities"):
        theory.entropy(probabilities)


def test_assume_valid_holds_for_its_own_thread_only():
    seen = []

    def work():
        try:
            theory.entropy(np.array([0.5, 0.5]))
        except ValueError as error:
            seen.append(error)

    with theory.assume_valid():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(seen) == 1
