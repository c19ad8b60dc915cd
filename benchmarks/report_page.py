"""What a report costs its reader: size, first paint, longest task, a step of the threshold.

Run as ``python benchmarks/report_page.py report.html ...`` with playwright and Chromium. Numbers
are in milliseconds, at full speed and with the processor slowed down four times. The longest task
is told as passed, with the machine's other work, and in processor time.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
#: The time from moving the slider by one place until the frame is there; the median of twelve.
STEP = """async () => {
  const slider = document.querySelector("#threshold"), took = [];
  if (!slider) return null;
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  for (let i = 0; i < 12; i++) {
    const start = performance.now();
    slider.value = Number(slider.value) + 1;
    slider.dispatchEvent(new Event("input"));
    await frame();
    took.push(performance.now() - start);
  }
  return took.sort((a, b) => a - b)[6];
}"""


def measure(
    browser: Any, path: Path, slowed: int
) -> tuple[float, tuple[float, float], float | None]:
    """Return first paint, longest task until all is laid out, and a step of the slider."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.goto(path.resolve().as_uri())
    page.locator("html[data-laid-out]").wait_for(timeout=300_000)
    longest = longest_task(json.loads(browser.stop_tracing())["traceEvents"])
    paint = page.evaluate(PAINT)
    if page.locator("#threshold").count():
        page.locator(".check [data-moves]").first.scroll_into_view_if_needed()
        page.evaluate(STEP)
    step = page.evaluate(STEP)
    context.close()
    return paint, longest, step


def longest_task(events: list[dict[str, Any]]) -> tuple[float, float]:
    """Return the longest task of the page's thread: as passed, in processor time."""
    parsed: Counter[tuple[int, int]] = Counter()
    for of in events:
        if of["name"] == "ParseHTML":
            parsed[of["pid"], of["tid"]] += of.get("tdur", 0)
    ((page, _),) = parsed.most_common(1)
    tasks = [
        of for of in events if of["name"].endswith("RunTask") and (of["pid"], of["tid"]) == page
    ]
    passed, processor = (max(of.get(key, 0) for of in tasks) / 1000 for key in ("dur", "tdur"))
    return passed, processor


def main() -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for path in map(Path, sys.argv[1:]):
            text = path.read_text("utf-8")
            pictures = sum(map(len, re.findall(r"data:image/[^\"]*", text)))
            size = len(text.encode())
            print(f"{path}: {size:,} bytes, {size - pictures:,} without pictures")
            for slowed in (1, 4):
                paint, (passed, processor), step = measure(browser, path, slowed)
                moved = "" if step is None else f", step of the slider {step:.0f}"
                print(
                    f"  {slowed}x: first paint {paint:.0f}, longest task {passed:.0f}, "
                    f"{processor:.0f} of the processor{moved}"
                )
        browser.close()


if __name__ == "__main__":
    main()
