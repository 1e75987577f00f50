"""One strange record or one pause ends nothing: five events that once stopped every symbol."""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Producer

from schemas import codecs, topics
from schemas.market import Candle, TradeBlock, empty_block
from tests.support.builders import MINUTE_MS, a_block, a_candle, a_trade
from tests.support.stack import Stack, eventually, frozen, running_stack

SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOTUSDT")
TWO_HOURS_MS = 120 * MINUTE_MS
PAUSE_S = 8.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def producer_of(stack: Stack) -> Producer:
    return Producer(
        {
            "bootstrap.servers": stack.bootstrap,
            "partitioner": "murmur2_random",
            "message.max.bytes": 20_000_000,
            "log_level": 0,
        }
    )


def say(stack: Stack, topic: topics.Topic, key: str, *values: bytes) -> None:
    producer = producer_of(stack)
    for value in values:
        producer.produce(topic.name, value, key)
    assert producer.flush(30) == 0


def next_agg_id(stack: Stack, symbol: str) -> int:
    query = "SELECT max(agg_id) + 1 FROM trades WHERE symbol = {symbol:String}"
    return int(str(stack.rows(query, symbol=symbol)[0][0]))


def a_frame_of_an_unknown_kind_tells_of_two_hours_later(stack: Stack) -> None:
    fault = {"kind": "ahead", "what": "unknown", "by": TWO_HOURS_MS, "count": 1}
    stack.admin("POST", "faults", fault)


def trades_and_ids_come_from_the_future(stack: Stack, symbol: str) -> None:
    """A trade two hours ahead; blocks, full and empty, that jump a million ids, or to the end."""
    agg_id = next_agg_id(stack, symbol)
    ahead = a_trade(agg_id, symbol=symbol, event_ms=now_ms() + TWO_HOURS_MS)
    honest = replace(a_block([ahead]), received_ms=now_ms())
    far = a_trade(agg_id + 1_000_000, symbol=symbol, event_ms=now_ms())
    jumps: list[TradeBlock] = [
        honest,
        replace(a_block([far]), received_ms=now_ms()),
        empty_block(
            symbol,
            next_agg_id=agg_id + 2_000_000,
            next_trade_id=1,
            received_ms=now_ms(),
            watermark_ms=now_ms(),
        ),
        replace(honest, first_agg_id=2**63 - 1, event_ms=np.array([now_ms()])),
    ]
    for block in jumps:
        say(stack, topics.TRADES, symbol, codecs._frame(block))


def records_come_that_are_too_large_or_of_no_contract(stack: Stack) -> None:
    say(stack, topics.TRADES, "XRPUSDT", b"\x05" + os.urandom(1_020_000))
    say(stack, topics.CANDLES, "XRPUSDT", b"\0\0\0\0\1abc")


def an_open_candle_has_an_absurd_time(stack: Stack) -> None:
    evil = replace(a_candle(), symbol="EVILUSDT", status="open", revision=0)
    absurd: list[Candle] = [
        replace(evil, event_ms=2**63 - 1),
        replace(
            evil, open_ms=4_070_908_800_000, close_ms=4_070_908_860_000, event_ms=4_070_908_800_001
        ),
    ]
    say(stack, topics.CANDLES_LIVE, "EVILUSDT", *(codecs._frame(candle) for candle in absurd))


@pytest.mark.timeout(600)
def test_nothing_strange_stops_or_falsifies_a_symbol(tmp_path: Path) -> None:
    with running_stack(tmp_path, symbols=SYMBOLS) as stack:
        eventually(stack.predicts, stack.logs)
        eventually(stack.is_healthy, lambda: stack.get("/healthcheck").text)

        a_frame_of_an_unknown_kind_tells_of_two_hours_later(stack)
        trades_and_ids_come_from_the_future(stack, "DOTUSDT")
        records_come_that_are_too_large_or_of_no_contract(stack)
        an_open_candle_has_an_absurd_time(stack)
        with frozen(stack.pid("kafka")):
            began_s = time.monotonic()
            eventually(lambda: not stack.is_healthy(), within_s=60)
            eventually(lambda: time.monotonic() - began_s >= PAUSE_S)
        until_ms = (now_ms() // MINUTE_MS + 1) * MINUTE_MS
        stack.wait_for_candles(until_ms=until_ms)

        eventually(
            lambda: not stack.wrong_candles(until_ms=until_ms),
            lambda: stack.wrong_candles(until_ms=until_ms),
        )
        eventually(stack.predicts, stack.logs)
        eventually(stack.is_healthy, lambda: stack.get("/healthcheck").text)
        assert stack.rows("SELECT count() FROM candles WHERE open_time > now() + 60") == [(0,)]
        letters = stack("dead-letters", "list", "--json").stdout
        assert "after the record was received" in letters
        assert "no known contract" in letters
        assert stack.traces() == []
