"""One experiment is run by one process at a time, and what a killed one left is swept at the next start."""

import subprocess
import time

import pytest

from experiments.__main__ import PROGRAM, main
from experiments.engine import disk, runner, store
from experiments.engine.command import exit_with
from tests.experiments.engine.test_disk import dead
from tests.experiments.engine.test_sweep import ENTRY, command, diary, results, settings

__all__ = ["dead", "results", "settings"]
FOLDER_FIRST = 60.0


@pytest.mark.slow
def test_the_second_of_two_equal_runs_is_refused_and_the_first_ends_well(settings, results, capfd):
    options = [f"--diary={settings.diary}", "--pause=1.0", "--scales", "0.5", "1.0"]
    first = subprocess.Popen(command_of(settings, results, options), cwd=store.ROOT)
    deadline = time.monotonic() + FOLDER_FIRST
    while not diary(settings) and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(SystemExit) as end:
        exit_with(lambda: main(["toy_experiment", *options], package="tests.support"), PROGRAM)
    assert end.value.code == 2
    said = capfd.readouterr().err
    assert said.startswith(
        f"{PROGRAM}: the experiment toy_experiment is under way already, by process {first.pid}"
    )
    assert len(said.splitlines()) == 1
    assert first.wait(timeout=60) == 0
    assert diary(settings) == [0.5, 1.0]
    assert not (results / "partial").exists()
    (file,) = results.glob("custom/*.nc")
    assert store.load(file).sizes["scale"] == 2


def command_of(settings, results, options):
    return [*command(settings, results)[:5], *options]


def test_what_the_final_write_of_a_killed_run_left_is_swept(settings, results, dead):
    output = runner.destination(ENTRY, settings)
    for folder in (output.parent, results / "partial" / "toy_experiment"):
        folder.mkdir(parents=True)
        (folder / f".{output.name}.{dead}.partial").touch()
    runner.run(ENTRY, settings, output)
    assert sorted(results.rglob("*")) == [output.parent, output]


def test_a_linked_output_stays_a_link(settings, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "x.nc").symlink_to("elsewhere/y.nc")
    runner.run(ENTRY, settings, tmp_path / "x.nc")
    assert (tmp_path / "x.nc").is_symlink()
    assert store.load(tmp_path / "elsewhere" / "y.nc").sizes["scale"] == 3


def test_a_full_disk_ends_the_run_in_a_line_and_costs_no_chunk(settings, tmp_path, monkeypatch):
    whole = disk.write_atomically

    def full(path, data):
        if len(diary(settings)) == 2:
            raise disk.CannotWrite(f"{path} cannot be written: No space left on device")
        whole(path, data)

    monkeypatch.setattr(store, "write_atomically", full)
    with pytest.raises(disk.CannotWrite):
        runner.run(ENTRY, settings, tmp_path / "x.nc")
    monkeypatch.setattr(store, "write_atomically", whole)
    runner.run(ENTRY, settings, tmp_path / "x.nc")
    assert diary(settings) == [0.5, 1.0, 1.0, 2.0]
