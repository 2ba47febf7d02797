"""The teacher module: the tilts of the theory, DINO's centre, averages over batches, ranks and restarts."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch.nn import functional

import theory
from tests.claims.ledger import equal
from theory.nn.normalizer import TeacherNormalizer

KINDS = {
    "centering": {},
    "inverse_prior": {},
    "batch_softmax": {},
    "power_mean": {"order": 0.5},
    "cumulant": {},
    "sinkhorn": {"rounds": 3},
    "projected": {"tol": 1e-10},
}
K, TAU = 5, 0.3
TARGET = torch.tensor([0.3, 0.1, 0.2, 0.25, 0.15], dtype=torch.float64).log()


def logits(seed, *shape):
    return torch.randn(*shape, K, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def expected_tilt(kind, z, log_target):
    log_p = theory.log_softmax(z, temperature=TAU)
    if kind == "batch_softmax":
        return theory.batch_softmax_log_tilt(z, temperature=TAU, log_target=log_target)
    if kind == "projected":
        return theory.project(log_p, log_target=log_target, tol=1e-10).log_tilt
    options = {"power_mean": {"order": 0.5}, "sinkhorn": {"steps": 3}}.get(kind, {})
    return getattr(theory, kind)(log_p, log_target=log_target, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("log_target", [None, TARGET])
def test_by_the_batch_it_is_the_tilt_of_the_theory(kind, log_target):
    z = logits(0, 3, 20)
    log_p = theory.log_softmax(z, temperature=TAU)
    normalizer = TeacherNormalizer(kind, clusters=K, log_target=log_target, batch_shape=(3,), **KINDS[kind])
    expected = theory.tilt(log_p, expected_tilt(kind, z, log_target))
    torch.testing.assert_close(normalizer(z, temperature=TAU), expected, rtol=1e-6, atol=1e-6)


def test_none_is_the_softmax_and_keeps_no_state():
    normalizer = TeacherNormalizer("none", clusters=K, momentum=0.9)
    torch.testing.assert_close(
        normalizer(logits(0, 8), temperature=TAU), (logits(0, 8) / TAU).log_softmax(-1)
    )
    assert not normalizer.state_dict()


@pytest.mark.claim("J3")
def test_centering_with_momentum_is_dinos_teacher():
    """The definition: r = softmax((z − c)/τ) with the old c, c₀ = 0; then c ← m c + (1 − m) mean z."""
    normalizer = TeacherNormalizer("centering", clusters=K, momentum=0.9).double()
    center = torch.zeros(K, dtype=torch.float64)
    for step in range(6):
        z = logits(step, 12) + 3 * torch.arange(K)
        equal(
            normalizer(z, temperature=TAU).exp(), functional.softmax((z - center) / TAU, dim=-1), rtol=1e-12
        )
        center = 0.9 * center + 0.1 * z.mean(dim=0)
    equal(normalizer.average, center, rtol=1e-12)


@pytest.mark.control("J3")
def test_updating_the_centre_first_is_another_teacher():
    normalizer = TeacherNormalizer("centering", clusters=K, momentum=0.9).double()
    z = logits(0, 12) + 3 * torch.arange(K)
    updated_first = functional.softmax((z - 0.1 * z.mean(dim=0)) / TAU, dim=-1)
    assert (normalizer(z, temperature=TAU).exp() - updated_first).abs().max() > 0.01


@pytest.mark.parametrize("kind, order", [("inverse_prior", 1.0), ("power_mean", 0.5)])
def test_the_moving_prior_is_the_power_mean_of_all_batches_with_decaying_weights(kind, order):
    normalizer = TeacherNormalizer(kind, clusters=K, momentum=0.8, **KINDS[kind]).double()
    batches = [logits(i, 10) for i in range(4)]
    for z in batches:
        normalizer(z, temperature=TAU)
    power = np.full(K, 0.8**4 * (1 / K) ** order)
    for age, z in enumerate(reversed(batches)):
        p = functional.softmax(z / TAU, dim=-1).numpy()
        power += 0.2 * 0.8**age * (p**order).mean(axis=0)
    equal(normalizer.average, np.log(power) / order, rtol=1e-7)


def averaged(kind, sizes):
    normalizer = TeacherNormalizer(kind, clusters=K, momentum=0.7, manual_update=True, **KINDS[kind]).double()
    for step in range(2):
        for part in logits(step, 12).split(sizes):
            normalizer(part, temperature=TAU)
        normalizer.update()
    return normalizer.average


@pytest.mark.parametrize("kind", ["centering", "inverse_prior", "batch_softmax", "power_mean"])
def test_accumulated_batches_count_as_one(kind):
    torch.testing.assert_close(averaged(kind, [4, 8]), averaged(kind, [12]))


@pytest.mark.parametrize("kind", ["cumulant", "sinkhorn", "projected"])
def test_accumulated_tilts_are_averaged_by_batch_size(kind):
    def tilt(z):
        return expected_tilt(kind, z, None)

    expected = torch.full((K,), -np.log(K), dtype=torch.float64)
    for step in range(2):
        small, large = logits(step, 12).split([4, 8])
        statistic = -np.log(K) - (tilt(small) / 3 + tilt(large) * 2 / 3)
        expected = 0.7 * expected + 0.3 * statistic
    torch.testing.assert_close(averaged(kind, [4, 8]), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_normalizer_goes_on_identically(kind):
    def step(normalizer, seed):
        return normalizer(logits(seed, 9).float(), temperature=TAU)

    whole = TeacherNormalizer(kind, clusters=K, momentum=0.9, manual_update=True, **KINDS[kind])
    for seed in range(3):
        step(whole, seed)
        whole.update()
    step(whole, 3)  # saved in the middle of an accumulation
    resumed = TeacherNormalizer(kind, clusters=K, momentum=0.9, manual_update=True, **KINDS[kind])
    resumed.load_state_dict(whole.state_dict())
    for seed in range(4, 7):
        assert torch.equal(step(whole, seed), step(resumed, seed))
        whole.update(), resumed.update()


def test_in_eval_mode_nothing_moves():
    normalizer = TeacherNormalizer("inverse_prior", clusters=K, momentum=0.9).eval()
    before = normalizer.average.clone()
    normalizer(logits(0, 9), temperature=TAU)
    assert torch.equal(normalizer.average, before)


@pytest.mark.parametrize("kind", ["centering", "inverse_prior"])
def test_each_run_of_a_batch_has_its_own_momentum_and_average(kind):
    momenta = torch.tensor([0.0, 0.5, 0.9], dtype=torch.float64)
    together = TeacherNormalizer(kind, clusters=K, momentum=momenta[:, None], batch_shape=(3,)).double()
    alone = [TeacherNormalizer(kind, clusters=K, momentum=float(m)).double() for m in momenta]
    for step in range(3):
        z = logits(step, 3, 9)
        log_r = together(z, temperature=TAU)
        for i, normalizer in enumerate(alone):
            torch.testing.assert_close(log_r[i], normalizer(z[i], temperature=TAU))


def test_half_precision_logits_are_normalised_in_single_precision():
    z = logits(0, 9).bfloat16()
    log_r = TeacherNormalizer("inverse_prior", clusters=K)(z, temperature=TAU)
    assert log_r.dtype == torch.float32
    torch.testing.assert_close(
        log_r, TeacherNormalizer("inverse_prior", clusters=K)(z.float(), temperature=TAU)
    )


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("kind", {"kind": "centred"}),
        ("clusters", {"clusters": 1}),
        ("momentum", {"momentum": 1.5}),
        ("order", {"kind": "power_mean"}),
        ("order", {"order": 0.5}),
        ("order", {"kind": "power_mean", "order": float("inf"), "momentum": 0.9}),
        ("rounds", {"kind": "sinkhorn"}),
        ("rounds", {"kind": "sinkhorn", "rounds": 0}),
        ("log_target", {"log_target": torch.zeros(K)}),
        ("log_target", {"log_target": torch.full((K + 1,), 1 / (K + 1)).log()}),
    ],
)
def test_bad_arguments_are_named(name, arguments):
    with pytest.raises(ValueError, match=f"`{name}`"):
        TeacherNormalizer(**({"kind": "centering", "clusters": K} | arguments))


def test_bad_logits_are_named():
    with pytest.raises(ValueError, match=r"`logits` must have shape \[..., N, 5\], got \(3, 4\)"):
        TeacherNormalizer("centering", clusters=K)(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="`logits` must not contain NaN"):
        TeacherNormalizer("centering", clusters=K, validate=True)(torch.full((3, K), torch.nan))


def test_an_update_without_a_batch_is_refused():
    with pytest.raises(RuntimeError, match="without a forward"):
        TeacherNormalizer("centering", clusters=K, momentum=0.9, manual_update=True).update()


RANK = """
    import sys, torch, torch.distributed as dist
    from theory.nn.normalizer import TeacherNormalizer
    from tests.theory.nn.test_normalizer import KINDS, K, TAU, logits
    rank, store, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    results = {}
    for kind, options in KINDS.items():
        for momentum in (None, 0.7):
            normalizer = TeacherNormalizer(kind, clusters=K, momentum=momentum, **options).double()
            results[kind, momentum] = [
                normalizer(logits(step, 12)[rank * 6 : rank * 6 + 6], temperature=TAU) for step in range(3)
            ]
    uneven = TeacherNormalizer("inverse_prior", clusters=K)
    results["uneven"] = uneven(logits(0, 12)[: 4] if rank == 0 else logits(0, 12)[4:], temperature=TAU)
    torch.save(results, f"{out}{rank}.pt")
    dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_ranks_normalise_like_one_process_with_both_batches(tmp_path):
    root = os.path.dirname(os.path.dirname(__file__))
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
    for kind, options in KINDS.items():
        for momentum in (None, 0.7):
            normalizer = TeacherNormalizer(kind, clusters=K, momentum=momentum, **options).double()
            for step in range(3):
                expected = normalizer(logits(step, 12), temperature=TAU)
                both = torch.cat([found[rank][kind, momentum][step] for rank in range(2)])
                torch.testing.assert_close(both, expected, rtol=1e-9, atol=1e-9)
    expected = TeacherNormalizer("inverse_prior", clusters=K)(logits(0, 12), temperature=TAU)
    torch.testing.assert_close(torch.cat([found[rank]["uneven"] for rank in range(2)]), expected)
