"""A Dask scheduler that goes while chunks are out."""

import contextlib
from concurrent.futures import CancelledError

import pytest

from experiments.engine import sweep
from tests.support.toy_experiment import Settings, chunks, work


class Lost:
    """A cluster whose scheduler goes while a chunk is out."""

    status = "connecting"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize(
    "left", [CancelledError("scheduler-connection-lost"), TypeError("no bytes"), ("x", None)]
)
def test_a_scheduler_that_is_lost_is_said_in_a_line(monkeypatch, tmp_path, left):
    def carried_out(tasks):
        if isinstance(left, Exception):
            raise left
        yield left

    monkeypatch.setattr(sweep, "_client", lambda _: Lost())
    monkeypatch.setattr(sweep, "parallel_config", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(sweep, "Parallel", lambda **_: carried_out)
    message = r"^the Dask scheduler at tcp://far:1 was lost; the same command goes on where it was$"
    with pytest.raises(sweep.NoCluster, match=message):
        sweep.sweep(
            work, chunks(Settings()), context=sweep.Context(scheduler="tcp://far:1", scratch=tmp_path)
        )


def test_an_error_of_the_work_is_not_taken_for_a_lost_scheduler(monkeypatch):
    def carried_out(tasks):
        error = TypeError("a bug")
        error.add_note("in chunk 3")
        raise error
        yield

    monkeypatch.setattr(sweep, "_client", lambda _: Lost())
    monkeypatch.setattr(sweep, "parallel_config", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(sweep, "Parallel", lambda **_: carried_out)
    with pytest.raises(TypeError, match="a bug"):
        sweep.sweep(work, chunks(Settings()), context=sweep.Context(scheduler="tcp://far:1"))
