"""When our candles alone are a page of the best ones: what is missing or gapped is noticed."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.queries.candles import FIELDS, CandleQuery, Order
from api.queries.own_candles import AGAIN_S, OwnCandles, holds_all
from schemas.timeframe import Interval

LENGTH = Interval.FIFTEEN_MINUTES.ms
START = 1_700_000_100_000 // LENGTH * LENGTH
TEN = CandleQuery(
    ("BTCUSDT",), Interval.FIFTEEN_MINUTES, 5000, from_ms=START, until_ms=START + 10 * LENGTH
)
LATER = START + 1000 * LENGTH


def rows(*numbers: int, gapped: int = -1) -> bytes:
    found = [
        {"open_ms": START + n * LENGTH, "status": "gapped" if n == gapped else "complete"}
        for n in numbers
    ]
    return b",\n".join(map(orjson.dumps, found))


@given(numbers=st.sets(st.integers(0, 9)), order=st.sampled_from(Order))
def test_a_range_is_whole_only_with_every_candle(numbers: set[int], order: Order) -> None:
    query = replace(TEN, order=order)
    found = rows(*sorted(numbers, reverse=order is Order.DESCENDING))

    assert holds_all(found, query, LATER) == (len(numbers) == 10)


def test_a_gapped_candle_may_have_a_better_one() -> None:
    assert not holds_all(rows(*range(10), gapped=4), TEN, LATER)


def test_what_is_not_closed_yet_is_not_missing() -> None:
    in_the_eighth = START + 7 * LENGTH + 1

    assert holds_all(rows(*range(7)), TEN, in_the_eighth)
    assert not holds_all(rows(*range(6)), TEN, in_the_eighth)


def test_a_full_page_need_not_reach_the_end_of_the_range() -> None:
    up, down = replace(TEN, limit=3), replace(TEN, limit=3, order=Order.DESCENDING)

    assert holds_all(rows(0, 1, 2), up, LATER)
    assert not holds_all(rows(1, 2, 3), up, LATER)
    assert holds_all(rows(9, 8, 7), down, LATER)
    assert not holds_all(rows(8, 7, 6), down, LATER)


def test_a_page_goes_on_just_behind_the_cursor() -> None:
    after = (START + 4 * LENGTH, "BTCUSDT")
    up, down = replace(TEN, after=after), replace(TEN, after=after, order=Order.DESCENDING)

    assert holds_all(rows(*range(5, 10)), up, LATER)
    assert not holds_all(rows(*range(6, 10)), up, LATER)
    assert holds_all(rows(3, 2, 1, 0), down, LATER)
    assert not holds_all(rows(2, 1, 0), down, LATER)


@pytest.mark.parametrize(
    "query",
    [
        replace(TEN, symbols=("BTCUSDT", "ETHUSDT")),
        replace(TEN, statuses=("complete",)),
        replace(TEN, minimum_volume="1"),
        replace(TEN, interval=Interval.ONE_HOUR),
        replace(TEN, fields=tuple(name for name in FIELDS if name != "status")),
    ],
)
def test_other_questions_are_not_tried(query: CandleQuery) -> None:
    assert OwnCandles().may_do(TEN)
    assert not OwnCandles().may_do(query)


def test_a_range_in_which_they_failed_is_tried_again_after_a_while() -> None:
    now_s = 1.0
    ours = OwnCandles(lambda: now_s)
    ours.failed(TEN)
    later = replace(TEN, from_ms=START + LENGTH)

    assert not ours.may_do(TEN)
    assert ours.may_do(later)
    assert ours.may_do(replace(TEN, symbols=("ETHUSDT",)))
    now_s += AGAIN_S + 1
    assert ours.may_do(TEN)
