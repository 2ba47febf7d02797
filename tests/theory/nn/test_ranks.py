"""Two processes with half of the samples each are one with all of them."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

import theory
from tests.theory.nn.test_normalizer import TAU, K, logits, made
from theory.nn import ClusterDistillationLoss, MaskedPatchLoss

RANK = """
    import sys, torch, torch.distributed as dist
    import theory
    from tests.theory.nn.test_normalizer import TAU, K, logits, made
    from theory.nn import ClusterDistillationLoss, MaskedPatchLoss
    rank, store, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    results = {}
    for name in theory.TEACHERS:
        for momentum in (None, 0.7):
            normalizer = made(name, momentum=momentum).double()
            results[name, momentum] = [
                normalizer(logits(step, 12)[rank * 6 : rank * 6 + 6], temperature=TAU) for step in range(3)
            ]
    for name in theory.TEACHERS:
        for momentum in (None, 0.7):
            uneven = made(name, momentum=momentum).double()
            results["uneven", name, momentum] = [
                uneven(logits(step, 12)[slice(4) if rank == 0 else slice(4, 12)], temperature=TAU)
                for step in range(3)
            ]
    patches = MaskedPatchLoss("inverse_prior", clusters=K, normalized_by="masked").double()
    for step in range(3):  # the first rank has no masked token in the second step
        z, masked = logits(step, 12), torch.arange(12) % 3 != step
        masked[:6] &= step != 1
        own = slice(rank * 6, rank * 6 + 6)
        patches(z[None, own], z[None, own], masked[None, own])
    results["patches"] = patches.normalizer.moving.average
    me_max = ClusterDistillationLoss("centering", clusters=K, momentum=None, me_max=1.0).double()
    student = logits(0, 12)[rank * 6 : rank * 6 + 6].clone().requires_grad_()
    loss = me_max(student, logits(1, 12)[rank * 6 : rank * 6 + 6])
    results["me_max"] = torch.autograd.grad(loss, student)[0] / 2  # as the mean of two ranks' gradients
    torch.save(results, f"{out}{rank}.pt")
    dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_ranks_normalise_like_one_process_with_both_batches(tmp_path):
    root = str(Path(__file__).parents[3])
    environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-c", textwrap.dedent(RANK)]
    ranks = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "store"), str(tmp_path / "rank")], env=environment
        )
        for rank in range(2)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    found = [torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2)]
    for name in theory.TEACHERS:
        for momentum in (None, 0.7):
            normalizer = made(name, momentum=momentum).double()
            for step in range(3):
                expected = normalizer(logits(step, 12), temperature=TAU)
                both = torch.cat([found[rank][name, momentum][step] for rank in range(2)])
                torch.testing.assert_close(both, expected, rtol=1e-9, atol=1e-9)
    for name in theory.TEACHERS:
        for momentum in (None, 0.7):
            normalizer = made(name, momentum=momentum).double()
            for step in range(3):
                expected = normalizer(logits(step, 12), temperature=TAU)
                both = torch.cat([found[rank]["uneven", name, momentum][step] for rank in range(2)])
                torch.testing.assert_close(both, expected, rtol=1e-9, atol=1e-9)
    patches = MaskedPatchLoss("inverse_prior", clusters=K, normalized_by="masked").double()
    for step in range(3):
        masked = torch.arange(12) % 3 != step
        masked[:6] &= step != 1
        patches(logits(step, 12)[None], logits(step, 12)[None], masked[None])
    for rank in range(2):
        torch.testing.assert_close(found[rank]["patches"], patches.normalizer.moving.average)
    me_max = ClusterDistillationLoss("centering", clusters=K, momentum=None, me_max=1.0).double()
    student = logits(0, 12).clone().requires_grad_()
    gradient = torch.autograd.grad(me_max(student, logits(1, 12)), student)[0]
    torch.testing.assert_close(torch.cat([found[rank]["me_max"] for rank in range(2)]), gradient)
