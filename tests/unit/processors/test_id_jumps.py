"""Blocks that are not believed: one record ends no symbol, and a state that is wrong heals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.candles.id_jumps import ENOUGH, Doubts
from processors.candles.state_record import dump_record, load_record
from schemas.market import TradeBlock
from tests.support.builders import (
    MINUTE_MS,
    START_MS,
    a_block,
    a_trade,
    trades_at,
)
from tests.support.reducer import Candles, Reducer, heartbeat

FAR_ID = 1_000_000
HOURS_MS = 2 * 60 * MINUTE_MS
Strange = Callable[[TradeBlock, int], TradeBlock]


def trades_of_minutes(minutes: int, *, from_ms: int = START_MS, first_agg_id: int = 1) -> list[Any]:
    """Blocks of three trades, each twenty seconds after the other."""
    times = range(from_ms, from_ms + minutes * MINUTE_MS, 20_000)
    trades = trades_at(*times, first_agg_id=first_agg_id)
    return [a_block(trades[i : i + 1]) for i in range(len(trades))]


def told(candles: Candles) -> Candles:
    return {key: replace(candle, revision=0) for key, candle in candles.items()}


@st.composite
def live_blocks(draw: st.DrawFn) -> list[TradeBlock]:
    """Blocks of a live symbol in order, sometimes with a gap before one."""
    blocks, agg_id, event_ms = [a_block(trades_at(START_MS))], 2, START_MS
    for size, skipped, wait_ms in draw(
        st.lists(
            st.tuples(st.integers(0, 5), st.sampled_from([0, 0, 0, 7]), st.integers(1_500, 70_000)),
            max_size=12,
        )
    ):
        agg_id += skipped
        event_ms += wait_ms
        if size and skipped:  # what comes after a gap is continued
            blocks.append(a_block(trades_at(event_ms, first_agg_id=agg_id)))
            agg_id, event_ms = agg_id + 1, event_ms + 10
        if size:
            times = [event_ms + i for i in range(size)]
            blocks.append(a_block(trades_at(*times, first_agg_id=agg_id)))
        else:
            agg_id -= skipped
            blocks.append(heartbeat(agg_id, event_ms))
        agg_id += size
    return blocks


@st.composite
def strange_blocks(draw: st.DrawFn) -> Strange:
    """A block of far ids and of any time that one received with the true ones may have."""
    size = draw(st.integers(0, 3))
    shift_ms = draw(st.integers(-HOURS_MS, 9_000))

    def strange(true: TradeBlock, agg_id: int) -> TradeBlock:
        at_ms = true.watermark_ms + shift_ms
        if not size:
            return replace(heartbeat(agg_id, at_ms), received_ms=true.received_ms)
        times = [at_ms] * size
        block = a_block(trades_at(*times, first_agg_id=agg_id))
        return replace(block, received_ms=true.received_ms)

    return strange


strangers_among = st.lists(
    st.tuples(st.integers(1, 2**40), st.integers(1, 12), strange_blocks(), st.integers(1, 2)),
    max_size=6,
    unique_by=lambda stranger: stranger[0],
)


@settings(max_examples=60)
@given(live_blocks(), strangers_among)
def test_records_of_far_ids_change_no_candle_and_become_dead_letters(
    blocks: list[TradeBlock], strangers: list[tuple[int, int, Strange, int]]
) -> None:
    last = blocks[-1]
    finish = [
        heartbeat(last.next_agg_id, last.watermark_ms + 17 * MINUTE_MS),
        heartbeat(last.next_agg_id, last.watermark_ms + 18 * MINUTE_MS),
    ]
    mixed: list[tuple[TradeBlock, bool]] = []
    for i, block in enumerate(blocks):
        mixed.append((block, True))
        for far, at, strange, times in strangers:
            if at == i + 1:
                mixed += [(strange(block, far * FAR_ID), False)] * times

    clean, poisoned = Reducer().take_all([*blocks, *finish]), Reducer()
    poisoned.take_all([block for block, _ in mixed] + finish)

    assert poisoned.candles() == clean.candles()
    wanted = {block.first_agg_id for block, true in mixed if not true}
    assert {block.first_agg_id for block in poisoned.refused} == wanted
    assert clean.refused == []


def test_a_jump_that_the_next_block_continues_is_a_gap_also_across_a_restart() -> None:
    reducer = Reducer().take_all(
        [a_block(trades_at(START_MS)), a_block(trades_at(START_MS + MINUTE_MS, first_agg_id=50))]
    )
    held = reducer.record
    assert held is not None
    assert (held.state.next_agg_id, len(held.doubts.held)) == (2, 1)

    reducer.take(a_block(trades_at(START_MS + 2 * MINUTE_MS, first_agg_id=51)))

    assert [c.status for c in reducer.candles().values()] == ["gapped", "gapped"]
    assert reducer.refused == []


def test_a_block_between_two_gaps_is_believed_with_the_jump_behind_it() -> None:
    trades = trades_at(*(START_MS + i * 10_000 for i in range(20)))
    between = trades[9:12]
    order = [trades[:3], between, trades[15:16], trades[16:], trades[3:9], trades[12:15]]

    mended = Reducer().take_all([a_block(part) for part in order])
    whole = Reducer().take_all([a_block(trades)])

    assert mended.refused == []
    assert {(k, c.volume_e8, c.status) for k, c in mended.candles().items()} == {
        (k, c.volume_e8, c.status) for k, c in whole.candles().items()
    }


def test_blocks_that_all_jump_are_believed_once_some_of_them_are_in_order() -> None:
    trades = trades_at(*(START_MS + i * 10_000 for i in range(20)))
    jumping = [trades[i : i + 1] for i in range(2, 20, 2)]
    late = [trades[i : i + 1] for i in range(1, 20, 2)]

    mended = Reducer().take_all([a_block(part) for part in (trades[:1], *jumping, *late)])
    whole = Reducer().take_all([a_block(trades)])

    assert mended.refused == []
    assert {(k, c.volume_e8, c.status) for k, c in mended.candles().items()} == {
        (k, c.volume_e8, c.status) for k, c in whole.candles().items()
    }


def test_a_held_block_that_is_read_again_neither_confirms_itself_nor_is_refused() -> None:
    before = a_block(trades_at(START_MS, START_MS + 2_000))
    jump = a_block(trades_at(START_MS + 30_000, first_agg_id=FAR_ID))
    reducer = Reducer().take_all([before, jump])

    reducer.take(before, offset=0)
    reducer.take(jump, offset=1)

    assert reducer.refused == []
    assert reducer.record is not None
    assert reducer.record.state.next_agg_id == 3


def test_a_gap_that_is_filled_late_does_not_refuse_the_block_behind_it() -> None:
    trades = trades_at(*(START_MS + i * 10_000 for i in range(20)))
    order = [trades[:3], trades[9:12], trades[3:6], trades[6:9], trades[12:]]

    mended = Reducer().take_all([a_block(part) for part in order])
    whole = Reducer().take_all([a_block(trades)])

    assert mended.refused == []
    assert {(k, c.volume_e8, c.status) for k, c in mended.candles().items()} == {
        (k, c.volume_e8, c.status) for k, c in whole.candles().items()
    }


def test_quiet_minutes_inside_a_gap_get_a_higher_revision_with_each_part_of_it() -> None:
    trades = trades_at(*(START_MS + i * MINUTE_MS for i in (0, 1, 2, 8, 9)))
    order = [trades[:1], trades[3:4], trades[4:], trades[1:2], trades[2:3]]

    reducer = Reducer().take_all([a_block(part) for part in order])

    told = {((c.interval, c.open_ms), c.revision): c for c in reducer.closed}
    assert len(told) == len(reducer.closed)


@pytest.mark.parametrize(
    "spoilers",
    [
        [a_block(trades_at(START_MS + 10_000, first_agg_id=FAR_ID))],
        [heartbeat(2**61, START_MS + 10_000)],
        [a_block(trades_at(START_MS + HOURS_MS, first_agg_id=4))],
        [a_block(trades_at(START_MS + HOURS_MS, first_agg_id=FAR_ID))],
        [heartbeat(4, START_MS + HOURS_MS)],
        [
            a_block(trades_at(START_MS + HOURS_MS // 2, first_agg_id=4)),
            a_block(trades_at(START_MS + HOURS_MS, first_agg_id=5)),
        ],
    ],
    ids=["far id", "far id and empty", "far time", "both", "far watermark", "twice"],
)
def test_a_state_that_a_record_has_spoilt_heals_and_its_candles_are_sent_again(
    spoilers: list[TradeBlock],
) -> None:
    blocks = trades_of_minutes(20)
    truth = Reducer().take_all(blocks).candles()
    reducer = Reducer().take_all(blocks[:3])
    for spoiler in spoilers:
        reducer.spoil(spoiler)

    reducer.take_all(blocks[3:])

    healed = {key for key in truth if key[2] > START_MS + 2 * MINUTE_MS}
    ours = reducer.candles()
    assert {k: told(truth)[k] for k in healed} == {k: told(ours)[k] for k in healed}
    assert {c.status for c in ours.values() if c.open_ms in (START_MS, START_MS + MINUTE_MS)} <= {
        "gapped",
        "complete",
    }
    assert reducer.record is not None
    assert reducer.record.doubts == Doubts()


def test_blocks_that_are_sent_again_do_not_make_a_state_start_over() -> None:
    blocks = trades_of_minutes(6)
    reducer = Reducer().take_all(blocks)
    before = reducer.record

    reducer.take_all(blocks[: ENOUGH + 3])

    assert before is not None
    assert reducer.record is not None
    assert reducer.record.state == before.state


def test_a_block_that_the_reducer_cannot_take_is_refused_and_the_next_is_taken() -> None:
    blocks = trades_of_minutes(4)
    broken = replace(blocks[3], fills=np.array([2**31 - 1], np.int32), first_trade_id=2**62)
    ids = replace(blocks[3], first_trade_id=1)  # two trades of one id: no candle can hold them
    reducer = Reducer().take_all([*blocks[:3], ids, broken, *blocks[4:]])

    assert reducer.refused[0] is ids
    assert reducer.record is not None
    assert reducer.record.state.next_agg_id == blocks[-1].next_agg_id


def test_a_state_that_fails_with_every_block_is_begun_again() -> None:
    blocks = trades_of_minutes(6)
    reducer = Reducer().take_all(blocks[:3])
    assert reducer.record is not None
    state = reducer.record.state
    broken = {i: replace(b, piece=replace(b.piece, high_e8=0)) for i, b in state.current.items()}
    reducer.record = replace(reducer.record, state=replace(state, current=broken))

    reducer.take_all(blocks[3:])

    assert reducer.record.state.next_agg_id == blocks[-1].next_agg_id
    assert len(reducer.refused) == ENOUGH - 1


def test_a_watermark_that_runs_ahead_does_not_send_a_candle_with_each_block() -> None:
    blocks = []
    for i in range(400):
        at_ms = START_MS + 50_000 + i * 25
        block = a_block([a_trade(1 + i, event_ms=at_ms)], watermark_ms=at_ms + 9_900)
        blocks.append(replace(block, received_ms=at_ms))
    later = a_block(trades_at(START_MS + MINUTE_MS + 5_000, first_agg_id=401))

    reducer = Reducer().take_all([*blocks, later])

    minute = [c for c in reducer.closed if c.interval == "1m" and c.open_ms == START_MS]
    assert len(minute) < 20
    assert minute[-1].trade_count == 400


def test_trades_of_a_minute_that_was_told_as_quiet_are_in_its_candle_in_the_end() -> None:
    times = [START_MS, START_MS + MINUTE_MS, START_MS + 2 * MINUTE_MS]
    early = a_block(trades_at(START_MS + 5 * MINUTE_MS, first_agg_id=4))
    reducer = Reducer().take_all([a_block(trades_at(*times))])
    reducer.spoil(early)
    late = a_block(trades_at(START_MS + 3 * MINUTE_MS, first_agg_id=5))
    reducer.spoil(late)

    told_ms = START_MS + 3 * MINUTE_MS
    (candle,) = [c for c in reducer.candles().values() if c.open_ms == told_ms]
    assert (candle.status, candle.trade_count) == ("complete", 1)


def test_trades_that_are_too_late_for_any_candle_make_the_one_in_progress_unproven() -> None:
    times = [START_MS + i * MINUTE_MS for i in range(4)]
    late = a_block(trades_at(START_MS, first_agg_id=5))

    reducer = Reducer().take_all([a_block(trades_at(*times))])
    reducer.spoil(late)
    reducer.take(a_block(trades_at(START_MS + 4 * MINUTE_MS, first_agg_id=6)))

    (candle,) = [c for c in reducer.candles().values() if c.open_ms == times[-1]]
    assert candle.status == "gapped"


def test_a_record_of_the_version_before_is_read() -> None:
    reducer = Reducer().take_all(trades_of_minutes(2))
    assert reducer.record is not None
    version, offset, state, outbox, _doubts = orjson.loads(dump_record(reducer.record))
    old = orjson.dumps([version - 1, offset, state[:7], outbox])

    found = load_record(old)

    assert found.offset == reducer.record.offset
    assert found.state.current == reducer.record.state.current
    assert found.doubts == Doubts()
