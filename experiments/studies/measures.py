"""What each registered prediction of `predictions/` is measured by: one function for each file, by its name.

A function takes the number of seeds and a factor on the number of steps (1 for the real thing) and returns
the measures that its file bounds, an array over runs each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from experiments.data.mixtures import Mixture
from experiments.studies import adaptive, center_momentum, hysteresis, shared_head
from experiments.studies.shared import learning_rate_of, only, simplex_mixture, variant_of
from experiments.training.distill import Training, train
from experiments.training.model import Architecture, Parameters
from experiments.training.optimizers import Method
from experiments.training.variants import Variant
from theory.nn import ClusterDistillationLoss

Measures = dict[str, np.ndarray]
SHARP: dict[str, Any] = {"student_temperature": 0.1, "teacher_temperature": 0.04}


def adaptive_line(seeds: int, scale: float) -> Measures:
    """Late size of a bias under AdamW over η, inside and beyond the line, at three rates."""
    setup = adaptive.Settings(
        seeds=1, center_momenta=(0.99, 0.997), learning_rates=(3e-5, 3e-4, 3e-3), steps=int(40_000 * scale)
    )
    size, _ = adaptive.bias_runs(only(adaptive.Chunk, setup, optimizer="AdamW", clusters=8))
    inside, beyond = size[..., 0] / np.array(setup.learning_rates)
    return {"bias_inside_line_over_eta": inside, "bias_beyond_line_over_eta": beyond}


def adaptive_features(seeds: int, scale: float) -> Measures:
    """Information kept under Adam, of that of the run centred by its batch."""
    kept = _kept(
        (0.97, 0.998), seeds=seeds, scale=scale, teacher_momentum=0.99, optimizer="adam", learning_rate=1e-3
    )
    return {"adam_kept_inside_line": kept[0], "adam_kept_beyond_line": kept[1]}


def between(seeds: int, scale: float) -> Measures:
    """Growth of a bias at .997; information kept with features at .997 and .9995."""
    setup = center_momentum.Settings(clusters=4)
    growth = center_momentum.bias_spread(
        setup, teacher_rate=np.array(0.004), center_rate=np.array(0.003), steps=int(20_000 * scale), size=1e-4
    )
    rate = learning_rate_of(0.1, clusters=4, student_temperature=0.1)
    kept = _kept((0.997, 0.9995), seeds=seeds, scale=scale, teacher_momentum=0.996, learning_rate=rate)
    return {
        "bias_growth_between": np.atleast_1d(growth),
        "features_kept_between": kept[0],
        "features_kept_far_beyond": kept[1],
    }


def power_mean(seeds: int, scale: float) -> Measures:
    """NMI of order ¼ less that of both ends, seed by seed."""
    settings: dict[str, Any] = {"teacher_momentum": 0.99, "learning_rate": 0.05, **SHARP}
    variants = [variant_of("power_mean", name=str(s), order=s, **settings) for s in (0.0, 0.25, 1.0)]
    centering, quarter, inverse = _late(
        variants, simplex_mixture(8, 0.8), seeds=2 * seeds, steps=int(2000 * scale)
    )["nmi"]
    return {
        "power_mean_less_centering": quarter - centering,
        "power_mean_less_inverse_prior": quarter - inverse,
    }


def heads(seeds: int, scale: float) -> Measures:
    """Patches without a centre beside a held loss of half the gradient: one bias for both, one for each."""
    setup = only(
        shared_head.Chunk,
        shared_head.Settings(seeds=seeds, shares=(0.5,), steps=int(5000 * scale)),
        teacher_temperature=0.07,
        features=True,
    )
    entropy, kept = shared_head.two_losses(setup)
    _, centred = shared_head.two_losses(setup, center_second=True)
    return {
        "shared_prior_entropy": entropy[0, 0] / np.log(8),
        "untied_prior_entropy": entropy[1, 0] / np.log(8),
        "shared_kept": kept[0, 0] / centred[0, 0],
    }


def warm_centering(seeds: int, scale: float) -> Measures:
    """Change from τ_t = .02 to .07 of NMI with centering less NMI with Sinkhorn."""
    variants = [
        variant_of(
            teacher, name=f"{teacher} {tau}", rounds=3, teacher_temperature=tau, student_temperature=0.1,
            teacher_momentum=0.99, learning_rate=0.05,
        )
        for tau in (0.02, 0.07)
        for teacher in ("centering", "sinkhorn")
    ]  # fmt: skip
    even = simplex_mixture(8, 0.8)
    uneven = Mixture(
        components=8, dim=8, layout="simplex", separation=even.separation, within=0.0,
        view_noise=even.view_noise, zipf=0.5,
    )  # fmt: skip
    cold, cold_sinkhorn, warm, warm_sinkhorn = _late(variants, uneven, seeds=seeds, steps=int(3000 * scale))[
        "nmi"
    ]
    return {"centering_gain_by_warmth": (warm - warm_sinkhorn) - (cold - cold_sinkhorn)}


def accumulation(seeds: int, scale: float) -> Measures:
    """Last size of a bias over its first: the centre moved at each of 8 micro-batches, or once a step."""
    found = {}
    for name, manual in (("growth_moved_at_each", False), ("growth_moved_once", True)):
        growth = []
        for seed in range(min(seeds, 1)):
            start = np.random.default_rng(seed).normal(size=4)
            w = torch.tensor(1e-4 * (start - start.mean()), requires_grad=True)
            v = w.detach().clone()
            criterion = ClusterDistillationLoss(
                "centering", clusters=4, momentum=0.998, teacher_temperature=0.04, student_temperature=0.1,
                manual_update=manual,
            ).double()  # fmt: skip
            descent = torch.optim.SGD([w], lr=learning_rate_of(0.1, clusters=4, student_temperature=0.1))
            first = float(w.detach().abs().max())
            for _ in range(int(3000 * scale)):
                descent.zero_grad()
                for _ in range(8):
                    loss = criterion([w.expand(2, 4)] * 2, [v.expand(2, 4)] * 2) / 8
                    loss.backward()
                if manual:
                    criterion.update()
                descent.step()
                v += 0.01 * (w.detach() - v)
            growth.append(float((w.detach() - w.detach().mean()).abs().max()) / first)
        found[name] = np.array(growth)
    return found


def fold(seeds: int, scale: float) -> Measures:
    """Last τ_t/τ_s at which a learnt table survives, by the size of its batches."""
    ratios = tuple(round(0.5 + 0.01 * i, 3) for i in range(15))
    found = [
        _last_alive(ratios, seeds=max(1, seeds // 2), batch_size=size, steps=int(800 * scale))
        for size in (32, 128, 512)
    ]
    (small, edge), (middle, _), (large, _) = found
    return {
        "last_alive_512": large,
        "last_alive_512_less_128": large - middle,
        "last_alive_128_less_32": middle - small,
        "shortfall_32_over_512": (edge - small) / np.maximum(edge - large, 1e-3),
    }


def fold_noise(seeds: int, scale: float) -> Measures:
    """The same for a slower student on the smallest batches, and for the largest batches."""
    seeds = max(1, seeds // 4)
    coarse = tuple(round(0.5 + 0.01 * i, 3) for i in range(15))
    fine = tuple(round(0.6 + 0.002 * i, 3) for i in range(18))
    slow, _ = _last_alive(coarse, seeds=seeds, batch_size=32, steps=int(3200 * scale), step_size=0.075)
    large, edge = _last_alive(fine, seeds=seeds, batch_size=2048, steps=int(800 * scale))
    return {"last_alive_32_at_a_quarter": slow, "shift_2048": edge - large}


def _last_alive(ratios: tuple[float, ...], **setup: Any) -> tuple[np.ndarray, float]:
    """Largest ratio up to which every learnt table of a seed survives, and the fold."""
    settings = hysteresis.Settings(ratios=ratios, **setup)
    found = hysteresis.work(only(hysteresis.Chunk, settings, batch="minibatch", clusters=12))
    alive = found.student_information.isel(start=hysteresis.STARTS.index("learnt"), step=-1) > 0.1
    held = alive.cumprod("ratio").sum("ratio").to_numpy()  # the first loss ends it
    below = 2 * ratios[0] - ratios[1]
    return np.array([ratios[count - 1] if count else below for count in held]), float(found.survival_ratio)


def distinct(seeds: int, scale: float) -> Measures:
    """e^I and e^H(P) of 32 outputs that are 8 prototypes, each four times."""
    variants = [variant_of("centering", teacher_momentum=0.99, learning_rate=0.2, **SHARP)]
    mixture = simplex_mixture(8, 0.9)
    architecture = Architecture(clusters=32, hidden=(), head_scale=0.01)
    start = architecture.initialize(
        mixture.dim, variants=1, seeds=range(100, 100 + seeds), dtype=torch.float32, device="cpu"
    )
    # equal prototypes have equal gradients: they stay equal
    start["head.weight"] = start["head.weight"][..., ::4].repeat_interleave(4, dim=-1)
    late = _late(
        variants, mixture, seeds=seeds, steps=int(3000 * scale), architecture=architecture, parameters=start
    )
    return {
        "clusters_told_apart": np.exp(late["student_information"][0]),
        "clusters_by_the_prior": np.exp(late["student_prior_entropy"][0]),
    }


MEASURES: dict[str, Callable[[int, float], Measures]] = {
    one.__name__: one
    for one in (
        accumulation, adaptive_features, adaptive_line, between, distinct, fold, fold_noise, heads,
        power_mean, warm_centering,
    )
}  # fmt: skip
"""By the name of the file in `predictions/`."""


def _kept(
    momenta: Sequence[float], *, seeds: int, scale: float, optimizer: Method = "sgd", **rates: Any
) -> np.ndarray:
    """Late information with these centre momenta over that with the batch's centre, [momentum, seed]."""
    variants = [
        Variant(name=str(m), teacher="centering", center_momentum=m, **SHARP, **rates)
        for m in (None, *momenta)
    ]
    found = _late(
        variants, simplex_mixture(4, 0.8), seeds=seeds, steps=int(8000 * scale), optimizer=optimizer
    )
    batch, *moving = found["student_information"]
    return np.stack(moving) / batch


def _late(
    variants: Sequence[Variant],
    mixture: Mixture,
    *,
    seeds: int,
    steps: int,
    optimizer: Method = "sgd",
    architecture: Architecture | None = None,
    parameters: Parameters | None = None,
) -> Measures:
    """Records [variant, seed] of linear students, means over the last third."""
    records: xr.Dataset = train(
        mixture.source(range(100, 100 + seeds)),
        architecture or Architecture(clusters=mixture.components, hidden=(), head_scale=0.01),
        variants,
        Training(
            steps=steps, batch_size=64, records=31, evaluation_size=512, optimizer=optimizer,
            momentum=0.9 if optimizer == "adam" else 0.0,
        ),
        parameters=parameters,
        description="predictions",
    ).records  # fmt: skip
    late = records.isel(step=slice(-10, None)).mean("step")
    return {str(name): late[name].to_numpy() for name in late.data_vars}
