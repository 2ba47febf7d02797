"""The mixture's streams, moments and posteriors against their definitions."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from experiments.data.mixtures import Mixture
from theory.dynamics import correlations, cross_view_moments

UNEVEN = Mixture(components=3, dim=2, separation=3.0, within=(0.5, 1.0), view_noise=0.8, zipf=1.0)


def test_a_seed_draws_the_same_whichever_seeds_are_beside_it():
    alone, together = UNEVEN.source([7]), UNEVEN.source([3, 7, 11])
    for _ in range(2):
        a, b = alone.draw(20), together.draw(20)
        assert torch.equal(a.views[0], b.views[1])
        assert torch.equal(a.labels[0], b.labels[1])
    assert torch.equal(alone.held_out(9).views[0], together.held_out(9).views[1])
    assert torch.equal(alone.gallery("train", 9).views[0], together.gallery("train", 9).views[1])


def test_the_stream_moves_on_and_the_held_out_samples_stay():
    source = UNEVEN.source([0])
    assert not torch.equal(source.draw(10).views, source.draw(10).views)
    assert torch.equal(source.held_out(10).views, source.held_out(10).views)
    assert not torch.equal(source.gallery("train", 10).views, source.gallery("held_out", 10).views)


def test_moments_are_those_of_the_samples():
    source = UNEVEN.source([5], dtype=torch.float64)
    views, exact = source.draw(200_000).views[0].numpy(), source.moments[0]
    sample = cross_view_moments(*views)
    scale = np.abs(exact.covariance).max() / np.sqrt(200_000)
    assert np.abs(sample.student_mean - exact.student_mean).max() < 10 * scale
    assert np.abs(sample.covariance - exact.covariance).max() < 10 * scale
    assert np.abs(sample.cross_covariance - exact.cross_covariance).max() < 10 * scale


@pytest.mark.claim("D2")
def test_directions_without_components_correlate_by_their_noise_alone():
    source = Mixture(components=2, dim=3, layout="circle", within=0.5, view_noise=1.0, separation=4.0).source(
        [0]
    )
    found = correlations(source.moments[0].cross(bias=False), source.moments[0].second(bias=False)).values
    between = (4.0 / 2) ** 2
    np.testing.assert_allclose(found, [(between + 0.25) / (between + 1.25), 0.2, 0.2], rtol=1e-12)


@pytest.mark.parametrize("noise, variance", [("latent", (0.25, 1.0)), ("view", (0.25 + 0.64, 1.0 + 0.64))])
def test_posterior_is_bayes_rule(noise, variance):
    source = UNEVEN.source([1, 2])
    points = torch.randn(2, 4, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for seed in range(2):
        joint = np.stack(
            [
                share * multivariate_normal(center, np.diag(variance)).pdf(points[seed].numpy())
                for share, center in zip(
                    source.log_shares.exp().numpy(), source.centers[seed].numpy(), strict=True
                )
            ],
            axis=-1,
        )
        expected = np.log(joint / joint.sum(-1, keepdims=True))
        np.testing.assert_allclose(
            source.log_posterior(points, noise=noise)[seed], expected, rtol=1e-10, atol=1e-14
        )


def test_posterior_is_calibrated():
    source = UNEVEN.source([0])
    batch = source.held_out(100_000, views=1)
    right = source.log_posterior(batch.views)[0, 0].exp().gather(-1, batch.labels[0, :, None])
    expected = source.log_posterior(batch.views)[0, 0].exp().square().sum(-1)
    assert abs(right.mean() - expected.mean()) < 5e-3


def test_layouts_have_the_stated_distances():
    simplex = Mixture(components=5, dim=6, layout="simplex", separation=3.0).source([0]).centers[0]
    distances = torch.pdist(simplex)
    torch.testing.assert_close(distances, torch.full_like(distances, 3.0))
    circle = Mixture(components=5, dim=2, layout="circle", separation=3.0).source([0]).centers[0]
    torch.testing.assert_close((circle - circle.roll(1, 0)).norm(dim=-1), torch.full((5,), 3.0).double())
    drawn = Mixture(components=64, dim=16, separation=3.0).source(range(4)).centers
    assert abs(torch.stack([torch.pdist(c) for c in drawn]).square().mean().sqrt() - 3.0) < 0.1


def test_shares_follow_zipf_or_are_given():
    zipf = Mixture(components=4, zipf=1.5).source([0])
    expected = np.arange(1, 5) ** -1.5
    np.testing.assert_allclose(zipf.log_shares.exp(), expected / expected.sum(), rtol=1e-12)
    given = Mixture(components=2, shares=(0.9, 0.1)).source([0])
    assert abs(given.draw(20_000).labels.double().mean() - 0.1) < 0.01


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("components", {"components": 0}),
        ("separation", {"separation": -1.0}),
        ("within", {"within": (1.0,), "dim": 2}),
        ("view_noise", {"view_noise": -0.1}),
        ("layout", {"layout": "simplex", "components": 9, "dim": 8}),
        ("layout", {"layout": "circle", "dim": 1}),
        ("shares", {"shares": (0.5, 0.5), "components": 3}),
        ("shares", {"shares": (0.5, 0.5), "components": 2, "zipf": 1.0}),
    ],
)
def test_bad_settings_are_named(name, arguments):
    with pytest.raises(ValueError, match=f"`{name}`"):
        Mixture(**arguments)


def test_a_posterior_of_points_without_noise_is_refused():
    with pytest.raises(ValueError, match="`within`"):
        Mixture(within=0.0).source([0]).log_posterior(torch.zeros(1, 1, 8), noise="latent")
