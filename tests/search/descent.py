"""The smallest margin from many starts: Adam on all of them, then L-BFGS and a simplex on the best few."""

from dataclasses import dataclass

import numpy as np
import scipy.optimize
import torch

from tests.search.rates import RateHunt

STARTS, STEPS, FEW = 40, 100, 2
SPREADS = (1e-5, 1e-2, 1.0, 4.0, 12.0)  # of the starts: bounds are attained at both ends of the scale


@dataclass(frozen=True, kw_only=True)
class Tightest:
    """The tightest case of one inequality in one shape."""

    theta: np.ndarray
    shape: tuple[int, ...]
    margin: float
    starts: int


def search(hunt, *, seed=0, starts=STARTS, steps=STEPS) -> Tightest:
    """The smallest margin over all shapes; of equally small ones (to 1e-10) that of the smallest shape."""
    if isinstance(hunt, RateHunt):
        found = [_simplices(hunt, shape, seed, starts) for shape in hunt.shapes]
    else:
        found = [_search(hunt, shape, seed, starts, steps) for shape in hunt.shapes]
    least = min(one.margin for one in found)
    best = next(one for one in found if one.margin <= max(least, 0.0) + 1e-10)
    return Tightest(
        theta=best.theta, shape=best.shape, margin=best.margin, starts=sum(one.starts for one in found)
    )


def _simplices(hunt, shape, seed, starts):
    """What is no torch function is lowered by a simplex from each start."""
    rng = np.random.default_rng(seed)
    least, point = np.inf, np.zeros(hunt.size(*shape))
    for _ in range(starts):
        start = rng.choice(SPREADS[1:]) * rng.standard_normal(len(point))
        options = {"maxfev": 200 * len(point), "xatol": 1e-10, "fatol": 1e-14}
        found = scipy.optimize.minimize(hunt.value, start, (shape,), method="Nelder-Mead", options=options)
        if found.fun < least:
            least, point = float(found.fun), found.x
    return Tightest(theta=point, shape=shape, margin=least, starts=starts)


def _search(hunt, shape, seed, starts, steps):
    generator = torch.Generator().manual_seed(seed)
    size = hunt.size(*shape)
    spread = torch.tensor(SPREADS, dtype=torch.float64)[torch.arange(starts) % len(SPREADS), None]
    theta = spread * torch.randn(starts, size, generator=generator, dtype=torch.float64)
    # Blocks on scales of their own: rows that hardly differ under weights that do, and the like.
    theta[1::2] *= 10.0 ** (
        3 * torch.rand(len(theta[1::2]), size, generator=generator, dtype=torch.float64) - 2
    )
    step = spread.clamp(max=1.0)  # a start next to 0 moves by steps of its own size
    scaled = (theta / step).requires_grad_()
    best, where = torch.full((starts,), torch.inf, dtype=torch.float64), theta.detach().clone()
    adam = torch.optim.Adam([scaled], lr=0.1)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        adam.zero_grad()
        theta = scaled * step
        margin = hunt.margins(theta, *shape)
        better = margin.detach() < best
        best = torch.where(better, margin.detach(), best)
        where = torch.where(better[:, None], theta.detach(), where)
        margin.sum().backward()
        scaled.grad.nan_to_num_(0.0, 0.0, 0.0)
        adam.step()
        decay.step()
    points = [_polished(hunt, shape, where[i].numpy()) for i in best.argsort()[:FEW]]
    margin, point = min(points, key=lambda each: each[0])
    return Tightest(theta=point, shape=shape, margin=margin, starts=starts)


def _polished(hunt, shape, start):
    """L-BFGS while it gains, then Nelder and Mead's simplex, which needs no derivative at a kink."""
    least, point = hunt.value(start, shape), start

    def value_and_gradient(x):
        theta = torch.tensor(x, requires_grad=True)
        margin = hunt.margins(theta[None], *shape)[0]
        (gradient,) = torch.autograd.grad(margin, theta, allow_unused=True)
        gradient = torch.zeros_like(theta) if gradient is None else gradient.nan_to_num(0.0, 0.0, 0.0)
        return float(margin.detach()), gradient.numpy()

    for _ in range(2):
        found = scipy.optimize.minimize(value_and_gradient, point, jac=True, method="L-BFGS-B")
        margin = hunt.value(found.x, shape)  # where its line search fails, `found.fun` is of another point
        if not margin < least:
            break
        least, point = margin, found.x
    if least > 1e-10:
        simplex = scipy.optimize.minimize(
            hunt.value, point, (shape,), method="Nelder-Mead", options={"maxfev": 300, "adaptive": True}
        )
        if simplex.fun < least:
            least, point = float(simplex.fun), simplex.x
    return least, point
