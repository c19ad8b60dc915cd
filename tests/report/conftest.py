"""Results for the reports to draw, and a page of them full of hostile text."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hostile as hostile_text
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
    return hostile_text.hostile()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="browser tests need playwright: pip install 'faceaudit[dev]'"
    )
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("browser tests need Chromium on the PATH: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        # Containers run as root, where Chromium's sandbox cannot start.
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        launched = driver.chromium.launch(executable_path=chromium, args=sandbox)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a report; afterwards nothing may have gone wrong or left the machine."""
    contexts, problems, requests = [], [], []

    def open_page(file: Path, width: int = 1440, scheme: str = "light", **options: Any) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in requests if url.startswith("file:")]) == len(contexts)
