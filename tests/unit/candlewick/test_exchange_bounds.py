"""The market before its listing and after its end: nothing, and never another day's numbers."""

from functools import cache

import pytest

from candlewick.exchange.market.coins import coin_of
from candlewick.exchange.market.generated import GeneratedSymbol
from candlewick.exchange.market.intervals import INTERVALS, MINUTE_MS, epoch_ms
from candlewick.exchange.market.klines import klines
from candlewick.exchange.streams.tickers import day_ticker, mini_ticker

LISTED_MS = epoch_ms("2020-08-18")
END_MS = epoch_ms("2040-01-01")


@cache
def symbol() -> GeneratedSymbol:
    return GeneratedSymbol(coin_of("DOTUSDT"), seed=1, rate=150, recorded=None)


def opens(name: str, first_ms: int, visible_ms: int) -> list[int]:
    rows = klines(symbol(), INTERVALS[name], first_ms, visible_ms, visible_ms=visible_ms)
    found: list[int] = rows.open_ms.tolist()
    return found


@pytest.mark.parametrize("name", INTERVALS)
def test_there_are_no_klines_before_the_listing(name: str) -> None:
    month_ms = LISTED_MS - 31 * 86_400_000

    assert opens(name, month_ms, LISTED_MS - 1) == []
    assert len(opens(name, month_ms, LISTED_MS + 500)) == 1


@pytest.mark.parametrize("name", INTERVALS)
def test_there_are_no_klines_after_the_end_of_the_market(name: str) -> None:
    last_ms = END_MS - 2 * MINUTE_MS

    assert opens(name, END_MS, END_MS + 90_000) == []
    assert opens(name, last_ms, END_MS + 90_000) == opens(name, last_ms, END_MS - 1)


def test_a_ticker_before_the_listing_has_no_price() -> None:
    for whole_hours in (True, False):
        day = day_ticker("DOTUSDT", symbol(), visible_ms=LISTED_MS - 1, whole_hours=whole_hours)
        assert (day["lastPrice"], day["count"]) == ("0.00000000", 0)
    assert mini_ticker("DOTUSDT", symbol(), event=1, visible_ms=LISTED_MS - 1) is None


def test_a_ticker_after_the_end_is_of_the_last_minutes() -> None:
    now_ms = END_MS + 600_000
    day = day_ticker("DOTUSDT", symbol(), visible_ms=now_ms, whole_hours=False)

    assert day["lastId"] == symbol().trades(END_MS // MINUTE_MS - 1).trade_id_edges[-1] - 1
    assert mini_ticker("DOTUSDT", symbol(), event=1, visible_ms=END_MS + 86_400_000) is None
