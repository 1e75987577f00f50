"""A page that stays open: the machine sleeps, candles are stored late, symbols come and go."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from api.accounts.users import Role
from api.payloads.scores import LATELY
from schemas import topics
from schemas.market import Candle
from tests.support.api_market import a_quarter, say
from tests.support.api_stage import LATEST, PASSWORD, Stage
from tests.support.browser import empty_page, role
from tests.support.chart_page import chart_page

PATIENCE_MS = 30_000
HOURS_MS = 30 * 3_600_000  # what is of a day ago is fresh on this stage
SLEEPS = """
    const date = Date.now.bind(Date);
    window.sleptMs = 0;
    Date.now = () => date() + window.sleptMs;
"""  # as a sleep: the wall clock goes on, `performance.now()` does not
CANDLES, SYMBOLS = "**/v1/candles?*", "**/v1/symbols"
CURRENT = "**/v1/predictions/current?*"
Answer = dict[str, Any]


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """The page with a whole chart of BTCUSDT, on a machine that can sleep."""
    with chart_page(browser, stage, SLEEPS) as opened:
        yield opened


@pytest.fixture(scope="module")
def scripts(browser: Browser, stage: Stage) -> Iterator[Page]:
    """A page in which single modules are run."""
    with empty_page(browser) as (opened, _):
        opened.add_init_script(SLEEPS)
        opened.goto(f"{stage.api.url}/docs")
        yield opened


def sleep(page: Page, ms: int) -> None:
    page.evaluate("ms => { window.sleptMs += ms; }", ms)


def symbols_in(request: Request) -> list[str]:
    """The symbols whose day is asked for."""
    asked: Answer = json.loads(request.post_data or "{}") if "/search" in request.url else {}
    return list(asked.get("symbols", []))


def an_open(number: int, symbol: str = "BTCUSDT") -> Candle:
    candle = a_quarter(number, symbol)
    return replace(candle, status="open", revision=0, event_ms=candle.open_ms + 301_000)


def followed(page: Page, *names: str, **facts: object) -> None:
    """Let these symbols be followed from now on, and be listed with these facts."""

    def answer(route: Route) -> None:
        said = route.fetch()
        first: Answer = said.json()["data"][0]
        route.fulfill(json={"data": [first | {"symbol": name} | facts for name in names]})

    page.route(SYMBOLS, answer)


def test_after_hours_of_sleep_the_page_reads_anew_instead_of_playing_them_back(page: Page) -> None:
    streams: list[Request] = []
    page.on("request", lambda asked: streams.append(asked) if "/v1/stream" in asked.url else None)
    with page.expect_request(lambda asked: bool(streams) and "/v1/candles?" in asked.url):
        sleep(page, HOURS_MS)

    assert [asked.header_value("last-event-id") for asked in streams] == [None]
    expect(page.locator("[data-banner]")).to_be_hidden()


def test_what_came_before_a_sleep_is_as_old_as_the_sleep(scripts: Page) -> None:
    age = scripts.evaluate(
        """async (ms) => {
            const { Market } = await import("./static/js/core/market.js");
            const market = new Market();
            market.connected = true;
            market.take("candle-live", { symbol: "A", interval: "1m", close: "1", event_ms: 1 });
            window.sleptMs += ms;
            const state = market.symbol("A");
            return [market.ageMs(state) > ms - 1, market.isStale(state)];  // sums are rounded
        }""",
        HOURS_MS,
    )

    assert age == [True, True]


@pytest.mark.parametrize(
    ("known", "later", "kept"),
    [
        (("complete", 1), ("open", 0), "complete"),
        (("complete", 2), ("gapped", 1), "complete"),
        (("gapped", 1), ("complete", 2), "complete"),
        (("open", 0), ("complete", 1), "complete"),
        (("official", 1), ("gapped", 2), "official"),
        (("gapped", 2), ("official", 1), "official"),
        (("official", 2), ("complete", 1), "complete"),
        (("complete", 1), ("official", 2), "complete"),
    ],
)
def test_an_earlier_state_of_a_candle_does_not_replace_a_later_one(
    scripts: Page, known: tuple[str, int], later: tuple[str, int], kept: str
) -> None:
    status = scripts.evaluate(
        """async (states) => {
            const { Rows } = await import("./static/js/chart/rows.js");
            const rows = new Rows();
            for (const [status, revision] of states) rows.put({ open_ms: 0, status, revision });
            return rows.find(0).status;
        }""",
        [known, later],
    )

    assert status == kept


@pytest.mark.parametrize(
    ("arrived", "lacks"),
    [(("gapped", 2), False), (("complete", 1), True), (("open", 0), False)],
)
def test_a_candle_that_arrived_is_drawn_over_the_exchanges_only_if_it_is_proven(
    scripts: Page, arrived: tuple[str, int], *, lacks: bool
) -> None:
    found = scripts.evaluate(
        """async ([status, revision]) => {
            const { Rows } = await import("./static/js/chart/rows.js");
            const rows = new Rows();
            rows.fill([{ open_ms: 0, status: "official", revision: 1 }]);
            return rows.lacks({ open_ms: 0, status, revision });
        }""",
        arrived,
    )

    assert found == lacks


def test_zoom_and_legend_stay_where_they_are_when_candles_are_read_again(page: Page) -> None:
    with page.expect_response(re.compile("/v1/candles.*interval=1h")):
        role(page, "interval").select_option("1h")
    expect(page.locator(".legend")).to_contain_text("O ")
    box = role(page, "chart").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    before = page.locator(".legend").text_content() or ""
    page.mouse.down()
    page.mouse.move(x + 300, y, steps=10)
    page.mouse.up()
    page.mouse.move(x, y)
    expect(page.locator(".legend")).not_to_have_text(before)
    seen = page.locator(".legend").text_content() or ""

    with page.expect_response(re.compile("/v1/candles.*interval=1h")) as again:
        sleep(page, HOURS_MS)
    again.value.finished()
    expect(page.locator(".chart .wait")).to_be_hidden()
    expect(page.locator(".legend")).to_have_text(seen)
    page.mouse.move(x + 40, y)
    expect(page.locator(".legend")).not_to_have_text(seen)
    page.mouse.move(x, y)
    expect(page.locator(".legend")).to_have_text(seen)


def test_a_candle_that_closed_but_is_not_stored_yet_is_drawn(page: Page, stage: Stage) -> None:
    page.locator("[data-symbol=ETHUSDT]").click()
    expect(page.locator("[data-symbol=ETHUSDT]")).to_have_attribute("aria-selected", "true")
    closed = a_quarter(LATEST + 1)
    say(stage.kafka, topics.CANDLES, [replace(closed, event_ms=closed.open_ms + 600_000)])
    expect(page.locator("[data-symbol=BTCUSDT] .price")).to_have_text(re.compile(r"^102\.000"))

    page.locator("[data-symbol=BTCUSDT]").click()

    opened = datetime.fromtimestamp(closed.open_ms / 1000, UTC)
    expect(page.locator(".legend")).to_contain_text(f"{opened:%H:%M}")
    expect(page.locator(".legend")).to_contain_text("complete: trade ids prove")


def test_a_hole_among_the_newest_candles_is_read_again(page: Page, stage: Stage) -> None:
    with page.expect_request(CANDLES):
        say(stage.kafka, topics.CANDLES_LIVE, [an_open(LATEST + 5)])


def test_a_symbol_that_comes_is_listed_with_its_first_event(page: Page, stage: Stage) -> None:
    followed(page, "BTCUSDT", "ETHUSDT", "SOLUSDT")
    sleep(page, 15_000)  # not so long that the stream is opened again
    say(stage.kafka, topics.CANDLES_LIVE, [an_open(LATEST, "SOLUSDT")])

    expect(page.locator("[data-symbol=SOLUSDT]")).to_be_visible()


def test_a_symbol_that_goes_leaves_the_list_and_another_is_chosen(page: Page) -> None:
    followed(page, "ETHUSDT")
    sleep(page, HOURS_MS)

    expect(page.locator("[data-symbol=BTCUSDT]")).to_have_count(0)
    expect(page.locator("[data-symbol=ETHUSDT]")).to_have_attribute("aria-selected", "true")


def test_scores_that_come_while_the_page_is_open_are_shown_of_the_same_prediction(
    page: Page, stage: Stage
) -> None:
    def with_skill(lately: Answer | None) -> None:
        def answer(route: Route) -> None:
            said = route.fetch()
            found: Answer = said.json()
            route.fulfill(json=found | {"lately": lately, "challengers": []})

        page.unroute(CURRENT)
        page.route(CURRENT, answer)

    def come_back() -> None:
        page.goto(f"{stage.api.url}#market")
        page.goto(f"{stage.api.url}#live")

    words = page.get_by_text("No scores yet: they appear when candles close.")
    with_skill(None)
    come_back()
    expect(words).to_be_visible()

    with_skill(LATELY)
    come_back()

    expect(page.get_by_text("Last seven days, 9,974 predictions")).to_be_visible()
    expect(page.locator(".models tbody")).to_contain_text("90.2")
    with_skill(None)  # the API drops what it cannot read anew
    come_back()
    expect(words).to_be_visible()


def test_the_clock_does_not_show_hours_ago_as_now(page: Page) -> None:
    clock = page.locator("[data-clock]")
    expect(clock).to_have_text(re.compile(r"^\d\d:\d\d:\d\d UTC$"))

    followed(page, "BTCUSDT", "ETHUSDT", age_s=HOURS_MS / 1000)
    page.reload()

    expect(page.locator(".row.stale")).to_have_count(2)
    expect(clock).to_have_text("\u2013")


def test_the_day_of_many_symbols_is_read_in_parts(page: Page) -> None:
    names = [f"A{number}USDT" for number in range(430)]
    asked: list[list[str]] = []
    page.on("request", lambda request: asked.append(symbols_in(request)))
    page.route("**/v1/candles/search", lambda route: route.fulfill(json={"data": []}))
    followed(page, *names)
    with page.expect_request(lambda request: names[-1] in symbols_in(request)):
        page.reload()

    assert max(len(symbols) for symbols in asked) <= 100
    assert {name for symbols in asked for name in symbols} == set(names)


def test_after_a_reload_a_training_of_one_symbol_can_be_asked_for(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.api.url}#admin")
    page.get_by_role("button", name="Sign in").last.click()
    page.get_by_label("Name", exact=True).fill(Role.OPERATOR.value)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.locator("dialog button.primary").click()
    expect(page.get_by_role("button", name="Start a training")).to_be_visible()

    page.reload()

    page.locator("#admin select[name=symbol]").select_option("ETHUSDT")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("0,5", "0.5"),
        ("64210,50", "64210.50"),
        ("0,123", "0.123"),
        ("1,000", "1000"),
        ("64,210.5", "64210.5"),
        ("64 210.5", "64210.5"),
        ("1.234,50", "1.234.50"),  # which the API refuses
    ],
)
def test_a_comma_is_a_point_where_it_does_not_separate_thousands(
    scripts: Page, typed: str, meant: str
) -> None:
    understood = scripts.evaluate(
        """async (text) => {
            const { plainNumber } = await import("./static/js/live/chance.js");
            return plainNumber(text);
        }""",
        typed,
    )

    assert understood == meant
