"""What is written is whole or not there; what a disk refuses is one line; two never do one work."""

import os
import subprocess
import sys
import threading

import pytest

from experiments.engine import disk, store


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "x.nc"
    disk.write_atomically(path, b"old")

    def disk_full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    message = r"x\.nc cannot be written: No space left on device; the same command goes on where it was$"
    with pytest.raises(disk.CannotWrite, match=message):
        disk.write_atomically(path, b"new")
    assert contents(tmp_path) == {"x.nc": b"old"}


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "to").symlink_to("kept/x.nc")
    (tmp_path / "through").symlink_to("to")
    for data in (b"first", b"second"):  # it points to nothing at first
        disk.write_atomically(tmp_path / "through", data)
        assert (tmp_path / "through").is_symlink()
        assert (tmp_path / "to").is_symlink()
        assert contents(tmp_path / "kept") == {"x.nc": data}


def loop(folder):
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    return folder / "a"


def directory(folder):
    (folder / "x").mkdir()
    return folder / "x"


def below_a_file(folder):
    (folder / "x").write_bytes(b"")
    return folder / "x" / "y"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (loop, "Too many levels of symbolic links"),
        (directory, "it is a directory"),
        (below_a_file, "Not a directory|File exists"),
        (lambda folder: folder / ("n" * 300), "File name too long"),
        (lambda folder: folder / ("n" * 250), "File name too long"),  # with what a partial file adds
    ],
)
@pytest.mark.parametrize("act", [disk.check_writable, lambda path: disk.write_atomically(path, b"x")])
def test_what_cannot_be_written_is_refused_in_a_line(tmp_path, make, reason, act):
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(disk.CannotWrite, match=f"cannot be written: ({reason})") as caught:
        act(path)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("make", [loop, directory, below_a_file, lambda folder: folder / ("n" * 300)])
def test_what_cannot_be_read_is_refused_in_a_line(tmp_path, make):
    with pytest.raises(store.Damaged, match=r"cannot be read: [A-Z].*") as caught:
        store.load(make(tmp_path))
    assert "\n" not in str(caught.value)


def test_what_the_dead_left_is_swept_and_what_the_living_write_is_not(tmp_path, dead):
    for writer in (dead, os.getpid()):
        (tmp_path / f".x.nc.{writer}.partial").touch()
    for other in ("x.nc", ".x.nc.partial", "x.nc.1.partial"):
        (tmp_path / other).touch()
    disk.sweep_partial(tmp_path)
    assert contents(tmp_path).keys() == {
        *("x.nc", ".x.nc.partial", "x.nc.1.partial", f".x.nc.{os.getpid()}.partial")
    }
    disk.sweep_partial(tmp_path / "not there")


def test_the_second_is_refused_and_told_of_the_first(tmp_path):
    lock = tmp_path / "new" / ".lock"
    for _ in range(2):  # and once it is left another may come
        with disk.alone(lock, "the work"):
            message = f"^the work is under way already, by process {os.getpid()}:"
            with pytest.raises(disk.Busy, match=message), disk.alone(lock, "the work"):
                pytest.fail("two are in")
            assert lock.exists()
        assert not lock.exists()


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from experiments.engine import disk\n"
        "with disk.alone(Path(sys.argv[1]), ''): os.kill(os.getpid(), 9)"
    )
    lock = tmp_path / ".lock"
    done = subprocess.run([sys.executable, "-c", program, lock], cwd=store.ROOT, check=False)
    assert done.returncode == -9
    assert lock.exists()
    with disk.alone(lock, "the work"):
        assert lock.read_text() == f"process {os.getpid()}"


def test_where_there_are_no_locks_it_is_said_and_the_work_goes_on(tmp_path, monkeypatch, capsys):
    def no_locks(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(disk.fcntl, "flock", no_locks)
    with disk.alone(tmp_path / ".lock", "the work"):
        assert "Operation not supported; no other process may be at this work" in capsys.readouterr().err


def test_in_turn_one_waits_for_the_other(tmp_path):
    inside, most, counts = 0, [], threading.Lock()

    def work():
        nonlocal inside
        for _ in range(20):
            with disk.in_turn(tmp_path / ".lock"):
                with counts:
                    inside += 1
                    most.append(inside)
                with counts:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert most == [1] * 80


def test_paths_are_shown_relative_to_where_the_user_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert disk.shown(tmp_path / "a" / "x.nc") == "a/x.nc"
    assert disk.shown(tmp_path.parent / "x.nc") == str(tmp_path.parent / "x.nc")
