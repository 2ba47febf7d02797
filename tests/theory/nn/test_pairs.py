"""The fused loss is the plain formula: values, gradients, dtypes, and what it keeps."""

import itertools

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from theory import TEACHERS, log_prior, log_softmax
from theory.nn import ClusterDistillationLoss, TeacherNormalizer, blocks, statistics
from theory.nn.pairs import pair_cross_entropy

TAU = 0.1
SHAPES = {"one run": ((), 7, 11), "runs": ((5,), 3, 4), "a grid of runs": ((2, 3), 4, 5)}


def problem(batch=(), samples=7, clusters=11, *, teachers=2, views=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(views + teachers, *batch, samples, clusters, generator=generator, dtype=dtype) / 3
    r = torch.stack(list(z[views:] / 0.04), dim=-3).softmax(dim=-1)
    return r, [view.clone().requires_grad_() for view in z[:views]]


def plain(r, students, *, shared=9):
    """The definition, one pair after the other."""
    total = 0.0
    for (i, target), (j, z) in itertools.product(enumerate(r.unbind(dim=-3)), enumerate(students)):
        if i != j or i >= shared:
            log_q = functional.log_softmax(z.to(r.dtype) / TAU, dim=-1)
            total = total - torch.where(target == 0, 0.0, target * log_q).sum(-1).mean(-1)
    return total


def both(r, students, **options):
    """Loss and gradients, fused and plain."""
    found = []
    for form in (
        lambda: pair_cross_entropy(r, students, temperature=TAU, **options),
        lambda: plain(r, students, **options),
    ):
        loss = form()
        share = torch.linspace(0.5, 1.5, loss.numel(), dtype=loss.dtype).reshape(loss.shape)
        found.append((loss, torch.autograd.grad((share * loss).sum(), students, allow_unused=True)))
    return found


@pytest.fixture(params=["one block", "a row a block", "whole"])
def cut(request, monkeypatch):
    """The same in blocks of every kind, and in the form for accelerators and compilers."""
    if request.param == "a row a block":
        monkeypatch.setattr(blocks, "BLOCK", 1)
    if request.param == "whole":
        monkeypatch.setattr("theory.nn.pairs.in_blocks", lambda x: False)
        monkeypatch.setattr("theory.nn.statistics.in_blocks", lambda x: False)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("teachers", [1, 2, 3, 4])
def test_it_is_the_sum_over_unlike_views(cut, shape, teachers):
    r, students = problem(*shape, teachers=teachers)
    (loss, gradients), (expected, wanted) = both(r, students)
    assert loss.shape == shape[0]
    torch.testing.assert_close(loss, expected, rtol=1e-13, atol=1e-13)
    for ours, theirs in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(
            ours, torch.zeros_like(ours) if theirs is None else theirs, rtol=1e-12, atol=1e-14
        )


def test_one_pair_is_not_left_out(cut):
    r, students = problem(teachers=1, views=1)
    (loss, (gradient,)), (expected, (wanted,)) = both(r, students, shared=0)
    torch.testing.assert_close(loss, expected, rtol=1e-13, atol=0.0)
    torch.testing.assert_close(gradient, wanted, rtol=1e-12, atol=1e-14)


def test_views_that_are_not_contiguous_and_views_without_gradient(cut):
    r, students = problem()
    crops = torch.stack(students, dim=1).detach().requires_grad_()
    views = list(crops.unbind(dim=1))
    views[1] = views[1].detach()
    (gradient,) = torch.autograd.grad(pair_cross_entropy(r, views, temperature=TAU), crops)
    wanted = torch.autograd.grad(plain(r, students), students)
    for j in (0, 2, 3):
        torch.testing.assert_close(gradient[:, j], wanted[j], rtol=1e-12, atol=1e-14)
    assert not gradient[:, 1].any()


def test_its_gradient_is_that_of_its_values(cut):
    r, students = problem((2,), 2, 3)
    assert torch.autograd.gradcheck(
        lambda *z: pair_cross_entropy(r, z, temperature=TAU), tuple(students), atol=1e-7
    )


def test_its_second_derivative_is_that_of_its_gradient(cut):
    r, students = problem((2,), 2, 3)
    assert torch.autograd.gradgradcheck(
        lambda *z: pair_cross_entropy(r, z, temperature=TAU), tuple(students), atol=1e-7
    )


def test_zero_of_the_student_meets_zero_of_the_teacher(cut):
    r, students = problem()
    r = torch.cat([torch.zeros_like(r[..., :1]), r[..., 1:] / r[..., 1:].sum(-1, keepdim=True)], dim=-1)
    with torch.no_grad():
        students[0][:, 0] = -torch.inf
    (loss, gradients), (expected, wanted) = both(r, students)
    assert loss.isfinite()
    torch.testing.assert_close(loss, expected, rtol=1e-13, atol=0.0)
    torch.testing.assert_close(gradients[0], wanted[0], rtol=1e-12, atol=1e-14)
    with torch.no_grad():
        students[0][3, 1] = -torch.inf  # the teacher uses it
    assert pair_cross_entropy(r, students, temperature=TAU) == torch.inf


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_single_precision(cut, dtype):
    r, wide = problem(clusters=2048, dtype=torch.float32)
    students = [z.detach().to(dtype).requires_grad_() for z in wide]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = pair_cross_entropy(r, students, temperature=TAU)
        (gradient, *_) = torch.autograd.grad(loss, students)
    exact = [z.detach().double().requires_grad_() for z in students]
    expected = plain(r.double(), exact)
    (wanted, *_) = torch.autograd.grad(expected, exact)
    assert (loss.dtype, gradient.dtype) == (torch.float32, dtype)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-6, atol=0.0)
    torch.testing.assert_close(gradient, wanted.to(dtype), rtol=torch.finfo(dtype).eps, atol=1e-6)


def test_it_keeps_the_logits_and_r_and_nothing_else():
    r, students = problem()
    kept = []
    with saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        pair_cross_entropy(r, students, temperature=TAU)
    assert {x.data_ptr() for x in kept} == {r.data_ptr(), *(z.data_ptr() for z in students)}


@pytest.mark.parametrize("name", ["centering", "inverse_prior"])
def test_the_loss_module_keeps_no_more(name):
    kept = []
    students = [z.float().detach().requires_grad_() for z in problem()[1]]
    with saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        ClusterDistillationLoss(name, clusters=11)(students, [z.detach() for z in students[:2]])
    large = [x for x in kept if x.numel() >= students[0].numel()]
    assert sum(x.numel() for x in large) == (len(students) + 2) * students[0].numel()


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # by the tracer
def test_it_compiles_without_a_graph_break():
    r, students = problem(dtype=torch.float32)

    def loss(*z):
        return pair_cross_entropy(r, z, temperature=TAU)

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found, expected = compiled(*students), loss(*students)
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(
        torch.autograd.grad(found, students), torch.autograd.grad(expected, students), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


# -- the teacher's side ----------------------------------------------------------------------------

NEEDED = {"order": 0.5, "rounds": 3}


def made(name, **options):
    return TeacherNormalizer(
        name, clusters=6, **{key: NEEDED[key] for key in TEACHERS[name].settings} | options
    )


@pytest.mark.parametrize("name", TEACHERS)
@pytest.mark.parametrize("momentum", [None, 0.9])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_probabilities_are_those_of_the_teacher(cut, name, momentum, batch):
    one, other = (made(name, momentum=momentum, batch_shape=batch).double() for _ in range(2))
    for step in range(2):
        z = torch.randn(*batch, 9, 6, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        torch.testing.assert_close(
            one.probabilities(z, temperature=0.3), other(z, temperature=0.3).exp(), rtol=1e-12, atol=0.0
        )
    torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=0.0, atol=0.0)


@pytest.mark.parametrize("name", TEACHERS)
def test_statistics_on_the_host_are_those_of_tensors(monkeypatch, name):
    """The kernels of NumPy and of torch see one batch; a cluster's prior is tiny, another's next to 1."""
    z = torch.randn(9, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for offset in (torch.zeros(6), torch.tensor([9.0, 0, 0, 0, 0, 0]), torch.tensor([0, -90.0, 0, 0, 0, 0])):
        found = []
        for host in (True, False):
            monkeypatch.setattr(statistics, "in_blocks", lambda x, host=host: host)
            normalizer = made(name, tol=1e-12)
            found.append(normalizer.probabilities(z + offset, temperature=0.3))
        torch.testing.assert_close(*found, rtol=1e-9, atol=1e-15)


def test_a_large_offset_of_the_logits_costs_no_more_than_its_own_rounding():
    z = torch.randn(9, 6, generator=torch.Generator().manual_seed(0)) + 1000.0
    expected = made("inverse_prior").double().probabilities(z.double(), temperature=0.04)
    found = made("inverse_prior").probabilities(z, temperature=0.04)
    torch.testing.assert_close(found.double(), expected, rtol=2e-5, atol=1e-30)


@pytest.mark.parametrize("momentum", [None, 0.9])
@pytest.mark.parametrize("name", ["unconstrained", "centering", "inverse_prior"])
def test_many_clusters_sum_to_one_to_the_last_digits(name, momentum):
    """A softmax added up in line is off by 1e-6 here, and the loss with it."""
    z = torch.randn(8, 16384, generator=torch.Generator().manual_seed(0)) / 5
    r = TeacherNormalizer(name, clusters=16384, momentum=momentum).probabilities(z, temperature=0.04)
    torch.testing.assert_close(r.double().sum(-1), torch.ones(8, dtype=torch.float64), rtol=0.0, atol=2e-7)


def test_a_prior_next_to_one_keeps_the_digits_of_its_logarithm():
    z = torch.randn(9, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z[:, 0] += 8.0
    normalizer = made("inverse_prior", momentum=0.9, manual_update=True).double()
    normalizer.probabilities(z, temperature=0.3)
    expected = log_prior(log_softmax(z, temperature=0.3))
    torch.testing.assert_close(normalizer.moving.pending, expected, rtol=1e-10, atol=0.0)


def test_the_plain_sum_of_a_softmax_is_taken_unless_a_prior_is_tiny_or_above_a_half():
    z = torch.randn(9, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = statistics._log_prior(z, 0.3)
    torch.testing.assert_close(found, log_prior(log_softmax(z, temperature=0.3)), rtol=1e-12, atol=0.0)
    for offset in ([9.0, 0, 0, 0, 0, 0], [0, -90.0, 0, 0, 0, 0]):
        assert statistics._log_prior(z + torch.tensor(offset), 0.3) is None
