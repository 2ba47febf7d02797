"""What a run says at its end, and that a small variant is as small as it says."""

import resource
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from experiments.engine import ending, registry, store

EXPERIMENTS = registry.experiments()


def made():
    steps = np.broadcast_to(np.arange(4.0), (3, 4))
    return xr.Dataset(
        {
            "same": ("seed", np.ones(3)),
            "word": ("seed", ["a", "b", "c"]),
            "bound": ("side", [-1.0, 1.0]),
            "lost": ("seed", [np.nan, np.inf, np.nan]),
            "grown": (("seed", "step"), steps * [[1.0], [2.0], [5.0]]),
            "kept": ("seed", [True, False, True]),
            "nmi": ("seed", [0.5, np.nan, -0.0]),
        }
    )


def test_it_tells_three_numbers_of_the_last_step_the_fate_first_and_none_that_is_constant():
    assert ending.told(made()) == [
        "at the end, of 3 seed:",
        "  nmi    median 0, from 0 to 0.5",
        "  grown  median 6, from 3 to 15",
        "  kept   median 1, from 0 to 1",
    ]
    assert ending.told(made()[["grown", "bound"]].isel(step=0))[1:] == [
        "  bound  median -1, from -1 to 1",
    ]
    assert ending.told(made()[["same", "word", "lost"]]) == []


def test_a_run_names_the_figures_that_are_drawn_of_it():
    drawn = ending.drawn_by(EXPERIMENTS["collapse"], registry.figures())
    assert {"collapse", "fates"} <= set(drawn)
    assert ending.drawn_by(EXPERIMENTS["collapse"], {}) == []


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_study_is_drawn_and_tells_its_numbers(name):
    assert ending.drawn_by(EXPERIMENTS[name], registry.figures())
    assert len(ending.told(store.load(store.ROOT / "results" / f"{name}.nc"))) == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_small_variant_takes_less_than_half_a_minute_of_one_core(name, tmp_path):
    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    command = [sys.executable, "-m", "experiments", name, "--quick", "--output", str(tmp_path / "small.nc")]
    done = subprocess.run(command, cwd=store.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert spent() - before < 30
