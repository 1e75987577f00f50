"""Candles that are missing in the chart, or gapped: they are read again while a repair is due."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from api.payloads.market import SymbolRow
from tests.support.page_alone import example_of, page_alone

PATIENCE_MS = 10_000
QUARTER_MS = 900_000
NOW_MS = 1_700_000_100_000
LIVE = """async (listing) => {
    const { LiveView } = await import("./static/js/live/view.js");
    const { Market } = await import("./static/js/core/market.js");
    const real = performance.now.bind(performance);
    window.laterMs = 0;
    performance.now = () => real() + window.laterMs;
    window.market = new Market();
    window.live = new LiveView(document.getElementById("live"), market);
    market.connected = true;
    market.staleMs = Infinity;
    market.takeListing(listing);
}"""
TICK = "(minutes) => { window.laterMs += minutes * 60_000; live.tick(); }"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with page_alone(browser) as opened:
        opened.route("**/v1/outcomes?*", lambda route: route.fulfill(json={"data": []}))
        yield opened


def a_candle(number: int, status: str = "complete") -> dict[str, Any]:
    """The candle so many quarters before the newest."""
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), "1.00")
    open_ms = NOW_MS - number * QUARTER_MS
    return prices | {"open_ms": open_ms, "trade_count": 1, "status": status, "revision": 1}


def drawn(page: Page, candles: list[dict[str, Any]]) -> list[str]:
    """Draw these candles, newest first; return where each reading of them is noted."""
    readings: list[str] = []

    def answer(route: Route) -> None:
        readings.append(route.request.url)
        route.fulfill(json={"data": candles})

    page.route("**/v1/candles?*", answer)
    listed = example_of(SymbolRow) | {"symbol": "BTCUSDT", "age_s": 0.0, "event_ms": NOW_MS}
    page.evaluate(LIVE, [listed])
    expect(page.locator(".legend")).to_contain_text("O ")
    return readings


@pytest.mark.parametrize(
    "candles",
    [
        [*(a_candle(number) for number in range(10)), a_candle(20)],
        [a_candle(0), a_candle(1, "gapped"), a_candle(2)],
    ],
    ids=["missing", "gapped"],
)
def test_what_may_be_repaired_is_read_again_every_five_minutes(
    page: Page, candles: list[dict[str, Any]]
) -> None:
    readings = drawn(page, candles)
    page.evaluate(TICK, 1)
    assert len(readings) == 1

    with page.expect_response("**/v1/candles?*"):
        page.evaluate(TICK, 5)
    expect(page.locator(".chart .wait")).to_be_hidden()
    with page.expect_response("**/v1/candles?*"):
        page.evaluate(TICK, 5)

    assert len(readings) == 3


@pytest.mark.parametrize(
    "candles",
    [
        [a_candle(number) for number in range(20)],
        [*(a_candle(number) for number in range(97)), a_candle(100, "gapped"), a_candle(101)],
    ],
    ids=["whole", "of-days-ago"],
)
def test_what_is_whole_or_will_not_be_repaired_is_not_read_again(
    page: Page, candles: list[dict[str, Any]]
) -> None:
    readings = drawn(page, candles)

    for _ in range(3):
        page.evaluate(TICK, 6)

    assert len(readings) == 1
