"""Long work says how long it will take: where there is no terminal, by a line now and then."""

from __future__ import annotations

import pytest

from faceaudit import terminal
from faceaudit.model import progress


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, which passes when a test says so."""
    now = [0.0]
    monkeypatch.setattr("rich.console.monotonic", lambda: now[0])
    return now


def test_a_line_now_and_then(clock, capsys):
    with progress.progress_bars(True) as bars:
        task = bars.add_task("scoring", total=1_200, completed=200)
        for _ in range(100):
            clock[0] += 1
            bars.advance(task, 10)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "scoring: 510 of 1,200, about 69 seconds left"
    assert [line.split()[1] for line in lines] == ["510", "810", "1,110"]


def test_index_says_it_too(clock, capsys):
    with terminal.progress_bar("indexing") as tell:
        for done in range(0, 70):
            clock[0] += 1
            tell(done * 100, 7_000)
    assert capsys.readouterr().err.splitlines()[0].startswith("indexing: 3,000 of 7,000, about ")


def test_silence_where_none_is_asked_for(clock, capsys):
    with progress.progress_bars(False) as bars:
        task = bars.add_task("scoring", total=10)
        clock[0] += 100
        bars.advance(task)
        clock[0] += 100
        bars.advance(task)
    assert capsys.readouterr().err == ""
