"""Free logits: the paper's picture without a network."""

import numpy as np
import pytest
import torch

import theory
from experiments.engine import runner, store
from experiments.studies import tabular
from experiments.studies.tabular import Settings
from figures.draw import tabular as figure
from tests.claims.ledger import at_most

CONSTRAINED = ["centering", "inverse_prior", "projected"]


@pytest.fixture(scope="module")
def measured():
    return tabular.run(Settings(seeds=3, steps=150, records=6, leaks=(0.0, 0.25, 0.7), biases=(0.0, 4.0)))


@pytest.mark.claim("O4")
def test_collapse_has_the_least_loss_of_all(measured):
    end = measured.isel(step=-1)
    collapsed = end.sel(teacher="unconstrained")
    at_most(collapsed.prior_entropy, 0.25)
    for teacher in CONSTRAINED:
        at_most(collapsed.excess, end.excess.sel(teacher=teacher))
        at_most(collapsed.loss, end.loss.sel(teacher=teacher))


@pytest.mark.control("O4")
def test_with_a_constraint_all_clusters_stay_in_use_from_any_start(measured):
    held = measured.sel(teacher=CONSTRAINED)
    at_most(0.95 * np.log(6), held.prior_entropy.isel(step=-1))
    at_most(0.95 * np.log(6), held.prior_entropy_by_bias)


@pytest.mark.claim("O5")
def test_runs_that_hold_are_certified_and_the_collapsed_one_is_not(measured):
    end = measured.isel(step=-1)
    at_most(end.excess.sel(teacher="projected"), end.teacher_information.sel(teacher="projected"))
    collapsed = end.sel(teacher="unconstrained")
    at_most(collapsed.teacher_information, collapsed.excess)


@pytest.mark.claim("D2")
def test_groups_are_found_up_to_the_predicted_leak_only(measured):
    learnt = measured.student_information_by_leak.sel(teacher=CONSTRAINED)
    assert float(measured.critical_leak) == 0.5
    at_most(0.5, learnt.sel(leak=0.25))
    at_most(learnt.sel(leak=0.7), 1e-3)


@pytest.mark.claim("O2")
def test_step_descends_the_expected_loss_over_pairs():
    torch.manual_seed(0)
    z = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    log_r = theory.log_softmax(torch.randn(6, 4, dtype=torch.float64))
    leak, groups = torch.tensor(0.3, dtype=torch.float64), 2
    same = torch.kron(torch.eye(2), torch.full((3, 3), 1 / 3)).double()
    pairs = (1 - leak) * same + leak / 6  # A, row n: which samples teach n
    log_q = theory.log_softmax(z)
    loss = sum(pairs[n, m] * theory.cross_entropy(log_r[m], log_q[n]) for n in range(6) for m in range(6))
    (gradient,) = torch.autograd.grad(loss, z)
    target = tabular._over_pairs(log_r.exp(), leak, groups)
    torch.testing.assert_close(gradient, log_q.exp() - target)


def test_figure_draws_one_picture_without_a_constraint_and_one_with_any(measured):
    drawn = figure.draw(measured)
    assert sum(len(axis.images) for axis in set(drawn.findobj(type(drawn.axes[0])))) == 2


def test_the_pictures_of_the_constrained_teachers_are_one():
    kept = store.load(runner.RESULTS / "tabular.nc").picture.drop_sel(teacher="unconstrained")
    np.testing.assert_allclose(kept, kept.isel(teacher=[0] * kept.sizes["teacher"]), atol=1e-6)


def test_bad_leaks_are_named():
    with pytest.raises(ValueError, match=r"`leaks` must be in \[0, 1\]"):
        Settings(leaks=(0.25, 1.5))
