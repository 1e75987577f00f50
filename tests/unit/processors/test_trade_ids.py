"""`complete` rests on trade ids: each between first and last once, whatever aggregates say."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.candles.fold import CandleFold
from processors.candles.reducer import Step, fold
from processors.candles.state import Building, CandleRules, CandleState, dump_state, load_state
from processors.candles.state_record import CandleRecord, dump_record, load_record
from schemas.market import Candle, Trade, TradeBlock, empty_block
from schemas.timeframe import DAY_MS, Interval
from tests.support.builders import MINUTE_MS, START_MS, a_block, a_trade, newest_revisions
from tests.unit.processors.test_id_jumps import Reducer

RULES = CandleRules()


def trades_of(count: int, *, step_ms: int = 20_000, fills: int = 2) -> list[Trade]:
    return [
        a_trade(
            100 + n, event_ms=START_MS + n * step_ms, first_trade_id=5000 + n * fills, fills=fills
        )
        for n in range(count)
    ]


def quiet(trade: Trade) -> TradeBlock:
    later_ms = trade.event_ms + 16 * MINUTE_MS
    return empty_block(
        "BTCUSDT",
        next_agg_id=trade.agg_id + 1,
        next_trade_id=trade.last_trade_id + 1,
        received_ms=later_ms,
        watermark_ms=later_ms,
    )


def steps_of(blocks: list[TradeBlock], state: CandleState | None = None) -> list[Step]:
    steps = []
    for block in blocks:
        steps.append(fold(state, block, RULES))
        state = steps[-1].state
    return steps


def minutes_of(steps: list[Step]) -> dict[int, Candle]:
    newest = newest_revisions(candle for step in steps for candle in step.closed)
    return {c.open_ms: c for c in newest.values() if c.interval == "1m"}


def shifted(trades: list[Trade], by: int) -> list[Trade]:
    return [
        replace(t, first_trade_id=t.first_trade_id + by, last_trade_id=t.last_trade_id + by)
        for t in trades
    ]


def test_trade_ids_that_jump_leave_both_neighbours_unproven_and_the_next_is_complete() -> None:
    trades = trades_of(12)
    steps = steps_of([a_block(trades[:6]), a_block(shifted(trades[6:], 3)), quiet(trades[-1])])

    assert [c.status for c in minutes_of(steps).values()][1:5] == [
        "gapped",
        "gapped",
        "complete",
        "quiet",
    ]
    (clash,) = steps[1].clashes
    assert (clash.agg_id, clash.trade_id, clash.due_id, clash.left_out) == (106, 5015, 5012, 0)


def test_quiet_minutes_before_trade_ids_that_jump_are_sent_again_as_unproven() -> None:
    trades = trades_of(4)
    later = [replace(t, event_ms=t.event_ms + 10 * MINUTE_MS) for t in trades[3:]]
    between = replace(quiet(trades[2]), watermark_ms=START_MS + 5 * MINUTE_MS)

    steps = steps_of([a_block(trades[:3]), between, a_block(shifted(later, 1))])

    assert minutes_of(steps[:2])[START_MS + 2 * MINUTE_MS].status == "quiet"
    assert minutes_of(steps)[START_MS + 2 * MINUTE_MS].status == "gapped"


def test_a_block_of_other_trades_under_known_ids_is_in_no_candle_and_told() -> None:
    trades = trades_of(6)
    steps = steps_of([a_block(trades), a_block(shifted(trades[4:], 50)), quiet(trades[-1])])

    assert steps[1].is_left_out
    second = minutes_of(steps)[START_MS + MINUTE_MS]
    assert (second.trade_count, second.status) == (6, "gapped")


def test_trades_that_come_again_under_new_aggregate_ids_are_counted_once() -> None:
    trades = trades_of(6)
    again = [replace(t, agg_id=t.agg_id + 3) for t in trades[3:]]
    steps = steps_of([a_block(trades), a_block(again), quiet(again[-1])])

    assert steps[1].clashes[0].left_out == 3
    second = minutes_of(steps)[START_MS + MINUTE_MS]
    assert (second.trade_count, second.status) == (6, "gapped")


def test_a_gap_is_repaired_only_by_the_trades_that_it_lacks() -> None:
    trades = trades_of(9)
    holed = steps_of([a_block(trades[:3]), a_block(trades[6:]), quiet(trades[-1])])
    state = holed[-1].state

    wrong = steps_of([a_block(shifted(trades[3:6], 2))], state)
    short = steps_of([a_block(trades[3:5]), a_block(shifted(trades[5:6], -1))], state)
    right = steps_of([a_block(trades[3:5]), a_block(trades[5:6])], state)

    middle_ms = START_MS + MINUTE_MS
    assert wrong[0].is_left_out
    assert wrong[0].state.missing == state.missing
    assert all(candle.status == "gapped" for step in short for candle in step.closed)
    assert minutes_of(right)[middle_ms].status == "complete"
    assert minutes_of(right)[middle_ms].trade_count == 6


@given(
    st.integers(2, 30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(1, 30), st.integers(-40, 40)), max_size=8),
    st.lists(st.integers(0, 30), max_size=6),
)
def test_a_complete_candle_holds_each_trade_between_its_first_and_last_once(
    count: int, strangers: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    """Among true blocks come some of the same aggregates whose trades have other ids."""
    trades = trades_of(count)
    bounds = sorted({0, count, *(cut for cut in cuts if cut < count)})
    blocks = [a_block(trades[a:b]) for a, b in pairwise(bounds)]
    for at, size, by in strangers:
        part = shifted(trades[at % count :][:size], by)
        blocks.insert(1 + at % len(blocks), a_block(part))

    steps = steps_of([*blocks, quiet(trades[-1])])

    for candle in (candle for step in steps for candle in step.closed):
        held = candle.last_trade_id - candle.first_trade_id + 1
        assert candle.status != "complete" or candle.trade_count == held


def test_blocks_whose_trades_all_came_before_are_dead_letters_until_the_state_is_to_blame() -> None:
    trades = trades_of(12)
    far = shifted(trades[3:4], 10**9)
    reducer = Reducer().take_all([a_block(trades[:3]), a_block(far)])

    reducer.take_all([a_block([trade]) for trade in trades[4:]])

    assert [block.first_agg_id for block in reducer.refused] == [104, 105]
    last = reducer.candles()["BTCUSDT", "1m", START_MS + 2 * MINUTE_MS]
    assert last.status == "gapped"
    assert reducer.record is not None
    assert reducer.record.state.next_trade_id == trades[-1].last_trade_id + 1


def test_only_the_aggregates_of_a_block_that_are_in_no_candle_are_refused() -> None:
    trades = trades_of(12)
    again = [replace(trade, agg_id=trade.agg_id + 1) for trade in trades[5:]]
    reducer = Reducer().take_all([a_block(trades[:6]), a_block(again)])

    assert [block.first_agg_id for block in reducer.refused] == [again[0].agg_id]
    assert reducer.left_out == [((again[0].agg_id, again[1].agg_id),)]


def test_a_block_of_which_nothing_is_in_a_candle_is_refused_as_a_whole() -> None:
    trades = trades_of(12)

    reducer = Reducer().take_all([a_block(trades[:3]), a_block(shifted(trades[3:4], -2))])

    assert reducer.left_out == [()]


@pytest.mark.parametrize("order", [1, -1])
def test_a_part_of_a_long_gap_sends_only_the_candles_around_it(order: int) -> None:
    trades = trades_of(600, step_ms=MINUTE_MS)
    parts = [a_block(trades[n : n + 9]) for n in range(1, 595, 9)][::order]

    steps = steps_of([a_block(trades[:1]), a_block(trades[595:]), *parts, quiet(trades[-1])])

    assert max(len(step.closed) for step in steps[2:-1]) < 20
    found = list(minutes_of(steps).values())[1:600]
    assert {(c.status, c.trade_count) for c in found} == {("complete", 2)}


def test_an_old_time_in_one_block_does_not_make_the_worker_look_through_all_years(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[int] = []
    sent_flat = CandleFold._sent_flat

    def looking(self: CandleFold, interval: Interval, open_ms: int) -> Building | None:
        looked.append(open_ms)
        return sent_flat(self, interval, open_ms)

    monkeypatch.setattr(CandleFold, "_sent_flat", looking)
    trades = trades_of(12)
    old = replace(shifted(trades[6:7], 1)[0], event_ms=START_MS - 10 * 365 * DAY_MS)

    steps = steps_of([a_block(trades[:6]), a_block([old])])

    assert len(steps[1].clashes) == 1
    assert len(looked) < 100


def test_an_old_time_in_a_part_of_a_gap_does_not_make_the_rest_of_it_longer() -> None:
    trades = trades_of(12)
    old = replace(trades[6], event_ms=START_MS - 10 * 365 * DAY_MS)

    state = steps_of([a_block(trades[:4]), a_block(trades[10:]), a_block([old])])[-1].state

    assert [m.after_ms for m in state.missing[-2:]] == [trades[3].event_ms] * 2


@pytest.mark.parametrize("count", [1, 4, 7])
def test_a_state_of_the_version_before_goes_on_with_the_trade_that_is_due(count: int) -> None:
    trades = trades_of(count + 4)
    state = steps_of([a_block(trades[:count])])[-1].state
    old = load_state(dump_state(state)[:11])

    assert old.next_trade_id == state.next_trade_id
    assert not steps_of([a_block(trades[count:])], old)[0].clashes
    assert steps_of([a_block(shifted(trades[count:], 1))], old)[0].clashes


def test_a_record_keeps_the_trade_that_is_due() -> None:
    trades = trades_of(4)
    state = steps_of([a_block(trades[:2]), a_block(trades[3:])])[-1].state

    assert load_record(dump_record(CandleRecord(7, state))).state == state
