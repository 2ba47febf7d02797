"""Means of statistics: grouping does not matter, the order of the mean does."""

import numpy as np
import pytest
import torch

import theory
from tests.claims.ledger import equal
from theory.nn.averages import MovingMean, mean_of_order, mean_over_ranks
from theory.nn.counter import Counter

ORDERS = [-1.0, 0.0, 0.5, 1.0]


def log_p(samples, seed=0):
    z = torch.randn(samples, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return z.log_softmax(dim=-1)


@pytest.mark.parametrize("order", ORDERS)
def test_the_mean_of_the_parts_is_that_of_the_whole(order):
    parts = log_p(12).split([3, 9])
    shares = [torch.tensor(share, dtype=torch.float64) for share in (0.25, 0.75)]
    pooled = mean_of_order([theory.log_prior(part, order=order) for part in parts], shares, order)
    equal(pooled, theory.log_prior(log_p(12), order=order), rtol=1e-12)


def test_with_the_mean_of_another_order_it_is_not():
    parts = log_p(12).split([3, 9])
    shares = [torch.tensor(share, dtype=torch.float64) for share in (0.25, 0.75)]
    pooled = mean_of_order([theory.log_prior(part) for part in parts], shares, 0.0)
    assert (pooled - theory.log_prior(log_p(12))).abs().max() > 1e-3


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_added_in_pieces_counts_by_its_samples(order):
    whole, pieces = (
        MovingMean(torch.full((4,), -np.log(4), dtype=torch.float64), momentum=0.7, order=order)
        for _ in range(2)
    )
    for seed in range(3):
        whole.add(theory.log_prior(log_p(12, seed), order=order), samples=12)
        for part in log_p(12, seed).split([2, 4, 6]):
            pieces.add(theory.log_prior(part, order=order), samples=len(part))
        whole.update(), pieces.update()
    equal(pieces.average, whole.average, rtol=1e-12)


def test_an_update_by_nothing_is_refused():
    center = MovingMean(torch.zeros(3), momentum=0.9, order=0.0)
    center.add(torch.ones(3), samples=2)
    center.update()
    with pytest.raises(RuntimeError, match="without a forward in training mode since the last one"):
        center.update()


def test_one_process_is_its_own_mean():
    statistic = torch.ones(3)
    found, samples = mean_over_ranks(statistic, samples=5, order=1.0)
    assert found is statistic
    assert samples == 5


@pytest.mark.claim("D4")
@pytest.mark.parametrize("n", [4, 64])
def test_moved_at_every_micro_batch_a_momentum_is_its_own_power(n):
    """Gradient accumulation: per optimiser step .999 is .999ⁿ, unless the update is the caller's."""
    each, once = (
        MovingMean(torch.zeros(3, dtype=torch.float64), momentum=0.999, order=0.0) for _ in range(2)
    )
    for _ in range(n):
        for moving in (each, once):
            moving.add(torch.ones(3, dtype=torch.float64), samples=8)
        each.update()
    once.update()
    torch.testing.assert_close(1 - each.average, torch.full((3,), 0.999**n, dtype=torch.float64))
    torch.testing.assert_close(1 - once.average, torch.full((3,), 0.999, dtype=torch.float64))


def test_one_average_of_several_that_is_no_number_is_refused():
    moving = MovingMean(torch.zeros(2, 3), momentum=0.9, order=1.0)
    moving.check_sound("center", torch.zeros(2, 3))
    with pytest.raises(ValueError, match="`center` must hold a finite average"):
        moving.check_sound("center", torch.tensor([[0.0, 0.0, 0.0], [0.0, torch.nan, 0.0]]))


def test_steps_are_counted_one_by_one_beyond_what_float32_can_hold():
    steps = Counter()
    steps.add(2**24)
    steps.add(1)
    assert steps.value == 2**24 + 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("seen", [1, 2])
def test_a_statistic_of_no_samples_weighs_nothing_beside_one_of_a_few(order, seen):
    moving = MovingMean(torch.zeros(4, dtype=torch.float64), momentum=0.0, order=order)
    moving.add(log_p(1)[0], samples=seen)
    moving.add(log_p(1, seed=1)[0], samples=0)
    moving.update()
    equal(moving.average, log_p(1)[0], rtol=1e-12)
