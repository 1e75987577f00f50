"""The candle worker's order of work, over a table and an outlet in memory."""

import asyncio
from dataclasses import replace

import pytest

from processors.candles.state import MADE, CandleRules
from processors.candles.state_record import load_record
from processors.candles.worker import CandleWorker
from schemas import codecs, topics
from schemas.market import Candle, TradeBlock
from schemas.timeframe import DAY_MS, Interval
from tests.support.builders import MINUTE_MS, START_MS, a_block, trades_at
from tests.support.candle_stage import RULES, Stage, a_message

SECONDS = CandleRules(intervals=(Interval.ONE_SECOND, *MADE))
UNKNOWN_SCHEMA = b"\0\0\0\0\1"


def blocks(count: int) -> list[TradeBlock]:
    times = (START_MS + i * MINUTE_MS for i in range(count))
    return [a_block(trades_at(ms, first_agg_id=i + 1)) for i, ms in enumerate(times)]


def test_a_record_of_a_newer_version_stops_its_partition_and_no_other() -> None:
    first, second, third = blocks(3)
    newer = replace(
        a_message(second, 1), value=UNKNOWN_SCHEMA, headers={"contract": b"trade_block.v99"}
    )
    other = replace(second, symbol="ETHUSDT")
    stage = Stage().take(
        a_message(first, 0), newer, a_message(third, 2), a_message(other, 0, partition=1)
    )

    assert stage.reader.stopped == [(topics.TRADES.name, 0, 1)]
    assert stage.outlet.letters_sent == []
    assert set(stage.table) == {b"BTCUSDT", b"ETHUSDT"}
    assert stage.worker.taken == {0: 1, 1: 0}


def test_a_later_era_is_not_believed_by_a_state_that_has_not_read_what_came_before() -> None:
    first, second, third = blocks(3)
    begun = replace(third, era=1, first_agg_id=0)
    again: list[tuple[int, int]] = []

    async def seek(partition: int, offset: int) -> None:
        again.append((partition, offset))

    before = Stage().take(a_message(first, 0))
    behind = Stage(before.table)
    behind.worker = CandleWorker(
        behind.table, behind.outlet, RULES, seek, behind.standing, partitions=1
    )
    behind.take(a_message(begun, 7))
    assert again == [(0, 1)]

    behind.take(a_message(second, 1), a_message(begun, 2))
    record = load_record(behind.table[b"BTCUSDT"])
    assert [kept.block.era for kept in record.doubts.held] == [1]
    assert record.state.era == 0


def test_a_symbol_that_is_added_later_is_believed_where_the_states_of_others_are_known() -> None:
    first, second = blocks(2)
    added = replace(second, symbol="SOLUSDT", first_agg_id=7_000)
    before = Stage().take(a_message(first, 0))

    # Its worker begins at the committed offset: nothing is to be read again.
    after = Stage(before.table).begin().take(a_message(second, 1), a_message(added, 2))

    assert load_record(after.table[b"SOLUSDT"]).offset == 2


def test_a_symbol_that_comes_back_after_days_goes_on_where_the_others_are() -> None:
    first, second = blocks(2)
    others = [replace(later(second, days), symbol="ETHUSDT") for days in (2, 3)]
    before = Stage().take(a_message(first, 0), a_message(others[0], 1))

    back = replace(later(second, days=3), first_agg_id=9_000)
    after = Stage(before.table).begin().take(a_message(others[1], 2), a_message(back, 3))

    assert load_record(after.table[b"BTCUSDT"]).offset == 3


def test_a_symbol_without_a_state_is_read_again_where_the_table_was_lost() -> None:
    stage = Stage().begin()
    sought: list[int] = []

    async def seek(_partition: int, offset: int) -> int:
        sought.append(offset)
        return 0

    stage.worker._read_again = seek
    stage.take(a_message(blocks(1)[0], 5_000))

    assert sought == [0]
    assert stage.table == {}


def later(block: TradeBlock, days: int) -> TradeBlock:
    by_ms = days * DAY_MS
    return replace(
        block,
        event_ms=block.event_ms + by_ms,
        received_ms=block.received_ms + by_ms,
        watermark_ms=block.watermark_ms + by_ms,
    )


def test_a_state_of_a_newer_version_stops_its_partition_and_is_left_as_it_is() -> None:
    newer = b"[99,0,[],[]]"
    stage = Stage({b"BTCUSDT": newer}).take(*(a_message(b, i) for i, b in enumerate(blocks(2))))
    asyncio.run(stage.worker.start_over())
    asyncio.run(stage.worker.send_live())

    assert stage.table == {b"BTCUSDT": newer}
    assert stage.reader.stopped == [(topics.TRADES.name, 0, 0)]


def test_what_cannot_be_read_is_buried_with_its_place_and_the_rest_goes_on() -> None:
    first, second = blocks(2)
    unknown = replace(a_message(first, 1), value=UNKNOWN_SCHEMA)
    strange = [
        unknown,
        replace(a_message(first, 2), key=None),
        replace(a_message(first, 3), key=b"\xff\xfe"),
        replace(a_message(first, 4), key=b"ETHUSDT"),
        replace(a_message(first, 5), value=None),
        replace(a_message(first, 6), value=b"\0" + b"x" * 40),
    ]
    stage = Stage().take(a_message(first, 0), *strange, a_message(second, 7))

    assert [letter.offset for letter in stage.outlet.letters_sent] == [1, 2, 3, 4, 5, 6]
    assert {letter.reader for letter in stage.outlet.letters_sent} == {topics.CANDLE_APP}
    assert stage.outlet.letters_sent[-1].key == b"BTCUSDT"
    assert len(stage.outlet.candles) == 1


def test_a_block_that_was_held_is_buried_with_its_own_place_after_a_restart() -> None:
    first, second, third = blocks(3)
    far = a_block(trades_at(START_MS + 30_000, first_agg_id=2**40))
    before = Stage().take(a_message(first, 0), a_message(far, 1))

    after = Stage(before.table)
    after.worker._healer.saw(0, 1)
    after.take(a_message(second, 2), a_message(third, 3))

    (letter,) = after.outlet.letters_sent
    assert (letter.topic, letter.partition, letter.offset) == (topics.TRADES.name, 0, 1)
    assert (letter.key, letter.headers) == (b"BTCUSDT", (("contract", b"trade_block.v2"),))
    assert len(after.outlet.candles) == 2


def test_blocks_that_take_long_leave_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the process takes itself to be frozen, and reads the same again after its restart."""
    monkeypatch.setattr("processors.candles.worker._ONE_GO_S", 0.0)
    stage, turns = Stage(), 0

    async def take() -> None:
        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await stage.worker.take([a_message(block, n) for n, block in enumerate(blocks(10))])
        counting.cancel()

    asyncio.run(take())

    assert turns >= 10
    assert len(stage.outlet.candles) == 9


def test_an_open_second_is_not_shown_and_a_closed_one_is_sent() -> None:
    times = START_MS - 1, START_MS, START_MS + 1_500
    stage = Stage(rules=SECONDS).take(a_message(a_block(trades_at(*times)), 0))
    closed, stage.outlet.candles = stage.outlet.candles, []
    asyncio.run(stage.worker.send_live())

    shown = [codecs.decode(Candle, raw).interval for raw in stage.outlet.candles]
    assert shown == ["1m", "15m"]
    sent = [codecs.decode(Candle, raw) for raw in closed]
    assert (START_MS, "complete") in [(c.open_ms, c.status) for c in sent if c.interval == "1s"]
