"""A valid call of everything public, by the names of its arguments: core, rooms, loss, command lines."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import theory
from tests.support import calls
from theory.nn import ClusterDistillationLoss, MaskedPatchLoss, Monitor, Schedule, TeacherNormalizer

N, K = 40, 4
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(N, K))
LOG_P = theory.log_softmax(Z)
STUDENT, EARLIER = RNG.normal(size=(2, N, K))
WEIGHTS, LOG_TARGET = np.full(N, 1 / N), np.full(K, -np.log(K))
VIEWS = [Z + 0.1 * RNG.normal(size=(N, K)) for _ in range(2)]
MOMENTS = theory.dynamics.cross_view_moments(*VIEWS)
TEMPERATURES = {"student_temperature": 0.1, "teacher_temperature": 0.04}
CURVE = np.linspace(1.4, 0.5, 40)

_LOG_P = {"log_p": LOG_P, "weights": WEIGHTS}
_CENTER = {"gain": 0.01, "teacher_momentum": 0.99} | TEMPERATURES
_GROWTH = {"gain": 0.1, **TEMPERATURES, "teacher_rate": 0.01}
_PUBLISHED = {"logits": Z, "temperature": 0.5, "rounds": 3, "weights": WEIGHTS, "log_target": LOG_TARGET}
_DIAGNOSED = {
    "logits": Z, "temperature": 0.04, "teacher": "centering", "center": Z.mean(0), "student_logits": STUDENT,
    "student_temperature": 0.1, "earlier_logits": EARLIER, "loss": 1.0, "loss_is": "mean",
    "log_target": LOG_TARGET, "teacher_momentum": 0.99, "center_momentum": 0.9, "learning_rate": 0.1,
    "batch_size": 64, "features": VIEWS, "weights": WEIGHTS,
}  # fmt: skip
_EXPLAINED = {
    "loss": CURVE, "clusters": K, "steps": np.arange(40.0), "teacher_entropy": CURVE / 2, "kl": CURVE / 2,
    "teacher": "centering", **TEMPERATURES, "teacher_momentum": 0.99, "center_momentum": 0.9,
    "learning_rate": 0.1, "prior_entropy": 1.0, "loss_is": "sum of pairs", "pairs": 2,
}  # fmt: skip

ROOMS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "crossing_batch_size": (theory.crossing_batch_size, _LOG_P),
    "teacher_crossing_batch_size": (
        theory.teacher_crossing_batch_size, _LOG_P | {"log_target": LOG_TARGET}
    ),
    "log_prior_bias": (theory.log_prior_bias, _LOG_P | {"batch_size": 64}),
    "log_prior_variance": (theory.log_prior_variance, _LOG_P | {"batch_size": 64}),
    "prior_dispersion": (theory.prior_dispersion, _LOG_P),
    "ema_variance_factor": (theory.ema_variance_factor, {"momentum": 0.9, "steps": 10}),
    "diagnose": (theory.diagnose, _DIAGNOSED),
    "diagnose_features": (
        theory.diagnose_features, {"features": VIEWS, "clusters": K} | TEMPERATURES
    ),
    "explain_loss": (theory.explain_loss, _EXPLAINED),
    "summarize": (theory.summarize, {"logits": Z, "temperature": 0.5, "weights": WEIGHTS}),
    "adaptive_gain": (
        theory.dynamics.adaptive_gain,
        {"learning_rate": 1e-3, "gradient_noise": 0.1, "clusters": K, "student_temperature": 0.1},
    ),
    "adaptive_turns": (
        theory.dynamics.adaptive_turns,
        {"teacher_momentum": 0.99, "center_momentum": 0.999} | TEMPERATURES,
    ),
    "learnt_solution": (theory.dynamics.learnt_solution, {"correlation": 0.7, "clusters": K} | TEMPERATURES),
    "learnt_center_stability": (
        theory.dynamics.learnt_center_stability,
        {"correlation": 0.7, "clusters": K, "center_momentum": 0.9} | _CENTER,
    ),
    "center_race": (theory.dynamics.center_race, {"correlation": 0.7, "center_momentum": 0.9} | _CENTER),
    "held_share": (theory.dynamics.held_share, TEMPERATURES),
    "shared_head_stability": (
        lambda first=0.9, **options: theory.dynamics.shared_head_stability(
            center_momenta=(first, None), teacher_temperatures=(0.04, 0.07), **options
        ),
        {"share": 0.5, "gain": 0.01, "teacher_momentum": 0.99, "student_temperature": 0.1},
    ),
    "fold_shift": (theory.dynamics.fold_shift, {"shift": 0.05, "batch_size": 4.0, "learning_rate": 0.5}),
    "center_gain_limit": (
        theory.dynamics.center_gain_limit,
        {"center_momentum": 0.9, "teacher_momentum": 0.99} | TEMPERATURES,
    ),
    "center_stability": (theory.dynamics.center_stability, _CENTER | {"center_momentum": 0.9}),
    "coupled_center_stability": (
        theory.dynamics.coupled_center_stability, {"moments": MOMENTS, "center_momentum": 0.9} | _CENTER
    ),
    "critical_center_momentum": (theory.dynamics.critical_center_momentum, _CENTER),
    "critical_center_rate": (
        theory.dynamics.critical_center_rate, {"gain": 0.01, "teacher_rate": 0.01} | TEMPERATURES
    ),
    "correlations": (
        theory.dynamics.correlations,
        {"cross": MOMENTS.cross(bias=False), "second": MOMENTS.second(bias=False), "rank_tol": 1e-9},
    ),
    "critical_temperature": (
        theory.dynamics.critical_temperature, {"correlation": [0.5], "student_temperature": 0.1}
    ),
    "cross_view_moments": (
        lambda first, second, **options: theory.dynamics.cross_view_moments(first, second, **options),
        {"first": VIEWS[0], "second": VIEWS[1], "weights": WEIGHTS, "mass": 3.0},
    ),
    "growth_rates": (
        theory.dynamics.growth_rates,
        {"cross": MOMENTS.cross(bias=False), "second": MOMENTS.second(bias=False)} | _GROWTH,
    ),
    "student_gain": (
        theory.dynamics.student_gain, {"learning_rate": 0.1, "clusters": K, "student_temperature": 0.1}
    ),
    "survival_temperature": (
        theory.dynamics.survival_temperature,
        {"correlation": [0.5], "clusters": K, "student_temperature": 0.1},
    ),
    "whitened_growth_rate": (theory.dynamics.whitened_growth_rate, {"correlation": [0.5]} | _GROWTH),
    "capi": (theory.systems.capi, {"logits": np.stack([Z, Z]), "temperature": 0.5, "rounds": 3}),
    "dino": (theory.systems.dino, {"logits": Z, "center": Z.mean(0), "temperature": 0.5}),
    "dinov2": (theory.systems.dinov2, _PUBLISHED),
    "msn": (theory.systems.msn, _PUBLISHED),
    "power_law_log_target": (theory.systems.power_law_log_target, {"clusters": K, "exponent": 0.25}),
    "sela": (
        theory.systems.sela,
        {"logits": Z, "sharpness": 2.0, "weights": WEIGHTS, "log_target": LOG_TARGET, "tol": 1e-6,
         "max_iter": 100},
    ),
    "swav": (
        theory.systems.swav,
        {"scores": Z, "epsilon": 0.5, "rounds": 3, "weights": WEIGHTS, "log_target": LOG_TARGET},
    ),
    "update_center": (
        theory.systems.update_center,
        {"center": Z.mean(0), "logits": Z, "momentum": 0.9, "weights": WEIGHTS},
    ),
    "which_system": (
        theory.systems.which_system,
        {"logits": Z, "targets": np.exp(LOG_P), "temperature": 1.0, "center": Z.mean(0),
         "next_center": Z.mean(0), "momentum": 0.9, "rounds": 3},
    ),
}  # fmt: skip

T_VIEWS = [torch.from_numpy(view).float() for view in VIEWS]
_TEACHER = {
    "teacher": "centering", "clusters": K, "momentum": 0.9, "log_target": torch.from_numpy(LOG_TARGET),
    "batch_shape": (), "tol": 1e-5,
}  # fmt: skip
_CRITERION = _TEACHER | TEMPERATURES
LOSSES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "TeacherNormalizer": (TeacherNormalizer, _TEACHER),
    "ClusterDistillationLoss": (
        ClusterDistillationLoss, _CRITERION | {"shared_views": 2, "view_weights": [1.0, 2.0], "me_max": 1.0}
    ),
    "MaskedPatchLoss": (MaskedPatchLoss, _CRITERION | {"normalized_by": "all"}),
    "Monitor": (
        Monitor, {"criterion": ClusterDistillationLoss(clusters=K), "every": 10, "rows": 32}
    ),
    "Schedule": (Schedule, {"start": 0.04, "end": 0.07, "steps": 10, "shape": "linear"}),
    "a step of ClusterDistillationLoss": (
        lambda **given: ClusterDistillationLoss("inverse_prior", clusters=K)(**given),
        {"student": T_VIEWS, "teacher": T_VIEWS, "weights": torch.full((N,), 1 / N)},
    ),
    "a step of MaskedPatchLoss": (
        lambda **given: MaskedPatchLoss("inverse_prior", clusters=K)(**given),
        {"student": T_VIEWS[0], "teacher": T_VIEWS[1], "weights": torch.full((N,), 1 / N)},
    ),
    "a masked step of MaskedPatchLoss": (
        lambda **given: MaskedPatchLoss("inverse_prior", clusters=K)(**given),
        {"student": torch.stack(T_VIEWS), "teacher": torch.stack(T_VIEWS),
         "mask": torch.ones(2, N, dtype=torch.bool)},
    ),
    "a step of TeacherNormalizer": (
        lambda **given: TeacherNormalizer("inverse_prior", clusters=K)(**given),
        {"logits": T_VIEWS[0], "temperature": 0.1},
    ),
    "load_average": (
        lambda average: TeacherNormalizer("centering", clusters=K, momentum=0.9).load_average(average),
        {"average": torch.zeros(K)},
    ),
}  # fmt: skip


def everything() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """All of it by name, the core among it."""
    values = calls.operands()
    core = {
        name: (
            getattr(theory, name),
            {key: values[key] for key in (*spec.arrays, *spec.knobs)} | spec.settings,
        )
        for name, spec in calls.CALLS.items()
    }
    return core | ROOMS | LOSSES


def public() -> set[str]:
    """The names of all public functions of the theory and its rooms on arrays."""
    rooms = (theory, theory.dynamics, theory.systems)
    return {name for room in rooms for name in room.__all__ if inspect.isfunction(getattr(room, name))}
