"""The loss module: DINO's loss from its definition, pairs of views, schedules, accumulation, restarts."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.claims.ledger import equal
from tests.theory.nn.test_normalizer import OPTIONS
from theory import TEACHERS
from theory.nn import ClusterDistillationLoss, Schedule

K, TAU_T, TAU_S = 6, 0.04, 0.1


def views(seed, count, size=8):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(size, K, generator=generator, dtype=torch.float64) * 0.2 for _ in range(count)]


def dino(student, teacher, center, momentum=0.9):
    """The definition: mean over unlike views of −Σ softmax((t − c)/τ_t) log softmax(s/τ_s); then c."""
    total, pairs = 0.0, 0
    for (i, t), (j, s) in itertools.product(enumerate(teacher), enumerate(student)):
        if i != j:
            target = functional.softmax((t - center) / TAU_T, dim=-1)
            total = total - (target * functional.log_softmax(s / TAU_S, dim=-1)).sum(dim=-1).mean()
            pairs += 1
    return total / pairs, momentum * center + (1 - momentum) * torch.cat(teacher).mean(dim=0, keepdim=True)


@pytest.mark.claim("J3")
def test_centering_with_momentum_is_dinos_loss_step_by_step():
    criterion = ClusterDistillationLoss(
        clusters=K, teacher_temperature=TAU_T, student_temperature=TAU_S
    ).double()
    center = torch.zeros(1, K, dtype=torch.float64)
    for step in range(5):
        student, teacher = views(step, 4), views(100 + step, 2)
        expected, center = dino(student, teacher, center)
        equal(criterion(student, teacher), expected, rtol=1e-12)
    equal(criterion.normalizer.moving.average, center[0], rtol=1e-12)


@pytest.mark.claim("O2")
def test_the_gradient_is_q_minus_r_over_the_temperature():
    student, teacher = (views(seed, 1)[0].requires_grad_() for seed in range(2))
    criterion = ClusterDistillationLoss(
        "inverse_prior", clusters=K, momentum=None, student_temperature=TAU_S
    ).double()
    criterion(student, teacher).backward()
    r = criterion.normalizer(teacher, temperature=0.04).exp()
    equal(student.grad, (functional.softmax(student / TAU_S, -1) - r) / TAU_S / 8, rtol=1e-9, atol=1e-15)
    assert teacher.grad is None


@pytest.mark.control("O2")
def test_a_differentiated_teacher_has_another_gradient():
    student, teacher = (views(seed, 1)[0].requires_grad_() for seed in range(2))
    log_q = functional.log_softmax(student / TAU_S, -1)
    r = functional.softmax((teacher + student) / TAU_T, -1)
    (-(r * log_q).sum(-1).mean()).backward()
    constant = (log_q.exp() - r) / TAU_S / 8
    assert (student.grad - constant).abs().max() > 0.01


def test_a_single_teacher_view_is_paired_with_all_others():
    student, teacher = views(0, 4), views(1, 1)
    expected, _ = dino(student, teacher, torch.zeros(1, K, dtype=torch.float64))
    criterion = ClusterDistillationLoss(clusters=K, teacher_temperature=TAU_T, student_temperature=TAU_S)
    equal(criterion.double()(student, teacher), expected, rtol=1e-12)


def test_a_cluster_the_student_rules_out_costs_nothing_or_everything():
    """0 log 0 = 0, in the loss and in its gradient; what the teacher uses costs infinitely much."""
    student, teacher = views(0, 1)[0], views(1, 1)[0]
    student[:, 0] = -torch.inf
    criterion = ClusterDistillationLoss("unconstrained", clusters=K, student_temperature=TAU_S)
    assert criterion(student, teacher) == torch.inf
    teacher[:, 0] = -torch.inf
    student.requires_grad_()
    loss = criterion(student, teacher)
    loss.backward()
    r = functional.softmax(teacher / 0.04, -1)
    used = (r * functional.log_softmax(student / TAU_S, -1))[:, 1:].detach()
    equal(loss.detach(), -used.sum(-1).mean(), rtol=1e-12)
    equal(student.grad, (functional.softmax(student / TAU_S, -1) - r) / TAU_S / 8, rtol=1e-9, atol=1e-15)


def test_temperatures_follow_their_schedules_and_count_updates():
    warm_up = Schedule(start=0.04, end=0.07, steps=10)
    criterion = ClusterDistillationLoss(clusters=K, teacher_temperature=warm_up, manual_update=True)
    seen = []
    for _ in range(3):
        for _ in range(2):
            criterion(views(0, 2), views(1, 2))
            seen.append(criterion.temperatures[0])
        criterion.update()
    assert seen == pytest.approx([0.04, 0.04, 0.043, 0.043, 0.046, 0.046])
    assert ClusterDistillationLoss(clusters=K, teacher_temperature=lambda step: 0.1).temperatures[0] == 0.1


@pytest.mark.parametrize("name", [name for name, teacher in TEACHERS.items() if teacher.pools])
def test_accumulated_micro_batches_train_like_the_whole_batch(name):
    def trained(pieces):
        torch.manual_seed(0)
        network = nn.Linear(3, K).double()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
        criterion = ClusterDistillationLoss(name, clusters=K, manual_update=True, **OPTIONS[name]).double()
        for step in range(4):
            a, b = torch.randn(2, 12, 3, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
            optimizer.zero_grad()
            for x, y in zip(a.chunk(pieces), b.chunk(pieces), strict=True):
                crops = [network(x), network(y)]
                (criterion(crops, crops) / pieces).backward()
            optimizer.step()
            criterion.update()
        return network.weight

    torch.testing.assert_close(trained(3), trained(1))


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_a_restored_run_goes_on_identically(momentum):
    def made():
        schedule = Schedule(start=0.04, end=0.07, steps=5)
        return ClusterDistillationLoss(
            "inverse_prior", clusters=K, momentum=momentum, teacher_temperature=schedule
        )

    whole, resumed = made(), made()
    for step in range(3):
        whole(views(step, 2), views(step, 2))
    resumed.load_state_dict(whole.state_dict())
    for step in range(3, 6):
        losses = [criterion(views(step, 2), views(step, 2)) for criterion in (whole, resumed)]
        assert torch.equal(*losses)


def test_it_trains_a_network_in_the_documented_loop():
    torch.manual_seed(0)
    student, teacher = nn.Linear(2, K), nn.Linear(2, K)
    teacher.load_state_dict(student.state_dict())
    criterion = ClusterDistillationLoss("inverse_prior", clusters=K, momentum=0.9)
    optimizer = torch.optim.SGD(student.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        x = 3 * torch.randn(64, 1, 2).sign() + 0.1 * torch.randn(64, 1, 2)
        crops = (x + 0.3 * torch.randn(64, 4, 2)).unbind(dim=1)
        loss = criterion([student(x) for x in crops], [teacher(x) for x in crops[:2]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for theirs, ours in zip(teacher.parameters(), student.parameters(), strict=True):
                theirs.lerp_(ours, 0.1)
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    "error, name, student, teacher",
    [
        (TypeError, "`student` and `teacher`", views(0, 2), views(0, 1)[0]),
        (ValueError, "`student`", views(0, 1), views(0, 1)),
        (ValueError, "`teacher`", views(0, 2), []),
        (ValueError, "`student` must hold the 3 views", views(0, 2), views(0, 3)),
        (ValueError, "`student` view 1", [views(0, 1)[0], views(0, 1, size=9)[0]], views(0, 1)),
        (ValueError, "`teacher` view 0", views(0, 2), views(0, 1, size=9)),
        (ValueError, "`logits`", [z[:, :4] for z in views(0, 2)], [z[:, :4] for z in views(0, 2)]),
    ],
)
def test_bad_views_are_named(error, name, student, teacher):
    with pytest.raises(error, match=name):
        ClusterDistillationLoss(clusters=K)(student, teacher)


@pytest.mark.parametrize("name", ["teacher_temperature", "student_temperature"])
@pytest.mark.parametrize("value", [0.0, float("nan"), lambda step: -0.1])
def test_bad_temperatures_are_named(name, value):
    with pytest.raises(ValueError, match=f"^`{name}` must be positive and finite, got"):
        ClusterDistillationLoss(clusters=K, **{name: value})


@pytest.mark.parametrize("name", ["teacher_temperature", "student_temperature"])
def test_a_schedule_that_leaves_the_positive_numbers_is_named_when_it_does(name):
    criterion = ClusterDistillationLoss(clusters=K, **{name: Schedule(start=0.1, end=0.0, steps=1)})
    criterion(views(0, 2), views(0, 2))
    with pytest.raises(ValueError, match=f"^`{name}` must be positive and finite, got 0"):
        criterion(views(0, 2), views(0, 2))
