"""What the parts of a diagnosis say on either side of each limit, word for word, from numbers handed in."""

from types import SimpleNamespace

import pytest

import theory
from tests.theory.diagnosis.test_limits import said, teacher
from theory.diagnosis import agreement, center, comparison, fate, history, scale, temperatures
from theory.diagnosis.advice import other_center
from theory.diagnosis.report import Report
from theory.diagnosis.run import Knobs

FAR = "the teacher in use is 0.10 from the projected one in total variation, on average."


def knobs(**changes):
    given = {
        "clusters": 64,
        "teacher_temperature": 0.04,
        "student_temperature": 0.1,
        "teacher_momentum": 0.99,
    }
    given |= {"center_momentum": 0.9, "learning_rate": None, "features": ()}
    return Knobs(**given | changes)


@pytest.mark.parametrize(
    "in_use, other, words",
    [
        (0.1, 0.0, []),
        (0.101, 0.092, [FAR]),
        (
            0.5,
            0.48,
            [f"{FAR[:-1].replace('0.10', '0.50')}, the inverse-prior teacher 0.48."],
        ),
    ],
)
def test_a_teacher_is_far_from_a_tenth_on(in_use, other, words):
    seen = compared(teacher_to_projected_tv=in_use, inverse_prior_to_projected_tv=other)
    assert [text for _, text in said(comparison._about_the_distances(seen, run_of("sinkhorn")))] == words


def compared(**changes):
    numbers = {"teacher_to_projected_tv": 0.0, "batch_centred_to_projected_tv": 0.0}
    numbers |= {"inverse_prior_to_projected_tv": 0.0, "crossing_batch_size": 1.0}
    return comparison.ProjectedComparison(**numbers | changes)


def run_of(name):
    return SimpleNamespace(teacher=theory.TEACHERS[name], settings=SimpleNamespace(order=None))


@pytest.mark.parametrize("crossing, told", [(9.99, False), (10.0, True), (99_999.0, True), (1e5, False)])
def test_the_batch_to_have_is_told_between_ten_and_a_hundred_thousand(crossing, told):
    found = said(comparison._about_the_distances(compared(crossing_batch_size=crossing), run_of("centering")))
    text = f"from about {crossing:.0f} samples on, the noise of a batch moves inverse priors less than "
    assert found == ([("note", f"{text}centering is away from them.")] if told else [])


def test_agreement_is_sure_from_three_errors_on():
    def about(mean, error):
        reading = agreement.AgreementReading(agreement=mean, agreement_error=error)
        return said(agreement._about_the_agreement(reading))

    worse = "the two views of a sample agree no better than those of two samples, by 0.3 ± 0.2 nats."
    better = "the two views of a sample agree by 0.301 ± 0.2 nats more than those of two samples."
    assert about(agreement.SURE * 0.1, 0.1) == [("problem", worse)]
    assert about(0.301, 0.1) == [("ok", better)]


@pytest.mark.parametrize(
    "then, now, fate_, turned, words",
    [
        (1.0, 0.02, "alive", False, "the network told samples apart by 1 nats, now by 0.02."),
        (1.0, 0.5, "alive", False, None),
        (1.0, 0.499, "alive", False, "the network told samples apart by 1 nats, now by 0.499."),
        (1.0, 0.0199, "constant", False, "it has collapsed: the same samples were told apart by 1 nats at"),
        (0.1, 0.0, "constant", False, "it has collapsed: the same samples were told apart by 0.1 nats at"),
        (0.0999, 0.0, "constant", False, None),
        (0.02, 0.0, "constant", False, None),
        (0.0199, 0.0, "constant", False, "nor were samples told apart at the earlier step: it has not"),
        (0.0199, 0.0, "turning", False, None),
        (0.0, 0.0, "turning", True, "one answer for every sample at both steps, and not the same: 0.75 of"),
    ],
)
def test_what_an_earlier_checkpoint_shows(then, now, fate_, turned, words):
    reading = history.HistoryReading(earlier_raw_information=then, shares_moved_tv=0.75)
    found = [text for _, text in said(history._about_the_past(reading, now, fate_, turned=turned))]
    assert len(found) == (words is not None) and all(text.startswith(words) for text in found)


@pytest.mark.parametrize(
    "share, largest, cosine, words",
    [
        (0.95, 1.0, True, ["95% of the targets are one-hot: logits spread over 3.5 temperatures, so that"]),
        (0.9499, 1.0, True, []),
        (0.0, 1.01, True, []),
        (
            0.0,
            1.02,
            True,
            ["logits go up to 1.02, where the unit-length head of this system gives at most 1."],
        ),
        (0.0, 1.02, False, []),
    ],
)
def test_logits_too_large_for_their_temperature_or_head(share, largest, cosine, words):
    reading = scale.ScaleReading(logit_spread_temperatures=3.5, one_hot_share=share)
    system = SimpleNamespace(cosine_head=cosine)
    found = [text for _, text in said(scale._about_the_scale(reading, largest, system, alive=True))]
    assert len(found) == len(words) and all(text.startswith(w) for text, w in zip(found, words, strict=True))
    assert list(scale._about_the_scale(reading, 1.0, None, alive=False)) == []


@pytest.mark.parametrize("information, told", [(0.0199, 0), (0.02, 1), (0.0999, 1), (0.1, 0)])
def test_a_network_on_its_way_is_told_so(information, told):
    report = Report()
    seen = teacher(teacher_information=information)
    fate.name_fate(report, "alive", 4.0, teacher=seen, run=None, knobs=None, batch_size=None)
    text = f"the teacher tells samples apart by only {information:.2g} nats: it is on its way up or down."
    assert said(report.findings).count(("warning", text)) == told


def test_one_answer_is_said_in_words_with_its_effective_clusters():
    words = " (as in a network that has not begun to learn)"
    assert fate._in_words("uniform collapse", 64, 64.0) == (
        "D3",
        f"uniform collapse: every sample gets 1/64 of every cluster{words}",
    )
    assert fate._in_words("one cluster", 64, 1.0) == (
        "O4",
        f"collapse to one cluster, whatever the sample{words}",
    )
    assert fate._in_words("constant", 64, 7.25) == (
        "O4",
        f"one answer for every sample, spread over about 7.2 clusters{words}",
    )


def test_the_ratio_of_temperatures_is_said_where_no_features_say_more():
    for tau_t, level, begins in (
        (0.04, "note", "from uniform, only features with a cross-view correlation above 0.4 are learnt."),
        (0.1, "problem", "the teacher is no sharper than the student, τ_t/τ_s = 1: nothing can grow."),
    ):
        judged = temperatures.TemperatureJudgement(temperature_ratio=tau_t / 0.1)
        assert said(temperatures._about_the_ratio(judged, knobs(teacher_temperature=tau_t))) == [
            (level, begins)
        ]


def growth(ratio, low, high, *, growing=0, alive=False, start=0.05):
    reading = temperatures.FeatureReading(
        mean_correlation=0.5,
        mean_correlation_error=0.1,
        largest_correlation=(low + high) / 2,
        largest_correlation_low=low,
        largest_correlation_high=high,
        growing_directions=growing,
        growing_directions_high=max(growing, 1),
    )
    thresholds = temperatures.GrowthThresholds(
        critical_temperature=0.06,
        critical_temperature_low=start,
        critical_temperature_high=0.07,
        survival_temperature=0.081,
        survival_temperature_low=0.08,
        survival_temperature_high=0.09,
    )
    judged = temperatures.TemperatureJudgement(temperature_ratio=ratio)
    (found,) = temperatures._about_growth(judged, reading, thresholds, alive=alive)
    return found


def test_what_features_can_grow_is_said_with_both_bounds():
    between = "the largest correlation is between 0.2 and 0.6"
    found = growth(1.0, 0.2, 0.6)
    assert (found.level, found.text) == ("note", f"{between}: these features are learnt below τ_t = 0.05.")
    found = growth(1.0, 0.2, 0.6, start=0.0)
    assert found.text == f"{between}: these features are learnt well below τ_t = 0.07."
    found = growth(0.61, 0.2, 0.6)
    assert (found.level, found.text) == (
        "problem",
        f"nothing in these features grows: {between}, τ_t/τ_s is 0.61.",
    )
    assert found.remedy == "start below τ_t = 0.05; learnt, a table lives up to 0.081."
    found = growth(0.61, -0.2, 0.6, alive=True)
    assert found.level == "warning" and "between 0 and 0.6" in found.text
    for ratio in (0.6, 0.5):
        found = growth(ratio, 0.2, 0.6)
        assert found.level == "warning" and found.text.startswith("too few samples to say whether anything")
    assert growth(0.1, 0.2, 0.6, growing=1).text == "1 direction of these features grows at τ_t/τ_s = 0.1."
    assert growth(0.1, 0.2, 0.6, growing=2).text == "2 directions of these features grow at τ_t/τ_s = 0.1."


def lag(value, factor):
    return center.CenterLag(center_lag_temperatures=value, center_factor=factor)


def test_a_centre_away_from_the_mean_is_said_in_temperatures():
    assert list(center._about_the_lag(lag(center.LAG, 1.0))) == []
    text = f"the centre is {center.LAG * 2:.3g} temperatures away from the mean of these logits."
    assert said(center._about_the_lag(lag(center.LAG * 2, 1.0))) == [("warning", text)]
    for factor, words in ((8.0, "a sum that was not divided?"), (0.5, "it is on its way from 0, or divided")):
        ((_, text),) = said(center._about_the_factor(lag(9.0, factor)))
        begins = f"the centre is {factor:.3g} times the mean of these logits, cluster by cluster: "
        assert text.startswith(begins + words)


def test_one_answer_turns_where_its_centre_is_far_and_moves():
    far, near = lag(center.LAG * 1.01, 1.0), lag(center.LAG, 1.0)
    assert center.fate_of_center("constant", far, None) == "turning"
    assert center.fate_of_center("one cluster", far, knobs()) == "turning"
    assert center.fate_of_center("constant", near, None) == "constant"
    assert center.fate_of_center("constant", None, None) == "constant"
    assert center.fate_of_center("alive", far, None) == "alive"
    for momentum in (0.0, 1.0):
        assert center.fate_of_center("constant", far, knobs(center_momentum=momentum)) == "constant"


def test_a_learning_rate_that_overshoots_is_told_where_it_stops():
    """α = η/(K τ_s²): 2 is the edge, 1 is there in one step."""
    student = knobs(clusters=100, teacher_momentum=None)
    for gain, told in ((0.2 * 0.999, False), (0.2, True)):
        found = list(center._about_the_student(student, gain))
        assert [f.remedy for f in found] == ["a learning rate below 2 K τ_s² = 2."] * told
    assert list(center._about_the_student(student, None)) == []
    still = knobs(teacher_momentum=1.0)
    text = "the teacher no longer moves, so that the centre cannot lose it."
    assert said(center._about_the_student(still, None)) == [("note", text)]
    assert list(center._about_the_student(knobs(teacher_momentum=1.0, center_momentum=None), None)) == []


def about_this_rate(radius, period, gain):
    motion = center.CenterMotion(center_spectral_radius=radius, center_period=period)
    judged = center.CenterJudgement(center_momentum_safe=0.8, center_gain_limit=0.01)
    (found,) = center._about_this_rate(motion, judged, knobs(clusters=100), gain, None)
    return found


def test_a_centre_at_this_learning_rate_is_judged_by_its_step():
    found = about_this_rate(0.999, 5.0, 0.01)
    assert (found.level, found.text) == (
        "ok",
        "the centre keeps up at this learning rate, radius 0.999000.",
    )
    turns, wins = "clusters take turns, with a period near 1234 steps", "one cluster wins"
    for period, how in ((1234.2, turns), (float("inf"), wins)):
        found = about_this_rate(1.0, period, 0.05)
        assert found.text == f"the centre is too slow at this learning rate: {how}."
        assert found.remedy.startswith("a centre momentum below 0.8, or the mean")
        found = about_this_rate(1.0, period, 0.15)
        assert found.remedy.startswith(
            "a learning rate of at most K τ_s² = 1, with a centre momentum below 0.8"
        )
        found = about_this_rate(1.0, period, 0.2)
        assert (found.text, found.remedy) == (
            f"the step is too large: the student overshoots, and this centre does not hold it ({how}).",
            "a learning rate of at most K τ_s² = 1.",
        )


def test_a_centre_at_any_learning_rate_is_judged_by_its_limit():
    for limit, level, begins in (
        (float("inf"), "ok", "the centre keeps up at any learning rate up to K τ_s²: momentum below 0.8."),
        (0.01, "warning", "the centre keeps up only while η/(K τ_s) is below 0.01 per step: not under Adam."),
        (0, "warning", "this centre never moves, and loses any teacher that is sharper than its student."),
    ):
        judged = center.CenterJudgement(center_momentum_safe=0.8, center_gain_limit=limit)
        assert said(center._about_any_rate(judged, None)) == [(level, begins)]


def views(share, moving, features):
    return SimpleNamespace(constant_share=share, moving=moving, features=features)


def test_what_is_common_to_all_samples_is_said_beyond_a_half():
    assert list(temperatures._about_the_constant(views(0.5, [1] * 4, 4))) == []
    ((level, text),) = said(temperatures._about_the_constant(views(0.501, [1] * 4, 4)))
    assert level == "note" and text.startswith("50% of the squared length of the features is common to all")
    for features, told in ((4, 0), (3, 1), (1, 3), (0, 0)):
        found = said(temperatures._about_the_constant(views(0.0, [1] * 4, features)))
        text = f"{told} of 4 features are the same for every sample."
        assert found == ([("note", text)] if told else [])


@pytest.mark.parametrize(
    "off, begins", [(0.0, "larger batches, or a slower"), (1e-9, "a centre momentum between")]
)
def test_a_small_batch_needs_a_momentum_above_its_floor_and_below_the_ceiling(off, begins):
    floor = (16 - 8) / (16 + 8)
    assert other_center(8, floor + off).startswith(begins)
