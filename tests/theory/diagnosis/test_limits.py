"""What is said of logits and losses on either side of each limit, word for word, from numbers handed in."""

import math

import pytest

from theory.diagnosis import readings, temperatures
from theory.diagnosis.correlations import Estimate

BELOW, ABOVE = 1 - 1e-9, 1 + 1e-9


def said(findings):
    return [(f.level, f.text) for f in findings]


def teacher(**changes):
    numbers = {
        "samples": 100,
        "clusters": 64,
        "log_clusters": math.log(64),
        "raw_teacher_information": 2.0,
        "raw_teacher_prior_entropy": 3.0,
        "raw_teacher_entropy": 1.0,
        "teacher_information": 2.0,
        "teacher_prior_entropy": 4.0,
        "teacher_entropy": 2.0,
        "clusters_in_use": 60,
        "teacher_off_target_tv": 0.0,
    }
    return readings.TeacherReading(**numbers | changes)


@pytest.mark.parametrize(
    "information, prior_entropy, fate_",
    [
        (0.02, 4.0, "alive"),
        (0.02 * BELOW, math.log(64) - 0.02, "uniform collapse"),
        (0.0, (math.log(64) - 0.02) * BELOW, "constant"),
        (0.0, math.log(1.5), "one cluster"),
        (0.0, math.log(1.5) * ABOVE, "constant"),
    ],
)
def test_a_fate_by_its_two_entropies(information, prior_entropy, fate_):
    assert readings.fate_of(information, prior_entropy, 64) == fate_


def test_a_constraint_that_is_met_hides_what_became_of_the_network():
    one = {"teacher_information": 0.0, "teacher_prior_entropy": 4.158, "raw_teacher_information": 0.0}
    one["raw_teacher_prior_entropy"] = 0.0
    assert teacher(**one).fate == "one cluster"
    assert teacher(**one, teacher_off_target_tv=0.05 * BELOW).fate == "one cluster"
    assert teacher(**one, teacher_off_target_tv=0.05).fate == "uniform collapse"
    assert teacher(**one | {"teacher_information": 0.02}).fate == "alive"


def loss(value, fate_="alive", measured=True, **changes):
    seen = teacher(**changes)
    reading = readings.LossReading(loss=value, margin=seen.teacher_prior_entropy - value)
    return said(readings._about_the_loss(reading, seen, fate_, measured))


@pytest.mark.parametrize("measured, level", [(True, "problem"), (False, "warning")])
def test_a_student_worse_than_uniform_is_a_problem_where_it_was_measured(measured, level):
    text = f"the student does worse than a uniform answer: 5.000 against {math.log(64):.3f} nats."
    assert loss(5.0, measured=measured) == [(level, text)]
    assert loss(5.0, "constant") == [
        ("note", "the loss is 1 nats too high to prove that the student looks at its input.")
    ]


def test_a_loss_beside_what_the_best_constant_student_pays():
    assert loss(3.98 - 1e-6) == [
        ("ok", "the loss is 0.02 nats below what the best constant student pays: it looks at its input.")
    ]
    same = [("note", "the loss is that of the best constant student.")]
    assert loss(3.98 + 1e-6) == loss(4.02 - 1e-6) == same
    assert loss(4.02 + 1e-6) == [
        ("note", "the loss is 0.02 nats too high to prove that the student looks at its input.")
    ]


def test_a_loss_of_log_k_is_that_to_four_decimals():
    top = math.log(64)
    uniform = ("note", f"the loss, {top:.4f}, is log 64: what a uniform answer pays.")
    assert loss(top)[0] == uniform
    for off in (5.1e-4, -5.1e-4):
        assert not any("is log 64" in text for _, text in loss(top + off))
        assert any("is log 64" in text for _, text in loss(top + off * 0.98))


def test_what_all_samples_share_is_no_plateau_broken():
    text = "the loss is 1 nats below log 64, and none of that comes from telling samples apart: "
    text += "it is what all samples share that grew."
    assert loss(math.log(64) - 1, "constant")[0] == ("note", text)
    assert loss(math.log(64) - 1)[0][0] == "ok"
    assert not any("share" in text for _, text in loss(math.log(64) - 0.0199, "constant"))
    assert any("share" in text for _, text in loss(math.log(64) - 0.0201, "constant"))


@pytest.mark.parametrize("known", [True, False])
def test_a_loss_below_the_teachers_entropy_is_none(known):
    limit = 2.0 - 1e-3 * 3.0
    seen = teacher()
    for value, below in ((limit - 1e-6, True), (limit + 1e-6, False)):
        reading = readings.LossReading(loss=value, margin=4.0 - value)
        if known:
            found = said(readings._about_the_loss(reading, seen, "alive", True))
        else:
            found = said(readings._if_it_is_a_mean(reading, seen))
        text = f"a cross-entropy cannot be {value:.4g}, below the teacher's own mean entropy of 2."
        assert (found == [("warning", text)]) == below


def test_a_loss_of_unknown_scale_is_read_under_a_condition():
    def unknown(value):
        reading = readings.LossReading(loss=value, margin=4.0 - value)
        return said(readings._if_it_is_a_mean(reading, teacher()))

    begins = "if the loss is the mean of one cross-entropy, it is "
    assert unknown(3.98 - 1e-6)[0][1].startswith(f"{begins}0.02 nats below what the best constant student")
    assert unknown(3.98 + 1e-6)[0][1].startswith(f"{begins}-0.02 nats too high to prove that the student")
    assert unknown(5.0)[0][1].startswith(f"{begins}1 nats too high")
    assert unknown(math.log(64) + 4e-4)[0][1] == "the loss, 4.1593, is log 64: what a uniform answer pays."
    assert unknown(math.log(64) + 6e-4)[0][1].startswith(begins)


def test_samples_are_few_below_32_and_below_the_clusters():
    few = ("warning", "31 samples are too few to call a fate.")
    short = ("note", f"31 samples show at most log 31 = {math.log(31):.2f} nats of information.")
    assert said(readings._about_the_samples(teacher(), 31)) == [few, short]
    assert [level for level, _ in said(readings._about_the_samples(teacher(), 32))] == ["note"]
    assert [level for level, _ in said(readings._about_the_samples(teacher(), 63))] == ["note"]
    assert said(readings._about_the_samples(teacher(), 64)) == []


def test_what_is_of_all_rows_is_said():
    whole = "the teacher's numbers are of all 1,000 rows, all else of 200 that were drawn."
    assert readings._about_the_sample(200, 1000, 1000).text == whole
    begins = "what is called raw is of all 1,000 rows, "
    assert readings._about_the_sample(200, 1000, 0).text == f"{begins}all else of 200 that were drawn."
    again = "the teacher's other numbers are of 500 that were drawn, all else of 200."
    assert readings._about_the_sample(200, 1000, 500).text == begins + again


@pytest.mark.parametrize(
    "mean, best, chance", [(0.0, 0.0, True), (1.0, 1.0, True), (1.01, 0.5, False), (0.5, 1.01, False)]
)
def test_features_agree_by_chance_up_to_three_errors_of_both_measures(mean, best, chance):
    limit = temperatures.CHANCE * 0.1
    largest = Estimate(math.tanh(best * limit * BELOW), -0.1, 0.5, 0.1)
    reading = temperatures.FeatureReading(
        mean_correlation=mean * limit,
        mean_correlation_error=0.1,
        largest_correlation=0.0,
        largest_correlation_low=0.0,
        largest_correlation_high=0.0,
        growing_directions=0,
        growing_directions_high=0,
    )
    assert temperatures._by_chance(largest, reading) == chance
