"""Functions, loss and teachers on a GPU: the numbers of the CPU, on the device, without waiting for it."""

import pytest
import torch

from tests.claims.ledger import equal
from tests.support import calls
from tests.theory.nn.test_normalizer import OPTIONS
from theory import TEACHERS
from theory.nn import ClusterDistillationLoss

if not torch.cuda.is_available():
    pytest.skip("needs a GPU", allow_module_level=True)

K = 64
MOMENTA = [None, 0.9]
CLOSED = [name for name, teacher in TEACHERS.items() if not teacher.exact]


def views(count, device, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(32, K, generator=generator).to(device, dtype).requires_grad_() for _ in range(count)]


def steps(name, momentum, device, dtype=torch.float32, count=3):
    """The losses of some steps, the gradient of the last, and the loss module."""
    criterion = ClusterDistillationLoss(name, clusters=K, momentum=momentum, **OPTIONS[name]).to(device)
    student, teacher = views(4, device, dtype), views(2, device, dtype)
    losses = []
    for _ in range(count):
        student[0].grad = None
        loss = criterion(student, teacher)
        loss.backward()
        losses.append(loss.detach())
    return torch.stack(losses), student[0].grad, criterion


@pytest.mark.parametrize("name", sorted(calls.CALLS))
def test_every_function_gives_the_numbers_of_the_cpu(name):
    values = calls.operands()
    on_gpu = {key: torch.tensor(value, device="cuda") for key, value in values.items()}
    got, want = calls.parts(calls.call(name, on_gpu)), calls.parts(calls.call(name, values))
    assert all(part.device.type == "cuda" for part in got.values())
    for part, value in got.items():
        equal(value.cpu().numpy(), want[part], rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("momentum", MOMENTA)
@pytest.mark.parametrize("name", TEACHERS)
def test_the_loss_and_its_gradient_are_those_of_the_cpu(name, momentum):
    here, gradient, criterion = steps(name, momentum, "cuda")
    there, expected, _ = steps(name, momentum, "cpu")
    assert here.device.type == gradient.device.type == "cuda"
    assert all(buffer.device.type == "cuda" for buffer in criterion.buffers())
    torch.testing.assert_close(here.cpu(), there, rtol=2e-5, atol=1e-5)
    torch.testing.assert_close(gradient.cpu(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", TEACHERS)
def test_half_precision_logits_give_a_single_precision_loss(name):
    with torch.autocast("cuda", dtype=torch.bfloat16):
        losses, gradient, _ = steps(name, 0.9, "cuda", torch.bfloat16)
    assert losses.dtype == torch.float32 and gradient.dtype == torch.bfloat16
    expected, _, _ = steps(name, 0.9, "cpu", torch.bfloat16)
    torch.testing.assert_close(losses.cpu(), expected, rtol=2e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.parametrize("momentum", MOMENTA)
@pytest.mark.parametrize("name", CLOSED)
def test_a_training_step_never_waits_for_the_device(name, momentum):
    """Only an exact teacher, which iterates until its certificate is met, has to look at a number."""
    _, _, criterion = steps(name, momentum, "cuda")
    student, teacher = views(4, "cuda"), views(2, "cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        loss = criterion(student, teacher)
        loss.backward()
        with pytest.raises(RuntimeError, match="synchronizing"):  # the mode does tell
            loss.item()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert loss.isfinite()
