"""Derivatives in torch: right to second differences, and finite at zeros, at ties and at the limits."""

import numpy as np
import pytest
import torch

import theory
from tests.claims.ledger import equal
from tests.support import calls

# Differentiated are an ensemble and a target through their logits, weights through a softmax.
_FREE = {"log_p", "log_q", "log_r", "log_target"}
_SCALAR_INPUTS = {"log_range", "jensen_gap", "log_tilt_change", "log_tilt", "logits"}
EVERY = sorted(calls.CALLS)


def _through(key, x):
    """A valid argument `key` from any real numbers `x`."""
    if key == "weights":
        return torch.softmax(x, dim=-1)
    return torch.log_softmax(x, dim=-1) if key in _FREE else x


def _start(key, value):
    return np.log(value) if key == "weights" else value


def _differentiable(result):
    """The parts of a result that carry a derivative, in one vector; a certificate carries none."""
    found = [x for x in calls.parts(result).values() if x.requires_grad]
    return torch.cat([x.reshape(-1) for x in found])


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)], ids=["N > K", "N < K"])
@pytest.mark.parametrize("name", EVERY)
def test_derivatives_agree_with_differences(name, shape):
    """In every argument at once; for `project` the implicit derivative of λ* in p, w and π."""
    n, k = shape
    values = calls.operands(seed=3, n=n, k=k)
    keys = [key for key in calls.names(name) if not (name == "project" and key == "log_tilt")]
    settings = {"tol": 1e-14, "log_tilt": None} if name == "project" else {}

    def function(*free):
        given = {key: _through(key, x) for key, x in zip(keys, free, strict=True)}
        return _differentiable(calls.call(name, {**values, **given}, **settings))

    free = [torch.tensor(_start(key, values[key]), requires_grad=True) for key in keys]
    assert torch.autograd.gradcheck(function, free, atol=1e-6, rtol=1e-5, check_undefined_grad=False)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_warm_start_of_the_projection_carries_no_derivative(dtype):
    values = calls.operands()
    log_p = torch.tensor(values["log_p"], dtype=dtype, requires_grad=True)
    start = torch.tensor(values["log_tilt"], dtype=dtype, requires_grad=True)
    theory.project(log_p, log_tilt=start).log_r[..., 0].sum().backward()
    assert start.grad is None
    assert log_p.grad.isfinite().all()


def test_derivative_of_the_projection_is_that_of_a_long_sinkhorn_run():
    """Implicit differentiation against differentiation through 400 rounds."""
    values = calls.operands()
    direction = torch.tensor(calls.operands(seed=9)["logits"])
    gradients = []
    for teacher in (
        lambda p, w, t: theory.project(p, weights=w, log_target=t, tol=1e-13).log_r,
        lambda p, w, t: theory.tilt(p, theory.sinkhorn_log_tilt(p, rounds=400, weights=w, log_target=t)),
    ):
        free = [
            torch.tensor(_start(key, values[key]), requires_grad=True)
            for key in ("log_p", "weights", "log_target")
        ]
        p, w, t = map(_through, ("log_p", "weights", "log_target"), free)
        (teacher(p, w, t) * direction).sum().backward()
        gradients.append([x.grad for x in free])
    for implicit, explicit in zip(*gradients, strict=True):
        equal(implicit, explicit, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("temperature", [0.04, 0.5, 1e3])
def test_student_gradient_through_the_temperature(temperature):
    logits = torch.tensor(calls.operands()["logits"], requires_grad=True)
    tau = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda z, t: theory.log_softmax(z, temperature=t), (logits, tau), eps=1e-6 * temperature
    )


# -- O2 --------------------------------------------------------------------------------------------


def _student_gradient(loss, log_r, logits, weights, temperature):
    """∂/∂z^s of Σ w loss(rₙ, qₙ)."""
    z = torch.tensor(logits, requires_grad=True)
    log_q = theory.log_softmax(z, temperature=temperature)
    (torch.tensor(weights) * loss(torch.tensor(log_r), log_q)).sum().backward()
    return z.grad.numpy()


@pytest.mark.claim("O2")
@pytest.mark.parametrize("loss", [theory.cross_entropy, theory.kl])
@pytest.mark.parametrize("temperature", [0.1, 1.0, 30.0])
def test_student_gradient_is_w_times_q_minus_r_over_tau(loss, temperature):
    values = calls.operands()
    gradient = _student_gradient(loss, values["log_r"], values["logits"], values["weights"], temperature)
    q = np.exp(theory.log_softmax(values["logits"], temperature=temperature))
    equal(gradient, values["weights"][:, None] * (q - np.exp(values["log_r"])) / temperature, atol=1e-14)


@pytest.mark.control("O2")
def test_gradients_of_cross_entropy_and_kl_part_when_the_teacher_is_differentiated_too():
    """Teacher = student without a stop-gradient: the cross-entropy still pulls, by H; the KL does not."""
    values = calls.operands()
    gradients = []
    for loss in (theory.cross_entropy, theory.kl):
        z = torch.tensor(values["logits"], requires_grad=True)
        log_q = theory.log_softmax(z)
        loss(log_q, log_q).mean().backward()
        gradients.append(z.grad)
    equal(gradients[1], 0.0, atol=1e-15)
    assert gradients[0].abs().max() > 0.01


# -- where a derivative is easily NaN --------------------------------------------------------------


def _zeros():
    """Ensembles with exact zeros that leave every cluster in use and (T) feasible."""
    z = calls.operands()["logits"]
    z[0, 1] = z[3, 2] = -np.inf
    return z


def _ties():
    return np.tile(np.array([0.5, 0.5, -1.0, -1.0]), (5, 1))


def _same_rows():
    return np.tile(calls.operands(n=1)["logits"], (5, 1))


def _saturated():
    return 1e4 * calls.operands()["logits"]


def _flat():
    return np.zeros((5, 4))


CORNERS = {"zeros": _zeros, "ties": _ties, "same rows": _same_rows, "saturated": _saturated, "flat": _flat}
_REFUSES_ZEROS = {"centering_log_tilt", "cumulant_log_tilt"}


def _corners():
    for name in EVERY:
        ensemble = set(calls.names(name)) & (_FREE - {"log_target"}) or name == "log_softmax"
        for corner in CORNERS:
            if ensemble and not (corner == "zeros" and name in _REFUSES_ZEROS):
                yield pytest.param(name, corner, np.flip, id=f"{name}-{corner}")
            if "log_q" in calls.names(name):
                yield pytest.param(name, corner, np.copy, id=f"{name}-{corner}-equal")


@pytest.mark.parametrize(("name", "corner", "student"), list(_corners()))
def test_derivatives_are_finite_at_corners(name, corner, student):
    """Of every finite entry of every result, in every argument; zero weights included."""
    values = calls.operands()
    weights = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    logits = CORNERS[corner]()
    starts = {"log_p": logits, "log_r": logits, "log_q": student(logits), "logits": logits}
    free = {key: torch.tensor(start.copy(), requires_grad=True) for key, start in starts.items()}
    given = {key: torch.tensor(value) for key, value in values.items()}
    given |= {key: _through(key, x) for key, x in free.items()}
    given["weights"] = torch.tensor(weights, requires_grad=True)
    result = _differentiable(calls.call(name, given, **({"tol": 1e-9} if name == "project" else {})))
    result[result.isfinite()].sum().backward()
    used = [key for key in calls.names(name) if key in free]
    for key in used:
        assert free[key].grad.isfinite().all(), key
    if "weights" in calls.names(name) and name != "log_range":
        assert given["weights"].grad.isfinite().all()


@pytest.mark.parametrize("order", [-np.inf, -2.0, -1e-3, 0.0, 1e-3, 1.0, 3.0, np.inf])
def test_derivatives_of_power_means_are_finite_beside_a_mean_of_zero(order):
    logits = torch.tensor(_zeros(), requires_grad=True)
    weights = torch.tensor([0.0, 0.1, 0.2, 0.3, 0.4], dtype=torch.float64, requires_grad=True)
    means = theory.log_prior(torch.log_softmax(logits, dim=-1), order=order, weights=weights)
    means[means.isfinite()].sum().backward()
    assert logits.grad.isfinite().all()
    assert weights.grad is None or weights.grad.isfinite().all()


def test_the_derivative_in_the_temperature_ignores_exact_zeros():
    def through(logits):
        temperature = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        theory.log_softmax(torch.tensor(logits, dtype=torch.float64), temperature=temperature)[0].backward()
        return temperature.grad

    equal(through([0.0, 1.0, -np.inf]), through([0.0, 1.0]), rtol=1e-14)


@pytest.mark.parametrize("temperature", [0.1, 4.0])
def test_a_temperature_with_a_derivative_gives_the_numbers_of_one_without(temperature):
    logits = calls.operands()["logits"]
    tau = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
    found = theory.log_softmax(torch.tensor(logits), temperature=tau).detach()
    equal(found.numpy(), theory.log_softmax(logits, temperature=temperature), rtol=1e-14)
