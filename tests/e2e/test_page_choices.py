"""Scores and quality of one choice never stand under the name of another, whatever comes first."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from api.payloads.quality import AuditRow, DayRow
from api.payloads.scores import LATELY, ReliabilityRow
from tests.support.browser import role
from tests.support.page_alone import example_of, page_alone, query_of

PATIENCE_MS = 10_000
Answer = dict[str, Any]
SCORES = """async () => {
    const { Market } = await import("./static/js/core/market.js");
    const { ScoresView } = await import("./static/js/scores/view.js");
    const root = document.getElementById("scores");
    const market = new Market();
    window.view = new ScoresView(root, market);
    root.hidden = false;
    market.order = ["BTCUSDT"];
    market.dispatchEvent(new Event("listing"));
    window.first = window.view.load();
}"""
QUALITY = """async () => {
    const { QualityView } = await import("./static/js/quality/view.js");
    const root = document.getElementById("quality");
    window.view = new QualityView(root);
    root.hidden = false;
    window.first = window.view.load();
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with page_alone(browser) as opened:
        yield opened


def scores_of(request: Request) -> Answer:
    """Scores whose one model has the name of the symbol that was asked for."""
    asked = query_of(request)
    model = f"of-{asked.get('symbol', 'all')}"
    if "reliability" in request.url:
        return {"data": [example_of(ReliabilityRow) | {"model": model}]}
    minutes = [4, 9] if asked.get("by") == "minutes" else [None]
    return {"data": [{**LATELY, "model": model, "minutes": minute} for minute in minutes]}


def quality_of(request: Request) -> Answer:
    """The quality of 15m and 1m: each has its number of candles, and of verified ones."""
    if "gaps" in request.url:
        return {"data": []}
    count = {"15m": 1500, "1m": 1001}[query_of(request)["interval"]]
    if "audit" in request.url:
        return {"data": [example_of(AuditRow) | {"verified": count + 7}]}
    return {"data": [example_of(DayRow) | {"expected": count, "held": count}]}


def answered(
    page: Page, answer: Callable[[Request], Answer], wait: Callable[[Request], bool]
) -> list[Route]:
    """Answer what is asked for, but keep back what is to wait; return the latter."""
    held: list[Route] = []

    def take(route: Route) -> None:
        if wait(route.request):
            held.append(route)
        else:
            route.fulfill(json=answer(route.request))

    page.route("**/v1/**", take)
    return held


def refused(page: Page, is_refused: Callable[[Request], bool]) -> None:
    """Refuse these requests from now on."""

    def take(route: Route) -> None:
        if is_refused(route.request):
            route.fulfill(status=503, json={"detail": "too much to read"})
        else:
            route.fallback()

    page.route("**/v1/**", take)


def choose(page: Page) -> None:
    page.get_by_label("Symbol", exact=True).select_option("BTCUSDT")


def test_a_slow_answer_for_all_symbols_is_not_shown_under_one_of_them(page: Page) -> None:
    held = answered(page, scores_of, lambda asked: not query_of(asked))
    page.evaluate(SCORES)
    choose(page)
    expect(role(page, "chances")).to_contain_text("of-BTCUSDT")

    (slow,) = held
    slow.fulfill(json=scores_of(slow.request))
    page.evaluate("() => window.first")

    expect(role(page, "scoreboard")).to_contain_text("of-BTCUSDT")
    expect(page.locator("#scores")).not_to_contain_text("of-all", use_inner_text=True)


def test_scores_of_another_symbol_go_while_the_chosen_ones_are_read(page: Page) -> None:
    held = answered(page, scores_of, lambda asked: "symbol=BTCUSDT" in asked.url)
    page.evaluate(SCORES)
    expect(role(page, "reliability").get_by_role("img")).to_be_visible()
    choose(page)

    expect(page.locator("#scores")).not_to_contain_text("of-all", use_inner_text=True)
    expect(role(page, "reliability")).to_be_hidden()
    assert len(held) == 1


@pytest.mark.parametrize("path", ["/v1/scores?symbol=BTCUSDT", "by=minutes", "reliability"])
def test_scores_of_another_symbol_stay_away_where_the_chosen_ones_cannot_be_read(
    page: Page, path: str
) -> None:
    answered(page, scores_of, lambda _: False)
    page.evaluate(SCORES)
    expect(role(page, "reliability").get_by_role("img")).to_be_visible()
    refused(page, lambda asked: "symbol=BTCUSDT" in asked.url and path in asked.url)
    choose(page)

    expect(page.locator("#scores")).to_contain_text("too much to read")
    expect(page.locator("#scores")).not_to_contain_text("of-all", use_inner_text=True)


def test_a_model_chosen_while_its_chances_cannot_be_read_draws_none(page: Page) -> None:
    answered(page, scores_of, lambda _: False)
    refused(page, lambda asked: "reliability" in asked.url)
    page.evaluate(SCORES)
    expect(role(page, "reliability")).to_contain_text("too much to read")

    page.get_by_label("Model", exact=True).dispatch_event("change")

    expect(role(page, "reliability")).to_contain_text("too much to read")


def test_a_slow_answer_for_another_interval_is_not_counted(page: Page) -> None:
    held = answered(page, quality_of, lambda asked: "interval=1m" in asked.url)
    page.evaluate(QUALITY)
    expect(page.locator(".tiles")).to_contain_text("1,500 of 1,500 candles")
    page.get_by_label("Interval").select_option("1m")
    expect(page.locator(".tiles")).not_to_contain_text("1,500")
    expect(page.locator(".tiles")).not_to_contain_text("1,507")
    expect(page.locator(".tiles")).to_contain_text("none found")  # gaps are of all intervals
    slow = page.evaluate_handle("() => ({ again: window.view.load() })")  # of 1m, once more

    page.get_by_label("Interval").select_option("15m")
    expect(page.locator(".tiles")).to_contain_text("1,500 of 1,500 candles")
    for route in held:
        route.fulfill(json=quality_of(route.request))
    page.evaluate("slow => slow.again", slow)

    expect(page.locator(".tiles")).to_contain_text("1,500 of 1,500 candles")
    expect(page.locator(".tiles")).to_contain_text("1,507")
    expect(role(page, "calendar").locator("[title*='1,500 of 1,500']")).to_have_count(1)
