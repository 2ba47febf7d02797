"""The batched networks against torch.nn, run by run."""

import pytest
import torch
from torch import nn

from experiments.training.model import Architecture

SHAPES = {"variants": 2, "seeds": [4, 9, 1]}


@pytest.mark.parametrize("activation, module", [("relu", nn.ReLU), ("gelu", nn.GELU), ("tanh", nn.Tanh)])
def test_each_run_is_a_network_of_its_own(activation, module):
    architecture = Architecture(clusters=5, hidden=(7, 3), activation=activation)
    weights = architecture.initialize(4, **SHAPES)
    weights = {name: value + 0.1 * torch.randn_like(value) for name, value in weights.items()}
    x = torch.randn(3, 6, 4)
    logits = architecture.logits(weights, x)
    for variant in range(2):
        for seed in range(3):
            layers = [nn.Linear(4, 7), module(), nn.Linear(7, 3), nn.Linear(3, 5)]
            network = nn.Sequential(*layers)
            for layer, name in zip(
                (layers[0], layers[2], layers[3]), ("encoder.0", "encoder.1", "head"), strict=True
            ):
                layer.weight.data = weights[f"{name}.weight"][variant, seed].T
                layer.bias.data = weights[f"{name}.bias"][variant, seed, 0]
            torch.testing.assert_close(logits[variant, seed], network(x[seed]))


def test_without_hidden_layers_the_features_are_the_data():
    architecture = Architecture(clusters=5, hidden=())
    weights = architecture.initialize(4, **SHAPES)
    x = torch.randn(3, 6, 4)
    torch.testing.assert_close(architecture.features(weights, x), x.expand(2, -1, -1, -1))
    torch.testing.assert_close(
        architecture.logits(weights, x), x @ weights["head.weight"] + weights["head.bias"]
    )


def test_cosine_logits_are_cosines():
    architecture = Architecture(clusters=5, hidden=(3,), cosine=True)
    weights = architecture.initialize(4, **SHAPES)
    x = torch.randn(3, 6, 4)
    h = architecture.features(weights, x)
    prototypes = weights["head.weight"].mT
    expected = nn.functional.cosine_similarity(h[..., :, None, :], prototypes[..., None, :, :], dim=-1)
    torch.testing.assert_close(architecture.logits(weights, x), expected)
    assert "head.bias" not in weights


def test_initial_weights_are_paired_over_variants_and_belong_to_the_seed():
    architecture = Architecture(hidden=(8,))
    together = architecture.initialize(4, **SHAPES)
    alone = architecture.initialize(4, variants=1, seeds=[9])
    for name, value in together.items():
        assert torch.equal(value[0], value[1])
        assert torch.equal(value[0, 1], alone[name][0, 0])
    assert not torch.equal(together["head.weight"][0, 0], together["head.weight"][0, 1])


def test_activations_keep_their_scale_through_the_encoder():
    architecture = Architecture(clusters=64, hidden=(512, 256))
    weights = architecture.initialize(256, variants=1, seeds=[0])
    logits = architecture.logits(weights, torch.randn(1, 512, 256))
    assert 0.8 < logits.std() < 1.25


@pytest.mark.parametrize(
    "name, value", [("clusters", 1), ("hidden", (4, 0)), ("activation", "sine"), ("head_scale", 0.0)]
)
def test_bad_settings_are_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}`"):
        Architecture(**{name: value})
