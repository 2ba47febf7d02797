"""Progress: a bar with the time left where someone watches and waits, silence elsewhere."""

import io

import pytest
from rich.console import Console

from experiments.engine import progress


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def screen(request, monkeypatch):
    """What is shown, on a terminal or in a pipe, when every loop counts as long."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=request.param, width=100)
    monkeypatch.setattr(progress, "DELAY", 0.0)
    monkeypatch.setattr(progress._display, "disable", False)  # a cluster in this process has silenced it
    monkeypatch.setattr(progress._display.live, "console", console)
    output.watched = request.param
    yield output
    assert progress._display.tasks == []
    assert not progress._display.live.is_started


def test_a_long_loop_passes_its_items_and_shows_a_bar_on_a_terminal_only(screen):
    assert list(progress.track(iter("abc"), description="training", total=3)) == ["a", "b", "c"]
    for word in ("training", "/3", "0:00:00", "spent", "left"):
        assert (word in screen.getvalue()) == screen.watched
    assert screen.watched or screen.getvalue() == ""


@pytest.mark.parametrize("screen", [False], indirect=True)
def test_chunks_of_a_sweep_are_lines_in_a_pipe(screen):
    with progress.bar("sweep", 2, lines=True) as advance:
        advance()
        advance()
    assert screen.getvalue().splitlines() == [
        "sweep: 1 of 2, 0:00:00 spent, 0:00:01 left",
        "sweep: 2 of 2, 0:00:00 spent, 0:00:00 left",
    ]


@pytest.mark.parametrize("screen", [True], indirect=True)
def test_the_time_left_follows_from_the_first_chunk_however_long(screen, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(progress._display, "get_time", lambda: now)
    with progress.bar("sweep", 3) as advance:
        (task,) = progress._display.tasks
        now += 600
        advance()
        assert task.time_remaining == 1200
        now += 1200
        advance()
        assert task.time_remaining == 900


def test_nested_loops_share_one_display(screen):
    def shown():
        return [task.description for task in progress._display.tasks]

    for _ in progress.track(range(2), description="outer"):
        for _ in progress.track(range(2), description="inner"):
            assert shown() == ["outer", "inner"]
        assert shown() == ["outer"]


def test_an_error_leaves_the_screen_free(screen):
    loop = progress.track([1, 2], description="outer")
    next(loop)
    with pytest.raises(ZeroDivisionError):
        loop.throw(ZeroDivisionError)


def test_a_short_loop_and_a_worker_show_nothing(screen, monkeypatch):
    with monkeypatch.context() as short:
        short.setattr(progress, "DELAY", 60.0)
        list(progress.track(range(3), description="training"))
    progress.silence()
    with progress.bar("sweep", 3, lines=True) as advance:
        assert list(progress.track(range(3), description="training")) == [0, 1, 2]
        advance()
    assert screen.getvalue() == ""
