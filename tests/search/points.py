"""An inequality on free variables, its margin, and the sums that several of them need.

A batch of points [S, D] is read as logits, weights and tilts, so that every point is a valid case.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

import theory

REACH = 30.0  # logits stay between ±REACH: e^{−60} is next to sure, and no exponential overflows
ATTAINED, LIMIT = "attained", "in a limit"
Sides = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Hunt:
    """One inequality, small ≤ large: the smallest entry of (large − small)/scale, where scale ≥ `low`."""

    claim: str
    name: str
    sides: Callable[[SimpleNamespace], Sides]
    sharp: str
    low: float = 0.0
    shapes: tuple[tuple[int, ...], ...] = ((2, 2), (4, 3))

    @property
    def key(self) -> str:
        return f"{self.claim}: {self.name}"

    def size(self, n: int, k: int) -> int:
        return 2 * n * k + n + 2 * k

    def case(self, theta: torch.Tensor, n: int, k: int) -> SimpleNamespace:
        """What a point [S, D] stands for."""
        free = REACH * torch.tanh(theta / REACH)
        z, y, v, t, s = torch.split(free, [n * k, n * k, n, k, k], dim=-1)
        lead = theta.shape[:-1]
        return SimpleNamespace(
            log_p=theory.log_softmax(z.reshape(*lead, n, k)),
            log_q=theory.log_softmax(y.reshape(*lead, n, k)),
            y=y.reshape(*lead, n, k),
            w=torch.softmax(v, -1),
            lam=t,
            log_pi=theory.log_softmax(t),
            log_s=theory.log_softmax(s),
            s=s,
        )

    def value(self, theta: np.ndarray, shape: tuple[int, ...]) -> float:
        """The margin of one point."""
        with torch.no_grad():
            return float(self.margins(torch.tensor(theta)[None], *shape)[0])

    def margins(self, theta: torch.Tensor, n: int, k: int) -> torch.Tensor:
        """The smallest margin of each start, [S]; 1 where no entry is large enough to count."""
        with theory.assume_valid():
            small, large, scale = self.sides(self.case(theta, n, k))
        small, large, scale = torch.broadcast_tensors(small, large, scale)
        counts = scale >= self.low if self.low else torch.ones_like(scale, dtype=torch.bool)
        margin = torch.where(counts, (large - small) / torch.where(counts, scale, 1.0), 1.0)
        return margin.reshape(*theta.shape[:-1], -1).amin(-1)


def mean(w, x):
    """Σ w x over the samples, of [..., N] or [..., N, K]."""
    return (w * x).sum(-1) if x.ndim == w.ndim else (w[..., None] * x).sum(-2)


def osc(x):
    return x.amax(-1) - x.amin(-1)


def zero(x):
    return torch.zeros_like(x)


def one(x):
    return torch.ones_like(x)


def constant(log_s, like):
    return log_s[..., None, :].expand(like.shape)


def relative(small, large) -> Sides:
    return small, large, large


def absolute(small, large) -> Sides:
    return small, large, one(large)
