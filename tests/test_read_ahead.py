"""The one pipeline that reads pictures: in order, bounded, in threads or processes."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from faceaudit.read_ahead import in_processes, read_ahead


def _process_and_square(number: int) -> tuple[int, int]:
    return os.getpid(), number * number


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_processes_answer_in_order(platform, monkeypatch):
    monkeypatch.setattr("faceaudit.read_ahead.sys", SimpleNamespace(platform=platform))
    answers = list(read_ahead(_process_and_square, range(10), 2, chunk=3, processes=True))
    assert [square for _, square in answers] == [n * n for n in range(10)]
    assert os.getpid() not in {process for process, _ in answers}


def test_no_more_is_taken_than_is_to_be_held():
    taken = []
    items = (taken.append(number) or number for number in range(100))
    answers = read_ahead(str, items, 2, ahead=3, chunk=4)
    for number in range(20):
        assert next(answers) == str(number)
        assert len(taken) <= number + 1 + 4 * 4
    answers.close()


def test_an_error_reaches_the_consumer():
    answers = read_ahead(lambda number: 1 // number, [1, 1, 0, 1], 2)
    assert [next(answers), next(answers)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_few_pictures_are_worth_no_process_and_progress_reaches_the_end():
    seen: list[tuple[int, int]] = []
    answers = in_processes(_process_and_square, range(3), 3, lambda *now: seen.append(now))
    assert {process for process, _ in answers} == {os.getpid()}
    assert seen == [(1, 3), (2, 3), (3, 3)]
