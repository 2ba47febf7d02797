"""Results files: the same data give the same bytes, and nothing else passes for them."""

import inspect
import json
import struct
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from experiments.engine import store


@dataclass(frozen=True, kw_only=True)
class Data:
    separation: float = 2.0
    name: str = "mixture"


@dataclass(frozen=True, kw_only=True)
class Settings:
    seeds: int = 8
    rates: tuple[float, ...] = (0.1, 0.2)
    data: Data = Data()
    device: str = "cpu"


def example() -> xr.Dataset:
    return xr.Dataset(
        {
            "loss": (("teacher", "step"), np.arange(6.0).reshape(2, 3) / 7, {"units": "nats"}),
            "clusters": (("teacher",), [3, 4]),
            "stable": (("teacher",), [True, False]),
        },
        coords={
            "teacher": ["centred", "projecté"],
            "step": [0, 5, 10],
            "label": (("teacher",), ["a", "bcd"]),
        },
        attrs={"title": "λ", "levels": [1.5]},
    )


def stamped(settings, **record):
    return store.stamp(example(), experiment="x", settings=settings, **record)


VALUES = st.one_of(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int32, np.int16, np.bool_]),
        hnp.array_shapes(min_dims=1, max_dims=3, max_side=3),
    ),
    hnp.arrays(np.int64, 3, elements=st.integers(-(2**31), 2**31 - 1)),
    st.lists(st.text("aé-λ z", min_size=1), min_size=1, max_size=4).map(np.array),
)
DATASETS = st.dictionaries(st.sampled_from(["a", "loss", "Z", "x_y"]), VALUES, min_size=1).map(
    lambda arrays: xr.Dataset(
        {
            name: (tuple(f"{name}{axis}" for axis in range(a.ndim)), a, {"long_name": name})
            for name, a in arrays.items()
        }
    )
)


@given(DATASETS)
def test_what_is_read_back_has_the_same_bytes_and_digest(dataset):
    packed = store.pack(dataset)
    again = store.unpack(packed)
    assert store.pack(again) == packed
    assert store.digest(again) == store.digest(dataset)
    for name, variable in dataset.variables.items():
        np.testing.assert_array_equal(again[name].values, variable.values)


def test_bytes_do_not_depend_on_the_order_of_insertion_or_the_process(tmp_path):
    dataset = example()
    other = xr.Dataset(
        {name: dataset[name].variable for name in reversed(list(dataset.data_vars))},
        coords={name: dataset[name].variable for name in reversed(list(dataset.coords))},
        attrs=dict(reversed(dataset.attrs.items())),
    )
    assert store.pack(other) == store.pack(dataset)
    program = f"""import sys, numpy as np, xarray as xr; from experiments.engine import store
{inspect.getsource(example)}
sys.stdout.buffer.write(store.pack(example()))"""
    environment = {"PYTHONHASHSEED": "11", "TZ": "Asia/Tokyo", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=store.ROOT, env=environment, capture_output=True, check=True
    )
    assert done.stdout == store.pack(dataset)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.assign(loss=d.loss + 1e-15),
        lambda d: d.assign_coords(step=[0, 5, 11]),
        lambda d: d.assign(loss=d.loss.astype("float32")),
        lambda d: d.assign(loss=d.loss.assign_attrs(units="bits")),
        lambda d: d.assign_attrs(title="μ"),
        lambda d: d.rename(loss="kl"),
        lambda d: stamped(Settings()),
    ],
)
def test_digest_changes_with_the_content(change):
    assert store.digest(change(example())) != store.digest(example())


def test_digest_ignores_where_and_when_it_was_computed():
    elsewhere = stamped(Settings()).assign_attrs(git_commit="0" * 40, git_date="2001-01-01", threads=7)
    assert store.digest(elsewhere) == store.digest(stamped(Settings()))


def test_stamp_records_settings_seeds_versions_and_commit(tmp_path):
    store.save(stamped(Settings(seeds=3), threads=2), tmp_path / "x.nc")
    attrs = store.load(tmp_path / "x.nc").attrs
    assert json.loads(attrs["settings"]) == {
        "seeds": 3,
        "rates": [0.1, 0.2],
        "data": {"separation": 2.0, "name": "mixture"},
        "device": "cpu",
    }
    assert (attrs["experiment"], attrs["seeds"], attrs["threads"]) == ("x", "3", 2)
    assert json.loads(attrs["versions"])["numpy"] == np.__version__
    assert {"git_commit", "git_date", "git_state", "platform", "digest"} <= attrs.keys()


@dataclass(frozen=True)
class Renamed:
    seeds: int = 8
    speeds: None = None
    data: Data = Data()


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        (Settings(), Settings(seeds=16), ["seeds: 8 in the file, 16 in the code"]),
        (Settings(rates=(1, 2)), Settings(rates=(1,)), ["rates: [1, 2] in the file, [1] in the code"]),
        (
            Settings(rates=()),
            Renamed(),
            ["rates: [] in the file, nothing in the code", "speeds: nothing in the file, null in the code"],
        ),
    ],
)
def test_check_shows_the_difference_setting_by_setting(old, new, difference):
    with pytest.raises(store.SettingsMismatch) as refusal:
        store.check(stamped(old), new)
    assert str(refusal.value).split("\n  ") == ["the results were made with other settings:", *difference]


def test_check_accepts_the_settings_of_the_file_on_any_device():
    store.check(store.unpack(store.pack(stamped(Settings(device="cuda")))), Settings(device="cpu"))


def test_check_refuses_a_dataset_without_settings():
    with pytest.raises(store.SettingsMismatch, match="no attribute `settings`"):
        store.check(example(), Settings())


def test_settings_must_be_a_dataclass_instance():
    for wrong in (Settings, {"seeds": 8}):
        with pytest.raises(TypeError, match="`settings` must be a dataclass instance"):
            store.to_json(wrong)


def flipped(data):
    at = data.index(struct.pack(">d", 3 / 7))
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flipped, "the content does not have the digest"),
        *((lambda data, size=size: data[:size], "not a results file") for size in (0, 3, 40, 300)),
        (lambda data: b"PK\x03\x04" + data, "not a results file"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, damage, message):
    path = tmp_path / "x.nc"
    path.write_bytes(damage(store.pack(example())))
    with pytest.raises(store.Damaged, match=rf"x\.nc: {message}"):
        store.load(path)


def test_an_integer_that_netcdf_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="int32"):
        store.pack(xr.Dataset({"n": ((), 2**40)}))


@pytest.mark.parametrize("state", ["clean", "modified"])
def test_origin_says_how_old_the_code_is(state):
    date = datetime.now(UTC) - timedelta(days=3, hours=1)
    record = {"git_commit": "abcdef1234", "git_date": date.isoformat(), "git_state": state}
    note = {"clean": "", "modified": " with uncommitted changes"}[state]
    said = store.origin(example().assign_attrs(record))
    assert said == f"the code of {date.date()} (3 d ago, commit abcdef1{note})"
    assert store.origin(example()) == "code outside a git checkout (age unknown)"
