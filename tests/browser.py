"""What all tests in a real browser share: Chromium, driven by Playwright, and axe-core."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="browser tests need playwright: pip install '.[dev]'"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip(
        "browser tests need Chromium on the PATH: apt-get install chromium",
        allow_module_level=True,
    )
AXE = Path(__file__).parents[1] / "build" / "axe-core" / "axe.min.js"


@contextmanager
def chromium() -> Iterator[Any]:
    """Start the browser."""
    with playwright.sync_playwright() as driver:
        # Containers run as root, where Chromium's sandbox cannot start.
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


class Visitor:
    """Opens pages, and keeps what went wrong on them and what they asked for."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self.contexts: list[Any] = []
        self.problems: list[str] = []
        self.requests: list[str] = []

    def open(self, address: str, width: int = 1440, scheme: str = "light", **options: Any) -> Any:
        """Return a page in a context of its own."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(address)
        return page

    def _dismiss(self, dialog: Any) -> None:
        self.problems.append(dialog.message)
        dialog.dismiss()


@contextmanager
def visiting(browser: Any) -> Iterator[Visitor]:
    """Visit pages; in the end nothing may have gone wrong: no error, no message, no dialog."""
    visitor = Visitor(browser)
    yield visitor
    for context in visitor.contexts:
        context.close()
    assert not visitor.problems, visitor.problems


def width_needed(page: Any) -> int:
    """Return how wide a page is in pixels, with what sticks out of it."""
    return page.evaluate("document.documentElement.scrollWidth")


def assert_accessible(page: Any) -> None:
    """Fail if axe-core finds a violation of WCAG 2.2 AA or of its best practice."""
    if not AXE.is_file():
        pytest.skip("accessibility tests need axe-core: make axe")
    page.evaluate(AXE.read_text("utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run({runOnly: tags})", tags)
    assert found["passes"]
    violations = [
        (violation["id"], [node["html"][:200] for node in violation["nodes"]][:5])
        for violation in found["violations"]
    ]
    assert not violations, violations
