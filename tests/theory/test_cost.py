"""What the fast paths cost, in counts and not in seconds: exponentials an element, memory, rounds."""

import tracemalloc

import array_api_compat.numpy as compat
import numpy as np
import pytest

import theory

LOGITS = np.random.default_rng(0).normal(size=(256, 2048))
LOG_P = theory.log_softmax(LOGITS, temperature=0.5)

CALLS = {
    "log_prior": (lambda: theory.log_prior(LOG_P), 1.1),
    "jensen_gap": (lambda: theory.jensen_gap(LOG_P), 1.1),
    "mutual_information": (lambda: theory.mutual_information(LOG_P), 1.1),
    "lautum_information": (lambda: theory.lautum_information(LOG_P), 2.1),
    "summarize": (lambda: theory.summarize(LOGITS, temperature=0.5), 1.1),
}


@pytest.fixture
def exponentials(monkeypatch):
    """Counts elements given to exp and expm1."""
    count = [0]

    def counting(function):
        def counted(x, *args, **kwargs):
            count[0] += np.size(x)
            return function(x, *args, **kwargs)

        return counted

    for name in ("exp", "expm1"):
        counted = counting(getattr(np, name))
        monkeypatch.setattr(np, name, counted)
        monkeypatch.setattr(compat, name, counted)
    return count


@pytest.mark.parametrize("name", CALLS)
def test_exponentials_an_element(name, exponentials):
    call, bound = CALLS[name]
    with theory.assume_valid():
        call()
    alone = exponentials[0] / LOG_P.size
    assert 0.9 <= alone <= bound  # below: the counter no longer sees them
    call()
    assert exponentials[0] / LOG_P.size - 2 * alone <= 1.1  # that rows of log_p sum to 1


def test_summary_makes_no_array_as_large_as_its_input():
    logits = np.tile(LOGITS, (16, 1))  # 64 MiB
    theory.summarize(LOGITS)
    tracemalloc.start()
    theory.summarize(logits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= logits.nbytes / 4


def test_rounds_of_the_exact_teacher():
    found = theory.project(theory.log_softmax(LOGITS[:, :64], temperature=0.5), tol=1e-9)
    assert found.iterations <= 30
