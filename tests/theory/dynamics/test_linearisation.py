"""Every constrained teacher has one linearisation at a constant output (D1), by automatic differentiation."""

import pytest
import torch
from hypothesis import given

from tests.claims.ledger import equal
from tests.theory.dynamics.toys import CONSTRAINED, seeds, teach, temperatures
from theory import log_softmax

every_teacher = pytest.mark.parametrize("teacher", CONSTRAINED)


def jacobian(teacher, logits, temperature, **kw):
    """∂r_n(k)/∂z_m(l), [N, K, N, K], by automatic differentiation of the teacher itself."""
    return torch.autograd.functional.jacobian(
        lambda z: torch.exp(teach(teacher, z, temperature=temperature, **kw)), logits
    )


def closed_form(target, weights, temperature):
    """(diag π − ππᵀ)(δ_nm − w_m)/τ; Π/K for uniform π."""
    spread = torch.diag(target) - torch.outer(target, target)
    return torch.einsum("kl,nm->nkml", spread, torch.eye(len(weights)) - weights) / temperature


def drawn(seed, n=4, k=3):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(n, generator=generator, dtype=torch.float64) + 0.1
    target = torch.rand(k, generator=generator, dtype=torch.float64) + 0.1
    logits = torch.randn(k, generator=generator, dtype=torch.float64).expand(n, k).clone()
    return logits, weights / weights.sum(), target / target.sum()


@every_teacher
@given(seeds, temperatures)
@pytest.mark.claim("D1")
def test_every_constrained_teacher_has_one_linearisation_at_uniform(teacher, seed, temperature):
    _, weights, _ = drawn(seed)
    slope = jacobian(teacher, torch.zeros(4, 3, dtype=torch.float64), temperature, weights=weights)
    uniform = torch.full((3,), 1 / 3, dtype=torch.float64)
    equal(slope, closed_form(uniform, weights, temperature), rtol=1e-9, atol=1e-9)


@every_teacher
@given(seeds, temperatures)
@pytest.mark.claim("D1")
def test_at_any_constant_output_the_linearisation_is_that_of_the_target(teacher, seed, temperature):
    logits, weights, target = drawn(seed)
    kw = {"weights": weights, "log_target": torch.log(target)}
    constant = torch.exp(teach(teacher, logits, temperature=temperature, **kw))
    equal(constant, target.expand(4, 3), rtol=1e-9, atol=1e-9)
    slope = jacobian(teacher, logits, temperature, **kw)
    equal(slope, closed_form(target, weights, temperature), rtol=1e-8, atol=1e-8)


@every_teacher
@pytest.mark.claim("D1")
def test_linearisation_agrees_with_finite_differences_to_second_order(teacher):
    generator = torch.Generator().manual_seed(11)
    direction = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    linear = (direction - direction.mean(0)) - (direction - direction.mean(0)).mean(1, keepdim=True)
    errors = []
    for size in (1e-2, 1e-3):
        found = torch.exp(teach(teacher, size * direction, temperature=0.5))
        errors.append(float((found - 0.25 - 0.25 * size * linear / 0.5).abs().max()))
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.1)


@pytest.mark.claim("D1")
def test_centred_and_inverse_prior_part_at_second_order_by_half_the_variance():
    z = 1e-4 * torch.randn(50, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    gap = teach("centering", z, temperature=0.5) - teach("inverse_prior", z, temperature=0.5)
    half_variance = log_softmax(z, temperature=0.5).var(0, correction=0) / 2
    apart = half_variance - half_variance.mean()
    equal(gap, apart.expand(50, 4), rtol=0, atol=2e-3 * float(apart.abs().max()))


@pytest.mark.control("D1")
def test_linearisation_fails_for_another_target_or_no_constraint_or_unequal_outputs():
    zeros = torch.zeros(4, 3, dtype=torch.float64)
    weights = torch.full((4,), 0.25, dtype=torch.float64)
    uniform, target = (
        torch.full((3,), 1 / 3, dtype=torch.float64),
        torch.tensor([0.8, 0.1, 0.1], dtype=torch.float64),
    )
    stated = closed_form(uniform, weights, 1.0)
    size = stated.abs().max()
    tilted = jacobian("inverse_prior", zeros, 1.0, log_target=torch.log(target))
    assert (tilted - stated).abs().max() > 0.3 * size
    assert (jacobian("unconstrained", zeros, 1.0) - stated).abs().max() > 0.3 * size
    spread = torch.arange(12, dtype=torch.float64).reshape(4, 3).sin()
    assert (jacobian("centering", spread, 1.0) - stated).abs().max() > 0.3 * size
