"""Progress: a bar with the time left where someone watches and waits, silence elsewhere."""

import io

import pytest
from rich.console import Console

from experiments.engine import progress


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def screen(request, monkeypatch):
    """What is shown, on a terminal or in a pipe, when every loop counts as long."""
    output = io.StringIO()
    monkeypatch.setattr(progress, "DELAY", -1.0)
    monkeypatch.setattr(
        progress, "Console", lambda stderr: Console(file=output, force_terminal=request.param, width=100)
    )
    output.watched = request.param
    return output


def test_the_items_pass_unchanged(screen):
    assert list(progress.track(iter("abc"), description="letters", total=3)) == ["a", "b", "c"]


def test_a_long_loop_shows_a_bar_on_a_terminal_only(screen):
    list(progress.track(range(3), description="training"))
    shown = screen.getvalue()
    assert all((word in shown) == screen.watched for word in ("training", "/3", "0:00 spent"))


def test_chunks_of_a_sweep_are_lines_in_a_pipe(screen):
    with progress.bar("sweep", 2, lines=True) as advance:
        advance()
        advance()
    lines = screen.getvalue().splitlines()
    assert screen.watched or lines == [
        "sweep: 1 of 2, 0:00 spent, 0:00 left",
        "sweep: 2 of 2, 0:00 spent, 0:00 left",
    ]


def test_nested_loops_share_one_display(screen):
    for _ in progress.track(range(2), description="outer"):
        display = progress._display
        for _ in progress.track(range(2), description="inner"):
            assert progress._display is display
            assert [task.description for task in display.progress.tasks] == ["outer", "inner"]
        assert [task.description for task in display.progress.tasks] == ["outer"]
    assert progress._display is None


def test_an_error_leaves_the_screen_free(screen):
    loop = progress.track([1, 2], description="outer")
    next(loop)
    with pytest.raises(ZeroDivisionError):
        loop.throw(ZeroDivisionError)
    assert progress._display is None


def test_a_short_loop_shows_nothing(screen, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 60.0)
    list(progress.track(range(3), description="training"))
    assert "training" not in screen.getvalue()


def test_a_worker_shows_nothing(screen, monkeypatch):
    monkeypatch.setattr(progress, "_silent", False)
    progress.silence()
    assert list(progress.track(range(3), description="training")) == [0, 1, 2]
    assert screen.getvalue() == ""
