"""Sweeps: in order, never twice, the same numbers everywhere, and no crash costs more than a chunk."""

import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch
import xarray as xr

from experiments.engine import registry, runner, store, sweep
from tests.support import toy_experiment
from tests.support.toy_experiment import Settings, chunks, work

ENTRY = registry.experiments("tests.support")["toy_experiment"]
# Without the commit in the record: one made while the test runs is no crash of the sweep.
PROGRAM = """import sys; from pathlib import Path; from experiments.engine import runner, store
store._git, runner.RESULTS = dict, Path(sys.argv[1])
from experiments.__main__ import main; sys.exit(main(sys.argv[2:], package='tests.support'))"""


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_git", dict)
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def settings(tmp_path):
    return Settings(diary=str(tmp_path / "diary"))


def diary(settings):
    with contextlib.suppress(FileNotFoundError), open(settings.diary) as lines:
        return [float(line) for line in lines]
    return []


def assert_identical(actual, expected):
    assert [store.pack(a) for a in actual] == [store.pack(e) for e in expected]


def test_a_sweep_is_work_on_each_chunk_in_order():
    cases = chunks(Settings())
    swept = sweep.sweep(work, cases)
    with sweep.reproducible():
        assert_identical(swept, [work(chunk) for chunk in cases])
    assert [float(part.walk[0, 0] / swept[0].walk[0, 0]) for part in swept] == [1, 2, 4]


def test_what_comes_back_does_not_depend_on_having_been_on_disk(tmp_path):
    context = sweep.Context(scratch=tmp_path)
    fresh, loaded = (sweep.sweep(work, chunks(Settings()), context=context) for _ in range(2))
    in_memory = sweep.sweep(work, chunks(Settings()))
    for one, two, three in zip(fresh, loaded, in_memory, strict=True):
        xr.testing.assert_identical(one, two)
        xr.testing.assert_identical(one, three)


def test_finished_chunks_are_not_computed_again(tmp_path, settings, capsys):
    context = sweep.Context(scratch=tmp_path)
    first = sweep.sweep(work, chunks(settings)[:2], context=context)
    all_three = sweep.sweep(work, chunks(settings), context=context)
    assert diary(settings) == [0.5, 1.0, 2.0]
    assert_identical(all_three[:2], first)
    assert "toy_experiment: 2 of 3 chunks were finished before" in capsys.readouterr().err


def test_other_settings_or_other_code_are_computed_again(tmp_path, settings, monkeypatch):
    context = sweep.Context(scratch=tmp_path)
    sweep.sweep(work, chunks(settings), context=context)
    sweep.sweep(work, chunks(replace(settings, steps=65)), context=context)
    assert len(diary(settings)) == 6
    monkeypatch.setattr(sweep, "code_digest", lambda module: "edited")
    sweep.sweep(work, chunks(settings), context=context)
    assert len(diary(settings)) == 9


def test_a_damaged_chunk_is_computed_again(tmp_path, settings, capsys):
    context = sweep.Context(scratch=tmp_path / "chunks")
    before = sweep.sweep(work, chunks(settings), context=context)
    damaged = min((tmp_path / "chunks").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-8])
    assert_identical(sweep.sweep(work, chunks(settings), context=context), before)
    assert len(diary(settings)) == 4
    assert "the chunk is computed again" in capsys.readouterr().err


def fails_at_one(chunk):
    if chunk.scale == 1.0:
        raise ZeroDivisionError("no luck")
    return work(chunk)


def test_an_error_names_its_chunk_and_costs_no_other(tmp_path, settings):
    with pytest.raises(ZeroDivisionError, match="no luck") as failure:
        sweep.sweep(fails_at_one, chunks(settings), context=sweep.Context(scratch=tmp_path / "chunks"))
    assert "scale=1.0" in failure.value.__notes__[0]
    assert len(list((tmp_path / "chunks").iterdir())) == 1


def returns_a_number(chunk):
    return 1.0


def test_work_must_return_a_dataset():
    with pytest.raises(TypeError, match=r"`returns_a_number` must return an xarray\.Dataset, got float"):
        sweep.sweep(returns_a_number, chunks(Settings()))


def test_chunks_must_differ():
    with pytest.raises(ValueError, match="must all be different"):
        sweep.sweep(work, [*chunks(Settings()), *chunks(Settings())])


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"jobs": 0}, "`jobs` must be at least 1, got 0"),
        ({"threads": -1}, "`threads` must be at least 1, got -1"),
        ({"scheduler": "localhost"}, "`scheduler` must look like tcp://HOST:PORT, got 'localhost'"),
    ],
)
def test_a_context_that_cannot_be_is_refused(knobs, message):
    with pytest.raises(ValueError, match=message):
        sweep.Context(**knobs)


def test_inside_a_sweep_torch_is_deterministic_and_afterwards_as_before():
    torch.set_num_threads(2)
    try:
        with sweep.reproducible(1):
            assert torch.get_num_threads() == 1
            assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
        (part,) = sweep.sweep(work, chunks(Settings(scales=(1.0,))), context=sweep.Context(threads=1))
        assert part.threads == 1
    finally:
        torch.set_num_threads(1)


@pytest.fixture(params=["processes", "cluster"])
def elsewhere(request):
    """The knobs of a context whose chunks are computed in other processes."""
    if request.param == "processes":
        yield {"jobs": 2}
        return
    distributed = pytest.importorskip("distributed", reason="the group dask is not installed")
    knobs = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**knobs) as cluster:
        yield {"scheduler": cluster.scheduler_address}


@pytest.mark.slow
def test_other_processes_compute_the_same_numbers_and_name_the_chunk_that_fails(
    tmp_path, settings, elsewhere
):
    here = sweep.sweep(work, chunks(Settings()))
    context = sweep.Context(scratch=tmp_path / "chunks", **elsewhere)
    assert_identical(sweep.sweep(work, chunks(settings), context=context), here)
    assert sorted(diary(settings)) == [0.5, 1.0, 2.0]
    assert len(list((tmp_path / "chunks").iterdir())) == 3
    with pytest.raises(ZeroDivisionError, match="no luck") as failure:
        sweep.sweep(fails_at_one, chunks(Settings()), context=context)
    assert "scale=1.0" in failure.value.__notes__[0]


def command(settings, results):
    knobs = {"pause": [settings.pause], "diary": [settings.diary], "scales": settings.scales}
    flags = [str(word) for name, values in knobs.items() for word in (f"--{name}", *values)]
    return [sys.executable, "-c", PROGRAM, str(results), "toy_experiment", *flags]


def killed(settings, results, *, after):
    """Run the command, and kill it in its chunk number `after`."""
    process = subprocess.Popen(command(settings, results), cwd=store.ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while len(diary(settings)) < after and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not runner.destination(ENTRY, settings).exists()


def test_killed_in_a_chunk_it_repeats_that_chunk_and_ends_with_the_same_bytes(tmp_path, settings, results):
    settings = replace(settings, pause=0.2)
    output = runner.destination(ENTRY, settings)
    killed(settings, results, after=2)
    assert diary(settings) == [0.5, 1.0]
    runner.run(ENTRY, settings, output)
    assert diary(settings) == [0.5, 1.0, 1.0, 2.0]
    assert sorted(results.rglob("*")) == [output.parent, output]
    runner.run(ENTRY, settings, tmp_path / "whole.nc")
    assert output.read_bytes() == (tmp_path / "whole.nc").read_bytes()


@pytest.mark.slow
def test_killed_half_way_and_run_with_a_larger_grid_it_computes_what_is_not_there(settings, results):
    settings = replace(settings, pause=0.2, scales=(0.5, 1.0))
    more = replace(settings, scales=(0.25, 0.5, 1.0))
    killed(settings, results, after=2)
    runner.run(ENTRY, more, runner.destination(ENTRY, more))
    assert diary(settings) == [0.5, 1.0, 0.25, 1.0]
    assert not (results / "partial").exists()


def test_only_the_chunks_of_this_run_are_removed_and_what_a_killed_process_left_of_them(settings, results):
    folder = results / "partial" / "toy_experiment"
    first, second = (replace(settings, scales=scales) for scales in ((0.5, 1.0), (1.0,)))
    sweep.sweep(work, chunks(first), context=sweep.Context(scratch=folder))
    for chunk in list(folder.iterdir()):
        (folder / f".{chunk.name}.1.partial").touch()
    runner.run(ENTRY, second, runner.destination(ENTRY, second))
    assert len(list(folder.iterdir())) == 2
    runner.run(ENTRY, first, runner.destination(ENTRY, first))
    assert not folder.parent.exists()
    assert diary(settings) == [0.5, 1.0, 1.0]


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path, settings, monkeypatch):
    settings = replace(settings, pause=0.1)
    expected = store.pack(runner.run(ENTRY, settings, tmp_path / "whole.nc"))
    begun = time.monotonic()
    subprocess.run(command(settings, tmp_path / "timed"), cwd=store.ROOT, check=True)
    duration = time.monotonic() - begun
    luck = random.Random(0)
    for attempt in range(20):
        monkeypatch.setattr(runner, "RESULTS", tmp_path / str(attempt))
        output = runner.destination(ENTRY, settings)
        process = subprocess.Popen(command(settings, runner.RESULTS), cwd=store.ROOT)
        time.sleep(luck.uniform(0.5, 1.1) * duration)
        process.kill()
        process.wait()
        if output.exists():
            assert output.read_bytes() == expected
        before = len(diary(settings))
        finished = len(list(runner.RESULTS.glob("partial/toy_experiment/[!.]*.nc")))
        runner.run(ENTRY, settings, output)
        assert len(diary(settings)) - before == 3 - finished
        assert output.read_bytes() == expected


@pytest.mark.parametrize(
    ("message", "installed"),
    [("no Dask scheduler answers at tcp://127.0.0.1:9", True), ("pip install --group dask", False)],
)
def test_a_scheduler_that_cannot_be_reached_is_refused_in_a_line(monkeypatch, message, installed):
    monkeypatch.setattr(sweep, "CONNECT_SECONDS", 0.5)
    if installed:
        pytest.importorskip("distributed", reason="the group dask is not installed")
    else:
        monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(sweep.NoCluster, match=message):
        sweep.sweep(work, chunks(Settings()), context=sweep.Context(scheduler="tcp://127.0.0.1:9"))


def test_a_scheduler_without_workers_is_told_and_waited_for(capsys, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the group dask is not installed")
    monkeypatch.setattr(sweep, "LOOK_SECONDS", 0.2)
    with distributed.LocalCluster(
        n_workers=0, processes=False, dashboard_address=None, protocol="tcp://"
    ) as cluster:
        later = threading.Timer(1.5, cluster.scale, args=[1])
        later.start()
        context = sweep.Context(scheduler=cluster.scheduler_address)
        found = sweep.sweep(work, chunks(Settings())[:1], context=context)
        later.join()
    assert len(found) == 1
    said = capsys.readouterr().err
    assert said.count(f"the Dask scheduler at {context.scheduler} has no worker; waiting for one") == 1


def test_a_worker_with_other_code_is_refused():
    with pytest.raises(RuntimeError, match="The worker has other code"):
        sweep._finish("name", work, chunks(Settings())[0], 1, "another digest", away=True)


def test_the_toy_is_found_as_experiments_are():
    assert ENTRY.module is toy_experiment
