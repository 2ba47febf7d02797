"""The monitor's numbers are those of the core, at no cost to the run that it looks at."""

import numpy as np
import pytest
import torch

import theory
from tests.claims.ledger import equal
from theory.nn import ClusterDistillationLoss, MaskedPatchLoss, Monitor, Schedule

K, N = 12, 64
SETTINGS = {"power_mean": {"order": 0.5}, "sinkhorn": {"rounds": 2}}


def logits(seed, n=N):
    """Of samples that belong to clusters, in two views."""
    generator = torch.Generator().manual_seed(seed)
    own = torch.eye(K)[torch.arange(n) % K] / 2
    return [own + 0.1 * torch.randn(n, K, generator=generator) for _ in range(2)]


@pytest.mark.parametrize("momentum", [None, 0.9])
@pytest.mark.parametrize("teacher", theory.TEACHERS)
def test_its_numbers_are_those_of_the_core(teacher, momentum):
    options = {"clusters": K, "momentum": momentum, "tol": 1e-6} | SETTINGS.get(teacher, {})
    criterion = ClusterDistillationLoss(teacher, **options)
    for step in range(5):
        criterion(logits(step), logits(step))
    student, other = logits(9)
    found = Monitor(criterion)([student], [other])
    log_r = criterion.normalizer.eval()(other, temperature=0.04).double().numpy()
    log_q = theory.log_softmax(student.double().numpy(), temperature=0.1)
    wanted = theory.evaluate(log_r, log_q)
    for name in ("student_information", "student_prior_entropy", "teacher_information", "teacher_entropy"):
        equal(found[name], getattr(wanted, name), rtol=2e-5, atol=2e-6)
    equal(found["loss"], wanted.cross_entropy, rtol=1e-5)
    equal(found["margin"], wanted.teacher_information - wanted.kl, rtol=1e-4, atol=1e-5)
    equal(found["marginal_error"], np.abs(np.exp(log_r).mean(0) - 1 / K).sum(), rtol=1e-3, atol=1e-5)
    assert found["clusters_in_use"] == len(set(log_r.argmax(1)))
    assert ("center_lag_temperatures" in found) == (
        momentum is not None and criterion.normalizer.moving is not None
    )


def test_the_lag_is_in_temperatures_as_in_the_diagnosis():
    criterion = ClusterDistillationLoss("centering", clusters=K, momentum=0.9)
    criterion.load_center(torch.linspace(0.0, 1.0, K))
    student, other = logits(1)
    found = Monitor(criterion)(student, other)
    said = theory.diagnose(other, temperature=0.04, center=torch.linspace(0.0, 1.0, K)).measurements
    equal(found["center_lag_temperatures"], said["center_lag_temperatures"], rtol=1e-5)
    equal(found["teacher_information"], said["teacher_information"], rtol=1e-4)


def test_a_collapse_is_named_as_in_the_diagnosis():
    criterion = ClusterDistillationLoss("centering", clusters=K, momentum=None)
    alive, flat, one = logits(1)[0], torch.zeros(N, K), torch.zeros(N, K)
    one[:, 3] = 5.0
    fates = [Monitor(criterion)(student, logits(1)[1])["fate"] for student in (alive, flat, one)]
    assert fates == ["alive", "uniform collapse", "one cluster"]
    assert Monitor(criterion)(flat, logits(1)[1])["margin"] <= 1e-6
    assert Monitor(criterion)(alive, logits(1)[1])["margin"] > 0.5


def test_calls_between_look_at_nothing():
    monitor = Monitor(ClusterDistillationLoss(clusters=K), every=3)
    found = [bool(monitor(None, None) if call % 3 else monitor(*logits(call))) for call in range(7)]
    assert found == [True, False, False, True, False, False, True]
    assert monitor.calls == 7


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_nothing_of_the_run_moves(momentum):
    criterion = ClusterDistillationLoss("inverse_prior", clusters=K, momentum=momentum, manual_update=True)
    criterion(logits(0), logits(0))
    before = {name: value.clone() for name, value in criterion.state_dict().items()}
    state, student = torch.get_rng_state(), logits(1)[0].requires_grad_()
    Monitor(criterion)(student, logits(1)[1])
    assert all(torch.equal(value, before[name]) for name, value in criterion.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert criterion.training
    assert student.grad is None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_is_read(dtype):
    criterion = MaskedPatchLoss(
        "centering", clusters=K, teacher_temperature=Schedule(start=0.04, end=0.07, steps=9)
    )
    student, other = (x.to(dtype) for x in logits(1))
    found = Monitor(criterion, rows=32)([student, student], [other])
    wide = Monitor(criterion, rows=64)(student[::2].float(), other[::2].float())
    assert found.pop("fate") == wide.pop("fate")
    assert found == pytest.approx(wide, rel=1e-5)


def test_bad_arguments_are_named():
    with pytest.raises(TypeError, match=r"`criterion` must be a loss of theory\.nn, got Linear"):
        Monitor(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="`every` must be"):
        Monitor(ClusterDistillationLoss(clusters=K), every=0)


def test_clusters_in_use_are_those_that_some_row_prefers():
    criterion = ClusterDistillationLoss("unconstrained", clusters=K, momentum=None)
    noise = 0.1 * torch.randn(N, K, generator=torch.Generator().manual_seed(0))
    z = 3.0 * torch.eye(K)[2 + 5 * (torch.arange(N) % 2)] + noise
    assert Monitor(criterion)(z, z)["clusters_in_use"] == 2
    assert Monitor(criterion)(z[::2], z[::2])["clusters_in_use"] == 1
