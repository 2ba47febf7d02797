"""What studies do alike: chunks over a grid, teachers by name, observers, labels, comparisons.

Data sets by name are in `experiments.data.named`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import torch
import xarray as xr
from scipy import stats
from torch import Tensor

from experiments.data.mixtures import Mixture
from experiments.data.sources import Source
from experiments.engine import sweep
from experiments.training.distill import Observer, Snapshot
from experiments.training.metrics import knn_accuracy
from experiments.training.names import split
from experiments.training.variants import RATES, Variant
from theory.checks import check_ensemble
from theory.dynamics import CrossViewMoments, correlations
from theory.teachers import Batch, check_teacher

Kind = TypeVar("Kind")

COMPARED = ("unconstrained", "moving_centering", "centering", "inverse_prior", "projected")
"""The teachers that most studies compare."""
BY_BATCH = tuple(name for name in COMPARED if not split(name)[1])
"""Those of them that are normalised by the batch."""


# -- chunks ----------------------------------------------------------------------------------------


def only(kind: type[Kind], settings: Any, **point: Any) -> Kind:
    """The dataclass `kind` at a point of a grid: its other fields are those of the same name in `settings`.

    A chunk made so holds what its numbers depend on and nothing else, so that one more value in the grid
    leaves the finished chunks as they are.
    """
    names = [field.name for field in fields(kind) if field.name not in point]  # type: ignore[arg-type]
    return kind(**{name: getattr(settings, name) for name in names}, **point)


def over(
    work: Callable[[Any], xr.Dataset],
    chunk: type,
    settings: Any,
    *,
    context: sweep.Context | None,
    **axes: Iterable[Any],
) -> xr.Dataset:
    """`work` on one chunk for each point of the grid, the first axis outermost: a dimension for each axis."""
    grid = {name: list(values) for name, values in axes.items()}
    if empty := [name for name, values in grid.items() if not values]:
        raise ValueError(f"`{empty[0]}` must hold at least one value.")
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    parts = sweep.sweep(work, [only(chunk, settings, **point) for point in points], context=context)
    return stacked(parts, grid)


def stacked(parts: Sequence[xr.Dataset], grid: Mapping[str, Sequence[Any]]) -> xr.Dataset:
    """Parts in the order of the grid's points, the first axis outermost, as one dataset."""
    if not grid:
        return parts[0]
    (name, values), *inner = grid.items()
    size = len(parts) // len(values)
    rows = [stacked(parts[i : i + size], dict(inner)) for i in range(0, len(parts), size)]
    return xr.concat(rows, dim=xr.Variable(name, list(values)))


# -- runs ------------------------------------------------------------------------------------------


def variant_of(
    teacher: str,
    *,
    name: str | None = None,
    center_momentum: float | None = None,
    order: float | None = None,
    rounds: int | None = None,
    **settings: Any,
) -> Variant:
    """The run of a teacher, called like it if no name is given.

    teacher: a name in `theory.TEACHERS`, normalised by the batch; or moving_NAME, normalised by a moving
    average of momentum `center_momentum`, which the others ignore. So do teachers without an order, without
    rounds, what is given for those that have them.
    """
    plain, moving = split(teacher)
    if moving and center_momentum is None:
        raise ValueError(f"`center_momentum` must be given for {teacher!r}.")
    given = {"order": order, "rounds": rounds}
    taken: dict[str, Any] = {setting: given[setting] for setting in check_teacher(plain).settings}
    momentum = center_momentum if moving else None
    return Variant(name=name or teacher, teacher=plain, center_momentum=momentum, **taken, **settings)


def log_tilt_of(teacher: str, log_p: Tensor) -> Tensor:
    """λ [..., K] of log-probabilities [..., N, K] as they are, to the last bit.

    `Teacher.log_tilt` takes logits, and would normalise them once more. For teachers without a setting.
    """
    found = check_teacher(teacher)
    settings = found.check_settings(order=None, rounds=None)
    return found.log_tilt_of(Batch(log_p, 1.0, check_ensemble(log_p)), settings)


def rates_of(setup: Any) -> dict[str, Any]:
    """The temperatures, momenta and learning rate of a run, as far as `setup` has them under these names."""
    return {name: getattr(setup, name) for name in (*RATES, "center_momentum") if hasattr(setup, name)}


def learning_rate_of(step_size: float, *, clusters: int, student_temperature: float) -> float:
    """η = α K τ_s², α the step size per unit of feature variance.  [D2]"""
    return step_size * clusters * student_temperature**2


# -- data ------------------------------------------------------------------------------------------


def simplex_mixture(components: int, correlation: float) -> Mixture:
    """C corners of a simplex with cross-view correlation ρ and variance 1 in all C − 1 directions."""
    return Mixture(
        components=components,
        dim=components,
        layout="simplex",
        separation=(2 * components * correlation) ** 0.5,
        within=0.0,
        view_noise=(1 - correlation) ** 0.5,
    )


def input_correlations(moments: CrossViewMoments) -> np.ndarray:
    """The cross-view correlations ρ_j of the inputs themselves, without the constant, largest first.  [D2]"""
    return correlations(moments.cross(bias=False), moments.second(bias=False), drop_singular=True).values


# -- what is measured ------------------------------------------------------------------------------


def knn_observer(source: Source, *, k: int = 20) -> Observer:
    """Records `knn_accuracy`, that of the teacher's features on the source's galleries."""
    train_set, test_set = source.gallery("train"), source.gallery("held_out")

    @torch.no_grad()
    def observe(snapshot: Snapshot) -> dict[str, Tensor]:
        known, asked = (
            snapshot.architecture.features(snapshot.teacher, part.views[:, 0])
            for part in (train_set, test_set)
        )
        return {"knn_accuracy": knn_accuracy(known, train_set.labels, asked, test_set.labels, k=k)}

    return observe


def total_variation(p: Tensor, q: Tensor | float) -> Tensor:
    """½ Σₖ |pₖ − qₖ| over the last axis."""
    return 0.5 * (p - q).abs().sum(dim=-1)


# -- results ---------------------------------------------------------------------------------------


def labelled(dataset: xr.Dataset, labels: Mapping[str, tuple[str, str]]) -> xr.Dataset:
    """The dataset with a long name and units for each variable in `labels`."""
    for name, (long_name, units) in labels.items():
        dataset[name].attrs = {"long_name": long_name, "units": units}
    return dataset


def paired_difference(
    values: xr.DataArray, reference: xr.DataArray, *, dim: str = "seed", level: float = 0.95
) -> xr.DataArray:
    """Mean of d = values − reference along `dim`, and d̄ ∓ t s/√n, Student's interval of that level.

    For runs that share data and initial weights. Exact where d is normal, near it otherwise. One seed has no
    interval: its ends are NaN. Returns the other dimensions and "bound": "mean", "low", "high".
    """
    if not 0 < level < 1:
        raise ValueError(f"`level` must be between 0 and 1, got {level}.")
    difference = values - reference
    count = difference.sizes[dim]
    mean = difference.mean(dim)
    if count > 1:
        half = stats.t.ppf((1 + level) / 2, count - 1) * difference.std(dim, ddof=1) / np.sqrt(count)
    else:
        half = xr.full_like(mean, np.nan)
    bound = xr.Variable("bound", ["mean", "low", "high"])
    return xr.concat([mean, mean - half, mean + half], dim=bound, coords="minimal", compat="override")
