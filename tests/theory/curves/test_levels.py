"""Where a flat curve rests, to the last nat of each limit, and the words for it."""

import math

import numpy as np
import pytest

import theory
from theory.curves.curve import FEW, SILENT
from theory.curves.levels import ALIVE

K = 64
TOP = math.log(K)
OTHERS = {3000, *(2**power for power in range(6, 19))} - {K}


def explained(loss, **knobs):
    return theory.explain_loss(loss, clusters=knobs.pop("clusters", K), **knobs)


def texts(found, claim):
    return [f.text for f in found.findings if f.claim == claim]


def flat(level, n=100):
    return np.full(n, level)


@pytest.mark.parametrize(
    "level, fate",
    [
        (TOP - SILENT + 1e-4, "uniform collapse"),
        (TOP + SILENT - 1e-4, "uniform collapse"),
        (TOP - SILENT - 1e-4, "below log K"),
        (TOP + SILENT + 1e-4, "above log K"),
        (SILENT - 1e-4, "near zero"),
        (SILENT, "near zero"),
        (-1e-6, "near zero"),
        (SILENT + 1e-4, "below log K"),
    ],
)
def test_a_level_counts_within_two_hundredths_of_a_nat(level, fate):
    assert explained(flat(level), loss_is="mean").fate == fate


def test_eight_records_make_a_level_and_seven_do_not():
    assert (FEW, SILENT, ALIVE) == (8, 0.02, 0.1)
    assert explained(flat(TOP, FEW)).fate == "uniform collapse"
    found = explained(flat(TOP, FEW - 1))
    assert (found.fate, found.healthy) == ("undecided", True)
    assert texts(found, "O5") == ["7 records are too few to call a level: one value may be passing by."]
    assert found.findings[0].remedy == "8 or more."
    assert found.measurements == {"records": 7.0, "log_clusters": TOP}


def test_the_last_fifth_is_read_eight_records_at_least():
    for n, fifth in ((100, 20), (45, 9), (20, FEW), (9, FEW)):
        loss = np.concatenate([flat(9.0, n - fifth), flat(1.0, fifth // 2), flat(2.0, fifth - fifth // 2)])
        numbers = explained(loss, loss_is="mean").measurements
        assert numbers["final_loss"] == np.median(loss[-fifth:]), n
        spread = np.quantile(np.abs(loss[-fifth:] - numbers["final_loss"]), 0.9)
        assert numbers["final_scatter"] == pytest.approx(spread), n


def test_the_lowest_level_is_that_of_eight_records_or_of_one_in_fifty():
    dip = flat(3.0, 400)
    dip[100:108] = 1.0
    assert explained(dip).measurements["lowest_loss"] == 1.0
    dip[100:108] = 3.0
    dip[100:103] = 1.0  # three records are no level
    assert explained(dip).measurements["lowest_loss"] == 3.0
    dip = flat(3.0, 2450)  # 49 records a level
    dip[24:49] = 1.0
    assert explained(dip).measurements["lowest_loss"] == 1.0
    dip = flat(3.0, 1000)
    dip[200:210] = 1.0  # ten of twenty
    assert explained(dip).measurements["lowest_loss"] == 2.0


def test_a_tenth_of_negative_records_is_passed_over_and_more_is_no_cross_entropy():
    loss = flat(1.0)
    loss[-2:] = -0.1
    assert explained(loss, loss_is="mean").fate == "below log K"
    loss[-3:] = -0.1
    assert explained(loss, loss_is="mean").fate == "undecided"
    assert explained(flat(-1e-7)).fate == "near zero"


def test_a_curve_that_was_a_tenth_of_a_nat_lower_is_back():
    for depth, fate in ((ALIVE + 1e-3, "late collapse"), (ALIVE - 1e-3, "uniform collapse")):
        found = explained(np.concatenate([flat(5.0), flat(TOP - depth), flat(TOP)]))
        assert found.fate == fate
    text = explained(np.concatenate([flat(5.0), flat(TOP - 1), flat(TOP)])).findings[0].text
    assert text == "late collapse: it was 1 nats below log 64 = 4.1589 and is back."
    begins = "the loss rests at log 64 = 4.1589 and"
    for first, left in ((TOP, "never left it"), (5.0, "stays there")):
        text = explained(np.concatenate([flat(first, 20), flat(TOP)])).findings[0].text
        assert text == f"{begins} {left}: uniform collapse, or nothing learnt yet."


def test_a_curve_that_leaves_log_k_slowly_is_not_called_collapsed():
    falling = TOP - np.linspace(0.0, 0.075, 100)  # the last fifth falls by .0144 nats
    falling[-20:] = TOP + 0.007 - np.linspace(0.0, 0.014, 20)
    found = explained(falling)
    assert found.fate == "undecided"
    (text,) = texts(found, "D2")
    assert text.startswith("the loss is within 0.02 nats of log 64 = 4.1589 but falls by 0.014 nats in its")
    assert explained(falling[::-1]).fate != "undecided"


def test_scatter_about_log_k_is_no_uniform_answer():
    loss = TOP + np.tile([0.5, 0.0, 0.0, -0.5], 25)
    found = explained(loss)
    assert found.fate == "undecided"
    text = "the loss is near log 64 = 4.1589 on the median, but scatters by 0.5 nats:"
    assert texts(found, "O5") == [f"{text} a uniform answer would pay log K on every record."]


@pytest.mark.parametrize("knobs, end", [({"loss_is": "mean"}, "."), ({}, ", if it is the mean of one")])
def test_a_loss_above_log_k_says_by_how_much(knobs, end):
    found = explained(flat(TOP + 3.0), **knobs)
    assert found.fate == "above log K"
    assert texts(found, "O5")[0].startswith(
        f"the loss ends 3 nats above log 64: worse than a uniform answer{end}"
    )


def test_a_loss_below_log_k_says_by_how_much_and_what_that_proves():
    exact, other, unsaid = (
        texts(explained(flat(TOP - 2.0), **knobs), "O5")[0]
        for knobs in (
            {"loss_is": "mean", "teacher": "projected"},
            {"loss_is": "mean", "teacher": "sinkhorn"},
            {},
        )
    )
    begins = "the loss ends 2 nats below log 64"
    assert exact == f"{begins}, and this teacher's prior is uniform: it looks at its input."
    assert other.startswith(f"{begins}: it looks at its input if the teacher's own prior is uniform")
    assert unsaid.startswith(f"{begins}, if it is the mean of one cross-entropy: codes log sums")


@pytest.mark.parametrize("other", sorted(OTHERS))
def test_every_usual_number_of_clusters_is_thought_of(other):
    said = f"the loss rests at log {other} = {math.log(other):.4f}: with {other} clusters, not 64,"
    for off, seen in ((0.0, True), (0.0049, True), (-0.0051, False)):
        found = explained(flat(math.log(other) + off), loss_is="mean")
        assert any(text.startswith(said) for text in texts(found, "O4")) == seen, off


@pytest.mark.parametrize(
    "factor, name",
    [(2.0, "2"), (0.5, "1/2"), (16 / 18, "16/18"), (2 / 18, "2/18"), (1 / math.log(2), "1/log 2 =")],
)
def test_multiples_of_log_k_are_thought_of_where_nobody_said_what_the_loss_is(factor, name):
    clusters = 5000  # none of whose multiples is the logarithm of another usual number
    level = factor * math.log(clusters)
    said = f"the loss rests at {name} log 5000 = {level:.4f}: if it is a sum"
    for off, seen in ((0.0, True), (0.0199, True), (-0.0201, False)):
        found = explained(flat(level + off), clusters=clusters)
        assert any(text.startswith(said) for text in texts(found, "O4")) == seen, off
    assert not any(
        name in text for text in texts(explained(flat(level), clusters=clusters, loss_is="mean"), "O4")
    )


def test_zero_is_judged_by_the_teacher():
    for teacher, level, words in (
        ("projected", "warning", "Under a uniform prior that is no collapse, but K = 64 clusters told"),
        ("unconstrained", "problem", "Without a constraint that is what one cluster for all pays."),
        ("centering", "warning", "One cluster for all pays that, and so do 64 clusters told"),
    ):
        (found,) = explained(flat(0.01), teacher=teacher).findings
        assert found.level == level
        assert found.text.startswith(
            f"the loss rests at 0.01: teacher and student are one-hot, and agree. {words}"
        )
