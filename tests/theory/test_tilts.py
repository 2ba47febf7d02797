"""The family of tilts: which teacher each λ makes, and what each of them ignores."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import theory
from tests.claims.ledger import at_most, equal
from tests.support.strategies import distributions, ensembles, fixed

CLOSED_FORMS = [theory.centering_log_tilt, theory.inverse_prior_log_tilt, theory.cumulant_log_tilt]


def same_tilt(a, b):
    """a − b up to its additive constant."""
    return (a - b) - (a - b).mean(axis=-1, keepdims=True)


# -- T1, T2: the constraint makes inverse priors --


def generalised_kl(r, p):
    """Σₖ r log(r/p) − r + p per sample, for positive r that need not sum to 1."""
    return np.sum(r * np.log(r / p) - r + p, axis=-1)


@given(ensembles(batch=False, samples=(2, 9)), st.data())
@pytest.mark.claim("T1")
def test_dividing_by_the_prior_is_the_closest_way_to_meet_it(case, data):
    scale = np.exp(case.weighted(theory.inverse_prior_log_tilt, log_target=case.log_target))
    r = case.p * scale
    equal(case.mean(r), case.pi)
    equal(case.w @ r.sum(axis=-1), 1.0)
    other = data.draw(arrays(np.float64, r.shape, elements=st.floats(0.05, 1.0)))
    other = other * case.pi / case.mean(other)
    cost, least = (case.w @ generalised_kl(x, case.p) for x in (other, r))
    at_most(least, cost, slack=1e-12)
    equal(cost, least + case.w @ generalised_kl(other, r))


@pytest.mark.control("T1")
def test_normalising_the_rows_afterwards_gives_up_the_prior():
    case = fixed([[3.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 0.0, 1.0]])
    log_r, _ = case.teacher(theory.inverse_prior_log_tilt)
    assert np.abs(np.exp(theory.log_prior(log_r)) - case.pi).max() > 0.01


@given(ensembles())
@pytest.mark.claim("T2")
def test_inverse_prior_is_bayes_after_the_label_prior_moves_to_the_target(case):
    joint = case.w[..., None] * case.p
    likelihood = joint / joint.sum(axis=-2, keepdims=True)  # of the sample, given the cluster
    moved = case.pi * likelihood
    evidence = moved.sum(axis=-1, keepdims=True)
    log_r, _ = case.teacher(theory.inverse_prior_log_tilt)
    equal(evidence * np.exp(log_r), moved)


@pytest.mark.control("T2")
def test_the_geometric_prior_and_the_forward_prior_are_not_bayes():
    case = fixed([[3.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 0.0, 1.0]], log_target=np.log([0.5, 0.3, 0.2]))
    bayes = case.p * case.pi / case.mean(case.p)
    bayes = bayes / bayes.sum(axis=-1, keepdims=True)
    centred, _ = case.teacher(theory.centering_log_tilt)
    backward = theory.tilt(case.log_p, theory.log_prior(case.log_p) - case.log_pi)
    assert np.abs(np.exp(centred) - bayes).max() > 0.01
    assert np.abs(np.exp(backward) - bayes).max() > 0.1


# -- T6, T7, T8: symmetries, fixed points --


@given(ensembles(batch=False), st.randoms(use_true_random=False))
@pytest.mark.claim("T6")
def test_tilts_ignore_sample_shifts_and_commute_with_permutations(case, random):
    n, k = case.logits.shape
    shift = np.linspace(-50.0, 70.0, n)[:, None]
    shifted = theory.log_softmax(case.logits + shift, temperature=case.temperature)
    off = 8e-15 * (1 + (np.abs(case.logits).max() + 70) / case.temperature)
    samples, clusters = random.sample(range(n), n), random.sample(range(k), k)
    moved = fixed(
        case.logits[samples][:, clusters],
        temperature=case.temperature,
        weights=None if case.weights is None else case.weights[samples],
        log_target=None if case.log_target is None else case.log_target[clusters],
    )
    for choose in CLOSED_FORMS:
        log_r, _ = case.teacher(choose)
        equal(case.teacher(choose, shifted)[0], log_r, rtol=0.0, atol=off)
        equal(moved.teacher(choose)[0], log_r[samples][:, clusters], rtol=0.0, atol=off)


@given(ensembles(), st.data())
@pytest.mark.claim("T6")
def test_the_centred_teacher_ignores_a_bias_per_cluster(case, data):
    bias = data.draw(arrays(np.float64, case.logits.shape[-1:], elements=st.floats(-30.0, 30.0)))
    biased = theory.log_softmax(case.logits + bias, temperature=case.temperature)
    moved, still = (case.teacher(theory.centering_log_tilt, x)[0] for x in (biased, case.log_p))
    off = 8e-15 * (1 + (np.abs(case.logits).max() + 30) / case.temperature)
    equal(moved, still, rtol=0.0, atol=off)


@given(ensembles(uniform=True))
@pytest.mark.claim("T6")
def test_inverse_prior_teacher_has_an_uncollapsed_limit_under_infinite_bias(case):
    z = case.logits / case.temperature
    biased = z.copy()
    biased[..., 0] += 200.0
    log_r, _ = case.teacher(theory.inverse_prior_log_tilt, theory.log_softmax(biased))
    limit = -np.log(case.mean(np.exp(z - z[..., :1])))
    scores = z + limit[..., None, :]
    want = scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True)
    equal(log_r, want, rtol=0.0, atol=8e-15 * (1 + np.abs(biased).max()))
    at_most(np.exp(log_r).max(axis=-1).min(axis=-1), 1.0 - 1e-12)


@pytest.mark.control("T6")
def test_bias_moves_the_inverse_prior_teacher_and_collapses_the_unconstrained_one():
    logits = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 2.0]])
    plain, biased = (theory.log_softmax(logits + np.array([b, 0.0, 0.0])) for b in (0.0, 20.0))
    for choose in (theory.inverse_prior_log_tilt, theory.cumulant_log_tilt):
        moved = [theory.tilt(x, choose(x)) for x in (plain, biased)]
        assert np.abs(np.exp(moved[0]) - np.exp(moved[1])).max() > 0.03
    assert np.exp(biased)[:, 0].min() > 1 - 1e-7


@given(ensembles(batch=False, samples=(2, 9)))
@pytest.mark.claim("T7")
def test_an_ensemble_that_meets_its_target_is_left_alone(case):
    met = theory.log_softmax(case.log_p, temperature=1.0)
    log_pi = case.weighted(theory.log_prior, met)
    log_tilt = case.weighted(theory.inverse_prior_log_tilt, met, log_target=log_pi)
    equal(log_tilt, np.zeros_like(log_tilt))
    projected = case.weighted(theory.project, met, log_target=log_pi, tol=1e-12)
    equal(np.exp(projected.log_r), case.p)  # λ = 0 has the target already: no step is taken


@pytest.mark.control("T7")
def test_centering_moves_an_ensemble_that_meets_its_target():
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]])
    log_p = np.log(p)
    assert np.allclose(p.mean(axis=0), 1 / 3)
    assert np.abs(np.exp(theory.tilt(log_p, theory.centering_log_tilt(log_p))) - p).max() > 0.01


@given(ensembles(samples=(1, 9)))
@pytest.mark.claim("T8")
def test_a_collapsed_teacher_becomes_the_target(case):
    collapsed = np.broadcast_to(case.log_p[..., :1, :], case.log_p.shape).copy()
    target = np.broadcast_to(case.pi, collapsed.shape)
    for choose in CLOSED_FORMS:
        equal(np.exp(case.teacher(choose, collapsed)[0]), target)
    equal(np.exp(case.project(collapsed).log_r), target, atol=1e-9)


@pytest.mark.control("T8")
def test_without_a_constraint_a_collapsed_teacher_stays_collapsed():
    log_p = np.broadcast_to(np.log([0.98, 0.01, 0.01]), (4, 3))
    assert np.allclose(theory.tilt(log_p, np.zeros(3)), log_p)


# -- J2, J3, J4, J8: from inverse priors to centering --


@given(ensembles(reach=40.0, temperatures=(0.01, 100.0)))
@example(fixed([[1e4, -1e4, 0.0], [0.0, 1e4, 3.0]], temperature=1e-3))
@pytest.mark.claim("J2")
def test_inverse_priors_through_jensen_are_batch_centering(case):
    centre = case.mean(case.logits)[..., None, :]
    scores = (case.logits - centre) / case.temperature + case.log_pi
    scale = np.abs(case.logits).max() / case.temperature + 1.0
    equal(case.teacher(theory.centering_log_tilt)[0], theory.log_softmax(scores), atol=1e-15 * scale * 8)


@pytest.mark.control("J2")
def test_before_jensen_the_teacher_is_not_the_centred_one():
    case = fixed([[3.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 0.0, 1.0]])
    centred = theory.log_softmax(case.logits - case.logits.mean(axis=0))
    assert np.abs(case.teacher(theory.inverse_prior_log_tilt)[0] - centred).max() > 0.05


@given(ensembles(batch=False, uniform=True), st.floats(0.0, 0.999), st.integers(1, 6), st.data())
@pytest.mark.claim("J3")
def test_average_of_logits_is_that_of_the_geometric_prior_up_to_a_constant(case, momentum, steps, data):
    batches = data.draw(arrays(np.float64, (steps, *case.logits.shape), elements=st.floats(-6.0, 6.0)))
    centre, log_g = np.zeros(batches.shape[-1]), np.zeros(batches.shape[-1])
    for z in batches:
        log_p = theory.log_softmax(z, temperature=case.temperature)
        dino = theory.log_softmax((z - centre) / case.temperature)
        off = 8e-15 * (1 + (np.abs(z).max() + np.abs(centre).max()) / case.temperature)
        equal(case.call(theory.tilt, log_p, -log_g), dino, rtol=0.0, atol=off)
        centre = momentum * centre + (1 - momentum) * case.mean(z)
        log_g = momentum * log_g + (1 - momentum) * case.weighted(theory.log_prior, log_p, order=0.0)
    off = 8e-15 * (1 + np.abs(batches).max() / case.temperature)
    equal(same_tilt(centre / case.temperature, log_g), np.zeros_like(centre), atol=off)


@given(st.floats(0.5, 0.999), st.integers(0, 30), distributions((4,)))
@pytest.mark.claim("J3")
def test_an_average_begun_at_zero_leaves_a_known_share_of_the_mean_in_place(momentum, steps, mean):
    centre = np.zeros_like(mean)
    for _ in range(steps):
        centre = momentum * centre + (1 - momentum) * mean
    equal(mean - centre, momentum**steps * mean)


@pytest.mark.control("J3")
def test_updating_the_centre_before_it_is_applied_is_another_teacher():
    z = np.array([[3.0, 0.0], [1.0, 0.5]])
    old, new = np.zeros(2), 0.5 * z.mean(axis=0)
    assert np.abs(theory.log_softmax(z - old) - theory.log_softmax(z - new)).max() > 0.3


@given(ensembles())
@pytest.mark.claim("J4")
def test_centering_overstates_every_log_ratio_and_so_the_information(case):
    over_prior = case.log_p - case.weighted(theory.log_prior)[..., None, :]
    over_geometric = case.log_p - case.weighted(theory.log_prior, order=0.0)[..., None, :]
    at_most(over_prior, over_geometric, slack=1e-13)
    bound = case.mean(np.sum(case.p * over_geometric, axis=-1))
    at_most(case.weighted(theory.mutual_information), bound, slack=1e-13)


@pytest.mark.control("J4")
def test_any_prior_above_the_arithmetic_one_turns_the_direction():
    case = fixed([[2.0, 0.0], [-2.0, 0.0]])
    largest = theory.log_prior(case.log_p, order=np.inf)
    bound = case.mean(np.sum(case.p * (case.log_p - largest), axis=-1))
    assert bound < theory.mutual_information(case.log_p) - 0.1


@given(ensembles(batch=False, samples=(1, 3), clusters=(2, 5), uniform=True))
@pytest.mark.claim("J8")
def test_exchangeable_clusters_make_centred_and_inverse_prior_teachers_one(case):
    k = case.logits.shape[-1]
    orbit = np.concatenate([np.roll(case.logits, j, axis=-1) for j in range(k)])
    weights = np.tile(case.w, k) / k
    whole = fixed(orbit, temperature=case.temperature, weights=weights)
    gap = whole.weighted(theory.jensen_gap)
    off = 8e-15 * (1 + np.abs(whole.log_p).max())
    equal(gap, np.full(k, gap.mean()), rtol=0.0, atol=off)
    centred, inverse = (
        whole.teacher(choose)[0] for choose in (theory.centering_log_tilt, theory.inverse_prior_log_tilt)
    )
    equal(centred, inverse, rtol=0.0, atol=off)


@given(ensembles())
@pytest.mark.claim("J8")
def test_the_two_teachers_differ_by_exactly_the_spread_of_the_gap(case):
    ratio = case.teacher(theory.centering_log_tilt)[0] - case.teacher(theory.inverse_prior_log_tilt)[0]
    gap = np.broadcast_to(case.weighted(theory.jensen_gap)[..., None, :], ratio.shape)
    off = 8e-15 * (1 + np.abs(case.log_p).max())
    equal(np.ptp(ratio, axis=-1), np.ptp(gap, axis=-1), rtol=0.0, atol=off)


@pytest.mark.control("J8")
def test_one_cluster_of_larger_spread_parts_them():
    logits = np.array([[4.0, 0.0, 0.0], [-4.0, 0.0, 0.0], [4.0, 0.5, -0.5], [-4.0, -0.5, 0.5]])
    case = fixed(logits)
    gap = theory.jensen_gap(case.log_p)
    assert np.ptp(gap) > 0.1
    difference = np.exp(case.teacher(theory.centering_log_tilt)[0]) - np.exp(
        case.teacher(theory.inverse_prior_log_tilt)[0]
    )
    assert np.abs(difference).max() > 0.02


@given(ensembles())
def test_sinkhorn_begins_with_the_inverse_prior_and_goes_on_from_where_it_is_started(case):
    one, three = (
        case.weighted(theory.sinkhorn_log_tilt, rounds=s, log_target=case.log_target) for s in (1, 3)
    )
    equal(one, case.weighted(theory.inverse_prior_log_tilt, log_target=case.log_target))
    onward = case.weighted(theory.sinkhorn_log_tilt, rounds=2, log_target=case.log_target, log_tilt=one)
    equal(onward, three)


def test_a_cluster_without_mass_has_no_closed_form_tilt():
    with np.errstate(divide="ignore"):
        some, none = np.log([[0.5, 0.5, 0.0], [0.3, 0.3, 0.4]]), np.log([[0.5, 0.5, 0.0], [0.3, 0.7, 0.0]])
    for choose in (theory.centering_log_tilt, theory.cumulant_log_tilt):
        with pytest.raises(ValueError, match="`log_p` must give every cluster a positive"):
            choose(some)
    assert np.all(np.isfinite(theory.inverse_prior_log_tilt(some)))
    assert np.exp(theory.tilt(some, theory.inverse_prior_log_tilt(some)))[0, 2] == 0.0
    with pytest.raises(ValueError, match=r"`log_p` must give every cluster a positive mean.*at index 2"):
        theory.inverse_prior_log_tilt(none)
