"""The digits' split, views and moments."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from experiments.data.digits import Digits, augmentations, load
from theory.dynamics import cross_view_moments

SMALL = Digits(bank=4)


def test_the_split_is_fixed_stratified_and_disjoint():
    (train, train_labels), (held_out, held_out_labels) = load("train"), load("held_out")
    assert (len(train), len(held_out)) == (1437, 360)
    together = torch.cat([train, held_out]).numpy()
    pixels = load_digits().data
    scaled = (pixels - pixels.mean(0)) / pixels.std()
    # the same 1,797 images up to the affine scaling, each once: distances between them agree
    order, expected = np.argsort(together @ np.arange(64)), np.argsort(scaled @ np.arange(64))
    assert len(set(order)) == len(set(expected)) == 1797
    share = torch.bincount(train_labels) / 1437 - torch.bincount(held_out_labels) / 360
    assert share.abs().max() < 0.005


def test_training_images_are_centred_with_unit_variance():
    images, _ = load("train")
    assert images.mean(0).abs().max() < 1e-5
    assert abs(images.double().var(correction=0) - 1) < 1e-5


def test_no_shift_no_rotation_no_noise_is_the_image_itself():
    still = Digits(max_shift=0.0, max_angle=0.0, noise=0.0, bank=2)
    torch.testing.assert_close(augmentations("train", still)[:, 1], load("train")[0], atol=2e-4, rtol=0)


def test_views_differ_but_stay_near_their_image():
    bank, images = augmentations("held_out", SMALL), load("held_out")[0]
    own = (bank - images[:, None]).norm(dim=-1).mean()
    other = (bank.roll(1, 0) - images[:, None]).norm(dim=-1).mean()
    assert 0.1 * other < own < 0.8 * other


def test_a_seed_draws_the_same_whichever_seeds_are_beside_it():
    alone, together = SMALL.source([7]), SMALL.source([3, 7])
    for _ in range(2):
        a, b = alone.draw(20), together.draw(20)
        assert torch.equal(a.views[0], b.views[1])
        assert torch.equal(a.labels[0], b.labels[1])
    assert torch.equal(alone.held_out(9).views[0], together.held_out(9).views[1])


def test_the_gallery_is_the_split_without_augmentation():
    gallery = SMALL.source([0, 1]).gallery("held_out")
    assert torch.equal(gallery.views[1, 0], load("held_out")[0])
    assert torch.equal(gallery.labels[1], load("held_out")[1])


def test_moments_are_those_of_the_samples():
    source = SMALL.source([0], dtype=torch.float64)
    views, exact = source.draw(40_000).views[0].numpy(), source.moments[0]
    sample = cross_view_moments(*views)
    assert np.abs(sample.covariance - exact.covariance).max() < 0.1
    assert np.abs(sample.cross_covariance - exact.cross_covariance).max() < 0.1
    assert np.abs(sample.student_mean - exact.student_mean).max() < 0.05


@pytest.mark.parametrize(
    "name, value", [("max_shift", -1.0), ("max_angle", -1.0), ("noise", -0.1), ("bank", 1)]
)
def test_bad_settings_are_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}`"):
        Digits(**{name: value})
