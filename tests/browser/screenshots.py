"""Take the pictures of pages that the documentation shows.

python -m tests.browser.screenshots
"""

import io
import sys
from dataclasses import dataclass

from PIL import Image
from playwright.sync_api import Browser

from tests.browser.chromium import MISSING, find_chromium, running
from tests.pages import PAGES
from tools.repository import REPOSITORY

FOLDER = REPOSITORY / "docs" / "images"
COLORS = 128
"""Colors of a picture: pages have few, and a palette makes the file small."""


@dataclass(frozen=True)
class Picture:
    """A picture of a page.

    Attributes:
        file: its name.
        page: key of `PAGES`.
        width: width of the window.
        height: the part of the page that the picture shows, from the top.
        scheme: color scheme.
        scale: pixels of the picture per pixel of the window.
    """

    file: str
    page: str
    width: int
    height: int
    scheme: str
    scale: float


PICTURES = (
    Picture("receipt-good-day.png", "good day", 1280, 1640, "light", 1.0),
    Picture("receipt-held-day-phone.png", "held day", 390, 1500, "dark", 1.5),
    Picture("receipts-index.png", "index", 1280, 940, "light", 1.0),
)


def take(browser: Browser, picture: Picture) -> None:
    """Take a picture and write it."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.scheme == "dark" else "light",
        device_scale_factor=picture.scale,
    )
    page = context.new_page()
    page.set_content(PAGES[picture.page]())
    image = Image.open(io.BytesIO(page.screenshot()))
    image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(FOLDER / picture.file, optimize=True)
    context.close()


def main() -> None:
    """Take all pictures; exit with a message when there is no browser."""
    executable = find_chromium()
    if executable is None:
        sys.exit(MISSING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running(executable) as browser:
        for picture in PICTURES:
            take(browser, picture)


if __name__ == "__main__":
    main()
