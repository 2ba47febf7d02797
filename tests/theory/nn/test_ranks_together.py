"""What ranks know together, with threads in place of processes: quick, and with ranks of any sizes."""

import threading

import pytest
import torch

import theory
from tests.theory.nn.test_normalizer import TAU, logits, made
from theory.nn import averages, ranks, regularizer


@pytest.fixture
def together(monkeypatch):
    """A function that runs `work(rank)` as so many ranks of one group, and gives what each returned."""

    def run(size, work):
        here, barrier = threading.local(), threading.Barrier(size, timeout=60)
        slots, found, groups = [None] * size, [None] * size, []

        def all_gather(parts, x, group=None):
            assert x.is_contiguous() and len(parts) == size
            groups.append(group)
            slots[here.rank] = x.detach().clone()
            barrier.wait()
            for part, slot in zip(parts, slots, strict=True):
                assert part.shape == slot.shape and part.dtype == slot.dtype
                part.copy_(slot)
            barrier.wait()

        def one(rank):
            here.rank = rank
            found[rank] = work(rank)

        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda group=None: size)
        monkeypatch.setattr(torch.distributed, "all_gather", all_gather)
        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        monkeypatch.undo()
        return found, groups

    return run


def test_each_rank_gets_what_all_have_in_their_order(together):
    def work(rank):
        assert ranks.world_size("the group") == 3
        return torch.stack(ranks.gather(torch.tensor([[rank, 5], [7, rank]]).T, "the group"))

    found, groups = together(3, work)
    for rank in range(3):
        assert found[rank].tolist() == [[[r, 7], [5, r]] for r in range(3)]
    assert groups == ["the group"] * 3


@pytest.mark.parametrize("shape", [(), (4,), (4, 6)])
def test_rows_come_one_under_another_however_many_a_rank_has(together, shape):
    sizes = (2, 5, 0)
    rows = [torch.randn(*shape, n, 3, generator=torch.Generator().manual_seed(n)) for n in sizes]
    found, groups = together(3, lambda rank: ranks.gather_rows(rows[rank], "the group"))
    for one in found:
        assert torch.equal(one, torch.cat(rows, dim=-2))
    assert set(groups) == {"the group"}


def test_one_rank_asks_nobody(together):
    x = logits(0, 4)
    found, groups = together(1, lambda rank: (ranks.gather(x), ranks.gather_rows(x)))
    ((gathered,), rows), _ = found[0], groups
    assert gathered is x and rows is x and groups == []


@pytest.mark.parametrize("order", [0.0, 1.0])
def test_a_statistic_of_all_ranks_is_weighted_by_their_samples(together, order):
    sizes = (6, 2, 0)
    parts = [torch.log_softmax(logits(rank, 1)[0], -1) for rank in range(3)]

    def work(rank):
        return averages.mean_over_ranks(parts[rank], samples=sizes[rank], order=order, group="the group")

    found, groups = together(3, work)
    a, b = parts[:2]
    expected = torch.log(0.75 * a.exp() + 0.25 * b.exp()) if order else 0.75 * a + 0.25 * b
    for mean, total in found:
        torch.testing.assert_close(mean, expected)
        assert int(total) == 8
    assert set(groups) == {"the group"}
    for mean, total in together(
        2, lambda rank: averages.mean_over_ranks(parts[rank], samples=0, order=order)
    )[0]:
        assert not mean.isnan().any()
        assert int(total) == 0


def test_the_prior_of_all_ranks_is_drawn_to_the_target_with_the_gradient_of_their_mean(together):
    z = logits(0, 12)
    log_target = torch.log_softmax(logits(1, 1)[0], -1)
    weights = torch.arange(1.0, 7.0)

    def work(rank):
        own = z[rank * 6 : rank * 6 + 6].clone().requires_grad_()
        value = regularizer.prior_divergence([own], TAU, log_target, weights=weights, group="the group")
        return value.detach(), torch.autograd.grad(value, own)[0]

    found, groups = together(2, work)
    whole = z.clone().requires_grad_()
    value = regularizer.prior_divergence([whole], TAU, log_target, weights=weights.repeat(2))
    gradient = torch.autograd.grad(value, whole)[0]
    for rank in range(2):
        torch.testing.assert_close(found[rank][0], value.detach())
        torch.testing.assert_close(found[rank][1] / 2, gradient[rank * 6 : rank * 6 + 6])
    assert set(groups) == {"the group"}


@pytest.mark.parametrize("momentum", [None, 0.7])
@pytest.mark.parametrize("name", theory.TEACHERS)
@pytest.mark.parametrize("first", [6, 4])
def test_two_ranks_normalise_like_one_process_with_both_batches(together, name, momentum, first):
    own = (slice(first), slice(first, 12))

    def work(rank):
        normalizer = made(name, momentum=momentum, process_group="the group").double()
        return [normalizer(logits(step, 12)[own[rank]], temperature=TAU) for step in range(3)]

    found, groups = together(2, work)
    assert set(groups) <= {"the group"}
    normalizer = made(name, momentum=momentum).double()
    for step in range(3):
        expected = normalizer(logits(step, 12), temperature=TAU)
        both = torch.cat([found[rank][step] for rank in range(2)])
        torch.testing.assert_close(both, expected, rtol=1e-9, atol=1e-9)
