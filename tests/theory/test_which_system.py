"""Each convention and each known slip is told from what it produces, and correct code is called correct."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import theory
from tests.theory.nn.references.of_lightly import STEPS, N, views, wave
from tests.theory.nn.references.of_lightly import K as LIGHTLY_K
from tests.theory.nn.test_published_losses import NUMBERS
from theory.systems import (
    capi,
    dino,
    dinov2,
    msn,
    sela,
    update_center,
    which_system,
)


def case(seed, n=16, k=8, tau=0.1):
    """Logits of the size of cosines with biases, and a centre that is not their mean."""
    rng = np.random.default_rng(seed)
    z = 0.3 * rng.normal(size=(n, k)) + 0.3 * rng.normal(size=k)
    return z, tau, 0.5 * z.mean(0) + 0.1 * rng.normal(size=k)


def softmax(x):
    return np.exp(theory.log_softmax(x))


TARGETS = {
    "no constraint, softmax(z/τ)": lambda z, tau, c: softmax(z / tau),
    "centering by the batch's own mean": lambda z, tau, c: softmax((z - z.mean(0)) / tau),
    "inverse priors of the batch": lambda z, tau, c: np.exp(
        theory.TEACHERS["inverse_prior"](z, temperature=tau)
    ),
    "Sinkhorn on scores: DINOv2, SwAV": lambda z, tau, c: np.exp(dinov2(z, temperature=tau)),
    "Sinkhorn on probabilities: MSN": lambda z, tau, c: np.exp(msn(z, temperature=tau)),
    "projected, Sinkhorn to convergence: SeLa before its argmax": lambda z, tau, c: np.exp(
        sela(z, sharpness=1 / tau)
    ),
    "centering by the centre given: DINO, iBOT": lambda z, tau, c: np.exp(dino(z, c, temperature=tau)),
}
SLIPS = {
    "centre subtracted after the division by τ": lambda z, tau, c: softmax(z / tau - c),
    "centre added, not subtracted": lambda z, tau, c: softmax((z + c) / tau),
    "centre updated before its use": lambda z, tau, c: softmax((z - update_center(c, z)) / tau),
    "Sinkhorn on scores over 1/2 of the batch, as on one rank": lambda z, tau, c: np.concatenate(
        [np.exp(dinov2(half, temperature=tau)) for half in np.split(z, 2)]
    ),
    "Sinkhorn on probabilities over 1/4 of the batch, as on one rank": lambda z, tau, c: np.concatenate(
        [np.exp(msn(part, temperature=tau)) for part in np.split(z, 4)]
    ),
}


@pytest.mark.parametrize("way", TARGETS)
@given(seed=st.integers(0, 999), tau=st.floats(0.05, 0.5))
def test_a_published_way_is_told_and_no_slip_is_claimed(way, seed, tau):
    z, _, c = case(seed)
    found = which_system(z, TARGETS[way](z, tau, c), temperature=tau, center=c)
    assert found.targets[0].name == way
    assert found.targets[0].matches
    assert found.mistakes == ()


@pytest.mark.parametrize("way", SLIPS)
@given(seed=st.integers(0, 999))
def test_a_slip_is_told_as_one(way, seed):
    z, tau, c = case(seed)
    found = which_system(z, SLIPS[way](z, tau, c), temperature=tau, center=c)
    assert found.mistakes == (way,)
    assert f"a mistake: {way}" in str(found)


CENTERS = {
    "a moving mean of probabilities, softmax((z − c)/τ)": lambda z, tau, c, m: (
        m * c + (1 - m) * softmax((z - c) / tau).mean(0)
    ),
    "a moving mean of probabilities, softmax(z/τ)": lambda z, tau, c, m: (
        m * c + (1 - m) * softmax(z / tau).mean(0)
    ),
    "a sum over 8 processes that was not divided": lambda z, tau, c, m: m * c + (1 - m) * 8 * z.mean(0),
    "divided by 4 processes once too often": lambda z, tau, c, m: m * c + (1 - m) * z.mean(0) / 4,
    "moved at each of 16 micro-batches of these logits": lambda z, tau, c, m: (
        m**16 * c + (1 - m**16) * z.mean(0)
    ),
    "m and 1 − m in each other's place": lambda z, tau, c, m: (1 - m) * c + m * z.mean(0),
    "not moved": lambda z, tau, c, m: c,
}


@pytest.mark.parametrize("way", CENTERS)
@given(seed=st.integers(0, 999), m=st.sampled_from([0.9, 0.99]))
def test_a_wrong_centre_is_told_by_how_it_moved(way, seed, m):
    z, tau, c = case(seed)
    found = which_system(z, temperature=tau, center=c, next_center=CENTERS[way](z, tau, c, m), momentum=m)
    assert found.centers[0].name == way
    assert found.mistakes == (way,)
    assert found.targets == ()


@given(seed=st.integers(0, 999), m=st.floats(0.5, 0.95))
def test_a_right_centre_is_called_right(seed, m):
    z, tau, c = case(seed)
    found = which_system(
        z, temperature=tau, center=c[None], next_center=update_center(c, z, momentum=m), momentum=m
    )
    assert found.centers[0].name.startswith("m c + (1 − m) z̄")
    assert found.mistakes == ()


def test_what_cannot_be_told_apart_is_said():
    """With a centre of 0 a centred teacher is none."""
    z, tau, _ = case(0)
    found = which_system(z, softmax(z / tau), temperature=tau, center=np.zeros(8))
    matching = [match.name for match in found.targets if match.matches]
    assert {"no constraint, softmax(z/τ)", "centering by the centre given: DINO, iBOT"} <= set(matching)
    assert found.mistakes == ()
    assert f"do not tell {len(matching)} ways apart" in str(found)


def test_what_nothing_explains_is_said_with_the_nearest():
    z, tau, c = case(0)
    found = which_system(z, softmax(z / (2 * tau)), temperature=tau, center=c)
    assert not any(match.matches for match in found.targets)
    assert found.mistakes == ()
    assert "none of" in str(found) and found.targets[0].name in str(found)


@pytest.mark.parametrize("soft, name", [
    (dinov2, "Sinkhorn on scores, then argmax: VISSL's SwAV at first"),
    (lambda z, temperature: sela(z, sharpness=1 / temperature), "projected, then argmax: SeLa"),
])  # fmt: skip
def test_hard_labels_are_told_by_what_they_are_the_largest_of(soft, name):
    z, tau, _ = case(4, n=256)
    labels = np.eye(8)[soft(z, temperature=tau).argmax(1)]
    found = which_system(z, labels, temperature=tau)
    assert found.targets[0].difference == 0
    assert name in [match.name for match in found.targets if match.matches]
    other = np.eye(8)[z.argmax(1)]
    assert not any(match.matches for match in which_system(z, other, temperature=tau).targets)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_no_mistake(dtype):
    z, tau, c = case(0)
    half, centre = torch.from_numpy(z).to(dtype), torch.from_numpy(c).to(dtype)
    targets = torch.softmax((half.float() - centre.float()) / tau, -1).to(dtype)
    found = which_system(half, targets, temperature=tau, center=centre)
    assert found.targets[0].name == "centering by the centre given: DINO, iBOT"
    assert found.targets[0].matches


def test_log_targets_are_taken_too():
    z, tau, _ = case(0)
    log_r = msn(z, temperature=tau)
    assert which_system(z, log_r, temperature=tau).targets[0].name == "Sinkhorn on probabilities: MSN"


@pytest.mark.parametrize("arguments, message", [
    ({}, "`targets` must be given, or both `center` and `next_center`"),
    ({"targets": np.ones((16, 8))}, "`targets` must be probabilities or their logs"),
    ({"targets": np.ones((3, 8)) / 8}, r"`targets` must have the shape of `logits`, \(16, 8\), got \(3, 8\)"),
    ({"center": np.zeros(3), "next_center": np.zeros(8)}, r"`center` must have shape \[8\], got \(3,\)"),
    ({"center": np.full(8, np.nan), "next_center": np.zeros(8)}, "`center` must be finite"),
    ({"targets": np.ones((16, 8)) / 8, "momentum": 2.0}, "`momentum` must be"),
    ({"targets": np.ones((16, 8)) / 8, "temperature": 0.0}, "`temperature` must be positive"),
])  # fmt: skip
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        which_system(case(0)[0], **({"temperature": 0.1} | arguments))


def test_one_centre_for_each_position_is_told():
    rng = np.random.default_rng(0)
    z, c = rng.normal(size=(16, 5, 8)), rng.normal(size=(5, 8))
    each, whole = 0.9 * c + 0.1 * z.mean(0), 0.9 * c + 0.1 * z.mean((0, 1))
    found = which_system(z, temperature=0.1, center=c, next_center=each)
    assert found.mistakes == ("one centre for each position: clusters may stand for positions",)
    assert which_system(z, temperature=0.1, center=c, next_center=whole).mistakes == ()
    with pytest.raises(ValueError, match=r"`center` must have shape \[5, 8\], got \(8,\)"):
        which_system(z, temperature=0.1, center=c[0], next_center=each)


@given(seed=st.integers(0, 999))
def test_a_centre_of_probabilities_is_no_slip_where_it_is_kept_as_their_log(seed):
    """The moving inverse prior: what is subtracted after the division by τ is log P̄."""
    z, tau, _ = case(seed)
    p = softmax(z / tau)
    before = np.log(0.5 * p.mean(0) + 0.5 / 8)
    after = np.log(0.9 * np.exp(before) + 0.1 * p.mean(0))
    found = which_system(z, softmax(z / tau - before), temperature=tau, center=before, next_center=after)
    assert found.targets[0].name == "moving inverse priors, centering on probabilities"
    assert found.centers[0].name == "log of a moving mean of probabilities: inverse priors"
    assert found.mistakes == ()


def test_lightlys_centre_and_its_two_sinkhorns_are_told_for_what_they_are():
    centers, (on_scores, on_probabilities) = NUMBERS["dino"][2], NUMBERS["targets"]
    for step in range(STEPS):
        z = torch.cat(views(2, step, 5.0)).numpy()
        before, after = (np.asarray(c, dtype=np.float32) for c in centers[step : step + 2])
        found = which_system(z, temperature=0.04, center=before, next_center=after)
        assert found.centers[0].name.startswith("m c + (1 − m) z̄")
        assert found.centers[0].matches
        assert found.mistakes == ()
    z = wave(4 * N, LIGHTLY_K, phase=2.0).numpy()
    for targets, name in ((on_scores, "scores: DINOv2, SwAV"), (on_probabilities, "probabilities: MSN")):
        found = which_system(z, np.asarray(targets, dtype=np.float32), temperature=0.05)
        assert found.targets[0].name == f"Sinkhorn on {name}"
        assert found.targets[0].matches


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("spread", [0.02, 0.3])
def test_a_slip_is_told_among_thousands_of_flat_targets(spread, dtype):
    """At K = 8192 a probability is 1e-4: what counts is the difference beside the largest of them."""
    rng = np.random.default_rng(0)
    z = (spread * rng.normal(size=(8, 8192))).astype(dtype)
    c = (z.astype(float).mean(0) / 2).astype(dtype)
    wide, centre = z.astype(float), c.astype(float)
    slip = which_system(z, softmax(wide / 0.07 - centre).astype(dtype), temperature=0.07, center=c)
    assert slip.mistakes == ("centre subtracted after the division by τ",)
    right = which_system(z, softmax((wide - centre) / 0.07).astype(dtype), temperature=0.07, center=c)
    assert right.mistakes == ()
    assert right.targets[0].name == "centering by the centre given: DINO, iBOT"


@given(seed=st.integers(0, 999), n=st.integers(2, 300), m=st.sampled_from([0.9, 0.99]))
def test_any_number_of_processes_is_read_off_the_centre(seed, n, m):
    z, tau, c = case(seed)
    mean = z.mean(0)
    for factor, name in (
        (n, f"a sum over {n} processes that was not"),
        (1 / n, f"divided by {n} processes once"),
    ):
        after = m * c + (1 - m) * factor * mean
        (found,) = which_system(z, temperature=tau, center=c, next_center=after, momentum=m).mistakes
        assert found.startswith(name)


@given(seed=st.integers(0, 999), n=st.integers(2, 60))
def test_any_number_of_micro_batches_is_read_off_the_centre(seed, n):
    z, tau, c = case(seed)
    after = 0.9**n * c + (1 - 0.9**n) * z.mean(0)
    found = which_system(z, temperature=tau, center=c, next_center=after, momentum=0.9)
    assert found.mistakes == (f"moved at each of {n} micro-batches of these logits",)


@pytest.mark.parametrize("parts", [2, 3, 8, 16, 24])
def test_any_part_of_the_batch_may_be_a_rank(parts):
    z, tau, _ = case(1, n=48)
    r = np.concatenate([np.exp(dinov2(part, temperature=tau)) for part in np.split(z, parts)])
    found = which_system(z, r, temperature=tau)
    assert found.mistakes == (f"Sinkhorn on scores over 1/{parts} of the batch, as on one rank",)


def test_capi_is_told_from_sinkhorn_over_all_tokens():
    z = np.stack([case(seed, n=16)[0] for seed in range(3)], axis=1)
    own = which_system(z, np.exp(capi(z)), temperature=0.06)
    assert own.targets[0].name == "Sinkhorn on scores for each position: CAPI"
    together = np.exp(dinov2(z.reshape(-1, 8), temperature=0.06)).reshape(z.shape)
    assert which_system(z, together, temperature=0.06).targets[0].name == "Sinkhorn on scores: DINOv2, SwAV"
    assert own.mistakes == own.possible_mistakes == ()


def test_targets_of_tokens_are_read_beside_centres_for_each_position():
    z = np.stack([case(seed, n=16)[0] for seed in range(3)], axis=1)
    c = z.mean(0)
    found = which_system(
        z, softmax(z / 0.1), temperature=0.1, center=c, next_center=0.9 * c + 0.1 * z.mean(0)
    )
    assert found.targets[0].name == "no constraint, softmax(z/τ)"
    assert "one centre for each position: clusters may stand for positions" in found.mistakes


def test_a_slip_that_a_published_way_explains_too_is_a_possible_one():
    z, tau, _ = case(0)
    found = which_system(z, softmax(z / tau), temperature=tau, center=np.zeros(8))
    assert found.mistakes == ()
    assert {"centre subtracted after the division by τ", "centre added, not subtracted"} <= set(
        found.possible_mistakes
    )


def test_the_coarser_of_two_precisions_says_how_near_targets_must_be():
    z, tau, _ = case(0)
    assert which_system(z, softmax(z / tau).astype(np.float16), temperature=tau).targets[0].matches


def test_logits_of_no_position_are_refused():
    with pytest.raises(ValueError, match=r"`logits` must not be empty, got shape \(4, 0, 3\)"):
        which_system(np.zeros((4, 0, 3)), np.ones((4, 0, 3)), temperature=0.1)
