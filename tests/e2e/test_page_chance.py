"""The chance to close up on the page: in words, for a price, and what it was worth."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.api_market import keep_alive
from tests.support.api_stage import LATEST, Stage
from tests.support.browser import empty_page, role

PATIENCE_MS = 30_000
CURRENT = "**/v1/predictions/current*"
Answer = dict[str, Any]


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """An empty page, while the market moves; nothing may go wrong in it."""
    keep_alive(stage.kafka, LATEST)
    with empty_page(browser) as (opened, _):
        yield opened


def changed(page: Page, change: Callable[[Answer], Answer]) -> None:
    """Let the page read another current prediction than the one that is."""

    def answer(route: Route) -> None:
        said = route.fetch()
        body = json.dumps(change(said.json())) if said.ok else said.body()
        route.fulfill(response=said, body=body)

    page.route(CURRENT, answer)


def test_the_chance_is_a_number_in_words(page: Page, stage: Stage) -> None:
    page.goto(stage.api.url)

    expect(role(page, "chance")).to_have_text(re.compile(r"^70\s% chance to close up · open 99"))


def test_another_champion_of_the_chance_is_named(page: Page, stage: Stage) -> None:
    def by_reference(found: Answer) -> Answer:
        (other,) = found["challengers"]
        other |= {"chance_champion": True, "chance_up": 0.995}
        return found | {"chance_champion": False, "challengers": [other]}

    changed(page, by_reference)
    page.goto(stage.api.url)

    expect(role(page, "chance")).to_have_text(re.compile(r">\s99\s% chance .* by reference$"))


def test_an_unknown_open_has_no_chance(page: Page, stage: Stage) -> None:
    changed(page, lambda found: found | {"chance_up": None, "open": None})
    page.goto(stage.api.url)

    expect(role(page, "prediction")).to_contain_text("Closes at")
    expect(page.locator(".models tbody tr").first).to_be_visible()
    expect(role(page, "chance")).to_be_empty()
    expect(role(page, "chance")).to_be_hidden()


def test_the_chance_to_close_above_a_price_is_asked_for(page: Page, stage: Stage) -> None:
    page.goto(stage.api.url)
    field = page.get_by_label("Price", exact=True)

    field.fill("1,000")
    expect(role(page, "chance-above")).to_have_text(re.compile(r"^<\s1\s% above 1000$"))
    field.fill("99")
    expect(role(page, "chance-above")).to_have_text(re.compile(r"^70\s%$"))
    field.fill("high")
    expect(role(page, "chance-above")).to_have_text("that is no price")
    page.locator("[data-symbol=ETHUSDT]").click()
    expect(field).to_have_value("")
    expect(role(page, "chance-above")).to_be_empty()


def test_reliability_shows_each_tenth_with_its_cases(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.api.url}#scores")

    expect(role(page, "chances").get_by_role("row").nth(1)).to_contain_text("online")
    diagram = role(page, "reliability")
    expect(diagram.locator("circle")).to_have_count(2)  # 0.5 when a candle opens, then 0.7
    words = "given 70.0\u202f%: 100.0\u202f% of 112 cases in 8 candles closed up"
    expect(diagram.get_by_role("img")).to_have_attribute("aria-label", re.compile(words))
    page.get_by_label("Model").select_option("reference")
    expect(diagram.get_by_role("img")).to_have_attribute("aria-label", re.compile(": 0.0\u202f%"))
