"""Checks are made at the door: each array of a public call is read for its values once, and never inside."""

import sys

import numpy as np
import pytest

import theory
from tests.support import calls
from theory.checks import arrays

SYSTEMS = {
    "dino": ("logits", "center"),
    "update_center": ("center", "logits", "weights"),
    "dinov2": ("logits", "weights", "log_target"),
    "swav": ("scores", "weights", "log_target"),
    "msn": ("logits", "weights", "log_target"),
    "sela": ("logits", "weights", "log_target"),
}


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


@pytest.mark.parametrize("name", calls.CALLS)
def test_each_array_of_a_public_call_is_read_once(name, read):
    calls.call(name, calls.operands())
    assert sorted(read) == sorted(calls.names(name))


@pytest.mark.parametrize("name", SYSTEMS)
def test_each_array_given_to_a_published_teacher_is_read_once(name, read):
    values = calls.operands()
    values |= {"scores": values["logits"], "center": values["log_tilt"]}
    positional = [key for key in SYSTEMS[name] if key in ("logits", "scores", "center")]
    knobs = {key: values[key] for key in SYSTEMS[name] if key not in positional}
    getattr(theory.systems, name)(*(values[key] for key in positional), **knobs)
    assert sorted(read) == sorted(SYSTEMS[name])


@pytest.mark.parametrize("name", theory.TEACHERS)
def test_each_array_given_to_a_teacher_is_read_once(name, read):
    given = {"power_mean": {"order": 2.0}, "sinkhorn": {"rounds": 2}}.get(name, {})
    values = calls.operands()
    knobs = {key: values[key] for key in ("weights", "log_target")}
    temperature = np.full((1, 1), 0.5)
    theory.TEACHERS[name](values["logits"], temperature=temperature, **knobs, **given)
    assert sorted(read) == ["log_target", "logits", "temperature", "weights"]


@pytest.mark.parametrize(
    "function", ["prior_dispersion", "crossing_batch_size", "teacher_crossing_batch_size"]
)
def test_each_array_given_to_an_estimate_is_read_once(function, read):
    values = calls.operands()
    getattr(theory, function)(values["log_p"], weights=values["weights"])
    assert sorted(read) == ["log_p", "weights"]


def test_one_array_given_twice_is_read_once(read):
    log_p = calls.operands()["log_p"]
    theory.kl(log_p, log_p)
    theory.evaluate(log_p, log_p)
    assert len(read) == 2


def test_the_count_sees_a_second_look(read):
    log_p = calls.operands()["log_p"]
    theory.entropy(log_p)
    theory.entropy(log_p)
    assert read == ["log_p", "log_p"]
