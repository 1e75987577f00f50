"""A real browser for tests: the system's Chromium, driven through Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.support.debian import program

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Return the path of a Chromium; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless browser."""
    path = program(find_chromium, "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


def complaints(page: Page) -> list[str]:
    """Begin to note what goes wrong in a page: errors of scripts, and breaches of its policy."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda said: found.append(said.text) if "Content Security Policy" in said.text else None,
    )
    return found


@contextmanager
def empty_page(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """An empty page of a usual screen, and what goes wrong in it: nothing may."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    found = complaints(opened)
    yield opened, found
    opened.unroute_all(behavior="ignoreErrors")  # some may be on their way
    context.close()
    assert found == []


def role(page: Page, name: str) -> Locator:
    """The element of a page that has this role in it."""
    return page.locator(f"[data-role={name}]")
