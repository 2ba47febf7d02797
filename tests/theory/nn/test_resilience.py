"""What must not ruin a moving average: a batch that overflowed, a cast, a checkpoint of another teacher."""

import warnings

import pytest
import torch

from tests.theory.nn.test_normalizer import CONSTRAINED, POOLED, TARGET, TAU, K, logits, made
from theory.nn import ClusterDistillationLoss, MaskedPatchLoss, TeacherNormalizer
from theory.nn.averages import LARGEST, MovingMean

ORDERS = [-1.0, 0.0, 0.5, 1.0]


def moved(normalizer, *steps):
    for z in steps:
        normalizer(z, temperature=TAU)
    return normalizer.moving.average.clone()


def spoilt(value, dtype=torch.float32):
    z = logits(7, 12).to(dtype)
    z[3, 2] = value
    return z


@pytest.mark.filterwarnings("ignore:1 batch of teacher logits:RuntimeWarning")
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", CONSTRAINED)
def test_a_batch_that_is_not_finite_leaves_the_average_alone(name, value):
    first, last = logits(0, 12).float(), logits(1, 12).float()
    normalizer = made(name, momentum=0.9)
    assert torch.equal(
        moved(normalizer, first, spoilt(value), last), moved(made(name, momentum=0.9), first, last)
    )
    assert normalizer.skipped == 1


@pytest.mark.filterwarnings("ignore:1 batch of teacher logits:RuntimeWarning")
@pytest.mark.parametrize(
    "name, value", [("centering", 1e38), ("batch_softmax", 1e38), ("cumulant", 1e30), ("cumulant", 1e12)]
)
def test_one_logit_near_overflow_does_not_stay_in_the_average(name, value):
    """The loss of such a batch may be finite, and the average too: 10³⁷ fades in a thousand steps at .9."""
    criterion = ClusterDistillationLoss(name, clusters=K, momentum=0.9)
    views = [logits(seed, 12).float() for seed in range(2)]
    criterion(views, views)
    before = criterion.normalizer.moving.average.clone()
    criterion(views, [spoilt(value), views[1]])
    assert torch.equal(criterion.normalizer.moving.average, before)
    assert criterion.skipped == 1
    assert criterion(views, views).isfinite()


def test_what_was_skipped_is_said_once():
    normalizer = made("centering", momentum=0.9)
    moved(normalizer, spoilt(torch.nan), spoilt(torch.inf))
    with pytest.warns(
        RuntimeWarning, match="^2 batches of teacher logits were not finite and moved no average"
    ):
        assert normalizer.skipped == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert normalizer.skipped == 2
        assert made("centering").skipped == made("centering", momentum=0.9).skipped == 0


@pytest.mark.filterwarnings("ignore:1 batch of teacher logits:RuntimeWarning")
@pytest.mark.parametrize("bad", [0, 1, 2])
@pytest.mark.parametrize("name", POOLED)
def test_of_accumulated_batches_the_bad_one_is_left_out(name, bad):
    parts = [logits(seed, 4).float() for seed in range(3)]
    expected, normalizer = (made(name, momentum=0.7, manual_update=True) for _ in range(2))
    for i, z in enumerate(parts):
        normalizer(z if i != bad else torch.full_like(z, torch.nan), temperature=TAU)
        if i != bad:
            expected(z, temperature=TAU)
    for one in (normalizer, expected):
        one.update()
    torch.testing.assert_close(normalizer.moving.average, expected.moving.average)
    assert normalizer.skipped == 1


def test_ensembles_are_skipped_by_themselves():
    together = made("centering", momentum=0.9, batch_shape=(3,))
    z = logits(0, 3, 9).float()
    bad = z.clone()
    bad[1, 0, 0] = torch.inf
    average = moved(together, z, bad)
    torch.testing.assert_close(
        average[[0, 2]], moved(made("centering", momentum=0.9, batch_shape=(3,)), z, z)[[0, 2]]
    )
    torch.testing.assert_close(average[1], moved(made("centering", momentum=0.9), z[1]))
    assert together.moving.skipped == 1


@pytest.mark.parametrize("order", ORDERS)
def test_the_log_of_zero_is_a_number_where_the_mean_takes_it(order):
    moving = MovingMean(torch.zeros(2), momentum=0.5, order=order)
    moving.add(torch.tensor([-torch.inf, 0.0]), samples=4)
    moving.update()
    assert moving.skipped == (order <= 0)
    assert moving.average.isfinite().all()
    moving.add(torch.tensor([-LARGEST, 0.0]), samples=4)
    assert moving.skipped == 1 + (order <= 0)


@pytest.mark.parametrize("cast", ["half", "bfloat16", "to", "double"])
@pytest.mark.parametrize("name", ["centering", "inverse_prior"])
def test_a_cast_leaves_the_average_its_digits(name, cast):
    plain, normalizer = (made(name, momentum=0.999, log_target=TARGET.float()) for _ in range(2))
    normalizer = normalizer.to(torch.bfloat16) if cast == "to" else getattr(normalizer, cast)()
    assert normalizer.moving.average.dtype == (torch.float64 if cast == "double" else torch.float32)
    batches = [logits(seed, 12).float() + 1 for seed in range(20)]
    torch.testing.assert_close(
        moved(normalizer, *batches).float(), moved(plain, *batches), rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(normalizer.log_target.float(), plain.log_target, rtol=0, atol=0)


def test_momenta_of_their_own_keep_their_digits_too():
    momenta = torch.tensor([0.9, 0.999])[:, None]
    normalizer = made("centering", momentum=momenta, batch_shape=(2,)).bfloat16()
    assert torch.equal(normalizer.moving.momentum, momenta)


@pytest.mark.parametrize("assign", [False, True])
def test_a_state_in_half_precision_is_read_into_single(assign):
    normalizer = made("centering", momentum=0.9)
    state = {key: x.bfloat16() if x.is_floating_point() else x for key, x in normalizer.state_dict().items()}
    normalizer.load_state_dict(state, assign=assign)
    assert normalizer.moving.average.dtype == torch.float32


KINDS = {
    "centering": {},
    "inverse_prior": {},
    "cumulant": {},
    "power_mean": {"order": 0.5},
    "power_mean of another order": {"teacher": "power_mean", "order": -0.5},
    "sinkhorn": {"rounds": 3},
    "sinkhorn of more rounds": {"teacher": "sinkhorn", "rounds": 4},
}


def of_kind(kind):
    options = {"teacher": kind} | KINDS[kind]
    return ClusterDistillationLoss(clusters=K, momentum=0.9, **options)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("saved", KINDS)
@pytest.mark.parametrize("loaded", KINDS)
def test_an_average_of_another_teacher_is_refused(saved, loaded, strict):
    state, criterion = of_kind(saved).state_dict(), of_kind(loaded)
    if saved == loaded:
        criterion.load_state_dict(state, strict=strict)
        return
    before = criterion.normalizer.moving.average.clone()
    names = [repr(KINDS[kind].get("teacher", kind)) for kind in (loaded, saved)]
    message = f"^`state_dict` must hold an average of teacher {names[0]}.*, got one of {names[1]}"
    with pytest.raises(ValueError, match=message):
        criterion.load_state_dict(state, strict=strict)
    assert torch.equal(criterion.normalizer.moving.average, before)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf, 1e30])
def test_an_average_that_is_ruined_already_is_refused(value):
    state = of_kind("centering").state_dict()
    state["normalizer.moving.average"][1] = value
    with pytest.raises(
        ValueError, match=r"^`state_dict` must hold a finite average for this teacher, got NaN"
    ):
        of_kind("centering").load_state_dict(state)
    with pytest.raises(ValueError, match=r"^`average` must hold a finite average"):
        of_kind("centering").load_center(state["normalizer.moving.average"])


def test_the_log_of_zero_is_an_average_of_inverse_priors():
    criterion = of_kind("inverse_prior")
    criterion.load_center(torch.tensor([-torch.inf, *[-1.0] * (K - 1)]))
    of_kind("inverse_prior").load_state_dict(criterion.state_dict())
    assert of_kind("inverse_prior").skipped == 0


@pytest.mark.parametrize("batch_shape", [(), (3,)])
def test_a_state_from_before_it_said_of_what_still_loads(batch_shape):
    normalizer = made("centering", momentum=0.9, batch_shape=batch_shape, manual_update=True)
    normalizer(logits(0, *batch_shape, 9).float())
    state = normalizer.state_dict()
    older = {key: state[f"moving.{key}"] for key in ("average", "pending", "seen")}
    older["seen"] = older["seen"].flatten()[0]  # one number for all ensembles
    loaded = made("centering", momentum=0.9, batch_shape=batch_shape, manual_update=True)
    loaded.load_state_dict({f"moving.{key}": value for key, value in older.items()}, strict=True)
    for one in (loaded, normalizer):
        one.update()
    assert torch.equal(loaded.moving.average, normalizer.moving.average)


@pytest.mark.parametrize("form", [ClusterDistillationLoss, MaskedPatchLoss])
def test_both_losses_say_what_they_skipped(form):
    criterion = form("centering", clusters=K)
    criterion(torch.zeros(4, K), torch.full((4, K), torch.nan))
    with pytest.warns(RuntimeWarning, match="^1 batch of teacher logits was not finite"):
        assert criterion.skipped == 1


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
@pytest.mark.parametrize("name", ["centering", "projected"])
def test_a_compiled_step_skips_in_its_one_graph(name):
    criterion = ClusterDistillationLoss(name, clusters=K)
    compiled = torch.compile(criterion, fullgraph=True, backend="eager")
    good = logits(0, 12).float()
    for z in (good, spoilt(torch.inf), good):
        compiled(good, z)
    assert criterion.normalizer.moving.average.isfinite().all()
    assert criterion.normalizer.moving.skipped == 1


def test_the_state_of_a_loss_is_of_tensors():
    """Formats that hold nothing else, safetensors for one, can hold it."""
    state = ClusterDistillationLoss("power_mean", order=0.5, clusters=K).state_dict()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert bytes(state["normalizer.moving._extra_state"].tolist()).decode() == "'power_mean', order=0.5"


def test_the_repr_is_unchanged_by_what_is_said_in_a_state():
    assert (
        TeacherNormalizer("sinkhorn", clusters=K, rounds=2).extra_repr()
        == f"'sinkhorn', clusters={K}, rounds=2"
    )
