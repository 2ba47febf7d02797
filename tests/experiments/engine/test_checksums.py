"""Results that were altered are not drawn, whatever digest they carry."""

import numpy as np
import pytest
import xarray as xr

from experiments.engine import checksums, plausible, registry, runner, store
from tests.experiments.engine.test_store import Settings, example, stamped

EXPERIMENTS = registry.experiments()


def test_the_kept_results_are_those_that_the_list_has():
    found = {path.name: checksums.sha256(path) for path in runner.RESULTS.glob("*.nc")}
    assert checksums.recorded(runner.RESULTS) == found
    assert found.keys() == {f"{name}.nc" for name in EXPERIMENTS}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_kept_results_can_have_been_measured(name):
    dataset = store.load(runner.RESULTS / f"{name}.nc")
    plausible.check(dataset)
    store.check(dataset, EXPERIMENTS[name].module.Settings(), experiment=name)


def test_a_list_is_read_by_sha256sum_and_kept_in_order(tmp_path):
    for name in ("b.nc", "a.nc", "b.nc"):
        (tmp_path / name).write_text(name * 2)
        checksums.record(tmp_path / name)
    lines = (tmp_path / "CHECKSUMS").read_text().splitlines()
    assert [line[64:] for line in lines] == ["  a.nc", "  b.nc"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CHECKSUMS", "a.nc", "b.nc"]
    (tmp_path / "a.nc").write_text("other")
    assert checksums.differs(tmp_path / "a.nc")
    assert not checksums.differs(tmp_path / "b.nc")
    (tmp_path / "c.nc").write_text("not listed")
    assert not checksums.differs(tmp_path / "c.nc")


def test_a_list_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "CHECKSUMS").mkdir()
    with pytest.raises(registry.Refused, match="CHECKSUMS cannot be read"):
        checksums.recorded(tmp_path)


def test_no_bit_of_a_file_changes_without_notice():
    """The record as well as the numbers: commit, date, versions, threads."""
    packed = store.pack(stamped(Settings()).assign_attrs(sources="{}"))
    unnoticed = []
    for at in range(0, len(packed), 11):
        spoilt = packed[:at] + bytes([packed[at] ^ (1 << at % 8)]) + packed[at + 1 :]
        try:
            loaded = store.unpack(spoilt)
        except store.Damaged:
            continue
        unnoticed += [at] * (store.pack(loaded) != packed)  # a bit of the padding between two parts may flip
    assert unnoticed == []


def test_a_file_without_the_checksum_of_its_record_still_loads():
    older = stamped(Settings())
    older = older.assign_attrs(digest=store.digest(older))
    loaded = store.unpack(store._serialise(older))
    assert "checksum" not in loaded.attrs
    xr.testing.assert_identical(loaded.drop_attrs(), store.unpack(store.pack(older)).drop_attrs())


def test_results_of_another_experiment_are_refused():
    with pytest.raises(store.SettingsMismatch, match="the results are those of x, not of y"):
        store.check(stamped(Settings()), Settings(), experiment="y")
    with pytest.raises(store.SettingsMismatch, match="those of no experiment, not of y"):
        store.check(example(), Settings(), experiment="y")
    store.check(stamped(Settings()), Settings(), experiment="x")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("anything", [np.nan, np.nan], "'anything' holds no numbers"),
        ("anything", [np.inf, 0.0], "'anything' holds an infinite number"),
        ("nmi", [0.5, 1.5], r"'nmi' must be in \[0, 1\], holds 1.5"),
        ("nmi_by_leak", [-0.5, 0.5], r"'nmi_by_leak' must be in \[0, 1\], holds -0.5"),
        ("tv_max", [2.0, 0.5], r"'tv_max' must be in \[0, 1\], holds 2"),
        ("student_information", [-0.1, 0.5], "'student_information' must be at least 0, holds -0.1"),
        ("teacher_prior_entropy", [-0.1, np.nan], "'teacher_prior_entropy' must be at least 0"),
        ("kl", [-3.0, 0.5], "'kl' must be at least 0, holds -3"),
        ("clusters_in_use", [0.0, 2.0], "'clusters_in_use' must be at least 1, holds 0"),
    ],
)
def test_what_cannot_have_been_measured_is_named(name, values, message):
    plausible.check(xr.Dataset({name: ("seed", [1.0, np.nan])}))
    with pytest.raises(store.Damaged, match=f"^variable {message}"):
        plausible.check(xr.Dataset({name: ("seed", values)}))


def test_a_variable_may_say_what_its_nan_means():
    none = xr.Dataset({"reached_at": ("seed", [np.nan], {"long_name": "first step, NaN if none"})})
    plausible.check(none)
    with pytest.raises(store.Damaged, match="holds no numbers"):
        plausible.check(none.drop_attrs())


def test_differences_may_have_either_sign():
    plausible.check(xr.Dataset({"nmi_difference": ("seed", [-0.3, 0.3]), "margin": ("seed", [-9.0, 2.0])}))
