"""The page by keyboard and on a phone: each symbol is reached, and keys act where they should."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.api_market import keep_alive
from tests.support.api_stage import LATEST, Stage
from tests.support.chart_page import chart_page

PATIENCE_MS = 30_000
PRESSES = """(keys) => keys.map((key) => {
    const pressed = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    return document.body.dispatchEvent(pressed);
})"""  # faster than people, as a key that is held; returns which ones the browser may act on


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """The page with a whole chart of BTCUSDT."""
    with chart_page(browser, stage) as opened:
        yield opened


def chosen(page: Page) -> str:
    return page.locator(".row[aria-selected=true]").get_attribute("data-symbol") or ""


@pytest.mark.parametrize("view", ["scores", "market", "quality", "admin"])
def test_keys_of_the_live_view_are_the_browsers_on_other_pages(page: Page, view: str) -> None:
    page.goto(f"{page.url.partition('#')[0]}#{view}")
    expect(page.locator(f"#{view}")).to_be_visible()

    free = page.evaluate(PRESSES, ["ArrowUp", "ArrowDown", "1", "2", "d", "w", "m"])

    assert all(free)
    assert chosen(page) == "BTCUSDT"


def test_a_slash_finds_a_symbol_from_any_page(page: Page) -> None:
    page.goto(f"{page.url.partition('#')[0]}#scores")
    expect(page.locator("#scores")).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("eth")

    expect(page.locator("#live input[type=search]")).to_have_value("eth")


def test_a_key_that_is_held_reads_the_first_and_the_last_symbol_only(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "/v1/candles?" in each.url else None)
    page.evaluate(PRESSES, ["2", "1"] * 10)
    last = chosen(page)

    expect(page.locator(".legend")).to_contain_text("O ")
    assert len(asked) <= 2
    assert f"symbol={last}" in asked[-1]


def test_the_list_of_symbols_is_reached_by_tab_and_says_which_is_chosen(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.press("Tab")
    symbols = page.get_by_role("listbox", name="Symbols")
    expect(symbols).to_be_focused()

    for key in ("ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
        active = symbols.get_attribute("aria-activedescendant")
        expect(page.locator(f"[id='{active}']")).to_have_attribute("data-symbol", chosen(page))


def test_a_phone_finds_a_symbol_by_its_name(browser: Browser, stage: Stage) -> None:
    keep_alive(stage.kafka, LATEST)
    context = browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True)
    phone = context.new_page()
    phone.goto(stage.api.url)
    expect(phone.locator(".row")).to_have_count(2)
    phone.get_by_label("Find a symbol").fill("eth")
    phone.keyboard.press("Enter")

    expect(phone.locator("[data-symbol=ETHUSDT]")).to_have_attribute("aria-selected", "true")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()
