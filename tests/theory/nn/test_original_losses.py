"""The losses and teachers of published systems, as their authors' own code computed them once."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

import theory
from tests.theory.nn.references.of_lightly import STEPS, K, N, mask_of, views, wave
from theory.nn import ClusterDistillationLoss, MaskedPatchLoss

NUMBERS = json.loads((Path(__file__).parent / "references" / "of_originals.json").read_text())
CLOSE = {"rtol": 1e-5, "atol": 2e-6}


def close(found, wanted):
    torch.testing.assert_close(found, torch.tensor(wanted), **CLOSE)


def codes(system, *, phase=2.0, **knobs):
    return np.exp(system(wave(4 * N, K, phase=phase).double().numpy(), **knobs))


def test_the_commits_that_were_run_are_named():
    assert len(NUMBERS["commits"]) == 8
    assert all(len(commit) == 40 for commit in NUMBERS["commits"].values())


@pytest.mark.parametrize("code", ["dino", "solo-learn dino"])
def test_dino_at_its_source(code):
    wanted, center = NUMBERS[code]
    criterion = ClusterDistillationLoss.like("dino", clusters=K)
    for step in range(STEPS):
        student = [view.requires_grad_() for view in views(4, step, 0.1)]
        loss = criterion(student, views(2, step, 5.0))
        close(loss, wanted[step]["loss"])
        for found, gradient in zip(torch.autograd.grad(loss, student), wanted[step]["gradient"], strict=True):
            close(found, gradient)
    close(criterion.normalizer.moving.average, center[0])


@pytest.mark.parametrize("system", ["ibot", "dinov2"])
def test_masked_patches_at_their_source(system):
    """iBOT centres by all tokens of the batch; DINOv2's Sinkhorn takes the masked ones."""
    wanted = NUMBERS[system][0] if system == "ibot" else NUMBERS[system]
    criterion = MaskedPatchLoss.like(system, clusters=K)
    for step in range(STEPS):
        mask = mask_of(step).flatten(1)
        student = wave(3, 8, K, phase=0.1 + step).requires_grad_()
        loss = criterion(student, wave(3, 8, K, phase=5.0 + step), mask)
        close(loss, wanted[step]["loss"])
        gradient = torch.autograd.grad(loss, student)[0]
        close(gradient if system == "ibot" else gradient[mask], wanted[step]["gradient"])
    if system == "ibot":
        close(criterion.normalizer.moving.average, NUMBERS[system][1][0][0])


def test_msn_with_its_me_max_at_its_source():
    loss, me_max, gradient = NUMBERS["msn"]
    prototypes = functional.normalize(wave(K, 3, phase=0.9), dim=1)
    anchors = wave(2 * N, 3, phase=0.1).requires_grad_()
    logits = functional.normalize(anchors, dim=1) @ prototypes.T
    target = functional.normalize(wave(N, 3, phase=5.0), dim=1) @ prototypes.T
    criterion = ClusterDistillationLoss.like("msn", clusters=K, shared_views=0)
    found = criterion(list(logits.chunk(2)), [target])
    close(found, loss + me_max)
    close(torch.autograd.grad(found, anchors)[0], gradient)


def test_swav_and_vissl_give_the_codes_of_sinkhorn_on_scores():
    found = codes(theory.systems.swav)
    np.testing.assert_allclose(NUMBERS["swav"], found, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(NUMBERS["vissl"]["even"], found, rtol=1e-4, atol=1e-6)


def test_vissls_first_steps_are_hard_and_its_power_law_is_a_target():
    hard = np.asarray(NUMBERS["vissl"]["hard"])
    np.testing.assert_array_equal(hard, np.eye(K)[codes(theory.systems.swav).argmax(1)])
    log_target = theory.systems.power_law_log_target(K, exponent=0.5)
    found = codes(theory.systems.dinov2, temperature=0.05, log_target=log_target)
    np.testing.assert_allclose(NUMBERS["vissl"]["power law"], found, rtol=1e-4, atol=1e-6)
    assert np.abs(found - codes(theory.systems.swav)).max() > 0.1


def test_capi_takes_each_position_by_itself_at_its_source():
    z = wave(4 * N, 3, K, phase=2.0).double().numpy() / 2
    np.testing.assert_allclose(NUMBERS["capi"][0], np.exp(theory.systems.capi(z)), rtol=1e-4, atol=1e-6)
    together = np.exp(theory.systems.dinov2(z.reshape(-1, K), temperature=0.06)).reshape(z.shape)
    assert np.abs(together - NUMBERS["capi"][0]).max() > 0.01


def test_capis_epsilon_takes_weight_from_samples_far_from_every_cluster():
    """Its 1e-8 is added to each sum: nothing beside most, twice that of a sample 16 nats below the others."""
    z = wave(4 * N, 3, K, phase=2.0).double().numpy()
    codes = np.exp(theory.systems.capi(z))
    assert 0.01 < np.abs(codes - NUMBERS["capi"][1]).max() < 0.03
    q = np.exp(z / 0.06)
    for _ in range(3):
        q /= q.sum(0)
        q /= q.sum(-1, keepdims=True) + 1e-8
    np.testing.assert_allclose(NUMBERS["capi"][1], q, rtol=1e-4, atol=1e-6)
