"""The four fates at a small scale, and the shape of the experiment's results."""

import numpy as np
import pytest

from experiments.data.mixtures import Mixture
from experiments.engine import sweep
from experiments.studies import collapse
from experiments.studies.shared import COMPARED, variant_of
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from experiments.training.names import split
from tests.claims.ledger import at_most
from theory import TEACHERS

K = 6
CONSTRAINED = [name for name in COMPARED if TEACHERS[split(name)[0]].constrained]
# cross-view correlation (8/6 + 0.25)/(8/6 + 0.75) = 0.76 between components, 1/3 within them
MIXTURE = Mixture(components=6, dim=6, layout="simplex", separation=4.0, within=0.5, view_noise=0.5**0.5)


@pytest.fixture(scope="module")
def fates():
    variants = [
        variant_of(
            teacher,
            name=f"{teacher}, {tau}",
            center_momentum=0.9,
            teacher_temperature=tau,
            teacher_momentum=0.9,
            learning_rate=0.01,
        )
        for tau in (0.04, 0.1)
        for teacher in COMPARED
    ]
    training = Training(steps=150, batch_size=32, records=2, evaluation_size=512)
    architecture = Architecture(clusters=K, hidden=(), head_scale=0.1)
    with sweep.reproducible():
        return train(MIXTURE.source(range(2)), architecture, variants, training).records.isel(step=-1)


@pytest.mark.claim("D3", "T6", "O5")
@pytest.mark.parametrize("teacher", CONSTRAINED)
def test_sharpened_and_constrained_all_clusters_stay_and_are_told_apart(fates, teacher):
    run = fates.sel(variant=f"{teacher}, 0.04")
    at_most(0.9 * np.log(K), run.student_prior_entropy.values)
    # the certificate of O5: a constant student would pay I_r
    at_most(run.kl.values, run.teacher_information.values)


@pytest.mark.control("D3", "T6")
def test_sharpened_and_unconstrained_clusters_are_lost(fates):
    assert (fates.sel(variant="unconstrained, 0.04").student_prior_entropy < 0.75 * np.log(K)).all()


@pytest.mark.claim("D3")
@pytest.mark.parametrize("teacher", CONSTRAINED)
def test_constrained_and_not_sharpened_it_goes_uniform(fates, teacher):
    run = fates.sel(variant=f"{teacher}, 0.1")
    at_most(0.98 * np.log(K), run.loss.values)
    at_most(run.student_information.values, 0.05)


def test_the_experiment_records_every_run(tmp_path):
    settings = collapse.Settings(seeds=1, steps=2, records=2, batch_size=8, hidden=(4, 3), clusters=3)
    dataset = collapse.run(settings, context=sweep.Context(scratch=tmp_path))
    sizes = {"data": 2, "teacher_temperature": 2, "teacher": 5, "seed": 1, "step": 2, "direction": 8}
    assert dict(dataset.sizes) == sizes
    assert not dataset.drop_vars("correlation").isnull().any().to_array().any()
    assert 0.7 < dataset.correlation.sel(data="digits")[0] < 1
