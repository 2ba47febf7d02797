"""What the fast paths cost, in counts and not in seconds: exponentials an element, memory, rounds."""

import tracemalloc

import array_api_compat.numpy as compat
import numpy as np
import pytest
import torch

import theory
import theory.nn
from theory.dual import newton

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


@pytest.fixture
def hessians(monkeypatch):
    """Counts the linear systems of Newton's method."""
    count, solve = [0], newton.solve_hessian

    def counted(*args, **kwargs):
        count[0] += 1
        return solve(*args, **kwargs)

    monkeypatch.setattr(newton, "solve_hessian", counted)
    return count


def test_the_exact_teacher_takes_rounds_and_no_hessian(exponentials, hessians):
    """Plain rounds would be 124, Newton's method alone 5 Hessians, two exponentials an element for each."""
    logits = np.random.default_rng(0).standard_normal((1024, 256))
    found = theory.project(theory.log_softmax(logits, temperature=0.1), tol=1e-9)
    assert 15 <= found.iterations <= 36
    assert hessians[0] == 0
    assert exponentials[0] / logits.size <= 4.2  # log p, its check, the kernel, the teacher


def test_the_parts_of_the_objective(exponentials):
    log_q = LOG_P[::-1].copy()
    with theory.assume_valid():
        theory.evaluate(LOG_P, log_q)
    assert 4.9 <= exponentials[0] / LOG_P.size <= 5.2  # H and I of each, H(r, q), and KL with two
    theory.certificate(LOG_P, log_q)
    assert exponentials[0] / LOG_P.size <= 5.2 + 8.2


def test_the_loss_keeps_nothing_but_logits_and_targets():
    student = [torch.randn(8, 512, requires_grad=True) for _ in range(4)]
    teacher = [torch.randn(8, 512) for _ in range(2)]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        theory.nn.ClusterDistillationLoss("inverse_prior", clusters=512, momentum=None)(student, teacher)
    logits = sum(z.numel() for z in student)
    assert sum(kept) <= 1.05 * (logits + sum(t.numel() for t in teacher))
