"""The training loop against one run written out with torch.nn and the loss module."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn
from torch.nn import functional

from experiments.data.mixtures import Mixture
from experiments.engine import sweep
from experiments.training.distill import Training, student_gradient, train
from experiments.training.model import Architecture
from experiments.training.teachers import TOLERANCE
from experiments.training.variants import Variant
from tests.claims.ledger import equal
from theory.nn.loss import ClusterDistillationLoss
from theory.nn.schedules import Schedule

MIXTURE = Mixture(components=3, dim=4)
ARCHITECTURE = Architecture(clusters=4, hidden=(6,))
SHORT = Training(steps=6, batch_size=16, records=3, evaluation_size=64)
VARIANTS = [
    Variant(name="free", teacher="unconstrained", learning_rate=0.02),
    Variant(name="dino", teacher_temperature=Schedule(start=0.04, end=0.06, steps=4)),
    Variant(name="batch", center_momentum=None, teacher_momentum=0.0),
    Variant(name="slow", center_momentum=0.99, student_temperature=0.2),
    Variant(name="rare", teacher="inverse_prior", center_momentum=None, target=(0.1, 0.2, 0.3, 0.4)),
    Variant(name="half", teacher="power_mean", order=0.5, center_momentum=0.5, teacher_momentum=1.0),
    Variant(name="projected", teacher="projected", center_momentum=None),
]


def records(**options):
    arguments = {"source": MIXTURE.source([0, 5]), "architecture": ARCHITECTURE, "variants": VARIANTS}
    with sweep.reproducible(options.pop("threads", 1)):
        return train(**(arguments | {"training": SHORT} | options))


@pytest.fixture(scope="module")
def trained():
    return records()


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_each_run_is_the_loop_of_the_loss_module(trained, variant):
    seed, index = 5, VARIANTS.index(variant)
    source = MIXTURE.source([seed])
    weights = ARCHITECTURE.initialize(4, variants=1, seeds=[seed])
    student, teacher = (nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 4)) for _ in range(2))
    for network in (student, teacher):
        for layer, name in zip(network, ("encoder.0", "head"), strict=True):
            layer.weight.data = weights[f"{name}.weight"][0, 0].T.clone()
            layer.bias.data = weights[f"{name}.bias"][0, 0, 0].clone()
    criterion = ClusterDistillationLoss(
        variant.teacher,
        clusters=4,
        momentum=variant.center_momentum,
        order=variant.order,
        tol=TOLERANCE,
        log_target=None if variant.target is None else torch.tensor(variant.target).log(),
        teacher_temperature=variant.teacher_temperature,
        student_temperature=variant.student_temperature,
    )
    optimizer = torch.optim.SGD(student.parameters(), lr=variant.learning_rate, momentum=0.9)
    for _ in range(SHORT.steps):
        views = source.draw(SHORT.batch_size).views[0]
        loss = criterion([student(x) for x in views], [teacher(x) for x in views])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for theirs, ours in zip(teacher.parameters(), student.parameters(), strict=True):
                theirs.lerp_(ours, 1 - variant.teacher_momentum)
    for network, found in ((student, trained.student), (teacher, trained.teacher)):
        torch.testing.assert_close(
            found["encoder.0.weight"][index, 1], network[0].weight.T, rtol=1e-3, atol=1e-4
        )
        torch.testing.assert_close(found["head.bias"][index, 1, 0], network[1].bias, rtol=1e-3, atol=1e-4)


def test_the_same_run_gives_the_same_bits(trained):
    again = records()
    xr.testing.assert_identical(again.records, trained.records)
    assert all(torch.equal(again.student[name], trained.student[name]) for name in trained.student)


def test_two_threads_agree_to_rounding(trained):
    other = records(threads=2, variants=VARIANTS[4:6])
    one = trained.records.isel(variant=slice(4, 6))
    for name in set(one) - {"nmi", "clusters_in_use", "effective_clusters"}:
        np.testing.assert_allclose(other.records[name], one[name], rtol=1e-3, atol=1e-3)


def test_a_run_does_not_depend_on_the_runs_beside_it(trained):
    alone = records(variants=VARIANTS[3:4], source=MIXTURE.source([5]))
    both = trained.records.sel(variant=["slow"], seed=[5])
    for name in ("loss", "kl", "teacher_entropy", "mutual_information"):
        np.testing.assert_allclose(alone.records[name], both[name], rtol=1e-3, atol=1e-4)


def test_variants_of_a_seed_start_from_the_same_weights(trained):
    first = trained.records.isel(step=0)
    equal(
        first.student_information.sel(variant="dino"),
        first.student_information.sel(variant="projected"),
        rtol=1e-6,
    )


def test_a_frozen_teacher_stays_and_a_momentumless_one_is_the_student(trained):
    start = ARCHITECTURE.initialize(4, variants=1, seeds=[0, 5])["head.weight"][0]
    assert torch.equal(trained.teacher["head.weight"][5], start)
    assert torch.equal(trained.teacher["head.weight"][2], trained.student["head.weight"][2])


@pytest.mark.claim("O2")
@pytest.mark.parametrize("given, views", [(1, 2), (2, 2), (2, 5)])
def test_the_closed_form_gradient_is_that_of_the_loss(given, views):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(3, views, 7, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    log_r = torch.randn(3, given, 7, 4, generator=generator, dtype=torch.float64).log_softmax(-1)
    tau = torch.tensor([0.1, 0.2, 1.0], dtype=torch.float64).reshape(3, 1, 1)
    log_q = functional.log_softmax(z / tau[..., None], dim=-1)
    pairs = [(i, j) for i in range(given) for j in range(views) if i != j]
    loss = sum(-(log_r[:, i].exp() * log_q[:, j]).sum(-1).mean(-1) for i, j in pairs) / len(pairs)
    (expected,) = torch.autograd.grad(loss.sum(), z)
    equal(student_gradient(log_r.exp(), log_q.detach().exp(), tau), expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("method", ["sgd", "adam"])
def test_weight_decay_reaches_the_optimiser(method):
    """The first step with it goes η times the decay times the weights further, biases included."""
    rate, start = 0.01, ARCHITECTURE.initialize(4, variants=1, seeds=[0, 5])
    after = [
        records(
            variants=[Variant(name="one", learning_rate=rate)],
            training=Training(
                steps=1, batch_size=16, evaluation_size=16, optimizer=method, weight_decay=decay
            ),
        ).student
        for decay in (0.0, 0.5)
    ]
    for name, weights in start.items():
        expected = after[0][name] - rate * 0.5 * weights
        torch.testing.assert_close(after[1][name], expected, rtol=1e-5, atol=1e-6)


def test_a_run_that_diverges_is_named():
    wild = [Variant(name="tame"), Variant(name="wild", learning_rate=1e6)]
    with pytest.raises(FloatingPointError, match="'wild' diverged"):
        records(variants=wild)


def test_observers_are_recorded():
    found = records(
        variants=VARIANTS[:2],
        training=Training(steps=4, record_at=(1, 4), evaluation_size=16),
        observers=[lambda snapshot: {"first": snapshot.log_q[:, :, 0, 0]}],
    ).records
    assert found.first.dims == ("variant", "seed", "step")
    assert found.step.values.tolist() == [1, 4]
    assert found.sizes == {"variant": 2, "seed": 2, "step": 2}


@pytest.mark.parametrize(
    "name, made",
    [
        ("steps", lambda: Training(steps=0)),
        ("views", lambda: Training(views=1)),
        ("views", lambda: Training(views=2, teacher_views=3)),
        ("record_at", lambda: Training(steps=5, record_at=(6,))),
        ("teacher_temperature", lambda: Variant(name="a", teacher_temperature=0.0)),
        ("teacher_momentum", lambda: Variant(name="a", teacher_momentum=1.1)),
        ("learning_rate", lambda: Variant(name="a", learning_rate=Schedule(start=0.1, end=-0.1, steps=2))),
        ("variants", lambda: records(variants=[Variant(name="a"), Variant(name="a")])),
        ("target", lambda: records(variants=[Variant(name="a", target=(0.5, 0.5))])),
        ("log_target", lambda: records(variants=[Variant(name="a", target=(0.5, 0.5, 0.5, 0.5))])),
    ],
)
def test_bad_settings_are_named(name, made):
    with pytest.raises(ValueError, match=f"`{name}`"):
        made()
