"""The teacher module: the teachers of the table, DINO's centre, averages over batches, ranks and restarts."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch.nn import functional

import theory
from tests.claims.ledger import equal
from theory.nn import TeacherNormalizer

NEEDED = {"order": 0.5, "rounds": 3}
OPTIONS = {
    name: {key: NEEDED[key] for key in teacher.settings} | ({"tol": 1e-10} if teacher.exact else {})
    for name, teacher in theory.TEACHERS.items()
}
CONSTRAINED = [name for name, teacher in theory.TEACHERS.items() if teacher.constrained]
POOLED = [name for name in CONSTRAINED if theory.TEACHERS[name].pools]
UNPOOLED = [name for name in CONSTRAINED if not theory.TEACHERS[name].pools]
K, TAU = 5, 0.3
TARGET = torch.tensor([0.3, 0.1, 0.2, 0.25, 0.15], dtype=torch.float64).log()


def logits(seed, *shape):
    return torch.randn(*shape, K, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(name, **options):
    return TeacherNormalizer(name, clusters=K, **OPTIONS[name] | options)


def of_the_table(name, what="__call__"):
    """log r of the table's teacher, or what else it is asked for, at the temperature of these tests."""
    settings = {key: NEEDED[key] for key in theory.TEACHERS[name].settings}
    ask = getattr(theory.TEACHERS[name], what)
    return lambda z, log_target=None: ask(z, temperature=TAU, log_target=log_target, **settings)


@pytest.mark.parametrize("name", theory.TEACHERS)
@pytest.mark.parametrize("log_target", [None, TARGET])
def test_by_the_batch_it_is_the_teacher_of_the_table(name, log_target):
    z = logits(0, 3, 20)
    normalizer = made(name, log_target=log_target, batch_shape=(3,))
    expected = of_the_table(name)(z, log_target)
    torch.testing.assert_close(normalizer(z, temperature=TAU), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in theory.TEACHERS if name not in CONSTRAINED])
def test_without_a_constraint_it_is_the_softmax_and_keeps_no_state(name):
    normalizer = made(name, momentum=0.9)
    torch.testing.assert_close(
        normalizer(logits(0, 8), temperature=TAU), (logits(0, 8) / TAU).log_softmax(-1)
    )
    normalizer.update()
    assert not normalizer.state_dict()


def test_a_teacher_of_ones_own_is_taken():
    half = theory.Teacher(
        name="half",
        label="half centred",
        in_logits=True,
        of_scores=True,
        pools=True,
        statistic_kernel=lambda batch, settings: batch.logits.mean(dim=-2) / 2,
    )
    z = logits(0, 9)
    expected = functional.log_softmax((z - z.mean(dim=0) / 2) / TAU, dim=-1)
    torch.testing.assert_close(TeacherNormalizer(half, clusters=K)(z, temperature=TAU), expected)


@pytest.mark.claim("J3")
def test_centering_with_momentum_is_dinos_teacher():
    """The definition: r = softmax((z − c)/τ) with the old c, c₀ = 0; then c ← m c + (1 − m) mean z."""
    normalizer = made("centering", momentum=0.9).double()
    center = torch.zeros(K, dtype=torch.float64)
    for step in range(6):
        z = logits(step, 12) + 3 * torch.arange(K)
        equal(normalizer(z, temperature=TAU).exp(), functional.softmax((z - center) / TAU, dim=-1))
        center = 0.9 * center + 0.1 * z.mean(dim=0)
    equal(normalizer.moving.average, center)


@pytest.mark.control("J3")
def test_updating_the_centre_first_is_another_teacher():
    normalizer = made("centering", momentum=0.9).double()
    z = logits(0, 12) + 3 * torch.arange(K)
    updated_first = functional.softmax((z - 0.1 * z.mean(dim=0)) / TAU, dim=-1)
    assert (normalizer(z, temperature=TAU).exp() - updated_first).abs().max() > 0.01


@pytest.mark.parametrize("name", [name for name in POOLED if not theory.TEACHERS[name].in_logits])
def test_a_moving_average_is_the_power_mean_of_all_batches_with_decaying_weights(name):
    teacher, normalizer = theory.TEACHERS[name], made(name, momentum=0.8).double()
    order = NEEDED["order"] if teacher.average_order is None else teacher.average_order
    batches = [logits(i, 10) for i in range(4)]
    for z in batches:
        normalizer(z, temperature=TAU)
    power = np.full(K, 0.8**4 * (1.0 if teacher.of_scores else 1 / K) ** order)
    for age, z in enumerate(reversed(batches)):
        scores = z / TAU if teacher.of_scores else functional.log_softmax(z / TAU, dim=-1)
        power += 0.2 * 0.8**age * np.exp(order * scores.numpy()).mean(axis=0)
    equal(normalizer.moving.average, np.log(power) / order, rtol=1e-7, atol=1e-7)


def averaged(name, sizes):
    normalizer = made(name, momentum=0.7, manual_update=True).double()
    for step in range(2):
        for part in logits(step, 12).split(sizes):
            normalizer(part, temperature=TAU)
        normalizer.update()
    return normalizer.moving.average


@pytest.mark.parametrize("name", POOLED)
def test_accumulated_batches_count_as_one(name):
    torch.testing.assert_close(averaged(name, [4, 8]), averaged(name, [12]))


@pytest.mark.parametrize("name", UNPOOLED)
def test_what_does_not_pool_is_not_accumulated(name):
    """The statistic of two batches together does not follow from those of each: the second is refused."""
    normalizer = made(name, momentum=0.7, manual_update=True).double()
    small, large = logits(0, 12).split([4, 8])
    normalizer.probabilities(small[:0], temperature=TAU)  # no samples are no batch
    normalizer(small, temperature=TAU)
    with pytest.raises(RuntimeError, match=f"^`update` must follow every batch of teacher '{name}'"):
        normalizer(large, temperature=TAU)
    normalizer.eval()(large, temperature=TAU)
    normalizer.update()
    normalizer.train()(large, temperature=TAU)


@pytest.mark.parametrize("name", CONSTRAINED)
def test_a_restored_normalizer_goes_on_identically(name):
    def step(normalizer, seed):
        return normalizer(logits(seed, 9).float(), temperature=TAU)

    whole = made(name, momentum=0.9, manual_update=True)
    for seed in range(3):
        step(whole, seed)
        whole.update()
    step(whole, 3)  # saved in the middle of an accumulation
    resumed = made(name, momentum=0.9, manual_update=True)
    resumed.load_state_dict(whole.state_dict())
    copies = [resumed, copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))]
    if name in UNPOOLED:
        for normalizer in (whole, *copies):
            normalizer.update()
    for seed in range(4, 7):
        expected = step(whole, seed)
        whole.update()
        for normalizer in copies:
            assert torch.equal(step(normalizer, seed), expected)
            normalizer.update()


@pytest.mark.parametrize("name", CONSTRAINED)
def test_in_eval_mode_nothing_moves(name):
    normalizer = made(name, momentum=0.9).eval()
    before = copy.deepcopy(normalizer.state_dict())
    normalizer(logits(0, 9), temperature=TAU)
    assert all(torch.equal(value, before[key]) for key, value in normalizer.state_dict().items())
    assert {key.partition(".")[2] for key in before} >= {"average", "pending", "seen", "skipped"}


@pytest.mark.parametrize("name", CONSTRAINED)
def test_each_run_of_a_batch_has_its_own_momentum_and_average(name):
    momenta = torch.tensor([0.0, 0.5, 0.9], dtype=torch.float64)
    together = made(name, momentum=momenta[:, None], batch_shape=(3,)).double()
    alone = [made(name, momentum=float(m)).double() for m in momenta]
    for step in range(3):
        z = logits(step, 3, 9)
        log_r = together(z, temperature=TAU)
        for i, normalizer in enumerate(alone):
            torch.testing.assert_close(log_r[i], normalizer(z[i], temperature=TAU))


@pytest.mark.parametrize("name", theory.TEACHERS)
def test_half_precision_logits_are_normalised_in_single_precision(name):
    z = logits(0, 9).bfloat16()
    log_r = made(name)(z, temperature=TAU)
    assert log_r.dtype == torch.float32
    torch.testing.assert_close(log_r, made(name)(z.float(), temperature=TAU))


def test_it_says_what_it_is():
    normalizer = made("power_mean", momentum=0.9)
    assert normalizer.extra_repr() == f"'power_mean', clusters={K}, order=0.5"
    assert "momentum=0.9" in repr(normalizer)


@pytest.mark.parametrize(
    "message, arguments",
    [
        (f"`teacher` must be one of {', '.join(theory.TEACHERS)}, got 'centred'", {"teacher": "centred"}),
        ("`clusters` must be at least 2, got 1", {"clusters": 1}),
        (r"`momentum` must be in \[0, 1\], got 1.5", {"momentum": 1.5}),
        (r"`momentum` must be in \[0, 1\], got nan", {"momentum": torch.tensor([0.5, torch.nan])}),
        ("`tol` must be positive", {"tol": 0.0}),
        ("`order` must be given for teacher 'power_mean'", {"teacher": "power_mean"}),
        ("`order` must be given for teacher 'power_mean' and for no other", {"order": 0.5}),
        (
            "`order` must be finite with a moving average, got inf",
            {"teacher": "power_mean", "order": math.inf, "momentum": 0.9},
        ),
        ("`rounds` must be given for teacher 'sinkhorn'", {"teacher": "sinkhorn"}),
        ("`rounds` must be at least 1, got 0", {"teacher": "sinkhorn", "rounds": 0}),
        ("`log_target` must hold log-probabilities", {"log_target": torch.zeros(K)}),
        (
            r"`log_target` must match the clusters of `logits`, shape \(5,\), got shape \(6,\)",
            {"log_target": torch.full((K + 1,), 1 / (K + 1)).log()},
        ),
    ],
)
def test_bad_arguments_are_named(message, arguments):
    with pytest.raises(ValueError, match=f"^{message}"):
        TeacherNormalizer(**({"teacher": "centering", "clusters": K} | arguments))


@pytest.mark.parametrize(
    "message, z, options",
    [
        (r"`logits` must have shape \[..., N, K\], got shape \(5,\)", torch.zeros(K), {}),
        (r"`logits` must have shape \[..., N, 5\], got \(3, 4\)", torch.zeros(3, 4), {}),
        ("`logits` must not be empty", torch.zeros(0, K), {}),
        ("`logits` must not contain NaN", torch.full((3, K), torch.nan), {"validate": True}),
        (
            r"`logits` must have the leading axes .*`batch_shape` = \(\), got shape \(2, 3, 5\)",
            torch.zeros(2, 3, K),
            {"momentum": 0.9},
        ),
    ],
)
def test_bad_logits_are_named(message, z, options):
    with pytest.raises(ValueError, match=f"^{message}"):
        made("centering", **options)(z)


def test_bad_temperatures_are_named():
    z = logits(0, 3)
    with pytest.raises(ValueError, match=r"^`temperature` must be positive and finite, got 0"):
        made("centering")(z, temperature=0.0)
    with pytest.raises(ValueError, match=r"^`temperature` must be one for all clusters"):
        made("centering")(z, temperature=torch.ones(K, dtype=z.dtype))
    with pytest.raises(ValueError, match=r"^`temperature` must be one for all samples, got shape \(3, 1\)"):
        made("centering")(z, temperature=torch.ones(3, 1, dtype=z.dtype))
    with pytest.raises(ValueError, match=r"^`temperature` must be positive and finite, got -1"):
        made("centering", validate=True)(z, temperature=-torch.ones(1, 1, dtype=z.dtype))


def test_an_update_without_a_batch_is_refused():
    with pytest.raises(RuntimeError, match="without a forward"):
        made("centering", momentum=0.9, manual_update=True).update()
