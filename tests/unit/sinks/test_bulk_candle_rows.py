"""Rows made in bulk are those made one by one, and nothing else is passed for a row."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codecs import _frame, encode
from schemas.errors import PoisonMessage
from schemas.market import FIRST_REVISION, NO_TRADE_ID, Candle, CandleSource
from schemas.rules.checks import EARLIEST_MS, LATEST_MS
from schemas.timeframe import DAY_MS, Interval
from sinks.bulk_candle_rows import candle_rows
from sinks.tables import CANDLE_READER, many_candles
from tests.support.builders import START_MS, a_candle
from tests.support.messages import Sent, sent

AMOUNTS = st.one_of(st.integers(0, 300), st.integers(0, 10**38 - 1))
PRICES = st.one_of(st.integers(1, 300), st.integers(1, 2**63 - 1))
CANDLES = st.builds(
    lambda symbol, interval, at, prices, amounts, count, revision, source, event_ms: Candle(
        symbol=symbol,
        interval=interval.value,
        open_ms=interval.open_of(at) + interval.ms,
        close_ms=interval.open_of(at) + 2 * interval.ms,
        low_e8=min(prices),
        high_e8=max(prices),
        open_e8=prices[0],
        close_e8=prices[1],
        volume_e8=amounts[0],
        quote_volume_e8=amounts[1],
        taker_buy_volume_e8=amounts[2],
        taker_buy_quote_volume_e8=amounts[3],
        trade_count=count,
        first_trade_id=NO_TRADE_ID,
        last_trade_id=NO_TRADE_ID,
        price_variation_e16=None,
        status="official",
        revision=revision,
        source=source.value,
        event_ms=event_ms,
    ),
    st.text("ABCxyz019", min_size=1, max_size=63),
    st.sampled_from(Interval),
    st.integers(EARLIEST_MS, LATEST_MS - 14 * DAY_MS - 1),
    st.lists(PRICES, min_size=2, max_size=4),
    st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
    st.integers(0, 2**55 - 1),
    st.integers(0, FIRST_REVISION),
    st.sampled_from(CandleSource),
    st.integers(EARLIEST_MS, LATEST_MS - 1),
)
WRONG = st.sampled_from(
    [
        {"symbol": ""},
        {"symbol": "A-B"},
        {"interval": "7m"},
        {"open_ms": START_MS + 1},
        {"close_ms": START_MS},
        {"low_e8": 0},
        {"low_e8": 2**63},
        {"high_e8": 0},
        {"volume_e8": -1},
        {"quote_volume_e8": 10**38},
        {"trade_count": -1},
        {"status": "complete"},
        {"status": "official "},
        {"revision": -1},
        {"revision": FIRST_REVISION + 1},  # its earlier row is kept
        {"revision": 2**31 - 1},
        {"source": "rumour"},
        {"event_ms": 0},
        {"first_trade_id": 5},
    ]
)


OFFICIAL = replace(
    a_candle(),
    status="official",
    source="rest",
    price_variation_e16=None,
    first_trade_id=NO_TRADE_ID,
    last_trade_id=NO_TRADE_ID,
)


def one_by_one(raw: bytes, symbol: str = "BTCUSDT") -> bytes | None:
    try:
        return CANDLE_READER(Sent(symbol.encode(), raw)).data
    except PoisonMessage:
        return None


@settings(max_examples=50)
@given(st.lists(CANDLES, min_size=1, max_size=20))
def test_rows_in_bulk_are_those_one_by_one(candles: list[Candle]) -> None:
    messages = [encode(candle) for candle in candles]

    assert candle_rows(messages) == [
        one_by_one(raw, candle.symbol) for raw, candle in zip(messages, candles, strict=True)
    ]


@settings(max_examples=50)
@given(st.lists(st.one_of(CANDLES, st.binary(max_size=150)), min_size=1, max_size=8))
def test_what_is_no_candle_is_left_alone_and_spoils_no_other(made: list[Candle | bytes]) -> None:
    messages = [raw if isinstance(raw, bytes) else encode(raw) for raw in made]
    for raw, row in zip(made, candle_rows(messages), strict=True):
        assert (row is None) == isinstance(raw, bytes)


@settings(max_examples=50)
@given(CANDLES, WRONG)
def test_candle_that_cannot_be_true_is_left_to_be_refused_by_itself(
    candle: Candle, wrong: dict[str, Any]
) -> None:
    right, refused = encode(candle), _frame(replace(candle, **wrong))

    assert candle_rows([right, refused, right])[1] is None
    assert candle_rows([right, refused, right])[0] == one_by_one(right, candle.symbol)


@given(st.lists(CANDLES, min_size=1, max_size=5))
def test_candle_under_a_foreign_key_is_left_to_be_refused_by_itself(candles: list[Candle]) -> None:
    messages = [sent(candle) for candle in candles]

    assert None not in many_candles(messages)
    assert set(many_candles([sent(candle, key=b"OTHER1") for candle in candles])) == {None}


@settings(max_examples=50)
@given(CANDLES, st.integers(0, 200), st.integers(1, 255))
def test_damaged_message_has_the_row_that_it_has_by_itself_or_none(
    candle: Candle, place: int, flip: int
) -> None:
    raw = encode(candle)
    damaged = bytearray(raw)
    damaged[place % len(raw)] ^= flip
    for message in (bytes(damaged), raw[: place % len(raw)], raw + b"\x00"):
        row = candle_rows([raw, message, raw])[1]

        symbol = row[1 : 1 + row[0]].decode() if row else ""
        assert row is None or row == one_by_one(message, symbol)


@pytest.mark.parametrize(
    "candle",
    [
        replace(OFFICIAL, price_variation_e16=5),
        replace(OFFICIAL, symbol="É"),
        replace(OFFICIAL, trade_count=2**55),
        replace(OFFICIAL, symbol="X" * 64),
        replace(OFFICIAL, first_trade_id=1, last_trade_id=9),
    ],
)
def test_unusual_candle_is_left_to_be_read_by_itself(candle: Candle) -> None:
    assert candle_rows([encode(candle)]) == [None]
    assert one_by_one(encode(candle), candle.symbol) is not None
