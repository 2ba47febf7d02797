"""What rounding does to a margin: 1e-9 of the larger side, and more where a bound multiplies that of a λ."""

import torch

import theory

ROUNDING = 1e-9
"""How far below 0 rounding may bring a margin, and how near to 0 one comes whose bound is attained."""
ROUNDED = 8
"""Times that an entry of λ is rounded: twice in log p, twice in the tilt by λ* and its normaliser, twice in
the logarithm of a mean over samples, twice in the sum of such logarithms."""


def rounded(small, large, error):
    """Sides, relative, of which rounding moves the difference by `error`: what exceeds `ROUNDING` is allowed.

    The larger side is raised, so that the search is not drawn to where floats have no digits.
    """
    return small, large + (error - ROUNDING * large).clamp(min=0.0), large


def rounding_of_osc(c):
    """How far rounding moves osc of a λ, or of a Jensen gap: each end by `ROUNDED` halves of an ε.

    Of the largest number that is met: 1 + max ∣log p∣ + max ∣λ*∣.
    """
    largest = 1 + c.log_p.abs().amax((-1, -2)) + c.lam.abs().amax(-1)
    return 2 * ROUNDED * (torch.finfo(largest.dtype).eps / 2) * largest


def reach_of_a_round(c):
    """κ/(1 − κ) = sinh²(Δ/4), which multiplies the rounding of λ₁: 1e9 for opposite odds of 22 nats."""
    return torch.sinh(theory.hilbert_diameter(c.log_p) / 4) ** 2
