"""Scikit-learn's 1,797 handwritten digits, with views by shift, small rotation and noise.

Views are drawn from a bank of precomputed augmentations of every image, plus fresh pixel noise: the bank
makes drawing a gather (about ten times faster than resampling), and the population moments finite sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

from experiments.data.sources import Batch, Split, generators, normal, population_moments, uniform
from theory.dynamics import CrossViewMoments

SPLIT_SEED = 0
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Settings of the views.

    max_shift: largest shift in pixels, either axis, uniform.  max_angle: largest rotation in degrees,
    uniform.  noise: standard deviation of the pixel noise, in units of the pixels' overall standard
    deviation.  bank: number of augmentations kept for each image.
    """

    max_shift: float = 1.0
    max_angle: float = 12.0
    noise: float = 0.3
    bank: int = 64

    def __post_init__(self) -> None:
        for name, least in (("max_shift", 0), ("max_angle", 0), ("noise", 0), ("bank", 2)):
            if not getattr(self, name) >= least:
                raise ValueError(f"`{name}` must be at least {least}, got {getattr(self, name)}.")

    def source(
        self, seeds: Sequence[int], *, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> DigitsSource:
        """The data streams of `seeds`."""
        return DigitsSource(self, seeds, dtype=dtype, device=device)


class DigitsSource:
    """The streams of `Digits` for several seeds, drawn with replacement; see `sources.Source`."""

    dim, classes = 64, 10

    def __init__(
        self, digits: Digits, seeds: Sequence[int], *, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> None:
        self.digits, self.seeds = digits, tuple(seeds)
        self.dtype, self.device = dtype, torch.device(device)
        self._stream = generators(self.seeds, "digits stream")

    def draw(self, batch_size: int, *, views: int = 2) -> Batch:
        """The next `batch_size` training samples of every seed's endless stream."""
        return self._sample(self._stream, "train", batch_size, views)

    def held_out(self, size: int, *, views: int = 2) -> Batch:
        """Views of `size` held-out images, drawn with replacement; the same at every call."""
        return self._sample(generators(self.seeds, "digits held-out"), "held_out", size, views)

    def gallery(self, split: Split, size: int | None = None) -> Batch:
        """The first `size` images of a split (all if None) without shift, rotation or noise, V = 1."""
        images, labels = (part[:size] for part in load(split))
        lead = (len(self.seeds), -1)
        views = images.to(self.device, self.dtype).expand(len(self.seeds), 1, -1, -1)
        return Batch(views=views, labels=labels.to(self.device).expand(*lead))

    @cached_property
    def moments(self) -> tuple[CrossViewMoments, ...]:
        """Moments over the training bank, float64: exact for the distribution that `draw` samples."""
        bank = augmentations("train", self.digits).double()
        mean = bank.mean(dim=(0, 1))
        flat = bank.flatten(0, 1) - mean
        view = flat.mT @ flat / len(flat) + self.digits.noise**2 * torch.eye(self.dim, dtype=torch.float64)
        # the two views of an image draw their copies independently, hence the mean copy
        image = bank.mean(dim=1) - mean
        cross = image.mT @ image / len(image)
        seeds = len(self.seeds)
        return population_moments(*(m.expand(seeds, *m.shape) for m in (mean, view, cross)))

    def _sample(self, streams: Sequence[torch.Generator], split: Split, size: int, views: int) -> Batch:
        bank, labels = augmentations(split, self.digits), load(split)[1]
        draws = uniform(streams, (1 + views, size))
        image = (draws[:, 0] * len(bank)).long()
        copy = (draws[:, 1:] * self.digits.bank).long()
        points = bank.flatten(0, 1)[image[:, None] * self.digits.bank + copy].to(self.dtype)
        if self.digits.noise:
            points = points.add_(
                normal(streams, tuple(points.shape[1:]), self.dtype), alpha=self.digits.noise
            )
        return Batch(views=points.to(self.device), labels=labels[image].to(self.device))


@lru_cache
def load(split: Split) -> tuple[Tensor, Tensor]:
    """Images [N, 64] and labels [N] of the fixed stratified split: 1,437 to train, 360 held out.

    Pixels are centred by the training images' mean image and scaled by their overall standard deviation.
    """
    ink, labels, mean, scale = _ink(split)
    return ((ink - mean) / scale).float(), labels


@lru_cache(maxsize=8)
def augmentations(split: Split, digits: Digits) -> Tensor:
    """The bank [N, bank, 64]: every image of the split, shifted and rotated at random."""
    ink, _, mean, scale = _ink(split)
    streams = generators([SPLIT_SEED], f"digits bank {split}")
    shift_x, shift_y, angle = (2 * uniform(streams, (3, len(ink), digits.bank))[0] - 1).float()
    angle = angle * math.radians(digits.max_angle)
    # an 8-pixel image spans [-1, 1]: one pixel is 1/4
    shift = torch.stack([shift_x, shift_y], dim=-1) * (digits.max_shift / 4)
    rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=-1)
    affine = torch.cat([rotation.unflatten(-1, (2, 2)), shift[..., None]], dim=-1)
    grid = torch.nn.functional.affine_grid(
        affine.flatten(0, 1), [affine.shape[0] * digits.bank, 1, 8, 8], False
    )
    # empty paper is 0 before centring, so it is the ink that moves
    moved = torch.nn.functional.grid_sample(
        ink.float().reshape(-1, 1, 8, 8).repeat_interleave(digits.bank, dim=0),
        grid,
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return ((moved.flatten(1) - mean) / scale).float().unflatten(0, (len(ink), digits.bank))


@lru_cache
def _ink(split: Split) -> tuple[Tensor, Tensor, Tensor, float]:
    """Raw pixels and labels of a split; mean image and overall standard deviation of the training images."""
    pixels, labels = (torch.from_numpy(a) for a in load_digits(return_X_y=True))
    train, held_out = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT_SHARE, random_state=SPLIT_SEED, stratify=labels.numpy()
    )
    mean = pixels[train].mean(dim=0)
    index = train if split == "train" else held_out
    return pixels[index], labels[index].long(), mean, float((pixels[train] - mean).std(correction=0))
