"""The losses of published systems, as lightly 1.6.0 computed them once and as their papers write them."""

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional

import theory
from tests.theory.nn.references import of_lightly
from tests.theory.nn.references.of_lightly import STEPS, K, N, mask_of, views, wave
from theory.nn import ClusterDistillationLoss, MaskedPatchLoss
from theory.systems import SYSTEMS

NUMBERS = json.loads((Path(__file__).parent / "references" / "of_lightly.json").read_text())
CLOSE = {"rtol": 1e-5, "atol": 2e-6}


def close(found, wanted):
    torch.testing.assert_close(found, torch.tensor(wanted), **CLOSE)


def test_centering_is_lightlys_dino_loss_with_its_gradient_and_its_centre():
    wanted, center, _ = NUMBERS["dino"]
    criterion = ClusterDistillationLoss.like("dino", clusters=K)
    for step in range(STEPS):
        student = [view.requires_grad_() for view in views(4, step, 0.1)]
        loss = criterion(student, views(2, step, 5.0))
        close(loss, wanted[step]["loss"])
        for found, gradient in zip(torch.autograd.grad(loss, student), wanted[step]["gradient"], strict=True):
            close(found, gradient)
    close(criterion.normalizer.moving.average, center[0][0])
    restored = ClusterDistillationLoss.like("dino", clusters=K)
    restored.load_center(torch.tensor(center))
    assert torch.equal(restored.normalizer.moving.average, torch.tensor(center[0][0]))


def test_masked_patches_are_lightlys_ibot_loss():
    """lightly centres by the masked tokens; iBOT's own code by all of them."""
    wanted, center = NUMBERS["ibot"]
    criterion = MaskedPatchLoss.like("ibot", clusters=K, normalized_by="masked")
    for step in range(STEPS):
        mask = mask_of(step).flatten(1)
        tokens = wave(3, 8, K, phase=5.0 + step)
        student = wave(3, 8, K, phase=0.1 + step).requires_grad_()
        loss = criterion(student, tokens, mask)
        close(loss, wanted[step]["loss"])
        gradient = torch.autograd.grad(loss, student)[0]
        close(gradient[mask], wanted[step]["gradient"])
        assert not gradient[~mask].any()
    close(criterion.normalizer.moving.average, center[0])


def test_swapped_prediction_is_lightlys_swav_loss():
    """Each view has codes of its own; the low-resolution crops have none."""
    loss, gradient = NUMBERS["swav"]
    student = [view.requires_grad_() for view in views(4, 0, 0.1)]
    found = ClusterDistillationLoss.like("swav", clusters=K)(student, [view.detach() for view in student[:2]])
    close(found, loss)
    for one, wanted in zip(torch.autograd.grad(found, student), gradient, strict=True):
        close(one, wanted)


def test_codes_of_all_views_together_are_another_loss():
    student = views(4, 0, 0.1)
    together = ClusterDistillationLoss.like("swav", clusters=K, per_view=False)(student, student[:2])
    assert abs(float(together) - NUMBERS["swav"][0]) > 1e-3
    with pytest.raises(ValueError, match=r"`momentum` must be None with `per_view`, got 0\.9"):
        ClusterDistillationLoss("centering", clusters=K, per_view=True)


def test_me_max_is_that_of_lightlys_msn_loss():
    loss, gradient = NUMBERS["msn"]
    prototypes = functional.normalize(wave(K, 3, phase=0.9), dim=1)
    anchors = wave(2 * N, 3, phase=0.1).requires_grad_()
    logits = functional.normalize(anchors, dim=1) @ prototypes.T
    target = functional.normalize(wave(N, 3, phase=5.0), dim=1) @ prototypes.T
    criterion = ClusterDistillationLoss.like("msn", clusters=K, shared_views=0)
    found = criterion(list(logits.chunk(2)), [target])
    close(found, loss)
    close(torch.autograd.grad(found, anchors)[0], gradient)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_by_name_has_its_own_teacher_and_numbers(system):
    published = SYSTEMS[system]
    criterion = ClusterDistillationLoss.like(system, clusters=K)
    assert criterion.temperatures == (published.teacher_temperature, published.student_temperature)
    moving = criterion.normalizer.moving
    assert (moving is not None) == (published.center_momentum > 0)
    if published.function in ("dinov2", "msn"):
        own = getattr(theory.systems, published.function)
        z = wave(N, K, phase=3.0)
        found = criterion.normalizer(z, temperature=published.teacher_temperature)
        torch.testing.assert_close(
            found, own(z, temperature=published.teacher_temperature), rtol=1e-4, atol=1e-5
        )


def test_an_unknown_system_is_named():
    with pytest.raises(ValueError, match=r"`like` must be one of dino, .*got 'byol'"):
        ClusterDistillationLoss.like("byol")


@pytest.mark.slow
def test_fifty_steps_beside_lightly_where_it_is_installed():
    if of_lightly.FOUND is None:
        pytest.skip("lightly is not installed")
    constant = {"warmup_teacher_temp": 0.04, "teacher_temp": 0.04, "warmup_teacher_temp_epochs": 1}
    theirs = of_lightly.loss_of("dino_loss", "DINOLoss")(output_dim=64, **constant)
    ours, generator = ClusterDistillationLoss.like("dino", clusters=64), torch.Generator().manual_seed(0)
    for _ in range(50):
        student = [(torch.randn(32, 64, generator=generator) / 3).requires_grad_() for _ in range(4)]
        teacher = [torch.randn(32, 64, generator=generator) / 3 for _ in range(2)]
        a, b = ours(student, teacher), theirs(teacher, student)
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)  # losses of some 20 nats
        for mine, other in zip(torch.autograd.grad(a, student), torch.autograd.grad(b, student), strict=True):
            torch.testing.assert_close(mine, other, rtol=0, atol=5e-6)
    torch.testing.assert_close(ours.normalizer.moving.average, theirs.center[0, 0], rtol=0, atol=6e-7)
