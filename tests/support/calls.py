"""How to call every public function of the core: one table, read by the tests that hold for all of them."""

import dataclasses
import inspect
from dataclasses import dataclass, field
from typing import Any

import array_api_strict
import numpy as np
import torch

import theory

CORE = (
    "ensembles",
    "divergences",
    "informations",
    "spreads",
    "projection",
    "tilts",
    "sinkhorn",
    "batches",
    "bounds",
    "distances",
    "objective",
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A valid call, by argument name: `arrays` positional, `knobs` keyword arrays, `settings` the rest."""

    arrays: tuple[str, ...]
    knobs: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


_TARGETED = ("weights", "log_target")

CALLS = {
    "log_softmax": Call(arrays=("logits",), settings={"temperature": 0.5}),
    "entropy": Call(arrays=("log_p",)),
    "cross_entropy": Call(arrays=("log_r", "log_q")),
    "kl": Call(arrays=("log_p", "log_q")),
    "mutual_information": Call(arrays=("log_p",), knobs=("weights",)),
    "lautum_information": Call(arrays=("log_p",), knobs=("weights",)),
    "jeffreys_information": Call(arrays=("log_p",), knobs=("weights",)),
    "log_prior": Call(arrays=("log_p",), knobs=("weights",), settings={"order": 0.5}),
    "jensen_gap": Call(arrays=("log_p",), knobs=("weights",)),
    "log_range": Call(arrays=("log_p",), knobs=("weights",)),
    "log_variance": Call(arrays=("log_p",), knobs=("weights",)),
    "tilt": Call(arrays=("log_p", "log_tilt")),
    "centering_log_tilt": Call(arrays=("log_p",), knobs=_TARGETED),
    "inverse_prior_log_tilt": Call(arrays=("log_p",), knobs=_TARGETED),
    "power_mean_log_tilt": Call(arrays=("log_p",), knobs=_TARGETED, settings={"order": 2.0}),
    "cumulant_log_tilt": Call(arrays=("log_p",), knobs=_TARGETED),
    "batch_softmax_log_tilt": Call(arrays=("logits",), knobs=_TARGETED, settings={"temperature": 0.5}),
    "sinkhorn_log_tilt": Call(arrays=("log_p",), knobs=(*_TARGETED, "log_tilt"), settings={"rounds": 3}),
    "project": Call(
        arrays=("log_p",),
        knobs=(*_TARGETED, "log_tilt"),
        settings={"tol": 1e-11, "max_iter": 100},
    ),
    "specht_bound": Call(arrays=("log_range",)),
    "hoeffding_bound": Call(arrays=("log_range",)),
    "variance_bound": Call(arrays=("log_range",)),
    "teacher_distance_bound": Call(arrays=("jensen_gap",)),
    "hilbert_diameter": Call(arrays=("log_p",)),
    "sinkhorn_contraction": Call(arrays=("log_p",)),
    "projected_distance_bound": Call(arrays=("log_p", "log_tilt_change")),
    "evaluate": Call(arrays=("log_r", "log_q"), knobs=("weights",)),
    "certificate": Call(arrays=("log_r", "log_q"), knobs=_TARGETED),
}

NAMESPACES = {"numpy": np, "torch": torch, "strict": array_api_strict}


def public_functions() -> set[str]:
    """The functions of `theory.__all__` that are of the core; the rooms after it have tables of their own."""
    modules = {f"theory.{room}" for room in CORE}
    found = {name for name in theory.__all__ if inspect.isfunction(getattr(theory, name))}
    return {name for name in found if getattr(theory, name).__module__ in modules}


def log_softmax(z):
    """NumPy's own, so that inputs do not depend on what is tested."""
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def operands(*, seed=0, batch=(), n=5, k=4, scale=1.5) -> dict[str, np.ndarray]:
    """One valid value of each array argument, float64, for `n` samples and `k` clusters."""
    rng = np.random.default_rng(seed)
    logits = [scale * rng.standard_normal((*batch, n, k)) for _ in range(4)]
    log_p, log_q, log_r = map(log_softmax, logits[1:])
    weights = rng.dirichlet(np.full(n, 2.0), size=batch)
    log_target = log_softmax(0.5 * rng.standard_normal((*batch, k)))
    return {
        "logits": logits[0],
        "log_p": log_p,
        "log_q": log_q,
        "log_r": log_r,
        "weights": weights,
        "log_target": log_target,
        "log_tilt": rng.standard_normal((*batch, k)),
        "log_tilt_change": rng.standard_normal((*batch, k)),
        "jensen_gap": rng.exponential(size=(*batch, k)),
        "log_range": rng.exponential(size=(*batch, k)),
    }


def names(name: str) -> tuple[str, ...]:
    """The array arguments of a public function."""
    return CALLS[name].arrays + CALLS[name].knobs


def call(name: str, values: dict[str, Any], **changed: Any) -> Any:
    """The public function `name` on its own arguments among `values`, some `changed`."""
    spec = CALLS[name]
    given = {**values, **spec.settings, **changed}
    knobs = {key: given[key] for key in (*spec.knobs, *spec.settings)}
    return getattr(theory, name)(*(given[key] for key in spec.arrays), **knobs)


def parts(result: Any) -> dict[str, Any]:
    """The arrays of a result by name: the fields of a record, or the result itself under ``""``."""
    if dataclasses.is_dataclass(result):
        return {f.name: getattr(result, f.name) for f in dataclasses.fields(result) if f.name != "iterations"}
    return {"": result}


def with_entry(value: float, x: np.ndarray, at: int = 0) -> np.ndarray:
    """A copy of `x` with one entry, counted flat, replaced."""
    x = x.copy()
    x.reshape(-1)[at] = value
    return x
