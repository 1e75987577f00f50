"""Which prediction the page shows where models come, stop and are overtaken within one candle."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from api.payloads.predictions import PredictionRow
from tests.support.page_alone import example_of, page_alone

PATIENCE_MS = 10_000
Said = dict[str, Any]
TAKE = """async (all) => {
    const { Market } = await import("./static/js/core/market.js");
    const market = new Market();
    for (const each of all) market.takePrediction(each);
    const state = market.symbol("BTCUSDT");
    return {
        champion: market.champion(state),
        ofChance: market.chanceChampion(state).model,
        models: market.predictions(state).map(({ model }) => model),
    };
}"""
ISSUED_MS = 1_700_000_520_000


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with page_alone(browser) as opened:
        yield opened


def a_prediction(model: str, second: int, *, champion: bool = False, **more: object) -> Said:
    """A prediction issued so many seconds after the first one of the test."""
    said = {"model": model, "issued_ms": ISSUED_MS + second * 1000, "champion": champion}
    return example_of(PredictionRow) | {"chance_champion": champion} | said | more


def test_a_champion_that_stopped_answering_gives_way_to_the_one_that_answers(page: Page) -> None:
    shown: Said = page.evaluate(
        TAKE,
        [
            a_prediction("own", 0, champion=True),
            a_prediction("reference", 0),
            a_prediction("reference", 20, champion=True),
            a_prediction("reference", 40, champion=True),
        ],
    )

    assert shown["champion"]["model"] == "reference"
    assert shown["ofChance"] == "reference"
    assert shown["models"] == ["reference"]


def test_a_new_champion_is_shown_at_once(page: Page) -> None:
    shown: Said = page.evaluate(
        TAKE,
        [a_prediction("own", 0, champion=True), a_prediction("reference", 5, champion=True)],
    )

    assert shown["champion"]["model"] == "reference"
    assert shown["ofChance"] == "reference"


def test_an_answer_that_an_event_has_overtaken_is_not_shown(page: Page) -> None:
    late = a_prediction("own", 0, champion=True, price="1", age_s=0.5, lately=None)
    shown: Said = page.evaluate(TAKE, [a_prediction("own", 5, champion=True, price="2"), late])

    assert shown["champion"]["price"] == "2"


def test_models_that_answer_are_all_shown_whichever_came_first(page: Page) -> None:
    said = [a_prediction("own", 20), a_prediction("reference", 20, champion=True)]
    shown: Said = page.evaluate(TAKE, said)

    assert shown["models"] == ["own", "reference"]
    assert shown["champion"]["model"] == "reference"
