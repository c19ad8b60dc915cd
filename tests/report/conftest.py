"""Results for the reports to draw, and a page of them full of hostile text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faceaudit.result import Result
from tests.report import hostile as hostile_text
from tests.report import invented


@pytest.fixture(scope="session")
def audit() -> Result:
    return invented.audit()


@pytest.fixture(scope="session")
def comparison() -> Result:
    return invented.comparison()


@pytest.fixture(scope="session")
def hostile() -> Result:
    """The invented audit with hostile text in every place where people choose the text."""
    return hostile_text.hostile()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # Not for the session: Playwright keeps an event loop, which other tests would trip over.
    # Skips, and says why, where there is no browser.
    from tests.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a report; afterwards nothing may have gone wrong or left the machine."""
    from tests.browser import visiting

    with visiting(browser) as visitor:
        opened: set[str] = set()

        def open_page(file: Path, *args: Any, **options: Any) -> Any:
            opened.add(file.as_uri())
            return visitor.open(file.as_uri(), *args, **options)

        yield open_page
    asked = visitor.requests
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert {url for url in asked if url.startswith("file:")} == opened
