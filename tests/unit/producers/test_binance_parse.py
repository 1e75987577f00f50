"""Binance's frames, answers and files: what was recorded is read exactly, rubbish is refused.

`tests/data/combined_20210404.gz` holds frames as Binance sent them; the README beside it says
from where they come.
"""

import gzip
from contextlib import suppress
from itertools import groupby, pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.binance.exchange_info import parse_exchange_info, parse_quote_volumes
from producers.binance.numbers import plain_e8, to_e8
from producers.binance.parse import (
    UNKNOWN_MS,
    ShutdownNotice,
    parse_agg_trade_row,
    parse_agg_trades,
    parse_error_code,
    parse_frame,
    parse_klines,
    parse_server_ms,
)
from schemas.errors import PoisonMessage
from schemas.market import NO_TRADE_ID, Candle, Trade
from schemas.timeframe import Interval

DATA = Path(__file__).parents[2] / "data"
AGG_TRADE = (
    b'{"stream":"bnbbtc@aggTrade","data":{"e":"aggTrade","E":1672515782136,"s":"BNBBTC",'
    b'"a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782135,"m":true,"M":true}}'
)
KLINE = {
    "e": "kline",
    "E": 1672515780042,
    "s": "BNBBTC",
    "k": {
        "t": 1672515720000,
        "T": 1672515779999,
        "s": "BNBBTC",
        "i": "1m",
        "f": 100,
        "L": 200,
        "o": "0.0010",
        "c": "0.0020",
        "h": "0.0025",
        "l": "0.0005",
        "v": "1000",
        "n": 101,
        "x": True,
        "q": "1.00000001",
        "V": "500",
        "Q": "0.50000000",
        "B": "0",
    },
}


def recorded_frames() -> list[bytes]:
    lines = gzip.decompress((DATA / "combined_20210404.gz").read_bytes()).splitlines()
    return [line.partition(b": ")[2] for line in lines]


def test_documented_trade_frame_is_read() -> None:
    frame = parse_frame(AGG_TRADE)

    assert frame.sent_ms == 1672515782136
    assert frame.value == Trade(
        "BNBBTC", 12345, 100_000, 100 * 10**8, 100, 105, 1672515782135, taker_sold=True
    )


def test_single_trade_is_an_aggregate_of_one_fill() -> None:
    frame = parse_frame(
        b'{"e":"trade","E":1672515782136,"s":"BNBBTC","t":7,"p":"0.001","q":"100",'
        b'"T":1672515782135,"m":false,"M":true}'
    )

    expected = Trade("BNBBTC", 7, 100_000, 100 * 10**8, 7, 7, 1672515782135, taker_sold=False)
    assert frame.value == expected


def test_recorded_trades_are_read_without_a_break() -> None:
    values = [parse_frame(raw).value for raw in recorded_frames()]
    trades = sorted((v for v in values if isinstance(v, Trade)), key=lambda t: t.symbol)

    assert len(trades) > 1_000
    for _, one_symbol in groupby(trades, key=lambda t: t.symbol):
        for before, after in pairwise(one_symbol):
            assert after.agg_id == before.agg_id + 1
            assert after.first_trade_id == before.last_trade_id + 1


def test_void_record_keeps_its_place_and_has_no_fills() -> None:
    row = b"5,0.0,0.0,-1,-1,1672515782136,False,True"

    trade = parse_agg_trade_row(row, "BTCUSDT")

    assert (trade.agg_id, trade.first_trade_id, trade.fills) == (5, NO_TRADE_ID, 0)


@pytest.mark.parametrize(
    ("row", "event_ms"),
    [
        (b"5,1.5,2,10,11,1672515782136,True,True\n", 1672515782136),
        (b"5,1.5,2,10,11,1672515782136789,True,True\r\n", 1672515782136),
        (b"5,1.5,2,10,11,1672515782136,true", 1672515782136),
    ],
)
def test_archive_rows_are_read_in_milliseconds_and_microseconds(row: bytes, event_ms: int) -> None:
    expected = Trade("BTCUSDT", 5, 150_000_000, 2 * 10**8, 10, 11, event_ms, taker_sold=True)

    assert parse_agg_trade_row(row, "BTCUSDT") == expected


def test_closed_candle_frame_becomes_an_official_candle() -> None:
    frame = parse_frame(orjson.dumps({"stream": "bnbbtc@kline_1m", "data": KLINE}))

    candle = frame.value
    assert isinstance(candle, Candle)
    assert (candle.open_ms, candle.close_ms) == (1672515720000, 1672515780000)
    assert (candle.first_trade_id, candle.last_trade_id) == (100, 200)
    assert (candle.open_e8, candle.close_e8, candle.quote_volume_e8) == (
        100_000,
        200_000,
        10**8 + 1,
    )
    assert (candle.status, candle.source, candle.revision) == ("official", "stream", 1)
    assert candle.price_variation_e16 is None


def test_open_candle_tells_only_of_its_newest_trade() -> None:
    frame = parse_frame(orjson.dumps(KLINE | {"k": KLINE["k"] | {"x": False}}))  # type: ignore[operator]

    assert (frame.value, frame.symbol, frame.trade_ids_to) == (None, "BNBBTC", 200)


def test_shutdown_notice_is_understood() -> None:
    raw = b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'

    assert isinstance(parse_frame(raw).value, ShutdownNotice)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"result":null,"id":1}',
        b'{"u":400900217,"s":"BNBUSDT","b":"25.3","B":"31.2","a":"25.4","A":"40.6"}',
        b'{"stream":"x","data":{"e":"foo","E":1672515782136}}',
    ],
)
def test_other_frames_are_passed_over_and_tell_no_time(raw: bytes) -> None:
    frame = parse_frame(raw)

    assert (frame.value, frame.sent_ms) == (None, UNKNOWN_MS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"a":12345', b'"a":"12345"'),
        (b'"a":12345', b'"a":-5'),
        (b'"a":12345', b'"a":123451234512345123451'),
        (b'"a":12345', b'"a":true'),
        (b'"p":"0.001"', b'"p":0.001'),
        (b'"p":"0.001"', b'"p":"1e-3"'),
        (b'"p":"0.001"', b'"p":"-0.001"'),
        (b'"p":"0.001"', b'"p":"0.000000001"'),
        (b'"q":"100"', b'"q":"NaN"'),
        (b'"f":100', b'"f":106'),
        (b'"f":100,', b""),
        (b'"T":1672515782135', b'"T":-1'),
        (b'"m":true', b'"m":1'),
        (b'"s":"BNBBTC"', b'"s":5'),
        (b"}}", b"}"),
        (b'"p":"0.001"', b'"p":"0.000"'),
        (b'"q":"100"', b'"q":"0"'),
        (b'"T":1672515782135', b'"T":7258118400000'),
        (b'"E":1672515782136', b'"E":7258118400000'),
        (b'"E":1672515782136', b'"E":-1'),
        (b'"s":"BNBBTC"', b'"s":"<b>"'),
    ],
)
def test_frame_with_one_wrong_field_is_poison_and_keeps_its_bytes(
    before: bytes, after: bytes
) -> None:
    raw = AGG_TRADE.replace(before, after)

    with pytest.raises(PoisonMessage) as caught:
        parse_frame(raw)

    assert caught.value.raw == raw


@pytest.mark.parametrize(
    "wrong",
    [
        {"t": -1},
        {"t": 1672515720001},
        {"n": -1},
        {"n": 102},
        {"l": "0.0026"},
        {"h": "0.0010"},
        {"o": "0"},
        {"L": 99},
        {"x": 1},
    ],
)
@pytest.mark.parametrize("state", ["closed", "open"])
def test_candle_frame_that_cannot_be_true_is_poison_whether_closed_or_open(
    wrong: dict[str, object], state: str
) -> None:
    kline = KLINE["k"] | {"x": state == "closed"} | wrong  # type: ignore[operator]

    with pytest.raises(PoisonMessage):
        parse_frame(orjson.dumps(KLINE | {"k": kline}))


def test_rows_of_rest_that_cannot_be_used_are_told_and_the_others_are_read() -> None:
    good = orjson.loads(AGG_TRADE)["data"]
    told: list[PoisonMessage] = []

    found = parse_agg_trades(
        orjson.dumps([good, good | {"a": 12346, "p": "0"}, good | {"a": 12347}]),
        "BNBBTC",
        told.append,
    )

    assert [trade.agg_id for trade in found] == [12345, 12347]
    assert [orjson.loads(one.raw)["a"] for one in told] == [12346]
    with pytest.raises(PoisonMessage):
        parse_agg_trades(b'{"code":-1}', "BNBBTC", told.append)


@given(st.binary() | st.text().map(str.encode) | st.from_regex(rb'[{}\[\],:"a-z0-9.-]*'))
def test_arbitrary_bytes_are_read_or_poison(raw: bytes) -> None:
    for read in (
        parse_frame,
        lambda data: parse_agg_trades(data, "BTCUSDT"),
        lambda data: parse_klines(data, "BTCUSDT", Interval.ONE_MINUTE),
        lambda data: parse_agg_trade_row(data, "BTCUSDT"),
        parse_exchange_info,
        parse_quote_volumes,
        parse_server_ms,
        parse_error_code,
    ):
        with suppress(PoisonMessage):
            read(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("eEsapqflTmkdata"), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["aggTrade", "trade", "kline", "serverShutdown"]), st.data())
def test_frames_with_arbitrary_fields_are_read_or_poison(
    value: object, kind: str, data: st.DataObject
) -> None:
    fields = orjson.loads(AGG_TRADE)["data"] | {"e": kind, "k": KLINE["k"], "t": 5}
    fields[data.draw(st.sampled_from(sorted(fields)))] = value

    with suppress(PoisonMessage, orjson.JSONEncodeError):
        parse_frame(orjson.dumps(fields))


@given(st.integers(0, 10**30 - 1))
def test_decimals_are_exact(units: int) -> None:
    assert to_e8(f"{units // 10**8}.{units % 10**8:08}") == units
    assert to_e8(f"{units}") == units * 10**8


DECIMALS = st.one_of(
    st.integers(0, 10**32).map(lambda units: f"{units // 10**8}.{units % 10**8:08}"),
    st.text(alphabet="0123456789.,-+ _e\u0661", max_size=24),
    st.sampled_from(["", ".12345678", "1.2.34567890", "1,0.12345678", "0" * 33 + ".00000000"]),
    st.sampled_from([1, 1.5, None, b"1.00000000", ["1.00000000"]]),
)


@given(st.lists(st.integers(0, 10**30), min_size=1, max_size=5), st.lists(DECIMALS, max_size=3))
def test_decimals_in_one_go_are_read_as_each_alone_or_not_at_all(
    units: list[int], others: list[str]
) -> None:
    texts = [f"{one // 10**8}.{one % 10**8:08}" for one in units]
    assert plain_e8(texts) == units

    found = plain_e8([*texts, *others])
    assert found is None or found == [to_e8(text) for text in (*texts, *others)]


def test_zeros_beyond_the_eighth_decimal_are_no_loss() -> None:
    assert to_e8("1.2300000000000") == 123_000_000


def test_answers_of_rest_are_read() -> None:
    row = [1672515720000, "1", "2", "0.5", "1.5", "9", 1672515779999, "12", 3, "4", "5", "0"]
    trade = orjson.loads(AGG_TRADE)["data"]

    candle, open_one = parse_klines(orjson.dumps([row, row]), "BNBBTC", Interval.ONE_MINUTE)
    assert (candle.source, candle.first_trade_id) == ("rest", NO_TRADE_ID)
    assert candle == open_one
    assert parse_agg_trades(orjson.dumps([trade]), "BNBBTC") == [parse_frame(AGG_TRADE).value]
    assert parse_error_code(b'{"code":-1121,"msg":"Invalid symbol."}') == -1121
    assert parse_server_ms(b'{"serverTime":1672515782136}') == 1672515782136
