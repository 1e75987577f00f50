"""Small figures of the page: what is unknown is a dash, and a pair is named by both its parts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.payloads.market import CoinRow, SymbolRow
from api.payloads.quality import AuditRow, DayRow, VolatilityRow
from tests.support.page_alone import example_of, page_alone

PATIENCE_MS = 10_000
UNKNOWN = "\u2013"
PAIRS = ("BTCUSDT", "BTCUSDC")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with page_alone(browser) as opened:
        yield opened


def test_small_lines_stay_when_the_list_is_built_anew(page: Page) -> None:
    rows = [example_of(SymbolRow) | {"symbol": pair} for pair in PAIRS]
    page.evaluate(
        """async (rows) => {
            const { Market } = await import("./static/js/core/market.js");
            const { Watchlist } = await import("./static/js/live/watchlist.js");
            const market = new Market();
            const list = new Watchlist(document.getElementById("live"), market, () => {});
            market.takeListing(rows);
            market.symbol("BTCUSDT").history = [1, 2, 3];
            list.build();
        }""",
        rows,
    )

    line = page.locator("[data-symbol=BTCUSDT] .spark path")
    expect(line).to_have_attribute("d", re.compile("^M"))


def test_a_change_without_a_price_is_unknown(page: Page) -> None:
    change = page.evaluate(
        """async (row) => {
            const { Market } = await import("./static/js/core/market.js");
            const market = new Market();
            market.takeListing([row]);
            const state = market.symbol(row.symbol);
            state.dayAgo = 100;
            return market.change(state);
        }""",
        example_of(SymbolRow) | {"last_price": None, "event_ms": None, "age_s": None},
    )

    assert change is None


def test_unknown_figures_of_the_market_are_dashes(page: Page) -> None:
    coin = dict.fromkeys(CoinRow.model_fields) | {
        "coin_id": "new", "ticker": "new", "name": "New", "market_cap": "1000", "updated_ms": 0,
    }  # fmt: skip
    move = example_of(VolatilityRow) | {"day_bp": None, "week_bp": None, "month_bp": None}
    page.evaluate(
        """async ([coins, moves]) => {
            const { MarketView } = await import("./static/js/market/view.js");
            const root = document.getElementById("market");
            document.getElementById("live").hidden = true;
            root.hidden = false;
            const view = new MarketView(root);
            view.drawCoins(coins);
            view.drawMoves(moves);
        }""",
        [[coin], [move]],
    )

    expect(page.locator(".tile")).to_have_attribute("title", re.compile(f", {UNKNOWN}$"))
    expect(page.locator(".tile")).not_to_contain_text("0.00")
    expect(page.locator(".move .number")).to_have_text(UNKNOWN)
    words = f"last day {UNKNOWN}, seven days {UNKNOWN}, 30 days {UNKNOWN}"
    expect(page.locator(".move")).to_have_attribute("title", words)


def test_pairs_of_one_coin_are_told_apart(page: Page) -> None:
    gap = {"state": "found", "noticed_ms": 0, "first_agg_id": 1, "last_agg_id": 2, "reason": ""}
    page.evaluate(
        """async ([days, audit, gaps, moves]) => {
            const { MarketView } = await import("./static/js/market/view.js");
            const { QualityView } = await import("./static/js/quality/view.js");
            const view = new QualityView(document.getElementById("quality"));
            view.drawDays(days);
            view.drawAudit(audit);
            view.drawGaps(gaps);
            new MarketView(document.getElementById("market")).drawMoves(moves);
        }""",
        [
            [example_of(DayRow) | {"symbol": pair} for pair in PAIRS],
            [example_of(AuditRow) | {"symbol": pair} for pair in PAIRS],
            [gap | {"symbol": pair} for pair in PAIRS],
            [example_of(VolatilityRow) | {"symbol": pair} for pair in PAIRS],
        ],
    )

    for name in ("BTC/USDT", "BTC/USDC"):
        expect(page.locator("#quality").get_by_text(name, exact=True)).to_have_count(3)
        expect(page.locator("#market").get_by_text(name, exact=True)).to_have_count(1)


def test_a_form_to_try_is_written_as_a_form(page: Page) -> None:
    spec = {
        "components": {
            "schemas": {
                "SignIn": {
                    "properties": {"username": {"type": "string"}, "password": {"type": "string"}}
                }
            }
        }
    }
    form = {
        "application/x-www-form-urlencoded": {"schema": {"$ref": "#/components/schemas/SignIn"}}
    }
    body = page.evaluate(
        """async ([spec, content]) => {
            const { endpoint } = await import("./static/js/docs/endpoint.js");
            const operation = { requestBody: { content }, responses: {} };
            const shown = endpoint(spec, { path: "/v1/token", verb: "post", operation, id: "x" });
            return shown.querySelector("textarea").value;
        }""",
        [spec, form],
    )

    assert body == "username=text&password=text"
