"""The change over 24 hours on the page: from the first minute of the day, or none."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from schemas import table_columns
from sinks.rows import candle_row
from tests.support.api_market import QUARTER_MS, put
from tests.support.api_stage import LATEST, Stage, running_stage
from tests.support.browser import empty_page, role
from tests.support.builders import MINUTE_MS, START_MS, a_candle

PATIENCE_MS = 30_000
UNKNOWN = "\u2013"
DAY_MS = 96 * QUARTER_MS
HEAD_MS = START_MS + LATEST * QUARTER_MS + 301_000  # the newest event of the stage
FIRST_MS = (HEAD_MS - DAY_MS) // MINUTE_MS * MINUTE_MS + MINUTE_MS


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """BTCUSDT has every minute of the day; the history of ETHUSDT begins in its second one."""
    assert browser.is_connected()
    minutes = [
        replace(
            a_candle(open_ms=open_ms),
            symbol=symbol,
            open_e8=(80 if open_ms == FIRST_MS else 100) * 10**8,
            low_e8=80 * 10**8,
        )
        for symbol in ("BTCUSDT", "ETHUSDT")
        for open_ms in range(FIRST_MS, HEAD_MS - MINUTE_MS, MINUTE_MS)
        if symbol == "BTCUSDT" or open_ms > FIRST_MS
    ]
    with running_stage(tmp_path_factory.mktemp("day")) as running:
        with running.clickhouse.client(database="candlewick") as client:
            put(client, "candles", table_columns.CANDLE, [candle_row(c) for c in minutes])
        yield running


def test_the_change_is_from_the_open_of_24_hours_ago_or_unknown(
    browser: Browser, stage: Stage
) -> None:
    with empty_page(browser) as (page, _):
        page.goto(stage.api.url)
        known = page.locator("[data-symbol=BTCUSDT] .change")
        expect(known).to_have_text(re.compile(r"^\+26\.25"))  # from 80 to 101
        expect(page.locator("[data-symbol=ETHUSDT] .spark path")).to_have_attribute(
            "d", re.compile("^M")
        )

        expect(page.locator("[data-symbol=ETHUSDT] .change")).to_have_text(UNKNOWN)
        page.locator("[data-symbol=ETHUSDT]").click()
        expect(role(page, "change")).to_have_text(UNKNOWN)
