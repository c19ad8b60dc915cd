"""Nothing that a ready audit, a comparison or a study's page says moves unseen."""

import difflib

import pytest

from tests.golden_results import ENDING, FOLDER, names, recorded, said


@pytest.mark.parametrize("name", names())
def test_it_says_what_was_recorded(name):
    before = recorded(name)
    moved = [
        line
        for line in difflib.unified_diff(before, said(name), "recorded", "now", n=0, lineterm="")
        if not line.startswith("@@")
    ]
    shown = "\n".join(moved[:40])
    assert not moved, f"{len(moved) - 2} lines moved:\n{shown}\n(python -m tests.golden_results)"


def test_everything_recorded_is_compared():
    assert {path.name.removesuffix(ENDING) for path in FOLDER.iterdir()} == set(names())
