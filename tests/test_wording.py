from __future__ import annotations

import doctest

from faceaudit import wording


def test_examples_in_the_docstrings():
    outcome = doctest.testmod(wording)
    assert outcome.attempted >= 10
    assert outcome.failed == 0
