"""Masked tokens: any number in each image, also none; dense with a mask, or packed with weights."""

import pytest
import torch
from torch.nn import functional

import theory
from theory.nn import MaskedPatchLoss

B, P, K = 4, 6, 5


def tokens(seed, dtype=torch.float64):
    return torch.randn(B, P, K, generator=torch.Generator().manual_seed(seed), dtype=dtype) / 3


def mask(seed=0):
    """3, 0, 1 and all tokens of the images."""
    found = torch.zeros(B, P, dtype=torch.bool)
    found[0, :3] = found[2, 4] = found[3] = True
    return found[torch.randperm(B, generator=torch.Generator().manual_seed(seed))] if seed else found


def plain(student, teacher, mask, log_r):
    """The definition: means of means, images without a masked token among the images."""
    h = -(log_r.exp() * functional.log_softmax(student / 0.1, -1)).sum(-1)
    per_image = [(h[b] * mask[b]).sum() / max(int(mask[b].sum()), 1) for b in range(len(mask))]
    return torch.stack(per_image).mean()


@pytest.mark.parametrize("normalized_by", ["all", "masked"])
@pytest.mark.parametrize("teacher", ["centering", "inverse_prior", "projected"])
def test_it_is_the_mean_over_images_of_the_mean_over_masked_tokens(teacher, normalized_by):
    student, z, m = tokens(1).requires_grad_(), tokens(2), mask()
    criterion = MaskedPatchLoss(teacher, clusters=K, momentum=None, normalized_by=normalized_by, tol=1e-10)
    loss = criterion(student, z, m)
    of = z.flatten(0, 1) if normalized_by == "all" else z[m]
    log_tilt = theory.TEACHERS[teacher].log_tilt(of, temperature=0.04)
    log_r = theory.tilt(theory.log_softmax(z, temperature=0.04), log_tilt)
    torch.testing.assert_close(loss, plain(student, z, m, log_r), rtol=1e-6, atol=1e-7)
    gradient = torch.autograd.grad(loss, student)[0]
    assert not gradient[~m].any()
    assert gradient[m].abs().sum(-1).min() > 0


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_packed_tokens_with_their_weights_are_the_same(momentum):
    z, s, m = tokens(2), tokens(1), mask()
    options = {"clusters": K, "momentum": momentum, "normalized_by": "masked"}
    dense, packed = MaskedPatchLoss("inverse_prior", **options), MaskedPatchLoss("inverse_prior", **options)
    weights = (1.0 / (B * m.sum(1, keepdim=True).clamp(min=1))).expand(B, P)[m]
    for _ in range(3):
        torch.testing.assert_close(dense(s, z, m), packed(s[m], z[m], weights=weights))
    if momentum:
        torch.testing.assert_close(dense.normalizer.moving.average, packed.normalizer.moving.average)


@pytest.mark.parametrize("teacher", theory.TEACHERS)
@pytest.mark.parametrize("momentum", [None, 0.9])
def test_no_masked_token_costs_nothing_and_moves_nothing(teacher, momentum):
    settings = {"power_mean": {"order": 0.5}, "sinkhorn": {"rounds": 2}}.get(teacher, {})
    options = {"clusters": K, "momentum": momentum, "normalized_by": "masked"} | settings
    criterion, student = MaskedPatchLoss(teacher, **options), tokens(1).requires_grad_()
    moving = criterion.normalizer.moving
    before = None if moving is None else moving.average.clone()
    loss = criterion(student, tokens(2), torch.zeros(B, P, dtype=torch.bool))
    assert loss.item() == 0.0
    assert not torch.autograd.grad(loss, student)[0].any()
    assert before is None or torch.equal(criterion.normalizer.moving.average, before)
    assert torch.isfinite(criterion(student, tokens(2), mask()))


def test_ibots_centre_is_of_all_tokens_and_dinov2s_of_the_masked():
    z, m = tokens(2), mask()
    for system, of in (("ibot", z.flatten(0, 1)), ("dinov2", z[m])):
        criterion = MaskedPatchLoss.like(system, clusters=K)
        assert criterion.normalized_by == ("all" if system == "ibot" else "masked")
        criterion(tokens(1), z, m)
        if system == "ibot":
            torch.testing.assert_close(criterion.normalizer.moving.average, 0.1 * of.mean(0).float())


def test_with_manual_update_micro_batches_count_as_one():
    s, z, m = tokens(1), tokens(2), mask()
    options = {"clusters": K, "normalized_by": "masked", "manual_update": True}
    whole, parts = MaskedPatchLoss(**options), MaskedPatchLoss(**options)
    whole(s, z, m)
    for b in range(B):  # one of them has no masked token
        parts(s[b : b + 1], z[b : b + 1], m[b : b + 1])
    whole.update()
    parts.update()
    torch.testing.assert_close(whole.normalizer.moving.average, parts.normalizer.moving.average)
    assert parts.steps.value == 1


@pytest.mark.parametrize("arguments, message", [
    ((tokens(1), tokens(2)), r"must have shape \[M, K\] without a mask, got \(4, 6, 5\)"),
    ((tokens(1)[0], tokens(2)[0], mask()), r"must have shape \[B, P, K\] with a mask, got \(6, 5\)"),
    ((tokens(1), tokens(2)[:2], mask()), r"got \(4, 6, 5\) and \(2, 6, 5\)"),
    ((tokens(1), tokens(2), mask().float()), r"`mask` must be of bool and shape \(4, 6\), got torch.float32"),
    ((tokens(1), tokens(2), mask()[:, :3]), r"`mask` must be of bool and shape \(4, 6\), .* \(4, 3\)"),
])  # fmt: skip
def test_tokens_that_do_not_fit_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        MaskedPatchLoss(clusters=K)(*arguments)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="`normalized_by` must be 'all' or 'masked', got 'some'"):
        MaskedPatchLoss(clusters=K, normalized_by="some")
    with pytest.raises(ValueError, match=r"`batch_shape` must be \(\) for patches"):
        MaskedPatchLoss(clusters=K, batch_shape=(2,))
    with pytest.raises(ValueError, match=r"`weights` must go with packed tokens, .* with a mask"):
        MaskedPatchLoss(clusters=K)(tokens(1), tokens(2), mask(), weights=torch.ones(B))
