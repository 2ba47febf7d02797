"""The doors of the modules: shapes at the edge, states from outside, buffers that stay wide."""

import math

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import theory
from theory.nn import ClusterDistillationLoss, TeacherNormalizer, averages, door
from theory.nn.opaque import any_statistic, solved_statistic
from theory.nn.precision import Wide
from theory.teachers import Settings

K = 4


@pytest.mark.parametrize(
    "own, fits",
    [
        ((2, 3, 1), True),
        ((3, 1), True),
        ((1, 1), True),
        ((2, 1, 1), True),
        ((1,), True),
        ((), True),
        ((2, 1), False),
        ((3, 2), False),
        ((3,), False),
        ((1, 2, 3, 1), False),
    ],
)
def test_momenta_broadcast_to_the_leading_axes(own, fits):
    momenta = torch.full(own, 0.5)
    if fits:
        assert door.check_momenta(momenta, (2, 3)) is momenta
    else:
        with pytest.raises(ValueError, match=r"`momentum` must broadcast to shape \(2, 3, 1\), got shape"):
            door.check_momenta(momenta, (2, 3))


@pytest.mark.parametrize(
    "given, fits",
    [
        ((2, K), True),
        ((1, 2, K), True),
        ((1, 1, 2, K), True),
        ((2, 2, K), False),
        ((K,), False),
        ((2, K + 1), False),
        ((2, 1, K), False),
    ],
)
def test_an_average_may_have_leading_axes_of_one(given, fits):
    average = torch.arange(float(math.prod(given))).reshape(given)
    if fits:
        assert torch.equal(door.check_average(average, (2, K)), average.reshape(2, K))
    else:
        with pytest.raises(ValueError, match=r"`average` must have shape \(2, 4\), got \("):
            door.check_average(average, (2, K))


@pytest.mark.parametrize("shape", [(), (K,)])
def test_one_row_is_no_batch_even_where_a_batch_may_be_empty(shape):
    for may in (True, False):
        with pytest.raises(ValueError, match="`logits`"):
            door.check_shape(torch.zeros(shape), K, None, may_be_empty=may)
    assert door.check_shape(torch.zeros(0, K), K, None, may_be_empty=True) is None
    with pytest.raises(ValueError, match="`logits`"):
        door.check_shape(torch.zeros(0, K), K, None)


def test_one_temperature_for_all_samples():
    z = torch.zeros(2, 3, K)
    for fits in (
        0.5,
        torch.tensor(0.5),
        torch.full((1,), 0.5),
        torch.full((2, 1, 1), 0.5),
        torch.full((1, 1), 0.5),
    ):
        assert door.check_values(z, fits, validate=True) is not None
    with pytest.raises(ValueError, match="`temperature` must be one for all samples, got shape"):
        door.check_values(z, torch.full((2, 3, 1), 0.5), validate=True)
    assert door.check_values(z[:, :0], -1.0, validate=True) == -1.0  # of no rows nothing is asked


def test_batches_that_were_skipped_are_counted_in_words():
    for count, words in ((1, "1 batch of teacher logits was"), (2, "2 batches of teacher logits were")):
        with pytest.warns(RuntimeWarning, match=f"{words} not finite and moved no average"):
            door.warn_of_skipped(count)


@pytest.mark.parametrize("bad", [[math.nan, 0.0], [0.0, math.inf], [0.0, -(2.0**65)]])
def test_an_average_with_one_number_that_is_none_is_refused(bad):
    mean = averages.MovingMean(torch.zeros(2), momentum=0.5, order=0.0)
    with pytest.raises(ValueError, match="`average` must hold a finite average for this teacher, got NaN or"):
        mean.check_sound("average", torch.tensor(bad))
    mean.check_sound("average", torch.zeros(2))


def test_momenta_are_moved_with_the_module_and_not_saved_with_it():
    momenta = torch.tensor([[0.5], [0.9]])
    mean = averages.MovingMean(torch.zeros(2, 3), momentum=momenta, order=0.0)
    assert set(mean.state_dict()) == {"average", "pending", "seen", "skipped", "_extra_state"}
    assert mean.double().momentum.dtype == torch.float64
    one = averages.MovingMean(torch.zeros(3), momentum=0.5, order=0.0)
    assert one.momentum == 0.5 and "momentum=0.5, order=0" in repr(one)


def test_a_state_of_one_count_for_all_ensembles_is_read():
    mean = averages.MovingMean(torch.zeros(2, 3), momentum=0.5, order=0.0)
    mean.add(torch.ones(2, 3), samples=4)
    state = mean.state_dict()
    state["seen"] = torch.tensor(4)
    again = averages.MovingMean(torch.zeros(2, 3), momentum=0.5, order=0.0)
    again.load_state_dict(state)
    assert again.seen.tolist() == [4, 4] and again.waits and again.holds
    again.update()
    torch.testing.assert_close(again.average, torch.full((2, 3), 0.5))
    state["seen"] = torch.tensor(0)
    again.load_state_dict(state)
    assert not (again.waits or again.holds)


class Mixed(Wide):
    """Buffers of each kind: of real numbers, of counts, and one that is not there."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("count", torch.zeros(2, dtype=torch.int64))
        self.register_buffer("none", None)


@pytest.mark.parametrize(
    "cast, mean", [("half", torch.float32), ("bfloat16", torch.float32), ("double", torch.float64)]
)
def test_casts_leave_wide_what_is_real_and_counts_as_they_are(cast, mean):
    module = getattr(Mixed(), cast)()
    assert (module.mean.dtype, module.count.dtype, module.none) == (mean, torch.int64, None)


def test_a_state_in_half_precision_is_read_wide_and_counts_as_they_are():
    state = {"mean": torch.ones(2, dtype=torch.bfloat16), "count": torch.ones(2, dtype=torch.int64)}
    module = Mixed()
    module.load_state_dict(dict(state))
    assert module.mean.tolist() == [1, 1] and module.count.tolist() == [1, 1]
    assert module.mean.dtype == torch.float32
    with pytest.raises(RuntimeError, match="Missing key"):
        module.load_state_dict({"mean": state["mean"]})


def test_views_of_unlike_numbers_of_samples_are_named():
    loss = ClusterDistillationLoss("inverse_prior", clusters=K)
    with pytest.raises(ValueError, match="student"):
        loss([torch.zeros(3, K), torch.zeros(4, K)], [torch.zeros(3, K), torch.zeros(3, K)])
    for weights in (torch.ones(4), torch.ones(3, 1), torch.ones(2)):
        with pytest.raises(ValueError, match="`weights`"):
            loss([torch.zeros(3, K)] * 2, [torch.zeros(3, K)] * 2, weights=weights)


def test_weights_of_views_with_leading_axes_are_those_of_the_samples():
    loss = ClusterDistillationLoss("inverse_prior", clusters=K, momentum=None)
    views = [torch.randn(2, 3, K) for _ in range(2)]
    even = loss(views, views, weights=torch.full((3,), 1 / 3))
    torch.testing.assert_close(even, loss(views, views))
    for weights in (torch.ones(2, 3), torch.ones(2)):
        with pytest.raises(ValueError, match="`weights`"):
            loss(views, views, weights=weights)


def test_a_normaliser_says_what_it_is():
    words = repr(TeacherNormalizer("sinkhorn", clusters=K, rounds=2))
    assert "'sinkhorn'" in words and "rounds=2" in words


@pytest.mark.parametrize("shape", [(5, K), (2, 3, 5, K)])
def test_a_compiler_is_told_the_shape_that_the_solver_gives(shape):
    z, log_target = torch.randn(shape), torch.full((K,), -math.log(K))
    found = solved_statistic(z, torch.tensor(0.5), log_target, "projected", 1e-5)
    with FakeTensorMode(allow_non_fake_inputs=True):
        told = solved_statistic(torch.empty(shape), torch.tensor(0.5), log_target, "projected", 1e-5)
    assert told.shape == found.shape == (*shape[:-2], K) and told.dtype == found.dtype


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_solver_is_not_asked_about_what_is_no_number(bad):
    z = torch.randn(2, 5, K)
    z[0, 0, 0] = bad
    row = theory.TEACHERS["projected"]
    found = any_statistic(row, Settings(tol=1e-5), z, 0.5, torch.full((K,), -math.log(K)))
    assert found.shape == (2, K) and found.isnan().all()
    empty = any_statistic(row, Settings(tol=1e-5), z[:, :0], 0.5, torch.full((K,), -math.log(K)))
    assert torch.equal(empty, torch.zeros(2, K))
