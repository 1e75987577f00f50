"""Pictures of the page for the documentation: ``python -m tools.page_pictures``.

Start a stack first (``candlewick up --detach``) and let it fetch its past; use `--url` if the API
has another address. It needs Chromium.
"""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import running_browser

LARGEST_BYTES = 300_000
PATIENCE_MS = 90_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its tab, theme and size, and the selector that must match before it is taken."""

    name: str
    tab: str
    theme: str
    ready: str
    width: int = 1440
    height: int = 900


LIVE = "[data-role=chance] b"
PICTURES = (
    Picture("page-dark", "live", "dark", LIVE),
    Picture("page-light", "live", "light", LIVE),
    Picture("page-phone", "live", "dark", LIVE, 390, 844),
    Picture("page-scoreboard", "scores", "light", "[data-role=reliability] svg", height=1200),
    Picture("page-market", "market", "dark", ".tile"),
    Picture("page-quality", "quality", "light", ".square"),
)


def take(browser: Browser, url: str, picture: Picture, folder: Path) -> Path:
    """Take one picture, and return the path of its file."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.theme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"{url}#{picture.tab}")
    _wait(page, picture)
    path = folder / f"{picture.name}.png"
    page.screenshot(path=path)
    context.close()
    if path.stat().st_size > LARGEST_BYTES:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes: more than {LARGEST_BYTES}")
    return path


def _wait(page: Page, picture: Picture) -> None:
    page.locator(f"#{picture.tab} {picture.ready}").first.wait_for(timeout=PATIENCE_MS)
    page.locator("[data-link-text]", has_text="live").wait_for(timeout=PATIENCE_MS)
    expect(page.locator(f"#{picture.tab} .loading:visible")).to_have_count(0)
    if picture.tab == "live":
        page.locator("[data-role=outcomes] tr").nth(8).wait_for(timeout=PATIENCE_MS)
        page.locator(".spark path[d]").first.wait_for(state="attached", timeout=PATIENCE_MS)
        expect(page.locator("[data-role=rate]")).to_have_text(re.compile(r"\d"))
    page.evaluate("document.fonts.ready")


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--folder", type=Path, default=Path("docs/pictures"))
    asked = parser.parse_args()
    expect.set_options(timeout=PATIENCE_MS)
    asked.folder.mkdir(parents=True, exist_ok=True)
    with running_browser() as browser:
        for picture in PICTURES:
            path = take(browser, asked.url, picture, asked.folder)
            print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
