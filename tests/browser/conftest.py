"""A headless Chromium, the one of the system: Playwright would download its own."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser. Without one, tests fail in CI, and are left out elsewhere."""
    executable = next((path for name in NAMES if (path := shutil.which(name))), None)
    if executable is None:
        message = f"none of {', '.join(NAMES)} is installed; on Debian, run apt-get install chromium"
        pytest.fail(message) if "CI" in os.environ else pytest.skip(message)
    # Chromium does not start its sandbox as root, as in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield started
        started.close()
