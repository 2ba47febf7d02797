"""What can be told from features alone, and when nothing can."""

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from tests.theory.diagnosis.runs import clustered, levels
from theory.dynamics import critical_temperature, survival_temperature

KNOBS = {"teacher_temperature": 0.04, "student_temperature": 0.1, "clusters": 64}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 384))


def judged(views, **knobs):
    return theory.diagnose_features(views, **(KNOBS | knobs))


def noisy(m, d, noise, seed=0):
    """Two views of d features with ρ = 1/(1 + noise²) each."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(m, d))
    return [shared + noise * rng.normal(size=(m, d)) for _ in range(2)]


def said(found, claim="D2"):
    return " ".join(finding.text for finding in found.findings if finding.claim == claim)


@pytest.mark.claim("D2", "D3")
def test_what_grows_and_how_warm_a_teacher_may_be_come_with_their_bounds():
    found = judged(noisy(4000, 5, 0.5))  # ρ = 0.8
    assert found.fate == "undecided" and found.healthy and "ok" in levels(found, "D2")
    numbers = found.measurements
    assert numbers["growing_directions"] == numbers["growing_directions_high"] == 5
    for end in ("", "_low", "_high"):
        rho = max(numbers["largest_correlation" + end], 0.0)
        equal(numbers["critical_temperature" + end], critical_temperature(rho, student_temperature=0.1))
        lives = survival_temperature(rho, clusters=64, student_temperature=0.1)
        equal(numbers["survival_temperature" + end], lives)
    assert 0.07 < numbers["critical_temperature_low"] < 0.08 < numbers["critical_temperature_high"] < 0.09


@pytest.mark.claim("D3")
def test_features_in_which_nothing_grows_name_the_temperature_that_would_do():
    found = judged(noisy(4000, 5, 2.0))  # ρ = 0.2
    (finding,) = (f for f in found.findings if f.level == "problem")
    assert finding.claim == "D3" and "a table lives up to" in finding.remedy
    cool = 0.999 * found.measurements["critical_temperature_low"]
    assert f"below τ_t = {cool / 0.999:.3g}" in finding.remedy
    cooler = judged(noisy(4000, 5, 2.0), teacher_temperature=cool)
    assert cooler.healthy and cooler.measurements["growing_directions"] >= 1


@pytest.mark.parametrize(
    "other",
    [
        X,
        X.astype(np.float16),
        X.astype(np.float32),
        -3.0 * X + 7.0,
        X * np.linspace(0.5, 2, 384) + np.arange(384),
        X + 1e-3 * RNG.normal(size=X.shape),
    ],
    ids=["itself", "float16", "float32", "scaled", "each feature scaled", "rounded"],
)
def test_the_same_view_twice_is_named_and_nothing_else_told(other):
    found = judged([X, other])
    assert levels(found, "D2") == {"problem", "note"}
    assert "views 1 and 2 are the same" in said(found)
    assert "growing_directions" not in found.measurements
    three = judged([RNG.normal(size=X.shape), X, other])
    assert "views 2 and 3 are the same" in said(three)


def test_views_that_are_all_but_the_same_are_measured_and_stay_below_one():
    """No correlation of them is 1 to an error that its Fisher transform could not bear."""
    view = RNG.normal(size=(2000, 4))
    found = judged([view, view + 0.006 * RNG.normal(size=view.shape)])
    numbers = found.measurements
    assert 0.999 < numbers["largest_correlation_low"] <= numbers["largest_correlation_high"] <= 1.0
    assert numbers["growing_directions"] == 4


def test_views_that_are_nearly_the_same_are_two():
    found = judged([X, X + 0.02 * RNG.normal(size=X.shape)])
    assert "are the same" not in said(found) and found.measurements["largest_correlation"] > 0.99
    assert "are the same" not in said(judged([X, 2.0 * X + 0.5 * RNG.normal(size=X.shape)]))


@pytest.mark.control("D2")
@pytest.mark.parametrize(("m", "d"), [(256, 384), (60, 40), (300, 40), (4000, 20), (400, 1)])
def test_views_that_share_nothing_agree_no_better_than_chance(m, d):
    views = [np.random.default_rng(seed).normal(size=(m, d)) for seed in (1, 2)]
    found = judged(views)
    assert levels(found, "D2") == {"problem", "note"}
    assert "no better than chance" in said(found) and found.measurements["growing_directions"] == 0
    shuffled = noisy(m, d, 0.1)
    shuffled[1] = np.random.default_rng(3).permutation(shuffled[1])
    assert "no better than chance" in said(judged(shuffled))


def test_one_direction_of_many_is_beyond_chance_where_their_mean_is_not():
    rng = np.random.default_rng(0)
    one = np.sqrt(0.3) * rng.normal(size=(4000, 100)) * (np.arange(100) < 1)
    scales = np.where(np.arange(100) < 1, np.sqrt(0.7), 1.0)
    found = judged([one + scales * rng.normal(size=one.shape) for _ in range(2)])
    assert found.measurements["mean_correlation"] < 3 * found.measurements["mean_correlation_error"]
    assert found.measurements["largest_correlation_low"] > 0 and "chance" not in said(found)


def test_too_few_samples_are_refused_in_words_where_chance_alone_would_decide():
    rng = np.random.default_rng(0)
    few = judged(noisy(39, 3, 0.1))
    assert levels(few, "D2") == {"warning", "note"} and "39 samples are too few" in said(few)
    weak = rng.normal(size=(256, 384)) * (np.arange(384) < 4)
    between = judged([weak + 0.3 * rng.normal(size=weak.shape) for _ in range(2)], teacher_temperature=0.097)
    assert levels(between, "D2") == {"warning", "note"} and "too few samples to say" in said(between)
    assert between.measurements["growing_directions"] == 0
    assert between.measurements["growing_directions_high"] == 384


def test_with_fewer_samples_than_features_what_is_shared_is_still_told():
    found = judged(noisy(256, 384, 0.3))
    assert found.measurements["growing_directions"] >= 1
    assert "at least" in said(found) and "384 at most" in said(found)


def test_what_all_samples_share_is_told_apart_from_what_grows():
    views = noisy(2000, 6, 0.3)
    found = judged([view + 30.0 for view in views])
    equal(found.measurements["constant_share"], 900 / (900 + 1.09), rtol=1e-3)
    assert "common to all samples" in said(found, "D3")
    plain = judged(views)
    for name in ("largest_correlation", "growing_directions"):
        equal(found.measurements[name], plain.measurements[name], rtol=1e-9)
    assert "common to all samples" not in said(plain, "D3")


def test_constant_features_are_counted_and_constant_views_refused():
    views = noisy(500, 4, 0.3)
    some = judged([np.hstack([view, np.full((500, 2), [0.1, 1e3 / 3])]) for view in views])
    assert "2 of 6 features are the same for every sample" in said(some)
    assert some.measurements["growing_directions"] == 4
    for dead in ([np.full((100, 4), 0.1)] * 2, [views[0], np.full((500, 4), 0.1)], [np.zeros((50, 3))] * 2):
        found = judged(dead)
        assert not found.healthy and "the same for every sample" in said(found)
    rounded = [1.0 + 1e-13 * view for view in views]
    for dead in (rounded, [1e-200 * view for view in views]):
        assert "the same for every sample, but for rounding" in said(judged(dead))


def test_features_that_repeat_each_other_change_nothing():
    views = noisy(300, 4, 0.3)
    plain = judged(views).measurements
    for more in (2, 75):  # 75 × 4 = 300 features of rank 4
        found = judged([np.tile(view, more) for view in views]).measurements
        for name in ("largest_correlation", "largest_correlation_low", "growing_directions"):
            equal(found[name], plain[name], rtol=0.02)


def test_float32_memory_maps_do(tmp_path):
    views = noisy(3000, 8, 0.5)
    for i, view in enumerate(views):
        np.save(tmp_path / f"{i}.npy", view.astype(np.float32))
    found = judged([np.load(tmp_path / f"{i}.npy", mmap_mode="r") for i in (0, 1)])
    for name, value in judged(views).measurements.items():
        equal(found.measurements[name], value, rtol=1e-4, atol=1e-6)


def test_a_teacher_no_sharper_than_the_student_still_learns_where_it_may_go():
    found = judged(noisy(4000, 5, 0.5), teacher_temperature=0.1)
    assert "nothing can grow" in said(found) and not found.healthy
    equal(found.measurements["critical_temperature"], 0.08, rtol=0.05)


def test_the_whole_diagnosis_gives_the_same_numbers():
    (teacher, _), views = clustered()
    alone = judged(views, clusters=16)
    beside = theory.diagnose(teacher, temperature=0.04, student_temperature=0.1, features=views)
    for name, value in alone.measurements.items():
        equal(beside.measurements[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("views", "knobs", "error", "words"),
    [
        ([X], {}, ValueError, "`features` must be two or more views of one shape"),
        ([X, X[:9]], {}, ValueError, "`features` must be two or more views of one shape"),
        ([X, np.full_like(X, np.nan)], {}, ValueError, "`features` must be finite"),
        (None, {}, TypeError, "`features` must be two or more views"),
        ([X, X], {"clusters": 1}, ValueError, "`clusters`"),
        ([X, X], {"teacher_temperature": 0.0}, ValueError, "`teacher_temperature`"),
        ([X, X], {"student_temperature": -1.0}, ValueError, "`student_temperature`"),
    ],
)
def test_wrong_arguments_are_named(views, knobs, error, words):
    with pytest.raises(error, match=words):
        judged(views, **knobs)
