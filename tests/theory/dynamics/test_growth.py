"""Linearisation, growth and collapse near uniform (D1, D2, D3), against real gradient descent."""

import math

import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.ledger import at_most, equal
from theory.dynamics.growth import (
    critical_temperature,
    growth_rates,
    student_gain,
    survival_temperature,
    whitened_growth_rate,
)
from theory.dynamics.moments import correlations, cross_view_moments
from theory.projection import project
from theory.ensembles import log_softmax
from theory.teachers import centering, cumulant, inverse_prior, power_mean, tilt

seeds = st.integers(0, 2**32 - 1)
temperatures = st.floats(0.05, 2.0)

TEACHERS = {
    "centred": lambda log_p, **kw: tilt(log_p, centering(log_p, **kw)),
    "inverse-prior": lambda log_p, **kw: tilt(log_p, inverse_prior(log_p, **kw)),
    "power-mean": lambda log_p, **kw: tilt(log_p, power_mean(log_p, order=2.5, **kw)),
    "cumulant": lambda log_p, **kw: tilt(log_p, cumulant(log_p, **kw)),
    "projected": lambda log_p, **kw: project(log_p, tol=1e-12, **kw).log_r,
}
every_teacher = pytest.mark.parametrize("teacher", TEACHERS)


def unconstrained(log_p, **_):
    return log_p


def jacobian(teacher, logits, temperature, **kw):
    """∂r_n(k)/∂z_m(l), [N, K, N, K], by automatic differentiation of the teacher itself."""
    return torch.autograd.functional.jacobian(
        lambda z: torch.exp(teacher(log_softmax(z, temperature=temperature), **kw)), logits
    )


def closed_form(target, weights, temperature):
    """(diag π − ππᵀ)(δ_nm − w_m)/τ; Π/K for uniform π."""
    spread = torch.diag(target) - torch.outer(target, target)
    return torch.einsum("kl,nm->nkml", spread, torch.eye(len(weights)) - weights) / temperature


def drawn(seed, n=4, k=3):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(n, generator=generator, dtype=torch.float64) + 0.1
    target = torch.rand(k, generator=generator, dtype=torch.float64) + 0.1
    logits = torch.randn(k, generator=generator, dtype=torch.float64).expand(n, k).clone()
    return logits, weights / weights.sum(), target / target.sum()


@every_teacher
@given(seeds, temperatures)
@pytest.mark.claim("D1")
def test_every_constrained_teacher_has_one_linearisation_at_uniform(teacher, seed, temperature):
    _, weights, _ = drawn(seed)
    slope = jacobian(TEACHERS[teacher], torch.zeros(4, 3, dtype=torch.float64), temperature, weights=weights)
    uniform = torch.full((3,), 1 / 3, dtype=torch.float64)
    equal(slope, closed_form(uniform, weights, temperature), rtol=1e-9, atol=1e-9)


@every_teacher
@given(seeds, temperatures)
@pytest.mark.claim("D1")
def test_at_any_constant_output_the_linearisation_is_that_of_the_target(teacher, seed, temperature):
    logits, weights, target = drawn(seed)
    kw = {"weights": weights, "log_target": torch.log(target)}
    constant = torch.exp(TEACHERS[teacher](log_softmax(logits, temperature=temperature), **kw))
    equal(constant, target.expand(4, 3), rtol=1e-9, atol=1e-9)
    slope = jacobian(TEACHERS[teacher], logits, temperature, **kw)
    equal(slope, closed_form(target, weights, temperature), rtol=1e-8, atol=1e-8)


@every_teacher
@pytest.mark.claim("D1")
def test_linearisation_agrees_with_finite_differences_to_second_order(teacher):
    generator = torch.Generator().manual_seed(11)
    direction = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    linear = (direction - direction.mean(0)) - (direction - direction.mean(0)).mean(1, keepdim=True)
    errors = []
    for size in (1e-2, 1e-3):
        log_p = log_softmax(size * direction, temperature=0.5)
        exact = torch.exp(TEACHERS[teacher](log_p))
        errors.append(float((exact - 0.25 - 0.25 * size * linear / 0.5).abs().max()))
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.1)


@pytest.mark.claim("D1")
def test_centred_and_inverse_prior_part_at_second_order_by_half_the_variance():
    z = 1e-3 * torch.randn(50, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    log_p = log_softmax(z, temperature=0.5)
    gap = TEACHERS["centred"](log_p) - TEACHERS["inverse-prior"](log_p)
    half_variance = log_p.var(0, correction=0) / 2
    equal(
        gap,
        (half_variance - half_variance.mean()).expand(50, 4),
        rtol=0,
        atol=1e-2 * float(half_variance.max()),
    )


@pytest.mark.control("D1")
def test_linearisation_fails_for_another_target_or_no_constraint_or_unequal_outputs():
    zeros = torch.zeros(4, 3, dtype=torch.float64)
    weights = torch.full((4,), 0.25, dtype=torch.float64)
    uniform, target = (
        torch.full((3,), 1 / 3, dtype=torch.float64),
        torch.tensor([0.8, 0.1, 0.1], dtype=torch.float64),
    )
    stated = closed_form(uniform, weights, 1.0)
    size = stated.abs().max()
    tilted = jacobian(TEACHERS["inverse-prior"], zeros, 1.0, log_target=torch.log(target))
    assert (tilted - stated).abs().max() > 0.3 * size
    assert (jacobian(unconstrained, zeros, 1.0) - stated).abs().max() > 0.3 * size
    spread = torch.arange(12, dtype=torch.float64).reshape(4, 3).sin()
    assert (jacobian(TEACHERS["centred"], spread, 1.0) - stated).abs().max() > 0.3 * size


def views_of(seed, *, n=40, d=3, noise=1.0):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, d)) * rng.uniform(0.3, 2.0, size=d)
    return [shared + noise * rng.normal(size=(n, d)) for _ in range(2)]


def descend(views, w, v, *, teacher, learning_rate, tau_s, tau_t, teacher_rate, steps):
    """Gradient descent on the symmetrised cross-entropy: no linearisation anywhere. Returns (W, V)."""
    phi = [torch.as_tensor(np.column_stack([x, np.ones(len(x))])) for x in views]
    w, v = torch.tensor(w, requires_grad=True), torch.tensor(v)
    for _ in range(steps):
        with torch.no_grad():
            log_r = teacher(log_softmax(torch.cat([x @ v for x in phi]), temperature=tau_t)).chunk(2)
        log_q = [torch.log_softmax(x @ w / tau_s, dim=-1) for x in phi]
        loss = -sum((torch.exp(r) * q).sum(-1).mean() for r, q in zip(log_r, log_q[::-1], strict=True)) / 2
        (gradient,) = torch.autograd.grad(loss, w)
        with torch.no_grad():
            w -= learning_rate * gradient
            v += teacher_rate * (w - v)
    return w.detach().numpy(), v.numpy()


def contrasts(rng, rows, columns):
    """Weights whose rows sum to 0: the Π-projected columns D2 speaks of."""
    w = rng.normal(size=(rows, columns))
    return w - w.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("teacher_rate", [1.0, 0.03])
@pytest.mark.parametrize("teacher", [*TEACHERS, "unconstrained"])
@pytest.mark.claim("D2")
def test_gradient_descent_near_uniform_is_the_predicted_matrix(teacher, teacher_rate):
    views, rng, steps = views_of(1), np.random.default_rng(2), 20
    moments = cross_view_moments(*views)
    start = 1e-7 * contrasts(rng, 4, 5)
    settings = {"student_temperature": 0.1, "teacher_temperature": 0.05}
    step = growth_rates(
        moments.cross(constrained=teacher != "unconstrained"),
        moments.second(),
        gain=student_gain(learning_rate=0.004, clusters=5, student_temperature=0.1),
        teacher_rate=teacher_rate,
        discrete=True,
        **settings,
    )
    state = start if teacher_rate == 1.0 else np.vstack([start, start])
    predicted = (np.linalg.matrix_power(step.matrix, steps) @ state)[:4]
    found, _ = descend(
        views, start, start, teacher=TEACHERS.get(teacher, unconstrained), learning_rate=0.004,
        tau_s=0.1, tau_t=0.05, teacher_rate=teacher_rate, steps=steps,
    )  # fmt: skip
    size = float(np.abs(predicted).max())
    equal(found / size, predicted / size, rtol=0, atol=1e-3)


@pytest.mark.control("D2")
def test_far_from_uniform_the_linear_rate_is_wrong():
    views, rng = views_of(1), np.random.default_rng(2)
    moments = cross_view_moments(*views)
    gain = student_gain(learning_rate=0.02, clusters=5, student_temperature=0.1)
    step = growth_rates(
        moments.cross(),
        moments.second(),
        gain=gain,
        student_temperature=0.1,
        teacher_temperature=0.05,
        discrete=True,
    )
    start = contrasts(rng, 4, 5)
    found, _ = descend(
        views, start, start, teacher=TEACHERS["centred"], learning_rate=0.02, tau_s=0.1, tau_t=0.05,
        teacher_rate=1.0, steps=30,
    )  # fmt: skip
    predicted = np.linalg.norm(np.linalg.matrix_power(step.matrix, 30) @ start)
    assert predicted > 2 * np.linalg.norm(found)


@given(seeds, st.floats(0.2, 4.0), st.floats(0.02, 1.2), st.floats(-3.0, 2.0))
@pytest.mark.claim("D2")
def test_as_many_directions_grow_as_correlations_exceed_the_temperature_ratio(seed, noise, ratio, log_rate):
    moments = cross_view_moments(*views_of(seed, noise=noise))
    cross, second = moments.cross(), moments.second()
    found = correlations(cross, second).values
    exceeding = int((found > ratio).sum())
    kw = {"gain": 0.3, "student_temperature": 1.0, "teacher_temperature": ratio}
    slow = growth_rates(cross, second, teacher_rate=10**log_rate, **kw)
    assert growth_rates(cross, second, **kw).growing == slow.growing == exceeding
    assert (np.abs(slow.frequencies[slow.rates > 1e-9]) < 1e-9).all()  # what grows, grows without turning
    free = growth_rates(moments.cross(constrained=False) + second, second, teacher_rate=10**log_rate, **kw)
    assert (np.abs(free.frequencies) < 1e-6 * np.abs(free.rates).max()).all()  # C₁₂ ≥ 0: nothing turns at all
    small = {**kw, "gain": 1e-3}
    assert growth_rates(cross, second, teacher_rate=0.01, discrete=True, **small).growing == exceeding


@pytest.mark.control("D2")
def test_without_symmetric_moments_the_count_is_wrong():
    cross, second = np.array([[0.5, 0.9], [-0.9, 0.5]]), np.diag([1.0, 0.01])
    kw = {"gain": 1.0, "student_temperature": 1.0, "teacher_temperature": 0.6}
    exceeding = int((correlations(cross, second).values > 0.6).sum())
    assert growth_rates(cross, second, **kw).growing != exceeding


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4), temperatures, temperatures, st.floats(-4.0, 3.0)
)
@pytest.mark.claim("D2")
def test_whitened_features_have_one_rate_for_each_correlation(values, tau_s, tau_t, log_rate):
    kw = {
        "gain": 0.1,
        "student_temperature": tau_s,
        "teacher_temperature": tau_t,
        "teacher_rate": 10**log_rate,
    }
    each = np.sort(whitened_growth_rate(values, **kw))[::-1]
    block = growth_rates(np.diag(values), np.eye(len(values)), **kw)
    equal(block.rates[: len(values)], each, rtol=1e-7, atol=1e-9 * (1 + 10**log_rate))


def test_a_fast_teacher_is_the_student():
    kw = {"gain": 0.1, "student_temperature": 0.1, "teacher_temperature": 0.05}
    moments = cross_view_moments(*views_of(4))
    same = growth_rates(moments.cross(), moments.second(), **kw)
    fast = growth_rates(moments.cross(), moments.second(), teacher_rate=1e7, **kw)
    np.testing.assert_allclose(fast.rates[:4], same.rates, rtol=1e-4, atol=1e-5)
    r = correlations(moments.cross(), moments.second()).values
    np.testing.assert_allclose(
        whitened_growth_rate(r, teacher_rate=1e9, **kw), whitened_growth_rate(r, **kw), rtol=1e-6
    )


@given(seeds, st.floats(0.1, 0.99), st.floats(0.0, 3.0))
@pytest.mark.claim("D3")
def test_without_a_constraint_the_constant_direction_grows_first(seed, ratio, noise):
    moments = cross_view_moments(*(x - x.mean(0) for x in views_of(seed, noise=noise)))
    whiten = np.linalg.inv(np.linalg.cholesky(moments.second()))
    cross = whiten @ moments.cross(constrained=False) @ whiten.T
    free = growth_rates(cross, np.eye(4), gain=1.0, student_temperature=1.0, teacher_temperature=ratio)
    equal(free.rates[0], 1 / ratio - 1, rtol=1e-9)
    held = whiten @ moments.cross() @ whiten.T
    rates = growth_rates(held, np.eye(4), gain=1.0, student_temperature=1.0, teacher_temperature=ratio).rates
    at_most(np.full(1, np.abs(rates + 1).min()), np.zeros(1), slack=1e-9)


FATE = {"learning_rate": 0.01, "tau_s": 0.1, "teacher_rate": 0.5, "steps": 400}


@pytest.mark.claim("D3")
def test_a_constrained_run_above_every_correlation_goes_uniform_and_below_it_learns():
    views = views_of(7, noise=0.7)
    moments = cross_view_moments(*views)
    edge = float(
        critical_temperature(
            correlations(moments.cross(), moments.second()).values[0], student_temperature=0.1
        )
    )
    start = 1e-2 * contrasts(np.random.default_rng(0), 4, 4)
    above, _ = descend(views, start, start, teacher=TEACHERS["inverse-prior"], tau_t=1.1 * edge, **FATE)
    below, _ = descend(views, start, start, teacher=TEACHERS["inverse-prior"], tau_t=0.6 * edge, **FATE)
    assert np.abs(above).max() < 1e-3 * np.abs(start).max()
    assert np.abs(below).max() > 10 * np.abs(start).max()


@pytest.mark.control("D3")
def test_without_a_constraint_the_run_falls_into_one_cluster():
    views = views_of(7, noise=0.7)
    start = 1e-2 * contrasts(np.random.default_rng(0), 4, 4)
    share = {}
    for name, teacher in (("none", unconstrained), ("inverse-prior", TEACHERS["inverse-prior"])):
        w, _ = descend(views, start, start, teacher=teacher, tau_t=0.05, **FATE)
        q = np.exp(log_softmax(np.column_stack([views[0], np.ones(40)]) @ w, temperature=0.1))
        share[name] = q.mean(0).max()
    assert share["none"] > 0.9 and share["inverse-prior"] < 0.4


def table_run(start, *, r, k, ratio, steps=3000):
    """The student's largest probability after training on one-hot features, teacher centred by the batch."""
    view = r * np.eye(k) + (1 - r) / k
    w = start
    for _ in range(steps):
        target = view @ scipy.special.softmax((w - w.mean(0)) / ratio, axis=1)
        w = w - 0.5 * k * (scipy.special.softmax(w, axis=1) - target)
    return float(scipy.special.softmax(w, axis=1).max(axis=1).mean())


@pytest.mark.parametrize(("r", "k"), [(0.5, 8), (0.7, 20)])
@pytest.mark.claim("D3")
def test_a_learnt_solution_survives_up_to_the_fold_where_a_cold_start_dies(r, k):
    fold = float(survival_temperature(r, clusters=k, student_temperature=1.0))
    cold = 1e-4 * np.random.default_rng(0).normal(size=(k, k))
    learnt = 2 * math.log(k) * (np.eye(k) - 1 / k)
    assert r < fold
    assert table_run(cold, r=r, k=k, ratio=(r + fold) / 2) == pytest.approx(1 / k, rel=1e-3)
    assert table_run(learnt, r=r, k=k, ratio=0.99 * fold) > 2 / k
    assert table_run(learnt, r=r, k=k, ratio=1.01 * fold) == pytest.approx(1 / k, rel=1e-2)


@pytest.mark.control("D3")
def test_two_clusters_have_no_hysteresis():
    learnt = 4 * (np.eye(2) - 0.5)
    equal(survival_temperature([0.6, 0.999], clusters=2, student_temperature=1.0), [0.6, 0.999], rtol=0)
    assert table_run(learnt, r=0.6, k=2, ratio=0.63) == pytest.approx(0.5, rel=1e-3)


@given(st.floats(0.01, 0.99), st.integers(2, 10**6))
@pytest.mark.claim("D3")
def test_survival_temperature_is_the_highest_fixed_point_and_grows_with_clusters(r, k):
    def log_odds(y):
        return np.log1p((k - 1) * y) - np.log1p(-y)

    y = 1 / (1 + np.exp(np.linspace(-30, 20, 4001)))
    y = y[y < 1 - 1e-13]
    scan = (log_odds(r * y) / log_odds(y)).max()
    found, more = (float(survival_temperature(r, clusters=c, student_temperature=1.0)) for c in (k, 2 * k))
    at_most(scan, found, slack=1e-9)
    equal(found, max(scan, r), rtol=1e-3)
    at_most(np.array([r, found, more]), np.array([found, more, 1.0]), slack=1e-9)


def test_critical_temperature_is_zero_for_what_cannot_be_learnt():
    np.testing.assert_allclose(critical_temperature([0.7, 0.0, -0.3], student_temperature=0.1), [0.07, 0, 0])


KW = {"gain": 1.0, "student_temperature": 0.1, "teacher_temperature": 0.04}
EYE = np.eye(2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: growth_rates(EYE, EYE, **{**KW, "gain": 0.0}),
            ValueError,
            "`gain` must be positive .* got 0",
        ),
        (
            lambda: growth_rates(EYE, EYE, **{**KW, "teacher_temperature": -1.0}),
            ValueError,
            "`teacher_temperature`",
        ),
        (
            lambda: growth_rates(EYE, EYE, **{**KW, "student_temperature": math.nan}),
            ValueError,
            "`student_temperature`",
        ),
        (
            lambda: growth_rates(EYE, EYE, teacher_rate=0.0, **KW),
            ValueError,
            "`teacher_rate` must be positive",
        ),
        (
            lambda: growth_rates(EYE, EYE, teacher_rate=1.5, discrete=True, **KW),
            ValueError,
            "per step.* got 1.5",
        ),
        (lambda: growth_rates(EYE, np.eye(3), **KW), ValueError, "`cross` must have the shape of `second`"),
        (
            lambda: student_gain(learning_rate=1.0, clusters=1, student_temperature=1.0),
            ValueError,
            "at least 2, got 1",
        ),
        (
            lambda: student_gain(learning_rate=1.0, clusters=2.5, student_temperature=1.0),
            TypeError,
            "`clusters`",
        ),
        (
            lambda: student_gain(learning_rate="x", clusters=2, student_temperature=1.0),
            TypeError,
            "`learning_rate`",
        ),
        (lambda: whitened_growth_rate([math.nan], **KW), ValueError, "`correlation` must be finite"),
        (lambda: critical_temperature(0.5, student_temperature=0.0), ValueError, "`student_temperature`"),
        (
            lambda: survival_temperature(1.5, clusters=3, student_temperature=1.0),
            ValueError,
            r"`correlation` must be in \[0, 1\], got 1.5",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_complex_pair_of_one_correlation_leaves_the_others_exact():
    knobs = {"gain": 1e-12, "student_temperature": 0.1, "teacher_temperature": 0.04, "teacher_rate": 0.01}
    alone, together = (whitened_growth_rate(np.array(r), **knobs) for r in ([0.5], [0.5, -1e9]))
    assert alone[0] == together[0]
    fast = whitened_growth_rate([0.5], **(knobs | {"teacher_rate": 1e160}))
    equal(fast, whitened_growth_rate([0.5], **(knobs | {"teacher_rate": np.inf})))
