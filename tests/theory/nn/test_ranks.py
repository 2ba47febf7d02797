"""Two processes with half of the samples each are one with all of them."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

import theory
from tests.theory.nn.test_normalizer import TAU, logits, made

RANK = """
    import sys, torch, torch.distributed as dist
    import theory
    from tests.theory.nn.test_normalizer import TAU, logits, made
    rank, store, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    results = {}
    for name in theory.TEACHERS:
        for momentum in (None, 0.7):
            normalizer = made(name, momentum=momentum).double()
            results[name, momentum] = [
                normalizer(logits(step, 12)[rank * 6 : rank * 6 + 6], temperature=TAU) for step in range(3)
            ]
    uneven = made("inverse_prior")
    results["uneven"] = uneven(logits(0, 12)[: 4] if rank == 0 else logits(0, 12)[4:], temperature=TAU)
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
    expected = made("inverse_prior")(logits(0, 12), temperature=TAU)
    torch.testing.assert_close(torch.cat([found[rank]["uneven"] for rank in range(2)]), expected)
