"""What the page says while there is no connection, or a symbol is not traded."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.payloads.market import SymbolRow
from tests.support.page_alone import example_of, page_alone

PATIENCE_MS = 10_000
Said = dict[str, Any]
READY = """async (listing) => {
    const { Banner } = await import("./static/js/core/banner.js");
    const { Market } = await import("./static/js/core/market.js");
    const real = performance.now.bind(performance);
    window.laterMs = 0;
    performance.now = () => real() + window.laterMs;
    window.market = new Market();
    window.health = { trouble: null };
    window.banner = new Banner(market, health);
    market.takeListing(listing);
    market.connected = true;
    banner.setLink({ open: true });
}"""
SAY = """(symbol) => {
    banner.update(symbol);
    const text = (name) => document.querySelector(`[data-banner-${name}]`).textContent;
    const isHidden = document.querySelector("[data-banner]").hidden;
    return isHidden ? null : { title: text("title"), detail: text("detail") };
}"""
DOWN = {"short": "standing", "title": "Kafka does not answer.", "detail": "for 9 s"}
HALTED_MS = 1_700_000_000_000


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A banner over a market of two symbols, of which one is not traded."""
    with page_alone(browser) as opened:
        opened.evaluate(
            READY,
            [a_row("BTCUSDT"), a_row("LUNAUSDT", age_s=1e6, not_trading_since_ms=HALTED_MS)],
        )
        yield opened


def a_row(symbol: str, **more: object) -> Said:
    """A followed symbol as the API lists it."""
    return example_of(SymbolRow) | {"symbol": symbol, "age_s": 0.0} | more


def later(page: Page, seconds: float) -> None:
    page.evaluate("(ms) => { window.laterMs += ms; }", seconds * 1000)


def said(page: Page, symbol: str = "BTCUSDT") -> Said | None:
    """What the banner says; None if it is hidden."""
    shown: Said | None = page.evaluate(SAY, symbol)
    return shown


def refuse(page: Page, reason: str = "") -> None:
    page.evaluate("(reason) => banner.setLink({ open: false, reason })", reason)


def test_the_line_stays_through_all_attempts_of_an_outage_and_says_why(page: Page) -> None:
    refuse(page)
    assert said(page) is None  # most breaks are over in a moment
    later(page, 1)
    assert (said(page) or {})["title"] == "Connection lost."

    shown = []
    for _ in range(5):
        refuse(page, "2000 clients are connected.")
        shown.append(said(page))
        later(page, 8)

    assert all(
        "It says: 2000 clients are connected. The" in each["detail"] for each in shown if each
    )
    assert None not in shown

    page.evaluate("() => banner.setLink({ open: true })")
    page.evaluate("() => market.takeListing([])")
    assert said(page, "") is None


def test_an_alert_is_told_once_however_old_the_data_gets(page: Page) -> None:
    told = []
    for _ in range(3):
        later(page, 60)
        told.append(said(page) or {})

    assert {each["title"] for each in told} == {"Stale: no market data."}
    assert len({each["detail"] for each in told}) == 3
    expect(page.get_by_role("alert")).to_have_text("Stale: no market data.")


def test_a_symbol_that_is_not_traded_is_no_trouble_and_hides_none(page: Page) -> None:
    assert said(page, "LUNAUSDT") is None

    page.evaluate("(down) => { health.trouble = down; }", DOWN)
    assert (said(page, "LUNAUSDT") or {})["title"] == DOWN["title"]

    later(page, 60)
    assert (said(page, "LUNAUSDT") or {})["title"] == "Stale: no market data."


def test_one_stale_symbol_does_not_hide_what_concerns_all(page: Page) -> None:
    page.evaluate(
        "(rows) => market.takeListing(rows)", [a_row("BTCUSDT"), a_row("OLDUSDT", age_s=99)]
    )
    assert (said(page, "OLDUSDT") or {})["title"] == "Stale: no data for OLDUSDT."

    page.evaluate("(down) => { health.trouble = down; }", DOWN)

    assert (said(page, "OLDUSDT") or {})["title"] == DOWN["title"]


def test_list_headline_and_card_say_that_a_symbol_is_not_traded(page: Page) -> None:
    page.evaluate(
        """async () => {
            const { Headline } = await import("./static/js/live/headline.js");
            const { PredictionCard } = await import("./static/js/live/prediction-card.js");
            const { Watchlist } = await import("./static/js/live/watchlist.js");
            const parts = ["watch", "headline", "card"].map((name) => {
                const part = document.createElement("div");
                part.className = name;
                document.getElementById("live").append(part);
                return part;
            });
            const list = new Watchlist(parts[0], market, () => {});
            list.build();
            list.update();
            new Headline(parts[1], market).update("LUNAUSDT");
            new PredictionCard(parts[2], market).update(market.symbol("LUNAUSDT"));
        }"""
    )

    expect(page.locator("[data-symbol=LUNAUSDT] .rate")).to_have_text("not traded")
    expect(page.locator("[data-symbol=LUNAUSDT] .dot.stale")).to_have_count(0)
    expect(page.locator("[data-role=age]")).to_contain_text("not traded since 14 Nov 2023 22:13")
    expect(page.locator("[data-role=prediction]")).to_contain_text("LUNAUSDT is not traded")

    again = [a_row("LUNAUSDT", not_trading_since_ms=None)]
    assert page.evaluate(
        "(rows) => (market.takeListing(rows), !market.isNotTraded(market.symbol('LUNAUSDT')))",
        again,
    )
