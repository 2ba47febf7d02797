"""The teachers of a step against `TeacherNormalizer`, run by run, for every row of the table."""

import pytest
import torch

import theory
from experiments.training.teachers import TOLERANCE, Teachers
from experiments.training.variants import Variant
from tests.claims.ledger import equal
from theory.nn.normalizer import TeacherNormalizer

CLUSTERS, TEMPERATURES = 5, torch.tensor([0.1, 0.3, 0.2], dtype=torch.float64).reshape(3, 1, 1, 1)
TARGET = (0.1, 0.2, 0.3, 0.3, 0.1)
NEEDED = {"order": 0.5, "rounds": 2}


def _variants(teacher, momentum):
    needed = {name: NEEDED[name] for name in theory.TEACHERS[teacher].settings}
    common = {"teacher": teacher, "center_momentum": momentum, **needed}
    # "b" is of another group, so that those of one group are not beside each other
    return [
        Variant(name="a", target=TARGET, **common),
        Variant(name="b", teacher="unconstrained", center_momentum=0.5),
        Variant(name="c", **common),
    ]


@pytest.mark.parametrize("momentum", [None, 0.9])
@pytest.mark.parametrize("teacher", theory.TEACHERS)
def test_a_step_is_that_of_the_module(teacher, momentum):
    variants = _variants(teacher, momentum)
    teachers = Teachers(variants, seeds=2, clusters=CLUSTERS, device="cpu")
    generator = torch.Generator().manual_seed(1)
    modules = [
        TeacherNormalizer(
            v.teacher,
            clusters=CLUSTERS,
            order=v.order,
            rounds=v.rounds,
            momentum=v.center_momentum,
            log_target=None if v.target is None else torch.tensor(v.target, dtype=torch.float64).log(),
            batch_shape=(2,),
            manual_update=True,
            tol=1e-12,
        )
        for v in variants
    ]
    for _ in range(3):
        z = torch.randn(3, 2, 9, CLUSTERS, generator=generator, dtype=torch.float64)
        r = teachers.train(z, TEMPERATURES)
        for i, module in enumerate(modules):
            # the averages are float32
            expected = module(z[i], temperature=TEMPERATURES[i]).exp()
            solved = theory.TEACHERS[variants[i].teacher].exact
            exactly = momentum is None and not solved
            equal(r[i], expected, rtol=1e-12 if exactly else 1e-5, atol=10 * TOLERANCE if solved else 1e-12)
            module.update()
        teachers.update()
    still = teachers(z, TEMPERATURES)
    for i, module in enumerate(modules):
        equal(still[i], module.eval()(z[i], temperature=TEMPERATURES[i]), rtol=1e-5, atol=1e-5)
