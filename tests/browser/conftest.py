"""A real browser before a real desk and a real back-end, all on this machine."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from browser_desk import Desk, running

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Nobody but the tests' own pages is visited, and nobody outside is asked for anything."""


HANG_MILLISECONDS = 60_000
"""No page takes that long; on a machine with much else to do it may take a while."""

expect.set_options(timeout=HANG_MILLISECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; CI has to have it. Its driver runs an event loop, in which others cannot."""
    path = shutil.which("chromium")
    if path is None:
        assert "CI" not in os.environ, "Chromium is not installed"
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk that all tests of a module look at."""
    with running(tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor who speaks Canadian English and has never been here."""
    made = browser.new_context(locale="en-CA", viewport={"width": 1280, "height": 900})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, desk: Desk) -> Iterator[Page]:
    """A page that asks no other host, and whose console stays empty."""
    strangers: list[str] = []
    said: list[str] = []
    made = context.new_page()
    made.on("request", lambda request: strangers.append(request.url))
    made.on("console", lambda message: said.append(message.text))
    made.on("pageerror", lambda error: said.append(str(error)))
    yield made
    assert [url for url in strangers if not url.startswith(desk.url)] == []
    assert said == []
