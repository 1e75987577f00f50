"""Rows made in bulk are those made one by one, and nothing else is passed for a row."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codecs import encode
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.market import Candle
from sinks.candle_batches import candle_rows
from sinks.row_binary import END_OF_TIME_MS
from sinks.tables import read_candle
from tests.builders import a_candle

TIMES = st.integers(0, END_OF_TIME_MS - 1)
IDS = st.integers(-(2**55), 2**55 - 1)
DECIMALS = st.one_of(st.integers(-300, 300), st.integers(1 - 2**127, 2**127 - 1))
NAMES = st.text("ABCxyz019-", min_size=0, max_size=63)
CANDLES = st.builds(
    Candle,
    symbol=NAMES,
    interval=NAMES,
    open_ms=TIMES,
    close_ms=TIMES,
    open_e8=DECIMALS,
    high_e8=DECIMALS,
    low_e8=DECIMALS,
    close_e8=DECIMALS,
    volume_e8=DECIMALS,
    quote_volume_e8=DECIMALS,
    trade_count=IDS,
    taker_buy_volume_e8=DECIMALS,
    taker_buy_quote_volume_e8=DECIMALS,
    first_trade_id=IDS,
    last_trade_id=IDS,
    price_variation_e16=st.none(),
    status=NAMES,
    revision=st.integers(-(2**31), 2**31 - 1),
    source=NAMES,
    event_ms=TIMES,
)


def one_by_one(raw: bytes) -> bytes | None:
    try:
        return read_candle(raw).data
    except (PoisonMessage, ContractMismatch):
        return None


@settings(max_examples=50)
@given(st.lists(CANDLES, min_size=1, max_size=20))
def test_rows_in_bulk_are_those_one_by_one(candles: list[Candle]) -> None:
    messages = [encode(candle) for candle in candles]

    assert candle_rows(messages) == [read_candle(raw).data for raw in messages]


@settings(max_examples=50)
@given(st.lists(st.one_of(CANDLES.map(encode), st.binary(max_size=150)), min_size=1, max_size=8))
def test_what_is_no_candle_is_left_alone_and_spoils_no_other(messages: list[bytes]) -> None:
    for raw, row in zip(messages, candle_rows(messages), strict=True):
        if row is not None:
            assert row == one_by_one(raw)


@settings(max_examples=50)
@given(CANDLES.map(encode), st.integers(0, 200), st.integers(1, 255))
def test_damaged_message_has_the_row_that_it_has_by_itself_or_none(
    raw: bytes, place: int, flip: int
) -> None:
    damaged = bytearray(raw)
    damaged[place % len(raw)] ^= flip
    for message in (bytes(damaged), raw[: place % len(raw)], raw + b"\x00"):
        row = candle_rows([raw, message, raw])[1]

        assert row is None or row == one_by_one(message)


@pytest.mark.parametrize(
    "candle",
    [
        replace(a_candle(), price_variation_e16=5),
        replace(a_candle(), symbol="É", price_variation_e16=None),
        replace(a_candle(), volume_e8=2**127, price_variation_e16=None),
        replace(a_candle(), event_ms=-1, price_variation_e16=None),
        replace(a_candle(), trade_count=2**55, price_variation_e16=None),
        replace(a_candle(), status="x" * 64, price_variation_e16=None),
    ],
)
def test_unusual_candle_is_left_to_be_read_by_itself(candle: Candle) -> None:
    assert candle_rows([encode(candle)]) == [None]
