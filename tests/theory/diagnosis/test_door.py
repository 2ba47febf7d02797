"""What a diagnosis accepts and refuses, and that it reads each array once."""

import sys

import numpy as np
import pytest
import torch

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, LIVE, SETTINGS, K, N, clustered
from theory.checks import arrays

ZERO = LIVE.copy()
ZERO[0, 2] = -np.inf


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"temperature": 0.0}, ValueError, "`temperature` must be positive"),
        ({"logits": LIVE[0]}, ValueError, r"`logits` must have shape \[N, K\], got \(16,\)"),
        ({"logits": LIVE * np.nan}, ValueError, "`logits` must not contain NaN"),
        ({"logits": LIVE.astype(complex)}, TypeError, "`logits` must hold real numbers, got dtype complex"),
        ({"teacher": "dino"}, ValueError, "`teacher` must be one of unconstrained, .*, got 'dino'"),
        ({"center": np.zeros(3)}, ValueError, r"`center` must match the clusters of `logits`"),
        (
            {"center": np.zeros(K), "teacher": "unconstrained"},
            ValueError,
            "`center` must be None for teacher 'unconstrained'",
        ),
        ({"student_logits": LIVE[:5]}, ValueError, "`student_logits` must have the shape of `logits`"),
        ({"student_logits": LIVE * np.nan}, ValueError, "`student_logits` must not contain NaN"),
        ({"student_logits": LIVE[:, :1]}, ValueError, "`student_logits` must have at least 2 clusters"),
        ({"student_logits": np.full((N, K), 1 / K)}, ValueError, "`student_logits` must be raw outputs"),
        (
            {"student_logits": np.where(np.arange(K) == 1, -np.inf, LIVE)},
            ValueError,
            "^`student_logits` .* 1",
        ),
        ({"center": np.full(K, np.inf)}, ValueError, "`center` must be finite, got inf"),
        ({"center": np.full(K, 1e308)}, ValueError, "`center` over `temperature` must be finite"),
        ({"log_target": np.zeros(K)}, ValueError, "`log_target` must hold log-probabilities"),
        (
            {"features": [np.ones((0, 3))] * 2},
            ValueError,
            r"`features` must not be empty, got shape \(0, 3\)",
        ),
        ({"features": [LIVE, LIVE * np.nan]}, ValueError, "`features` must be finite, got nan"),
        ({"teacher": "power_mean"}, ValueError, "`order` must be given for teacher 'power_mean'"),
        ({"order": 1.0}, ValueError, "`order` must be given for teacher 'power_mean' and for no other"),
        ({"rounds": 3}, ValueError, "`rounds` must be given for teacher 'sinkhorn' and for no other"),
        ({"teacher": "sinkhorn", "rounds": 0}, ValueError, "`rounds` must be at least 1, got 0"),
        (
            {"logits": ZERO},
            ValueError,
            "`logits` .* finite for teacher 'centering' without `center`, got a mean of -inf in cluster 2",
        ),
        (
            {"logits": ZERO, "teacher": "cumulant"},
            ValueError,
            "`logits` .* finite for teacher 'cumulant', got",
        ),
        (
            {
                "logits": np.where(np.arange(K) < 2, LIVE, [[-np.inf]] * 250 + [[0.0]] * 6),
                "teacher": "projected",
            },
            theory.InfeasibleTarget,
            "`log_target` cannot be met by a tilt of `logits`",
        ),
        (
            {"student_temperature": None, "student_logits": LIVE},
            ValueError,
            "`student_temperature` must be given with `student_logits`",
        ),
        (
            {"center_momentum": 0.9},
            ValueError,
            "`center_momentum` and `teacher_momentum` must be given together",
        ),
        ({"loss": -1.0}, ValueError, r"`loss` must be finite and at least 0, got -1"),
        ({"features": [LIVE]}, ValueError, r"`features` must be two or more views .* got \(256, 16\)"),
        ({"features": [LIVE, LIVE[:9]]}, ValueError, r"`features` must be .* got \(256, 16\), \(9, 16\)"),
        ({"features": 5}, TypeError, "`features` must be two or more views .* got int"),
        ({"features": []}, ValueError, "`features` must be two or more views .* got none"),
        ({"features": [1e200 * LIVE, LIVE]}, ValueError, "`features` must have finite squares, got "),
        ({"student_temperature": "a"}, TypeError, "`student_temperature` must be a number, got str"),
        (
            {"student_temperature": 0.0},
            ValueError,
            "`student_temperature` must be positive and finite, got 0",
        ),
        ({"loss": np.inf}, ValueError, "`loss` must be finite and at least 0, got inf"),
        (
            {"teacher": "projected", "teacher_momentum": 5, "center_momentum": 0.9},
            ValueError,
            r"`teacher_momentum` must be in \[0, 1\], got 5",
        ),
        ({"logits": LIVE[:1]}, ValueError, "`logits` must hold at least 2 samples, got 1"),
        ({"logits": np.full((4, 4), 0.25)}, ValueError, "`logits` must be raw outputs, got probabilities"),
        ({"logits": np.eye(4)}, ValueError, "`logits` must be raw outputs, got probabilities"),
        ({"logits": np.where(np.arange(K) == 2, -np.inf, LIVE)}, ValueError, "got only -inf in cluster 2"),
        (
            {"log_target": np.full(3, -np.log(3))},
            ValueError,
            "`log_target` must match the clusters of `logits`",
        ),
        (
            {"learning_rate": -1.0, "center_momentum": 0.9, "teacher_momentum": 0.99},
            ValueError,
            "`learning_rate` must be positive",
        ),
    ],
)
def test_garbage_is_named(arguments, error, message):
    given = {"logits": LIVE, **KNOBS} | arguments
    with pytest.raises(error, match=message):
        theory.diagnose(given.pop("logits"), **given)


def test_torch_tensors_with_gradients_are_read_and_left_alone():
    (teacher, student), _ = clustered()
    tensors = [torch.tensor(z, dtype=torch.float32, requires_grad=True) for z in (teacher, student)]
    found = theory.diagnose(tensors[0], student_logits=tensors[1], **KNOBS)
    expected = theory.diagnose(teacher, student_logits=student, **KNOBS)
    assert found.fate == expected.fate
    equal(found.measurements["loss"], expected.measurements["loss"], rtol=1e-5)
    assert tensors[0].grad is None


def test_half_precision_logits_are_diagnosed():
    found = theory.diagnose(torch.tensor(LIVE).bfloat16(), **KNOBS)
    assert found.fate == "alive"


@pytest.fixture
def read(monkeypatch):
    """Names of the arrays whose values are looked at, one entry a look."""
    found, asked = [], arrays.reads_values

    def reads_values(name):
        found.append(name)
        return asked(name)

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("theory") and hasattr(module, "reads_values"):
            monkeypatch.setattr(module, "reads_values", reads_values)
    return found


@pytest.mark.parametrize("teacher", theory.TEACHERS)
def test_each_array_of_a_diagnosis_is_read_once(read, teacher):
    (logits, student), views = clustered()
    given = {"student_logits": student, "log_target": np.full(K, -np.log(K)), "features": views}
    if teacher == "centering":
        given["center"] = logits.mean(0)
    found = theory.diagnose(logits, teacher=teacher, **SETTINGS.get(teacher, {}), **given, **KNOBS)
    assert "teacher_to_projected_tv" in found.measurements and "largest_correlation" in found.measurements
    assert sorted(read) == sorted([*given, "features", "logits"])


def test_the_count_sees_a_second_diagnosis(read):
    for _ in range(2):
        theory.diagnose(LIVE, temperature=0.04)
    assert read == ["logits", "logits"]


def test_nothing_that_is_given_is_changed():
    (logits, student), views = clustered()
    given = {"student_logits": student, "log_target": np.full(K, -np.log(K)), "center": logits.mean(0)}
    before = {name: array.copy() for name, array in given.items()} | {"logits": logits.copy()}
    theory.diagnose(logits, features=views, **given, **KNOBS)
    assert all((before[name] == array).all() for name, array in (given | {"logits": logits}).items())
    assert all((view == again).all() for view, again in zip(views, clustered()[1], strict=True))
