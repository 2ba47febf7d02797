"""Which ways of computing targets and centres are published ones, and which are slips: all, by name."""

import numpy as np
import pytest

from theory.systems.candidates import MOST, Given, center_ways, target_ways

RNG = np.random.default_rng(0)
Z, C = RNG.normal(size=(12, 3)), RNG.normal(size=3)


def given(**changes):
    numbers = {
        "logits": Z,
        "temperature": 0.5,
        "center": C,
        "next_center": None,
        "momentum": 0.9,
        "rounds": 3,
    }
    return Given(**numbers | changes)


def named(ways):
    return {name: mistake for name, mistake, _ in ways}


PUBLISHED = {
    "no constraint, softmax(z/τ)",
    "centering by the batch's own mean",
    "inverse priors of the batch",
    "Sinkhorn on scores: DINOv2, SwAV",
    "Sinkhorn on scores, then argmax: VISSL's SwAV at first",
    "Sinkhorn on probabilities: MSN",
    "projected, Sinkhorn to convergence: SeLa before its argmax",
    "projected, then argmax: SeLa",
}
OF_A_CENTRE = {"centering by the centre given: DINO, iBOT"}
SLIPS = {
    "centre subtracted after the division by τ",
    "centre added, not subtracted",
    "centre updated before its use",
}
PARTS = {
    f"Sinkhorn on {of} over 1/{n} of the batch, as on one rank"
    for of in ("scores", "probabilities")
    for n in (2, 3, 4, 6)
}


def test_targets_are_computed_in_these_ways_and_these_are_slips():
    found = named(target_ways(given()))
    assert {name for name, mistake in found.items() if not mistake} == PUBLISHED | OF_A_CENTRE
    assert {name for name, mistake in found.items() if mistake} == SLIPS | PARTS
    bare = named(target_ways(given(center=None)))
    assert bare == {name: name in PARTS for name in PUBLISHED | PARTS}
    prior = np.log([0.5, 0.3, 0.2])
    found = named(target_ways(given(center=prior)))
    assert found["moving inverse priors, centering on probabilities"] is False
    assert "centre subtracted after the division by τ" not in found
    assert MOST >= 6


def test_centres_are_moved_in_these_ways_and_these_are_slips():
    mean = Z.mean(axis=0)
    published = {"m c + (1 − m) z̄: DINO, iBOT, lightly"}
    slips = {
        "a moving mean of probabilities, softmax((z − c)/τ)",
        "a moving mean of probabilities, softmax(z/τ)",
        "m and 1 − m in each other's place",
        "not moved",
    }
    found = named(center_ways(given(next_center=0.9 * C + 0.1 * mean)))
    assert {name for name, mistake in found.items() if not mistake} == published
    assert {name for name, mistake in found.items() if mistake} == slips
    prior = named(center_ways(given(center=np.log([0.5, 0.3, 0.2]), next_center=None)))
    assert prior["log of a moving mean of probabilities: inverse priors"] is False


@pytest.mark.parametrize("n", [2, 8])
@pytest.mark.parametrize(
    "name, moved",
    [
        ("a sum over {n} processes that was not divided", lambda m, n, c, mean: m * c + (1 - m) * n * mean),
        ("divided by {n} processes once too often", lambda m, n, c, mean: m * c + (1 - m) * mean / n),
        (
            "moved at each of {n} micro-batches of these logits",
            lambda m, n, c, mean: m**n * c + (1 - m**n) * mean,
        ),
    ],
)
def test_a_slip_with_a_number_in_it_is_told_with_the_number(n, name, moved):
    mean = Z.mean(axis=0)
    after = moved(0.9, n, C, mean)
    ways = {title: (mistake, way) for title, mistake, way in center_ways(given(next_center=after))}
    mistake, way = ways[name.format(n=n)]
    assert mistake is True
    np.testing.assert_allclose(way, after, rtol=1e-12)
    for momentum in (0.0, 1.0):
        assert name.format(n=n) not in named(center_ways(given(next_center=after, momentum=momentum)))


@pytest.mark.parametrize(
    "factor, told", [(1.49, False), (1.51, True), (MOST + 0.01, False), (MOST - 0.01, True)]
)
def test_numbers_between_one_and_a_half_and_the_most_are_read_off(factor, told):
    mean = Z.mean(axis=0)
    for scaled, words in ((factor, "not divided"), (1 / factor, "once too often")):
        found = named(center_ways(given(next_center=0.9 * C + 0.1 * scaled * mean)))
        assert any(words in name for name in found) == told
    if factor > 2:  # 0.9 to so high a power is 0
        return
    power = 0.9**factor
    found = named(center_ways(given(next_center=power * C + (1 - power) * mean)))
    assert any("micro-batches" in name for name in found) == told


def test_no_more_parts_are_tried_than_the_most(monkeypatch):
    monkeypatch.setattr("theory.systems.candidates.MOST", 4)
    found = named(target_ways(given(logits=Z[:10])))
    assert any("1/2 of the batch" in name for name in found)
    assert not any("1/5 of the batch" in name for name in found)
