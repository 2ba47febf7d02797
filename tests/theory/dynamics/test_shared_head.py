"""Two losses on one head: the held one holds the other from a share of the gradient on (D8)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from tests.claims.ledger import at_most, equal
from tests.theory.dynamics.toys import DINO
from theory.dynamics import center_stability, held_share, shared_head_stability

shares = st.floats(0.0, 1.0)
alphas = st.floats(-3.0, -0.1).map(lambda x: 10.0**x)
momenta = st.floats(0.0, 0.999)
TAUS = (0.04, 0.04)


@given(shares, alphas, momenta, momenta, momenta, st.floats(0.02, 0.3), st.floats(0.02, 0.3))
@pytest.mark.claim("D8")
def test_one_step_of_a_shared_bias_is_the_matrix(s, alpha, m_t, m_1, m_2, tau_1, tau_2):
    """Softmax and all, from biases of 1e-6 that sum to 0; both cross-entropies, weighed s to 1 − s."""
    k, tau_s = 5, 0.1
    w, v, c1, c2 = (1e-6 * (x - x.mean()) for x in np.random.default_rng(0).normal(size=(4, k)))
    eta = alpha * k * tau_s**2
    gradient = s * (softmax(w / tau_s) - softmax((v - c1) / tau_1))
    gradient += (1 - s) * (softmax(w / tau_s) - softmax((v - c2) / tau_2))
    moved = w - eta / tau_s * gradient
    after = np.stack(
        [moved, m_t * v + (1 - m_t) * moved, c1 + (1 - m_1) * (v - c1), c2 + (1 - m_2) * (v - c2)]
    )
    matrix = shared_head_stability(
        share=s,
        gain=alpha * tau_s,
        teacher_momentum=m_t,
        center_momenta=(m_1, m_2),
        student_temperature=tau_s,
        teacher_temperatures=(tau_1, tau_2),
    ).matrix
    equal(matrix @ np.stack([w, v, c1, c2]), after, rtol=0, atol=1e-9)


@given(alphas, momenta, momenta)
@pytest.mark.claim("D8")
def test_two_losses_of_one_centre_are_one_loss(alpha, m_t, m_c):
    knobs = {"gain": 0.1 * alpha, "teacher_momentum": m_t}
    both = shared_head_stability(
        share=0.3, center_momenta=(m_c, m_c), student_temperature=0.1, teacher_temperatures=TAUS, **knobs
    )
    one = center_stability(center_momentum=m_c, **knobs, **DINO)
    equal(both.spectral_radius, max(one.spectral_radius, m_c), rtol=1e-7)


@given(st.booleans(), st.floats(0.01, 1.0), alphas, momenta, st.floats(0.02, 0.3))
@pytest.mark.claim("D8")
def test_beside_a_loss_without_lag_no_centre_is_needed_from_the_held_share_on(above, way, alpha, m_t, tau):
    """A centre of the batch itself is the limit of no lag: its loss adds its decay alone."""
    limit = held_share(student_temperature=0.1, teacher_temperature=tau)
    low = max(float(limit), 0.0)
    s = low + way * (1 - low) if above or low < 0.01 else low * (1 - way)
    decay = np.array([[1 - alpha, (1 - s) * alpha * 0.1 / tau], [0, 0]])
    decay[1] = (1 - m_t) * decay[0] + [0, m_t]
    grows = np.abs(np.linalg.eigvals(decay)).max() > 1
    assert grows == (s < limit)


@given(st.booleans(), st.floats(0.0, 0.99), alphas, st.floats(0.981, 0.999), st.floats(0.02, 0.085))
@pytest.mark.claim("D8")
def test_a_fast_centre_holds_almost_from_there_on(above, way, alpha, m_t, tau):
    """The first centre's lag of one step or so moves the threshold a little, in the run's disfavour."""
    limit = held_share(student_temperature=0.1, teacher_temperature=tau)
    s = limit + 0.101 + way * (0.899 - limit) if above else (limit - 0.101) * (1 - way)
    found = shared_head_stability(
        share=s,
        gain=0.1 * alpha,
        teacher_momentum=m_t,
        center_momenta=(0.0, None),
        student_temperature=0.1,
        teacher_temperatures=(tau, tau),
    )
    assert found.stable == above


@given(st.floats(0.0, 0.95), alphas, st.floats(0.9, 0.999), momenta)
@pytest.mark.claim("D8")
def test_the_other_loss_obeys_d4_with_its_share_of_the_pull(s, alpha, m_t, m_2):
    """First loss with no pull at all (τ_t → ∞): D4 at τ_t/(1 − s)."""
    both = shared_head_stability(
        share=s,
        gain=0.1 * alpha,
        teacher_momentum=m_t,
        center_momenta=(0.0, m_2),
        student_temperature=0.1,
        teacher_temperatures=(1e9, 0.04),
    )
    one = center_stability(
        gain=0.1 * alpha,
        teacher_momentum=m_t,
        center_momentum=m_2,
        student_temperature=0.1,
        teacher_temperature=0.04 / (1 - s),
    )
    equal(both.spectral_radius, one.spectral_radius, rtol=1e-6)


def shared_run(s, *, tau, steps=6000, k=6, alpha=0.1, m_t=0.98):
    """Largest share of a cluster in the end: one bias under a centred loss and one without a centre."""
    w = 1e-4 * np.random.default_rng(0).normal(size=k)
    w -= w.mean()
    v, c = w.copy(), np.zeros(k)
    for _ in range(steps):
        q = softmax(w / 0.1)
        gradient = s * (q - softmax((v - c) / tau)) + (1 - s) * (q - softmax(v / tau))
        c += 0.1 * (v - c)
        w = w - alpha * k * 0.1 * gradient
        v += (1 - m_t) * (w - v)
    return softmax(w / 0.1).max()


@pytest.mark.claim("D8")
@pytest.mark.parametrize("tau", [0.04, 0.07])
def test_runs_fall_on_the_predicted_side_of_the_held_share(tau):
    limit = held_share(student_temperature=0.1, teacher_temperature=tau)
    equal(shared_run(min(1.0, limit + 0.12), tau=tau), 1 / 6, rtol=1e-3)
    at_most(0.5, shared_run(limit - 0.12, tau=tau))


@pytest.mark.control("D8")
def test_untied_heads_are_not_held():
    """Each loss with a bias of its own: the one without a centre falls into one cluster at any share."""
    at_most(0.9, shared_run(0.0, tau=0.07))
    equal(shared_run(1.0, tau=0.07), 1 / 6, rtol=1e-3)


@pytest.mark.claim("D8")
def test_ibots_patches_without_a_centre_are_held_once_warm_and_not_at_the_start():
    """[CLS] and patches weigh the same; τ_t from .04 to .07, patch centres none, .9, .99 and .999."""
    knobs = {"share": 0.5, "gain": 1e-3, "teacher_momentum": 0.996, "student_temperature": 0.1}
    for momentum, at_start in ((None, False), (0.9, True), (0.99, True), (0.999, True)):
        stable = [
            bool(
                shared_head_stability(
                    center_momenta=(0.9, momentum), teacher_temperatures=(tau, tau), **knobs
                ).stable
            )
            for tau in (0.04, 0.07)
        ]
        assert stable == [at_start, True], momentum


def test_bad_arguments_are_named():
    knobs = {"gain": 1e-3, "teacher_momentum": 0.9, "student_temperature": 0.1, "teacher_temperatures": TAUS}
    with pytest.raises(ValueError, match="`share`"):
        shared_head_stability(share=1.5, center_momenta=(0.9, 0.9), **knobs)
    with pytest.raises(ValueError, match="`center_momenta`"):
        shared_head_stability(share=0.5, center_momenta=(0.9, 1.9), **knobs)
    with pytest.raises(ValueError, match="`teacher_temperatures`"):
        shared_head_stability(
            share=0.5, center_momenta=(0.9, 0.9), **(knobs | {"teacher_temperatures": (1, 0)})
        )
