"""Which cases every public numerical function is measured on, and why the others have none."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import theory
from tests.accuracy.grid import (
    SAMPLES,
    Case,
    Cases,
    ensembles,
    logits,
    of_ensembles,
    of_logits,
    of_pairs,
    uneven,
)
from tests.accuracy.runs import RUNS

ORDERS = (-np.inf, -1e3, -2.0, -1e-9, 0.0, 1e-9, 0.5, 1.0, 1e3, np.inf)
RANGES = (1e-300, 1e-20, 1e-8, 1e-3, 0.0625, 0.5, 1.0, 3.0, 40.0, 745.0, 1e7, 1e100)
_W, _TARGETED = ("weights",), ("weights", "log_target")


def _ranges(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
    with np.errstate(over="ignore", under="ignore"):
        values = np.asarray(RANGES).astype(dtype)
    values = values[(values > 0) & np.isfinite(values)]
    yield Case(label="R from 1e-300 to 1e100", given={"log_range": values})


def _gaps(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
    for gap in ([0.0, 1e-300], [1.0, 1.0 + 1e-6], [0.1, 5.0], [0.0, 1e6], [1e4, 1e7]):
        with np.errstate(under="ignore"):
            yield Case(label=f"gaps {gap}", given={"jensen_gap": np.asarray(gap).astype(dtype)})


def _tilts(name: str) -> Cases:
    def cases(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
        for label, given in ensembles(dtype, clusters):
            log_p = given["log_p"]
            for size in (1e-6, 1.0, 1e6):
                tilt = (size * np.random.default_rng(5).standard_normal(log_p.shape[1])).astype(dtype)
                yield Case(label=f"{label}, λ of {size:g}", given={"log_p": log_p, name: tilt})

    return cases


def _hidden(found: theory.Projection) -> dict[str, np.ndarray]:
    one = np.ones(found.log_tilt.shape)
    return {"start": np.float64(found.log_tilt), "slack": one, "rounded": one}


def _projected(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
    """tol as low as rounding of log p lets a marginal be known."""
    for label, given in ensembles(dtype, clusters):
        tol = 1e-11
        found = theory.project(**given, tol=tol)
        hidden = _hidden(found)
        yield Case(label=label, given=given | {"tol": tol} | hidden)


def _sela(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
    for label, given in ensembles(dtype, clusters):
        z = given.pop("log_p")
        for sharpness in (1e-6, 1.0):
            log_p = theory.log_softmax(z, temperature=1.0 / sharpness)
            found = theory.project(log_p, **given, tol=1e-11)
            hidden = _hidden(found)
            more = {"logits": z, "sharpness": sharpness, "tol": 1e-11}
            yield Case(label=f"{label}, s = {sharpness:g}", given=given | more | hidden)


def _centred(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
    for label, z, tau in logits(dtype, clusters):
        yield Case(label=label, given={"logits": z, "center": z[0] / 3, "temperature": tau})


def _summarized(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
    """To K = 256: the exact value of so many numbers takes minutes at 4096."""
    return of_logits(extra=("weights",))(dtype, tuple(min(k, 256) for k in clusters))


def _centers(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
    for label, z, tau in logits(dtype, clusters):
        if tau != 1.0:
            continue
        for momentum in (0.0, 0.9, 1 - 1e-6):
            given = {"center": z[0] / 3, "logits": z, "momentum": float(np.asarray(momentum, dtype))}
            said = label.replace("τ = 1,", f"m = {momentum:g},")
            yield Case(label=said, given=given)
            weights = {"weights": uneven(SAMPLES).astype(dtype)}
            yield Case(label=f"{said}, weights over 12 orders", given=given | weights)


def _positions(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
    for label, z, tau in logits(dtype, clusters):
        given = {"logits": np.stack([z, z[::-1]], axis=1), "temperature": tau, "rounds": 3}
        yield Case(label=label, given=given)


_ROUNDS: dict[str, Any] = {"rounds": 3}


def _k(given: dict[str, Any]) -> int:
    return next(x.shape[-1] for x in given.values() if isinstance(x, np.ndarray) and x.ndim > 1)


def _scaled(given: dict[str, Any]) -> tuple[int, int]:
    return given["rounds"], SAMPLES + 1, _k(given)


_LESS = (
    "centering_log_tilt",
    "inverse_prior_log_tilt",
    "power_mean_log_tilt",
    "cumulant_log_tilt",
    "batch_softmax_log_tilt",
)
SLACK: dict[str, Callable[[dict[str, Any]], tuple[int, ...]]] = {
    **dict.fromkeys(("certificate", *_LESS), lambda given: (2, _k(given))),
    "sinkhorn_log_tilt": lambda given: (2, given["rounds"], _k(given)),
    **dict.fromkeys(
        ("prior_dispersion", "log_prior_bias", "log_prior_variance", "crossing_batch_size"),
        lambda given: (1, _k(given)),
    ),
    "teacher_crossing_batch_size": lambda given: (2,),
    "summarize": lambda given: (SAMPLES + 2, _k(given)),
    **dict.fromkeys(("msn", "dinov2", "swav", "capi"), _scaled),
    "power_law_log_target": lambda given: (1,),
}
"""Shape of the `slack` of a formula: the numbers that its function rounds on the way."""

CASES: dict[str, Cases] = {
    "log_softmax": of_logits(extra=()),
    "entropy": of_ensembles(),
    "cross_entropy": of_pairs("log_r", "log_q"),
    "kl": of_pairs("log_p", "log_q"),
    "mutual_information": of_ensembles(*_W),
    "lautum_information": of_ensembles(*_W),
    "jeffreys_information": of_ensembles(*_W),
    "log_prior": of_ensembles(*_W, settings=tuple({"order": s} for s in ORDERS)),
    "jensen_gap": of_ensembles(*_W),
    "log_range": of_ensembles(*_W),
    "log_variance": of_ensembles(*_W),
    "tilt": _tilts("log_tilt"),
    "centering_log_tilt": of_ensembles(*_TARGETED),
    "inverse_prior_log_tilt": of_ensembles(*_TARGETED),
    "power_mean_log_tilt": of_ensembles(*_TARGETED, settings=tuple({"order": s} for s in ORDERS)),
    "cumulant_log_tilt": of_ensembles(*_TARGETED),
    "batch_softmax_log_tilt": of_logits(),
    "sinkhorn_log_tilt": of_ensembles(*_TARGETED, settings=({"rounds": 1}, {"rounds": 4})),
    "project": _projected,
    "specht_bound": _ranges,
    "hoeffding_bound": _ranges,
    "variance_bound": _ranges,
    "teacher_distance_bound": _gaps,
    "hilbert_diameter": of_ensembles(),
    "sinkhorn_contraction": of_ensembles(),
    "projected_distance_bound": _tilts("log_tilt_change"),
    "evaluate": of_pairs("log_r", "log_q", *_W),
    "certificate": of_pairs("log_r", "log_q", *_TARGETED),
    "prior_dispersion": of_ensembles(*_W),
    "log_prior_bias": of_ensembles(*_W, settings=({"batch_size": 64.0},)),
    "log_prior_variance": of_ensembles(*_W, settings=({"batch_size": 64.0},)),
    "crossing_batch_size": of_ensembles(*_W),
    "teacher_crossing_batch_size": of_ensembles(*_TARGETED),
    "summarize": _summarized,
    "dino": _centred,
    "update_center": _centers,
    "msn": of_logits(more=_ROUNDS),
    "dinov2": of_logits(more=_ROUNDS),
    "swav": of_logits("scores", "epsilon", more=_ROUNDS),
    "capi": _positions,
    "sela": _sela,
    **RUNS,
}

NO_ROW = {
    "adaptive_turns": "runs a cycle until it repeats to `SAME`, 1e-4: there is no formula",
    "assume_valid": "computes nothing",
    "diagnose": "returns findings in words; its numbers are those of the functions above",
    "diagnose_features": "returns findings in words; its numbers are those of `correlations`",
    "explain_loss": "returns findings in words about a curve of logged numbers",
    "which_system": "returns names of conventions",
}
