"""The batched optimiser against torch.optim, run by run."""

import pytest
import torch

from experiments.training.optimizers import Optimizer

RATES = torch.tensor([0.01, 0.1]).reshape(2, 1, 1, 1)


@pytest.mark.parametrize(
    "method, momentum, weight_decay, oracle",
    [
        ("sgd", 0.0, 0.0, lambda p, lr: torch.optim.SGD([p], lr=lr)),
        ("sgd", 0.9, 0.01, lambda p, lr: torch.optim.SGD([p], lr=lr, momentum=0.9, weight_decay=0.01)),
        ("adam", 0.9, 0.0, lambda p, lr: torch.optim.Adam([p], lr=lr)),
        ("adam", 0.8, 0.1, lambda p, lr: torch.optim.AdamW([p], lr=lr, betas=(0.8, 0.999), weight_decay=0.1)),
    ],
)
def test_every_run_steps_like_torch_optim_at_its_own_rate(method, momentum, weight_decay, oracle):
    start = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    parameters = start.clone()
    singles = [start[i].clone().requires_grad_() for i in range(2)]
    oracles = [oracle(single, float(rate)) for single, rate in zip(singles, RATES.flatten(), strict=True)]
    optimizer = Optimizer(method, momentum=momentum, weight_decay=weight_decay)
    for _ in range(4):
        optimizer.step(parameters, parameters**3, RATES)
        for single, reference in zip(singles, oracles, strict=True):
            single.grad = single.detach() ** 3
            reference.step()
    torch.testing.assert_close(parameters, torch.stack(singles).detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("method", {"method": "lbfgs"}),
        ("momentum", {"method": "sgd", "momentum": 1.0}),
        ("weight_decay", {"method": "sgd", "weight_decay": -1.0}),
    ],
)
def test_bad_arguments_are_named(name, arguments):
    with pytest.raises(ValueError, match=f"`{name}`"):
        Optimizer(**arguments)
