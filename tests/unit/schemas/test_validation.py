"""What may be sent and believed, record by record."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codecs
from schemas.coins import Coin, CoinDay
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.history import ArchiveFile, History, Hole
from schemas.market import NO_TRADE_ID, Candle, Gap, Trade, TradeBlock, empty_block
from schemas.predictions import ModelVersion, Prediction, TrainingRequest
from schemas.rules.market import AHEAD_MS
from schemas.validation import check_key, key_of, validate
from tests.support.builders import MINUTE_MS, START_MS, a_block, a_candle, a_trade, trades_at

FAR_MS = 4_102_444_800_000  # 2100
AN_HOUR_MS = 60 * MINUTE_MS


def refused(record: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        validate(record)


def a_prediction(**changes: Any) -> Prediction:
    made = Prediction(
        symbol="BTCUSDT",
        interval="15m",
        open_ms=START_MS,
        close_ms=START_MS + 15 * MINUTE_MS,
        issued_ms=START_MS + MINUTE_MS,
        minutes_to_close=14.0,
        model="online",
        version="1",
        status="ready",
        scored=True,
        champion=False,
        last_price_e8=10**10,
        price_e8=10**10,
        low_50_e8=10**10 - 1,
        high_50_e8=10**10 + 1,
        low_90_e8=10**10 - 2,
        high_90_e8=10**10 + 2,
        volatility_bp=3.5,
    )
    return replace(made, **changes)


def a_gap(**changes: Any) -> Gap:
    return replace(Gap("BTCUSDT", 5, 9, START_MS, -1, "found", START_MS, START_MS, "?"), **changes)


def a_hole(**changes: Any) -> Hole:
    close_ms = START_MS + MINUTE_MS
    made = Hole("BTCUSDT", "1m", START_MS, close_ms, "official", -1, -1, -1, -1, START_MS, "?")
    return replace(made, **changes)


def an_archive(**changes: Any) -> ArchiveFile:
    close_ms = START_MS + MINUTE_MS
    made = ArchiveFile(
        name="BTCUSDT-1m-2024-08.zip",
        symbol="BTCUSDT",
        interval="1m",
        source="archive-monthly",
        open_ms=START_MS,
        close_ms=close_ms,
        sha256="0" * 64,
        rows=1,
        state="used",
        changed_ms=START_MS,
        reason="",
    )
    return replace(made, **changes)


def a_history(**changes: Any) -> History:
    held = (START_MS, START_MS + MINUTE_MS)
    return replace(History("BTCUSDT", "1m", held, (), 0, 7, START_MS), **changes)


def a_day(**changes: Any) -> CoinDay:
    return replace(CoinDay("bitcoin", START_MS, 1, 1, 1, START_MS), **changes)


def a_version(**changes: Any) -> ModelVersion:
    return replace(ModelVersion("batch", "1", "BTCUSDT", "trained", START_MS, "?", "{}"), **changes)


def a_request(**changes: Any) -> TrainingRequest:
    made = TrainingRequest("BTCUSDT", "batch", START_MS, START_MS + 1, "ada", START_MS)
    return replace(made, **changes)


@pytest.mark.parametrize(
    "record",
    [
        a_trade(),
        a_trade(price_e8=0, quantity_e8=0, first_trade_id=-1, fills=1),
        a_block(trades_at(START_MS, START_MS + 1)),
        a_block([a_trade(price_e8=0, quantity_e8=0, first_trade_id=-1, fills=1)]),
        empty_block(
            "BTCUSDT", next_agg_id=1, next_trade_id=1, received_ms=START_MS, watermark_ms=0
        ),
        a_candle(),
        replace(a_candle(), symbol="币安人生USDT"),
        a_gap(),
        a_hole(),
        an_archive(),
        a_history(),
        a_day(),
        a_version(),
        a_version(symbol=""),
        a_request(),
        a_prediction(),
    ],
)
def test_a_usual_record_is_valid(record: Any) -> None:
    validate(record)


@pytest.mark.parametrize("symbol", ["", "A" * 65, "<img>", "A B", "A\x00", "e\u0301A", "\u212bA"])
@pytest.mark.parametrize(
    "record", [a_trade(), a_candle(), a_gap(), a_hole(), an_archive(), a_history(), a_prediction()]
)
def test_a_symbol_is_letters_and_digits_in_their_usual_form(record: Any, symbol: str) -> None:
    refused(replace(record, symbol=symbol))


@pytest.mark.parametrize("time_ms", [-1, 0, 1, FAR_MS, 2**63 - 1, -(2**63)])
def test_a_time_that_is_no_moment_of_a_market_is_refused(time_ms: int) -> None:
    for record, name in (
        (a_trade(), "event_ms"),
        (a_candle(), "event_ms"),
        (a_gap(), "changed_ms"),
        (a_hole(), "checked_ms"),
        (an_archive(), "changed_ms"),
        (a_history(), "changed_ms"),
        (a_day(), "at_ms"),
        (a_version(), "event_ms"),
        (a_request(), "requested_ms"),
        (a_prediction(), "issued_ms"),
    ):
        refused(replace(record, **{name: time_ms}))


@pytest.mark.parametrize(
    "changes",
    [
        {"agg_id": -1},
        {"agg_id": 2**63},
        {"price_e8": 0},
        {"price_e8": -1},
        {"price_e8": 2**63},
        {"quantity_e8": 0},
        {"first_trade_id": -(2**63)},
        {"last_trade_id": 0},
        {"last_trade_id": 2**32},
        {"first_trade_id": NO_TRADE_ID, "last_trade_id": NO_TRADE_ID},
    ],
)
def test_a_trade_has_a_price_an_amount_and_ids(changes: dict[str, int]) -> None:
    refused(replace(a_trade(7), **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"fills": np.zeros(1, np.int32)},
        {"price_e8": np.array([10**8, 0])},
        {"price_e8": np.array([10**8, -5])},
        {"quantity_e8": np.array([0, 10**8])},
        {"fills": np.array([1, -1], np.int32)},
        {"fills": np.array([1, 0], np.int32)},
        {"taker_sold": np.array([0, 2], np.uint8)},
        {"event_ms": np.array([0, START_MS])},
        {"event_ms": np.array([START_MS, 2**63 - 1])},
        {"first_agg_id": 2**63 - 1},
        {"first_agg_id": -1},
        {"first_trade_id": -(2**63)},
        {"watermark_ms": -5},
        {"received_ms": 0},
    ],
)
def test_a_block_in_which_one_row_is_no_trade_is_refused(changes: dict[str, Any]) -> None:
    refused(replace(a_block(trades_at(START_MS, START_MS + 1)), **changes))


@given(st.integers(0, 2 * AN_HOUR_MS))
def test_a_block_knows_nothing_of_a_time_well_after_it_was_received(ahead_ms: int) -> None:
    block = a_block(trades_at(START_MS, START_MS + 1))
    late = block.received_ms + ahead_ms
    times = np.array([START_MS, late])
    for told in (replace(block, watermark_ms=late), replace(block, event_ms=times)):
        if ahead_ms > AHEAD_MS:
            refused(told)
        else:
            validate(told)


@pytest.mark.parametrize(
    "changes",
    [
        {"interval": "7m"},
        {"open_ms": START_MS + 1, "close_ms": START_MS + 1 + MINUTE_MS},
        {"close_ms": START_MS + 2 * MINUTE_MS},
        {"low_e8": 10**12},
        {"high_e8": 1},
        {"open_e8": -1, "low_e8": -1},
        {"low_e8": 0},
        {"volume_e8": -1},
        {"quote_volume_e8": 10**38},
        {"trade_count": -1},
        {"trade_count": 5},
        {"trade_count": 3},  # it says complete, and lacks one of its ids
        {"last_trade_id": 14},
        {"last_trade_id": 9},
        {"first_trade_id": -(2**63)},
        {"price_variation_e16": -1},
        {"status": "<img src=x>"},
        {"status": ""},
        {"source": "rumour"},
        {"revision": -1},
        {"status": "open", "event_ms": START_MS + AN_HOUR_MS},
        {"status": "open", "event_ms": 2**63 - 1},
    ],
)
def test_a_candle_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    refused(replace(a_candle(), **changes))


@pytest.mark.parametrize(
    "record",
    [
        a_gap(first_agg_id=10),
        a_gap(state="lost"),
        a_gap(reason="x" * 200_000),
        a_hole(close_ms=START_MS),
        a_hole(kind="mystery"),
        an_archive(name=""),
        an_archive(sha256="f" * 63),
        an_archive(rows=-1),
        a_history(held=(START_MS,)),
        a_history(held=(START_MS + 1, START_MS)),
        a_history(absent=(0, START_MS)),
        a_history(partition=-1),
        a_day(coin_id="x" * 300),
        a_day(price_e8=-1),
        a_version(event="born"),
        a_request(model=""),
        a_request(until_ms=0),
        a_prediction(low_50_e8=10**10 + 1),
        a_prediction(volatility_bp=float("nan")),
        a_prediction(minutes_to_close=16.0),
        a_prediction(issued_ms=START_MS - 1),
        a_prediction(status="sure"),
        a_prediction(model=""),
    ],
)
def test_other_records_that_cannot_be_true_are_refused(record: Any) -> None:
    refused(record)


def test_what_is_refused_is_neither_sent_nor_believed() -> None:
    wrong = replace(a_candle(), low_e8=10**12)

    with pytest.raises(ValueError, match="low in 1e-8"):
        codecs.encode(wrong)
    with pytest.raises(PoisonMessage, match=r"candle\.v1 refused: low in 1e-8"):
        codecs.decode(Candle, codecs._frame(wrong))


@pytest.mark.parametrize(
    ("record", "key"),
    [
        (a_candle(), "BTCUSDT"),
        (a_history(), "BTCUSDT 1m"),
        (an_archive(), "BTCUSDT-1m-2024-08.zip"),
        (a_day(), "bitcoin"),
        (a_version(), f"batch/BTCUSDT/1/trained/{START_MS}"),
        (a_request(symbol=""), ""),
    ],
)
def test_a_message_has_the_key_of_its_record(record: Any, key: str) -> None:
    assert key_of(record) == key
    check_key(record, key.encode())
    for other in (None, b"ETHUSDT", b"\xff"):
        with pytest.raises(ValueError, match="key"):
            check_key(record, other)


def test_a_message_under_a_foreign_key_is_poison() -> None:
    message = codecs.message_of(a_candle())

    read = codecs.read(Candle, key=message.key, value=message.value, headers=message.headers)

    assert read == a_candle()
    for key in (None, b"ETHUSDT"):
        with pytest.raises(PoisonMessage, match="key"):
            codecs.read(Candle, key=key, value=message.value, headers=message.headers)


@pytest.mark.parametrize(
    ("name", "stops"),
    [
        (None, False),
        (b"candle.v1", False),
        (b"candle.v2", True),
        (b"candle.v0", False),
        (b"candle.v", False),
        (b"candle.v99999999999999999999", False),
        (b"carrot.v2", False),
        (b"\xff\xfe", False),
    ],
)
def test_only_a_known_contract_in_a_newer_version_stops_its_reader(
    name: bytes | None,
    stops: bool,  # noqa: FBT001 - the two columns of the table above
) -> None:
    headers = None if name is None else [(codecs.CONTRACT_HEADER, name)]

    with pytest.raises(ContractMismatch if stops else PoisonMessage):
        codecs.decode(Candle, b"\0\0\0\0\1abc", headers=headers)


def test_trade_ids_that_reach_beyond_any_id_are_refused_without_an_overflow() -> None:
    fills = np.full(2, 2**31 - 1, np.int32)
    block = replace(a_block(trades_at(START_MS, START_MS + 1)), fills=fills)

    refused(replace(block, first_trade_id=2**62 + 1))
    validate(block)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_poison_for_every_type_of_record(raw: bytes) -> None:
    for record in (Trade, TradeBlock, Candle, Gap, Coin, Prediction):
        if record is not Trade:
            with pytest.raises(PoisonMessage):
                codecs.decode(record, raw)
