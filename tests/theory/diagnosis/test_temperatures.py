"""The temperatures beside the cross-view correlations of the features."""

import dataclasses

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import KNOBS, LIVE, UNIFORM, clustered, levels
from theory.diagnosis.temperatures import (
    FeatureReading,
    GrowthThresholds,
    TemperatureJudgement,
    _about_growth,
)


@pytest.mark.control("D2")
def test_independent_features_are_told_from_learnable_ones():
    """M samples of D features correlate by chance; what the rows left out do not show does not count."""
    rng = np.random.default_rng(0)
    for samples in (60, 300, 2000):
        views = [rng.normal(size=(samples, 40)) for _ in range(2)]
        found = theory.diagnose(LIVE, features=views, **KNOBS)
        assert found.measurements["growing_directions"] <= 1
        assert "ok" not in levels(found, "D2") or found.measurements["growing_directions"] == 1
    shared = rng.normal(size=(2000, 5))
    views = [np.hstack([shared, np.zeros((2000, 35))]) + 0.5 * rng.normal(size=(2000, 40)) for _ in range(2)]
    assert theory.diagnose(LIVE, features=views, **KNOBS).measurements["growing_directions"] == 5


@pytest.mark.claim("D2", "D3")
def test_features_that_do_not_survive_the_views_are_the_knob_that_is_named():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(4000, 3))
    views = [shared * [1.0, 0.5, 0.1] + rng.normal(size=(4000, 3)) for _ in range(2)]  # ρ = 0.5, 0.2, 0.01
    grow = {ratio: {"temperature": 0.1 * ratio, "student_temperature": 0.1} for ratio in (0.1, 0.4, 0.7)}
    found = {ratio: theory.diagnose(UNIFORM, features=views, **knobs) for ratio, knobs in grow.items()}
    assert [found[ratio].measurements["growing_directions"] for ratio in grow] == [2, 1, 0]
    equal(found[0.4].measurements["largest_correlation"], 0.5, rtol=0.1)
    assert "problem" in levels(found[0.7], "D3")
    (teacher, _), _ = clustered()
    assert "problem" not in levels(theory.diagnose(teacher, features=views, **grow[0.7]), "D3")


def test_an_unsharpened_teacher_is_a_problem():
    (teacher, _), _ = clustered()
    assert levels(theory.diagnose(teacher, temperature=0.1, student_temperature=0.1), "D2") >= {"problem"}


@pytest.mark.parametrize(
    "low, said", [(0.005, "below τ_t = 0.005."), (0.0, "well below τ_t = 0.03."), (-0.1, "well below")]
)
def test_features_are_learnt_below_the_lower_bound_however_small_if_it_is_positive(low, said):
    zeros = {field.name: 0.0 for field in dataclasses.fields(FeatureReading)}
    reading = FeatureReading(**zeros | {"largest_correlation_low": low, "largest_correlation_high": 0.3})
    found = dict.fromkeys((field.name for field in dataclasses.fields(GrowthThresholds)), 0.03)
    thresholds = GrowthThresholds(**found | {"critical_temperature_low": low})
    judgement = TemperatureJudgement(temperature_ratio=1.0)
    (finding,) = _about_growth(judgement, reading, thresholds, alive=True)
    assert f"these features are learnt {said}" in finding.text
