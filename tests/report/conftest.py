"""Results for the reports to draw, and a page of them full of hostile text."""

from __future__ import annotations

import invented
import pytest

from faceaudit.result import Result


@pytest.fixture(scope="session")
def audit() -> Result:
    return invented.audit()


@pytest.fixture(scope="session")
def comparison() -> Result:
    return invented.comparison()


@pytest.fixture(scope="session")
def hostile() -> Result:
    """The invented audit with hostile text in every place where people choose the text."""
    return invented.hostile()
