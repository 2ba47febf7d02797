"""Which records count, and which part of the loss moved: each limit from both sides, and the words for it."""

import math

import numpy as np
import pytest

import theory
from theory.curves.turns import RESTS, RETURNS, RISES

K = 64
TOP = math.log(K)


def explained(loss, **knobs):
    return theory.explain_loss(loss, clusters=K, **knobs)


def said(found, claim="O2"):
    return [f.text for f in found.findings if f.claim == claim]


def steps_up(first, last, n=200):
    """A series that goes from one level to another half-way."""
    return np.concatenate([np.full(n // 2, float(first)), np.full(n - n // 2, float(last))])


# -- records ------------------------------------------------------------------------------------------


def test_of_a_step_logged_again_the_last_record_counts():
    steps = np.r_[np.arange(60), np.arange(40, 100)]
    found = explained(np.r_[np.full(60, 9.0), np.full(60, TOP)], steps=steps)
    assert "20 records of steps that were logged again are left out." in said(found)
    assert found.measurements["records"] == 100
    first = explained(np.r_[np.full(60, TOP), np.full(60, 9.0)], steps=steps)
    assert (found.fate, first.fate) == ("uniform collapse", "above log K")
    assert said(explained(np.full(100, TOP))) == []


def test_losses_that_are_no_numbers_are_counted_and_at_the_end_they_are_the_fate():
    loss = np.full(100, TOP)
    loss[[3, 50]] = math.inf, math.nan
    found = explained(loss)
    assert "2 losses are NaN or inf, and left out." in said(found)
    assert found.measurements["records"] == 98
    loss[-1] = math.nan
    found = explained(loss)
    assert (found.fate, found.healthy) == ("diverged", False)
    assert said(found) == [
        "the loss ends in NaN or inf: the run diverged, and of what comes after nothing follows."
    ]


@pytest.mark.parametrize("gap, told", [(10, False), (11, True)])
def test_a_tenth_of_the_run_without_a_record_is_said(gap, told):
    steps = np.r_[np.arange(50), 49 + gap + np.arange(50)]  # of 98 + gap steps
    assert (
        f"nothing was logged for {gap} steps in a row." in said(explained(np.full(100, TOP), steps=steps))
    ) == told


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_every_step_is_a_number(bad):
    with pytest.raises(ValueError, match="`steps` must be finite, got NaN or inf"):
        explained([TOP] * 3, steps=[0.0, bad, 2.0])


def test_steps_far_apart_all_along_are_no_gap():
    steps = 10.0 * np.arange(11)  # each a tenth of the run
    steps[6:] += 15  # 25 of 115, under three times the usual
    assert said(explained(np.full(11, TOP), steps=steps)) == []
    steps[6:] += 6
    assert said(explained(np.full(11, TOP), steps=steps)) == ["nothing was logged for 31 steps in a row."]


# -- teacher entropy and KL ---------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["teacher_entropy", "kl", "both"])
@pytest.mark.parametrize(
    "entropy, kl, words",
    [
        (-1.0, -0.25, "because the teacher became sharper, more than the student nearer"),
        (-0.25, -1.0, None),
        (0.5, 0.25, "it rose because the teacher became softer, as in a warm-up of τ_t"),
        (0.25, 0.5, None),
        (0.01, 0.0, None),  # less than the noise of O5
        (-0.01, -0.005, None),
    ],
)
def test_what_moved_the_loss_is_named(given, entropy, kl, words):
    parts = {"teacher_entropy": steps_up(2.0, 2.0 + entropy), "kl": steps_up(1.5, 1.5 + kl)}
    loss = sum(parts.values())
    found = explained(loss, **(parts if given == "both" else {given: parts[given]}))
    assert found.measurements["teacher_entropy_change"] == pytest.approx(entropy)
    assert found.measurements["kl_change"] == pytest.approx(kl)
    text = f"from first to last H(r) changed by {entropy:+.3g} nats and the KL by {kl:+.3g}"
    (line,) = [one for one in said(found) if one.startswith(text)]
    assert line == f"{text}." if words is None else words in line


def test_a_scaled_loss_has_scaled_parts():
    parts = {"teacher_entropy": steps_up(2.0, 1.0), "kl": np.full(200, 1.5)}
    loss = sum(parts.values())
    scaled = {name: 18 * values for name, values in parts.items()}
    found = explained(18 * loss, loss_is="sum of pairs", pairs=18, **scaled)
    assert found.measurements["teacher_entropy_change"] == pytest.approx(-1.0)


def test_sixteen_records_of_both_are_needed():
    for n, few in ((15, True), (16, False)):
        entropy = np.full(100, math.nan)
        entropy[:n] = 1.0
        text = f"teacher entropy and KL are there in {n} records only: too few to compare."
        assert (text in said(explained(np.full(100, 2.0), teacher_entropy=entropy))) == few


@pytest.mark.parametrize("off, told", [(0.0299, False), (0.0301, True)])
def test_parts_that_do_not_add_up_are_not_compared(off, told):
    """By a hundredth of one and the loss, here 2."""
    found = explained(np.full(100, 2.0), teacher_entropy=np.full(100, 1.0), kl=np.full(100, 1.0 - off))
    text = f"loss and H(r) + KL are {off:.3g} nats apart: they are not of the same batches."
    assert (text in said(found)) == told
    assert ("kl_change" in found.measurements) != told


@pytest.mark.parametrize(
    "entropy, told", [(-0.0009, False), (-0.0011, True), (2.0009, False), (2.0011, True)]
)
def test_a_part_that_is_negative_is_no_part(entropy, told):
    found = explained(np.full(100, 2.0), teacher_entropy=np.full(100, entropy))
    text = "H(r) or the KL is negative, which neither can be: check that the loss is their sum."
    assert (text in said(found)) == told


def test_a_rise_since_the_lowest_is_the_teachers_or_not():
    loss = np.r_[np.full(100, 3.0), np.full(100, 1.0), np.full(100, 1.5)]
    teacher = np.r_[np.full(100, 1.0), np.full(100, 0.5), np.full(100, 0.9)]
    text = "of the 0.5 nats above its lowest that the loss is, 0.4 are the teacher's entropy: a warm-up."
    assert text in said(explained(loss, teacher_entropy=teacher))
    half = np.r_[np.full(100, 1.0), np.full(100, 0.5), np.full(100, 0.751)]
    assert any("nats above its lowest" in one for one in said(explained(loss, teacher_entropy=half)))
    for other in (
        np.r_[np.full(100, 1.0), np.full(100, 0.5), np.full(100, 0.749)],  # less than half of the rise
        np.r_[np.full(100, 0.5), np.full(100, 0.5), np.full(100, 0.9)],  # the change is said already
    ):
        assert not any("above its lowest" in one for one in said(explained(loss, teacher_entropy=other)))


@pytest.mark.parametrize("rise, told", [(0.099, False), (0.101, True)])
def test_a_tenth_of_a_nat_above_the_lowest_is_a_rise(rise, told):
    loss = np.r_[np.full(100, 3.0), np.full(100, 1.0), np.full(100, 1.0 + rise)]
    text = f"the loss is {rise:.3g} nats above its lowest: a warm-up of τ_t raises the teacher's entropy,"
    assert any(one.startswith(text) for one in said(explained(loss))) == told


@pytest.mark.parametrize("margin, level", [(0.0199, "note"), (0.0201, "ok"), (0.5, "ok"), (-0.5, "note")])
def test_the_margin_proves_something_from_two_hundredths_of_a_nat(margin, level):
    found = explained(np.full(100, 2.0), prior_entropy=2.0 + margin, loss_is="mean")
    assert found.measurements["margin"] == pytest.approx(margin)
    words = {
        "ok": f"the loss is {margin:.3g} nats below what the best constant student pays: it looks at its"
        " input.",
        "note": f"H(r̄) − loss is {margin:.3g} nats: a constant student can pay as little.",
    }
    assert [(f.level, f.text) for f in found.findings if "nats" in f.text and "log 64" not in f.text] == [
        (level, words[level])
    ]
    unsaid = explained(np.full(100, 2.0), prior_entropy=2.0 + margin)
    assert "H(r̄) − loss proves something once `loss_is` says what the loss is." in said(unsaid, "O5")


# -- swings -------------------------------------------------------------------------------------------

SLOW = {
    "teacher_temperature": 0.04,
    "student_temperature": 0.1,
    "teacher_momentum": 0.99,
    "center_momentum": 0.99,
}
FAST = SLOW | {"center_momentum": 0.5}
SWING = 1.5 + 0.2 * np.sin(2 * np.pi * np.arange(4000) / 200)


@pytest.mark.parametrize(
    "knobs, level, words",
    [
        ({}, "note", ": a schedule, the order of the data or clusters in turns; a loss alone cannot tell."),
        (FAST, "note", ", but not because of the centre, which keeps up: look at schedules and data."),
        (SLOW, "warning", "; this centre can be too slow, and clusters may take turns."),
        (SLOW | {"teacher_momentum": 1.0}, "note", ": a schedule, the order of the data or clusters in"),
    ],
)
def test_a_swing_is_told_with_its_period_and_what_the_centre_has_to_do_with_it(knobs, level, words):
    found = explained(SWING, **knobs)
    assert found.measurements["swing_period_steps"] == pytest.approx(200, rel=0.01)
    (line,) = [f for f in found.findings if f.claim == "D4"]
    period = f"{found.measurements['swing_period_steps']:.4g}"
    assert line.level == level and line.text.startswith(
        f"the loss swings, with a period near {period} steps{words}"
    )


def test_the_turns_of_a_centre_that_is_too_slow_have_twice_the_period_of_the_loss():
    gain = 0.02
    turns = theory.dynamics.center_stability(gain=gain, **SLOW)
    assert turns.spectral_radius > 1
    knobs = SLOW | {"learning_rate": gain * K * 0.1}
    for share, level in (
        (1.0, "problem"),
        (0.82, "problem"),
        (1.2, "problem"),
        (0.75, "warning"),
        (1.3, "warning"),
    ):
        wave = 1.5 + 0.2 * np.sin(2 * np.pi * np.arange(20000) / (share * turns.period / 2))
        (line,) = [f for f in explained(wave, **knobs).findings if f.claim == "D4"]
        assert line.level == level, share
        said_period = turns.period if level == "problem" else turns.period / 2
        assert f"{said_period:.4g}" in line.text


def test_a_slow_centre_is_a_warning_without_a_swing_and_a_fast_one_is_none():
    assert said(explained(np.full(100, 2.0), **SLOW), "D4") == [
        "this centre can be too slow: a loss that falls may be one cluster growing, not learning."
    ]
    assert said(explained(np.full(100, 2.0), **FAST), "D4") == []


def test_three_returns_make_turns():
    assert (RESTS, RISES, RETURNS) == (0.1, 0.5, 3)
    turn = np.r_[np.full(30, 0.05), np.full(10, 0.6 * TOP)]
    found = explained(np.tile(turn, 3))
    assert (found.fate, found.measurements["steps_between_turns"]) == ("turning", 40)
    assert said(found, "D4")[0] == (
        "3 times, every 40 steps or so, the loss came back from next to 0 to above half of log 64:"
        " one cluster for all, then another."
    )
    assert explained(np.tile(turn, 2)).fate != "turning"
    for low, high, seen in (
        (0.101, 0.6, False),
        (0.099, 0.6, True),
        (0.05, 0.499, False),
        (0.05, 0.501, True),
    ):
        other = np.tile(np.r_[np.full(30, low), np.full(10, high * TOP)], 3)
        assert (explained(other).fate == "turning") == seen
    once = np.tile(np.r_[np.full(30, 0.05), 0.6 * TOP], 9)  # one record above is no return
    assert explained(once).fate != "turning"


def test_series_have_one_axis_and_the_length_of_the_loss():
    for loss in (TOP, [[TOP]]):
        with pytest.raises(ValueError, match=r"`loss` must have shape \[T\], got \("):
            explained(loss)
    with pytest.raises(ValueError, match="`loss` must not be empty"):
        explained([])
    for name in ("steps", "teacher_entropy", "kl", "prior_entropy"):
        for other in ([1.0] * 2, [[1.0]] * 3):
            with pytest.raises(ValueError, match=rf"`{name}` must have shape \[3\], that of `loss`, got \("):
                explained([TOP] * 3, **{name: other})


@pytest.mark.parametrize("n, first", [(20, 4), (49, 4), (50, 5), (100, 10)])
def test_the_first_tenth_of_the_parts_is_read_four_records_at_least(n, first):
    entropy = np.full(n, 2.0)
    entropy[: first // 2] = 1.0
    entropy[first // 2] = 1.5  # the median of the first so many, where one more or fewer has another
    numbers = explained(entropy + 1.0, teacher_entropy=entropy).measurements
    assert numbers["teacher_entropy_change"] == 2.0 - np.median(entropy[:first])
    assert np.median(entropy[:first]) not in (
        np.median(entropy[: first - 1]),
        np.median(entropy[: first + 1]),
    )
