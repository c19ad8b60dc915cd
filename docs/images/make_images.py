"""Take the pictures of reports and of the web application that the README and docs show.

    faceaudit demo -o reports/demo
    python docs/images/make_images.py reports/demo

Only pages without photographs of people are taken; the faces on them are AI-generated.
Needs playwright and Chromium, and the extras 'model' and 'web'.
"""

from __future__ import annotations

import io
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from faceaudit.bundled import samples_folder
from faceaudit.web.app import create_app

HERE = Path(__file__).parent
#: A sample face on which the two bundled models disagree.
DISPUTED = "mobilestylegan_900007.jpg"
AUDIT = "with-ffhq/ffhq-glasses-age-gender/report.html"
#: Picture: report, width, height, colours, part of the page (or the first screen).
PICTURES = {
    "comparison.png": ("compare/report.html", 1440, 900, "light", None),
    "audit-phone.png": (AUDIT, 390, 844, "dark", None),
    "forest.png": (AUDIT, 1440, 1200, "light", ".check figure.forest:has-text('by age band')"),
    "threshold.png": (AUDIT, 1440, 1200, "dark", "#threshold-transfer .curve >> nth=0"),
    "samples.jpg": ("samples/report.html", 1440, 1200, "light", "#top-losses .gallery"),
}
#: Picture of the web application: width, height, colours, part of the page (or the first screen).
WEB_PICTURES = {
    "web.jpg": (1440, 1150, "light", None),
    "web-verdict.jpg": (1440, 1150, "light", "#results"),
    "web-phone.jpg": (390, 1300, "dark", "#results"),
}


def main(folder: Path) -> None:
    """Write every picture beside this file."""
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, (report, width, height, colours, part) in PICTURES.items():
            page = chromium.new_page(
                viewport={"width": width, "height": height}, color_scheme=colours
            )
            page.goto((folder / report).resolve().as_uri())
            page.locator("html[data-laid-out]").wait_for()
            save(picture_of(page, part), HERE / name)
            page.close()
        with server(folder) as address:
            for name, (width, height, colours, part) in WEB_PICTURES.items():
                page = chromium.new_page(
                    viewport={"width": width, "height": height}, color_scheme=colours
                )
                page.goto(address)
                page.locator(".mini-call").last.wait_for()
                if part:
                    page.locator("#pictures").set_input_files(samples_folder() / DISPUTED)
                    page.get_by_text("1 of 1 judged").wait_for(timeout=120_000)
                save(picture_of(page, part), HERE / name)
                page.close()
        chromium.close()


@contextmanager
def server(reports: Path) -> Iterator[str]:
    """Run the web application with the bundled models; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = uvicorn.Server(uvicorn.Config(create_app(reports=reports), log_level="error"))
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            running.should_exit = True
            thread.join()


def picture_of(page: Page, part: str | None) -> bytes:
    """Return a PNG of the first screen or of a part."""
    if part is None:
        return page.screenshot()
    figure = page.locator(part).first
    # What is for specialists is folded.
    figure.evaluate("figure => figure.closest('details')?.setAttribute('open', '')")
    figure.scroll_into_view_if_needed()
    # The bar with the threshold stays at the top of the screen, over what is to be taken.
    for bar in page.locator(".threshold").all():
        bar.evaluate("bar => { bar.style.position = 'static'; }")
    # A margin of its own keeps the picture from ending at the letters.
    figure.evaluate("figure => scrollTo(0, figure.getBoundingClientRect().top + scrollY - 16)")
    box = figure.bounding_box()
    assert box is not None
    size = {"width": box["width"] + 32, "height": box["height"] + 22}
    return page.screenshot(clip={"x": box["x"] - 16, "y": box["y"] - 6, **size})


def save(picture: bytes, path: Path) -> None:
    """Write letters and lines as a PNG with a palette, faces as a JPEG: small either way."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    if path.suffix == ".jpg":
        image.save(path, quality=85, optimize=True)
    else:
        image.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "reports/demo"))
