"""The page as a user has it open: with the whole chart of a symbol."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect

from tests.support.api_market import keep_alive
from tests.support.api_stage import LATEST, Stage
from tests.support.browser import empty_page


@contextmanager
def chart_page(browser: Browser, stage: Stage, script: str = "") -> Iterator[Page]:
    """The page with a whole chart of BTCUSDT; no script may fail in it.

    ``script`` runs before those of the page.
    """
    keep_alive(stage.kafka, LATEST)
    with empty_page(browser) as (opened, _):
        if script:
            opened.add_init_script(script)
        opened.goto(stage.api.url)
        opened.locator("[data-symbol=BTCUSDT]").click()
        expect(opened.locator(".legend")).to_contain_text("O ")
        yield opened
