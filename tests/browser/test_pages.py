"""Pages look right where people open them: on a desktop and on a phone, in light and dark mode, and printed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.pages import PAGES

WIDTHS = {"desktop": 1280, "phone": 390}
MAXIMUM_BYTES = 300_000

LINE_OVERLAP = 1.5
"""Pixels that the boxes of two lines of text can overlap: they are higher than the letters."""

CONTRAST, CONTRAST_OF_LARGE_TEXT, LARGE_TEXT = 4.5, 3.0, 24.0
"""Least contrast of level AA of WCAG 2.2, section 1.4.3, and the size in pixels from which the second one counts."""

HELPERS = (Path(__file__).parent / "page_checks.js").read_text()


@pytest.fixture(
    scope="module", params=[(width, scheme) for width in WIDTHS for scheme in ("light", "dark")], ids="-".join
)
def look(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A tab of one width and color scheme, and what it has logged or requested."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": WIDTHS[width], "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    noise: list[str] = []
    tab.on("console", lambda message: noise.append(f"logged {message.text}"))
    tab.on("pageerror", lambda error: noise.append(f"raised {error}"))
    tab.on("request", lambda made: noise.append(f"requested {made.url}"))
    yield tab, noise
    context.close()


@pytest.fixture(params=list(PAGES))
def page(request: pytest.FixtureRequest, look: tuple[Page, list[str]], tmp_path: Path) -> Page:
    """A page with all its tables open, after checking that the browser loaded nothing else and reported nothing."""
    tab, noise = look
    file = tmp_path / "page.html"
    file.write_text(PAGES[request.param]())
    noise.clear()
    tab.goto(file.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    tab.evaluate(HELPERS)
    assert noise == [f"requested {file.as_uri()}"]
    assert file.stat().st_size < MAXIMUM_BYTES
    return tab


def check(page: Page, expression: str) -> Any:
    """Return what a helper of the page finds."""
    return page.evaluate(expression)


def test_page_fits_and_no_texts_overlap(page: Page) -> None:
    assert check(page, "document.documentElement.scrollWidth <= window.innerWidth")
    assert check(page, "checks.outside()") == []
    assert check(page, f"checks.overlaps({LINE_OVERLAP})") == []


def test_text_has_contrast(page: Page) -> None:
    assert check(page, f"checks.lowContrast({CONTRAST}, {CONTRAST_OF_LARGE_TEXT}, {LARGE_TEXT})") == []


def test_plots_show_something_and_have_names(page: Page) -> None:
    for plot in check(page, "checks.plots()"):
        assert plot["width"] > 100, plot
        assert plot["height"] > 60, plot
        assert plot["shapes"] > 0, plot
        assert plot["title"], plot
        assert plot["label"] == plot["title"], plot
        assert plot["hasTable"], plot


def test_page_prints(page: Page) -> None:
    printed = page.pdf(print_background=True)

    assert printed.startswith(b"%PDF")
    assert len(printed) > 10_000
