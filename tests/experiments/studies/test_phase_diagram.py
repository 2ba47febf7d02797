"""The experiment `phase_diagram`: one column of it (D2, D3)."""

import numpy as np
import pytest
import torch

from experiments.studies import phase_diagram
from experiments.studies.shared import BY_BATCH, only, simplex_mixture
from experiments.training.model import Architecture

SETTINGS = phase_diagram.Settings(seeds=1, temperatures=6, steps=80, moment_samples=8192)


@pytest.fixture(scope="module")
def column():
    part = phase_diagram.work(only(phase_diagram.Chunk, SETTINGS, student="linear", correlation=0.625))
    return part.assign_coords(teacher=list(BY_BATCH), ratio=phase_diagram.rows(SETTINGS))


@pytest.mark.claim("D2")
def test_a_constrained_linear_student_learns_below_its_correlation_and_not_above(column):
    held = column.student_information.sel(teacher=["centering", "inverse_prior", "projected"]) / np.log(8)
    assert (held.where(column.ratio < 0.6, drop=True) > 0.1).all()
    assert (held.where(column.ratio > 0.65, drop=True) < 1e-3).all()


@pytest.mark.control("D3")
def test_an_unconstrained_one_falls_into_one_cluster_whatever_the_correlation(column):
    free = column.student_prior_entropy.sel(teacher="unconstrained") / np.log(8)
    assert (free.where(column.ratio < 0.8, drop=True) < 0.1).all()
    assert (free.where(column.ratio > 1.05, drop=True) > 0.9).all()


@pytest.mark.claim("D2")
def test_lines_for_the_student_that_learns_features_are_in_order():
    source = simplex_mixture(8, 0.5).source(range(2), dtype=torch.float64)
    found = phase_diagram._predicted(SETTINGS, source, Architecture(clusters=8, hidden=(32, 16)))
    assert (found["data_correlation"] < found["visible_ratio"]).all()
    assert (found["visible_ratio"] < found["initial_correlation"]).all()
    assert (found["initial_correlation"] < found["maximal_correlation"]).all()
