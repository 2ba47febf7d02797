"""The experiment `learnt_race`: two starts, one race (D7)."""

import pytest

from experiments.studies import learnt_race

SETTINGS = learnt_race.Settings(
    seeds=2, teacher_rates=(1.0,), correlations=(0.7,), slower=(2.0, 0.05, 0.01), shortest=3000
)


@pytest.mark.claim("D7")
def test_learnt_starts_keep_everything_and_cold_ones_what_the_race_leaves():
    found = learnt_race.run(SETTINGS).squeeze()
    assert (found.kept.sel(start="learnt") > 0.999).all()
    cold = found.kept.sel(start="cold").mean("seed")
    assert cold.sel(slower=2.0) > 0.95
    assert cold.sel(slower=0.01) < 0.9


@pytest.mark.claim("D7")
def test_ratios_rise_as_the_centre_slows():
    ratio = learnt_race.run(SETTINGS).squeeze().ratio.to_numpy()
    assert ratio[0] < 0 < ratio[1] < ratio[2]
