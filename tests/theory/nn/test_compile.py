"""`torch.compile` makes one graph of a loss, whatever the teacher, and makes it once."""

import pytest
import torch

import theory
from theory.nn import ClusterDistillationLoss, MaskedPatchLoss, Schedule

pytestmark = pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
K = 8
SETTINGS = {"power_mean": {"order": 0.5}, "sinkhorn": {"rounds": 2}}


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def graphs():
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


def views(count, step):
    generator = torch.Generator().manual_seed(100 * count + step)
    return [torch.randn(16, K, generator=generator) / 3 for _ in range(count)]


def assert_alike(compiled, plain, step):
    student = [[x.clone().requires_grad_() for x in views(4, step)] for _ in range(2)]
    losses = [one(s, views(2, step)) for one, s in zip((compiled, plain), student, strict=True)]
    torch.testing.assert_close(*losses, rtol=1e-5, atol=1e-6)
    a, b = (torch.autograd.grad(loss, s) for loss, s in zip(losses, student, strict=True))
    for mine, other in zip(a, b, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("momentum", [None, 0.9])
@pytest.mark.parametrize("teacher", theory.TEACHERS)
def test_a_step_is_one_graph_that_is_compiled_once(teacher, momentum):
    """The count of steps, the average and its update are in it."""
    options = {"clusters": K, "momentum": momentum} | SETTINGS.get(teacher, {})
    pair = [ClusterDistillationLoss(teacher, **options) for _ in range(2)]
    compiled = torch.compile(pair[0], fullgraph=True, backend="eager")
    for step in range(4):
        assert_alike(compiled, pair[1], step)
    assert graphs() == 1
    assert pair[0].steps.value == 4


@pytest.mark.slow
@pytest.mark.parametrize("teacher", theory.TEACHERS)
def test_a_step_of_dynamic_shapes_is_one_graph_too(teacher):
    """`dynamic=True` makes symbols of sizes, temperatures and orders; a size may still be compiled apart."""
    options = {"clusters": K, "momentum": 0.9} | SETTINGS.get(teacher, {})
    pair = [ClusterDistillationLoss(teacher, **options) for _ in range(2)]
    compiled = torch.compile(pair[0], fullgraph=True, dynamic=True, backend="eager")
    for step, size in enumerate((16, 12, 10)):
        student, teachers = ([x[:size].clone() for x in views(count, step)] for count in (4, 2))
        torch.testing.assert_close(
            *(one(student, teachers) for one in (compiled, pair[1])), rtol=1e-5, atol=1e-6
        )


def test_a_schedule_does_not_compile_anew():
    warm_up = Schedule(start=0.04, end=0.07, steps=5)
    options = {"clusters": K, "teacher_temperature": warm_up, "manual_update": True}
    plain, own = (ClusterDistillationLoss("centering", **options) for _ in range(2))
    compiled = torch.compile(own, fullgraph=True, backend="eager")
    for step in range(7):
        assert_alike(compiled, plain, step)
        own.update()
        plain.update()
    assert graphs() == 1
    assert own.temperatures == plain.temperatures == (0.07, 0.1)


def test_a_restored_schedule_goes_on_in_the_compiled_step():
    warm_up = Schedule(start=0.04, end=0.07, steps=5)
    options = {"clusters": K, "teacher_temperature": warm_up, "manual_update": True}
    first, restored = (ClusterDistillationLoss("centering", **options) for _ in range(2))
    for step in range(3):
        first(views(4, step), views(2, step))
        first.update()
    restored.load_state_dict(first.state_dict())
    assert_alike(torch.compile(restored, fullgraph=True, backend="eager"), first, 3)


def test_masked_patches_are_one_graph_whatever_the_mask():
    pair = [MaskedPatchLoss("centering", clusters=K) for _ in range(2)]
    compiled = torch.compile(pair[0], fullgraph=True, backend="eager")
    for step in range(4):
        student, teacher = (torch.stack(views(3, step + shift)) for shift in (0, 50))
        mask = torch.rand(3, 16, generator=torch.Generator().manual_seed(step)) < 0.1 * step
        torch.testing.assert_close(compiled(student, teacher, mask), pair[1](student, teacher, mask))
    assert graphs() == 1
    torch.testing.assert_close(pair[0].normalizer.moving.average, pair[1].normalizer.moving.average)
