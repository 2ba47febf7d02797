"""Numbers that nothing derives: the defaults of public functions, and what systems published."""

import dataclasses
import inspect
import math

import pytest

import theory
import theory.dynamics
import theory.nn
import theory.systems
from theory.systems.own import OWN, SCORES_SINKHORN

DEFAULTS = {
    theory: {
        "Finding": {"remedy": ""},
        "Teacher": {
            "settings": (),
            "constrained": True,
            "exact": False,
            "average_order": 0.0,
            "in_logits": False,
            "of_scores": False,
            "pools": False,
            "ignores": frozenset({"sample shift"}),
        },
        "ema_variance_factor": {"steps": math.inf},
        "log_prior": {"order": 1.0},
        "log_softmax": {"temperature": 1.0},
        "project": {"tol": 1e-9, "max_iter": 400, "throw": True},
        "summarize": {"temperature": 1.0},
    },
    theory.dynamics: {
        "correlations": {"drop_singular": False},
        "coupled_center_stability": {"bias": True},
        "cross_view_moments": {"directed": False},
        "fold_shift": {"batch_size": 1.0, "learning_rate": 1.0},
        "growth_rates": {"teacher_rate": math.inf, "discrete": False},
        "whitened_growth_rate": {"teacher_rate": math.inf},
    },
    theory.systems: {
        "System": {
            "student_temperature": 0.1,
            "teacher_momentum": 0.0,
            "center_momentum": 0.0,
            "cosine_head": True,
        },
        "capi": {"temperature": 0.06, "rounds": 3},
        "dino": {"temperature": 0.04},
        "dinov2": {"temperature": 0.04, "rounds": 3},
        "msn": {"temperature": 0.025, "rounds": 3},
        "power_law_log_target": {"exponent": 0.25},
        "sela": {"sharpness": 25.0, "tol": 1e-9, "max_iter": 400},
        "swav": {"epsilon": 0.05, "rounds": 3},
        "update_center": {"momentum": 0.9},
        "which_system": {"momentum": 0.9, "rounds": 3},
    },
    theory.nn: {
        "ClusterDistillationLoss": {
            "teacher": "centering",
            "momentum": 0.9,
            "teacher_temperature": 0.04,
            "student_temperature": 0.1,
            "per_view": False,
            "me_max": 0.0,
            "manual_update": False,
        },
        "MaskedPatchLoss": {
            "teacher": "centering",
            "momentum": 0.9,
            "teacher_temperature": 0.04,
            "student_temperature": 0.1,
            "normalized_by": "all",
            "manual_update": False,
        },
        "Monitor": {"every": 100, "rows": 256},
        "Schedule": {"shape": "linear"},
        "TeacherNormalizer": {
            "batch_shape": (),
            "manual_update": False,
            "tol": 1e-5,
            "validate": False,
        },
    },
}
"""Of every public callable that has any; None, "not given", is left out."""


def defaults_of(call):
    given = inspect.signature(call).parameters.values()
    return {p.name: p.default for p in given if p.default is not p.empty and p.default is not None}


@pytest.mark.parametrize("package", DEFAULTS, ids=lambda package: package.__name__)
def test_the_defaults_of_everything_public_are_these(package):
    every = {name: getattr(package, name) for name in package.__all__}
    found = {name: defaults_of(value) for name, value in every.items() if callable(value)}
    assert {name: given for name, given in found.items() if given} == DEFAULTS[package]


PUBLISHED = {
    "dino": ("centering", "dino", 65536, 0.1, 0.04, 0.07, 0.996, 0.9, True),
    "ibot": ("centering", "dino", 8192, 0.1, 0.04, 0.07, 0.996, 0.9, True),
    "dinov2": ("sinkhorn", "dinov2", 131072, 0.1, 0.04, 0.07, 0.994, 0.0, True),
    "dinov3": ("sinkhorn", "dinov2", 262144, 0.1, 0.04, 0.07, 0.994, 0.0, True),
    "swav": ("sinkhorn", "swav", 3000, 0.1, 0.05, 0.05, 0.0, 0.0, True),
    "msn": ("sinkhorn", "msn", 1024, 0.1, 0.025, 0.025, 0.996, 0.0, True),
    "sela": ("projected", "sela", 3000, 1.0, 0.04, 0.04, 0.0, 0.0, False),
    "capi": ("sinkhorn", "capi", 16384, 0.12, 0.06, 0.06, 0.999, 0.0, False),
}
"""Teacher, function, K, τ_s, τ_t first and last, teacher's and centre's momentum, cosine head."""


def test_the_published_settings_are_these():
    found = {name: dataclasses.astuple(system)[:-1] for name, system in theory.systems.SYSTEMS.items()}
    assert found == PUBLISHED


SHIFT, BIAS = "sample shift", "cluster bias"
ROWS = {
    "unconstrained": ((), False, False, 0.0, False, False, False, {SHIFT}),
    "centering": ((), True, False, 0.0, True, True, True, {SHIFT, BIAS}),
    "inverse_prior": ((), True, False, 1.0, False, False, True, {SHIFT}),
    "power_mean": (("order",), True, False, None, False, False, True, {SHIFT}),
    "cumulant": ((), True, False, 0.0, False, False, False, {SHIFT}),
    "batch_softmax": ((), True, False, 1.0, False, True, True, {BIAS}),
    "sinkhorn": (("rounds",), True, False, 0.0, False, False, False, {SHIFT}),
    "projected": ((), True, True, 0.0, False, False, False, {SHIFT, BIAS}),
    "sinkhorn on scores": (("rounds",), True, False, 0.0, False, True, False, {BIAS}),
}
"""Settings, constrained, exact, order of the average, in logits, of scores, pools, ignores."""


def test_what_is_known_of_each_teacher_is_this():
    every = {**theory.TEACHERS, SCORES_SINKHORN.name: SCORES_SINKHORN}
    assert {name: dataclasses.astuple(row)[2:-2] for name, row in every.items()} == ROWS
    assert {name: row.name for name, row in every.items()} == {name: name for name in ROWS}
    assert dict(OWN) == dict.fromkeys(("dinov2", "swav", "capi"), SCORES_SINKHORN)
