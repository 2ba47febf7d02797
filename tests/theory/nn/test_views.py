"""Which pairs count, and how much: shared views, weights of views and of samples, me-max."""

import itertools
import math

import pytest
import torch
from torch.nn import functional

from theory.nn import ClusterDistillationLoss
from theory.nn.regularizer import prior_divergence

K = 7


def views(count, seed, n=5, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, K, generator=generator, dtype=dtype) / 3 for _ in range(count)]


def plain(student, teacher, *, shared, v=None, w=None):
    """The definition, with the unconstrained teacher at 0.04 and the student at 0.1."""
    v = v or [1.0] * len(student)
    w = torch.full((len(student[0]),), 1 / len(student[0]), dtype=torch.float64) if w is None else w
    total, count = 0.0, 0.0
    for (i, t), (j, s) in itertools.product(enumerate(teacher), enumerate(student)):
        if i != j or i >= shared:
            h = -(torch.softmax(t / 0.04, -1) * functional.log_softmax(s / 0.1, -1)).sum(-1)
            total, count = total + v[j] * (w * h).sum(), count + v[j]
    return total / count


def made(**options):
    return ClusterDistillationLoss("unconstrained", clusters=K, momentum=None, **options)


@pytest.mark.parametrize("students, teachers, shared", [
    (8, 2, 0), (10, 2, 2), (3, 2, 1), (2, 2, 2), (4, 3, 3), (4, 3, 0), (1, 1, 0), (1, 3, 1), (5, 1, 1),
])  # fmt: skip
def test_pairs_of_a_view_with_itself_are_left_out_and_no_others(students, teachers, shared):
    student, teacher = [x.requires_grad_() for x in views(students, 1)], views(teachers, 2)
    found = made(shared_views=shared)(student, teacher)
    wanted = plain(student, teacher, shared=shared)
    torch.testing.assert_close(found, wanted)
    gradients = torch.autograd.grad(found, student)
    unused = {"allow_unused": True, "materialize_grads": True}
    for a, b in zip(gradients, torch.autograd.grad(wanted, student, **unused), strict=True):
        torch.testing.assert_close(a, b)


def test_local_crops_alone_are_not_taken_for_the_teachers_views():
    """8 crops that the teacher has not seen: all 16 pairs count, not 14."""
    student, teacher = views(8, 1), views(2, 2)
    assert made(shared_views=0)(student, teacher) != made()(student, teacher)
    torch.testing.assert_close(made()(student, teacher), plain(student, teacher, shared=2))


@pytest.mark.parametrize("students, teachers, shared, message", [
    (2, 3, None, r"`student` must hold the 3 views .* got 2 views for 3 of the teacher; shared_views says"),
    (4, 2, 3, "`student` must hold the 3 views"),
    (1, 1, None, r"`teacher` must hold at least 1 view and `student` another one, got 1 and 1"),
])  # fmt: skip
def test_views_that_make_no_pairs_are_refused(students, teachers, shared, message):
    with pytest.raises(ValueError, match=message):
        made(shared_views=shared)(views(students, 1), views(teachers, 2))


def test_weights_of_views_are_those_of_their_pairs():
    student, teacher, v = [x.requires_grad_() for x in views(4, 1)], views(2, 2), [1.0, 1.0, 0.25, 0.5]
    found, wanted = made(view_weights=v)(student, teacher), plain(student, teacher, shared=2, v=v)
    torch.testing.assert_close(found, wanted)
    for a, b in zip(torch.autograd.grad(found, student), torch.autograd.grad(wanted, student), strict=True):
        torch.testing.assert_close(a, b)
    with pytest.raises(ValueError, match="`view_weights` must be one for each student view, 3, got 4"):
        made(view_weights=v)(student[:3], teacher)
    with pytest.raises(ValueError, match="`view_weights` must be positive"):
        made(view_weights=[1.0, 0.0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_weights_of_samples_stand_in_place_of_one_over_n(dtype):
    student, teacher = [x.requires_grad_() for x in views(3, 1, dtype=dtype)], views(2, 2, dtype=dtype)
    w = torch.tensor([0.0, 0.1, 2.0, 0.3, 0.4], dtype=dtype)
    found, wanted = made()(student, teacher, weights=w), plain(student, teacher, shared=2, w=w)
    torch.testing.assert_close(found, wanted.to(dtype))
    for a, b in zip(torch.autograd.grad(found, student), torch.autograd.grad(wanted, student), strict=True):
        torch.testing.assert_close(a, b)
        assert not a[0].any()
    even = torch.full((5,), 0.2, dtype=dtype)
    torch.testing.assert_close(made()(student, teacher, weights=even), made()(student, teacher))
    with pytest.raises(ValueError, match=r"`weights` must have shape \(5,\), one a sample, got \(4,\)"):
        made()(student, teacher, weights=w[:4])


def test_concatenated_crops_are_told_how_to_come_apart():
    student, teacher = views(2, 1), views(2, 2)
    with pytest.raises(ValueError, match=r"`student` view 1 must have the shape .*x\.chunk\(n_crops\)"):
        made()([student[0], torch.cat(student)], teacher)


@pytest.mark.parametrize("teacher", ["centering", "sinkhorn"])
def test_me_max_adds_the_divergence_of_the_students_prior(teacher):
    rounds = {"rounds": 3} if teacher == "sinkhorn" else {}
    student, other = [x.requires_grad_() for x in views(2, 1)], views(1, 2)
    options = {"clusters": K, "momentum": None, "shared_views": 0} | rounds
    without = ClusterDistillationLoss(teacher, **options)(student, other)
    with_it = ClusterDistillationLoss(teacher, me_max=0.5, **options)(student, other)
    q = torch.softmax(torch.cat(student) / 0.1, -1).mean(0)
    torch.testing.assert_close(with_it - without, 0.5 * (math.log(K) + (q * q.log()).sum()))


def test_a_prior_of_its_target_costs_nothing_and_zeros_are_no_nan():
    target = torch.tensor([0.5, 0.25, 0.25]).log()
    z = 0.1 * target.expand(4, 3)
    assert abs(float(prior_divergence([z], 0.1, target))) < 1e-6
    one = torch.tensor([[1000.0, 0.0, 0.0]], requires_grad=True)
    value = prior_divergence([one], 0.1, target)
    torch.testing.assert_close(value, torch.tensor(math.log(2)))
    assert torch.isfinite(torch.autograd.grad(value, one)[0]).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("teacher", ["centering", "inverse_prior", "projected"])
def test_half_precision_is_that_of_the_rounded_logits(dtype, teacher):
    half_s = [x.to(dtype).requires_grad_() for x in views(3, 1, n=64)]
    half_t = [x.to(dtype) for x in views(2, 2, n=64)]
    options = {"clusters": K, "momentum": 0.9}
    found = ClusterDistillationLoss(teacher, **options)(half_s, half_t)
    wide = [x.detach().float().requires_grad_() for x in half_s]
    wanted = ClusterDistillationLoss(teacher, **options)(wide, [x.float() for x in half_t])
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    for a, b in zip(torch.autograd.grad(found, half_s), torch.autograd.grad(wanted, wide), strict=True):
        assert a.dtype == dtype
        torch.testing.assert_close(a.float(), b, rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize("weights", [None, torch.arange(1.0, 6.0)])
def test_the_prior_of_me_max_is_the_mean_over_views_and_then_over_samples(weights):
    z, target = views(2, 3), torch.full((K,), -math.log(K), dtype=torch.float64)
    share = torch.full((5, 1), 0.2) if weights is None else weights[:, None] / weights.sum()
    q = sum((share * torch.softmax(x / 0.1, -1)).sum(0) for x in z) / 2
    for given in (z, [torch.stack([x, x]) for x in z]):
        value = prior_divergence(given, 0.1, target, weights)
        torch.testing.assert_close(value, (math.log(K) + (q * q.log()).sum()).expand(value.shape))
