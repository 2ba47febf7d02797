"""Chunks over a grid, runs by their teacher's name, Student's interval of paired differences."""

import itertools
from dataclasses import dataclass, is_dataclass, replace
from typing import get_type_hints

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats

import theory
from experiments.engine import registry, sweep
from experiments.studies import initialisation
from experiments.studies.shared import log_tilt_of, only, over, paired_difference, variant_of
from figures.look import LOOKS
from theory import TEACHERS


def test_the_interval_is_that_of_the_paired_t_test():
    generator = np.random.default_rng(0)
    shared = generator.normal(size=(1, 12))
    values = xr.DataArray(shared + generator.normal(0.1, 0.1, size=(3, 12)), dims=("teacher", "seed"))
    found = paired_difference(values, xr.DataArray(shared[0], dims="seed"), level=0.9)
    expected = stats.ttest_1samp(values.values - shared, 0, axis=-1).confidence_interval(0.9)
    np.testing.assert_allclose(found.sel(bound="mean"), (values.values - shared).mean(axis=-1))
    np.testing.assert_allclose(found.sel(bound="low"), expected.low)
    np.testing.assert_allclose(found.sel(bound="high"), expected.high)


def test_pairing_removes_what_the_seeds_share():
    seeds = xr.DataArray(np.linspace(0, 100, 8), dims="seed")
    found = paired_difference(seeds + 1, seeds)
    np.testing.assert_allclose(found, 1)


def test_one_seed_has_no_interval():
    one = xr.DataArray([0.5], dims="seed")
    found = paired_difference(one, one - 1)
    assert found.sel(bound="mean") == 1
    assert np.isnan(found.sel(bound=["low", "high"])).all()


def test_a_level_outside_0_and_1_is_refused():
    one = xr.DataArray([0.5], dims="seed")
    with pytest.raises(ValueError, match=r"`level` must be between 0 and 1, got 95"):
        paired_difference(one, one, level=95)


@dataclass(frozen=True, kw_only=True)
class Setup:
    seeds: int = 3
    monitor: str = "unused"


@dataclass(frozen=True, kw_only=True)
class Chunk:
    seeds: int
    data: str
    tau: float


def work(chunk):
    value = len(chunk.data) + chunk.tau + np.arange(chunk.seeds)
    return xr.Dataset({"value": ("seed", value)})


def test_a_chunk_holds_what_it_asks_for_and_its_point_of_the_grid():
    assert only(Chunk, Setup(), data="digits", tau=0.1) == Chunk(seeds=3, data="digits", tau=0.1)


def test_a_grid_is_computed_point_by_point_and_put_together():
    found = over(work, Chunk, Setup(), context=None, data=["a", "bbb"], tau=[0.1, 0.2, 0.4])
    assert found.value.dims == ("data", "tau", "seed")
    for data, tau in itertools.product(["a", "bbb"], [0.1, 0.2, 0.4]):
        np.testing.assert_array_equal(found.value.sel(data=data, tau=tau), len(data) + tau + np.arange(3))


def test_a_grid_without_points_is_refused():
    with pytest.raises(ValueError, match=r"`tau` must hold at least one value"):
        over(work, Chunk, Setup(), context=None, data=["a"], tau=[])


def test_one_more_temperature_computes_that_one_alone(tmp_path, capsys):
    settings = initialisation.Settings(seeds=1, sizes=(0.1,), steps=2, reading=1, batch_size=8)
    context = sweep.Context(scratch=tmp_path)
    before = initialisation.run(settings, context=context)
    capsys.readouterr()
    more = initialisation.run(replace(settings, sizes=(0.1, 1.0)), context=context)
    assert "1 of 2 chunks were finished before" in capsys.readouterr().err
    xr.testing.assert_identical(more.isel(size=[0]), before)


@pytest.mark.parametrize("name", registry.experiments())
def test_no_chunk_holds_the_settings(name):
    module = registry.experiments()[name].module
    kinds = [
        kind for kind in vars(module).values() if is_dataclass(kind) and kind.__module__ == module.__name__
    ]
    for kind in kinds:
        held = get_type_hints(kind).values()
        assert module.Settings not in held, kind


@pytest.mark.parametrize("name", LOOKS)
def test_a_run_is_its_teacher_and_what_normalises_it(name):
    run = variant_of(name, center_momentum=0.7, order=2.0, rounds=3)
    teacher = TEACHERS[run.teacher]
    assert (run.name, run.teacher) == (name, name.removeprefix("moving_"))
    assert run.center_momentum == (0.7 if name.startswith("moving_") else None)
    given = {"order": run.order, "rounds": run.rounds}
    assert {setting for setting, value in given.items() if value is not None} == set(teacher.settings)


@pytest.mark.parametrize(
    ("teacher", "expected"),
    [
        ("unconstrained", lambda log_p: torch.zeros_like(log_p[..., 0, :])),
        ("centering", theory.centering_log_tilt),
        ("inverse_prior", theory.inverse_prior_log_tilt),
        ("projected", lambda log_p: theory.project(log_p).log_tilt),
    ],
)
def test_log_probabilities_are_tilted_as_they_are(teacher, expected):
    logits = torch.randn(3, 32, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    log_p = theory.log_softmax(logits, temperature=0.1)
    log_tilt = log_tilt_of(teacher, log_p)
    torch.testing.assert_close(theory.tilt(log_p, log_tilt), TEACHERS[teacher](log_p))
    assert torch.equal(log_tilt, expected(log_p))


def test_a_moving_average_needs_its_momentum():
    with pytest.raises(ValueError, match=r"`center_momentum` must be given for 'moving_centering'"):
        variant_of("moving_centering")
