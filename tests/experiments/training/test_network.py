"""The closed-form forward and backward of many networks against autograd, in float64."""

import pytest
import torch

from experiments.training.model import ACTIVATIONS, Architecture
from experiments.training.network import Network
from experiments.training.weights import Weights
from tests.claims.ledger import equal

AXES = {"variants": 2, "seeds": [4, 9, 1], "dtype": torch.float64}


def _case(**settings):
    architecture = Architecture(clusters=5, **settings)
    weights = architecture.initialize(4, **AXES)
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    weights = {name: value + 0.1 * draw(*value.shape) for name, value in weights.items()}
    return architecture, weights, draw(6, 8, 4), draw(6, 8, 5)


def _by_autograd(architecture, weights, x, gradient):
    leaves = {name: value.clone().requires_grad_() for name, value in weights.items()}
    z = architecture.logits(leaves, x.unflatten(0, (2, 3)))
    found = torch.autograd.grad(z, list(leaves.values()), grad_outputs=gradient.unflatten(0, (2, 3)))
    return z.detach(), dict(zip(leaves, found, strict=True))


@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize("hidden", [(), (7,), (7, 3), (7, 6, 3)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_logits_and_gradient_are_those_of_autograd(activation, hidden, cosine):
    architecture, weights, x, gradient = _case(activation=activation, hidden=hidden, cosine=cosine)
    z, expected = _by_autograd(architecture, weights, x, gradient)
    student, found, network = Weights(weights), Weights(weights), Network(architecture)
    for runs in (slice(0, 4), slice(4, 6)):
        own = network.logits(student.of_runs(runs), x[runs])
        equal(own, z.flatten(0, 1)[runs], rtol=1e-12, atol=1e-12)
        network.backward(student.of_runs(runs), gradient[runs].clone(), into=found.of_runs(runs))
    for name, value in expected.items():
        equal(found.by_name[name], value, rtol=1e-12, atol=1e-12)


def test_a_vector_of_length_zero_has_the_gradient_of_autograd():
    architecture, weights, x, gradient = _case(hidden=(), cosine=True)
    x[2, 3], x[1, 0] = 0.0, 1e-14
    weights["head.weight"][0, 1, :, 2] = 1e-14
    _, expected = _by_autograd(architecture, weights, x, gradient)
    student, found, network = Weights(weights), Weights(weights), Network(architecture)
    network.logits(student.of_runs(slice(0, 6)), x)
    network.backward(student.of_runs(slice(0, 6)), gradient, into=found.of_runs(slice(0, 6)))
    equal(found.by_name["head.weight"], expected["head.weight"], rtol=1e-12, atol=1e-12)


def test_buffers_are_reused_and_fit_another_batch():
    architecture, weights, x, _ = _case(hidden=(7,))
    network, all_runs = Network(architecture), Weights(weights).of_runs(slice(0, 6))
    first = network.logits(all_runs, x)
    assert network.logits(all_runs, x).data_ptr() == first.data_ptr()
    assert network.logits(all_runs, x[:, :3]).shape == (6, 3, 5)


def test_weights_are_views_of_one_buffer():
    _, start, _, _ = _case(hidden=(7,))
    weights = Weights(start)
    weights.flat.zero_()
    assert all(not value.any() for value in weights.by_name.values())
    rate = torch.tensor([0.5, 2.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    weights.flat.add_(weights.spread(rate))
    assert all((value == rate).all() for value in weights.by_name.values())
    assert weights.spread(rate) is weights.spread(rate)
    assert (weights.spread(rate * 2) == 2 * weights.flat).all()
