"""The candle reducer: exact, indifferent to chunking and redelivery, honest about gaps."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.candles.partial import FEW_ROWS, part_of, pieces_of, pieces_of_many
from processors.candles.reducer import open_candles, start_state
from processors.candles.state import CandleRules
from schemas.market import Candle, Trade, TradeBlock, empty_block
from schemas.timeframe import Interval
from tests.support.builders import (
    MINUTE_MS,
    START_MS,
    a_block,
    a_trade,
    newest_revisions,
    trades_at,
)
from tests.support.folding import RULES, by_hand, chunked, folded

WITHOUT_PROOF = CandleRules(sends_proof=False)
LATENESS_MS = RULES.lateness_ms


def minutes(candles: Sequence[Candle]) -> list[Candle]:
    return [candle for candle in candles if candle.interval == "1m"]


def heartbeat(next_agg_id: int, watermark_ms: int) -> TradeBlock:
    return empty_block(
        "BTCUSDT",
        next_agg_id=next_agg_id,
        next_trade_id=next_agg_id,
        received_ms=watermark_ms,
        watermark_ms=watermark_ms,
    )


def fields_of(candle: Candle, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(candle, name) for name in names}


@st.composite
def runs_of_trades(draw: st.DrawFn) -> list[Trade]:
    size = draw(st.integers(1, 60))
    steps = draw(st.lists(st.integers(0, 100_000), min_size=size, max_size=size))
    prices = draw(st.lists(st.integers(1, 2**60), min_size=size, max_size=size))
    quantities = draw(st.lists(st.integers(1, 2**60), min_size=size, max_size=size))
    trades, event_ms, trade_id = [], START_MS, 5000
    for i, (step, price, quantity) in enumerate(zip(steps, prices, quantities, strict=True)):
        event_ms += step
        fills = 1 + (price % 3)
        trades.append(
            a_trade(
                100 + i,
                event_ms=event_ms,
                price_e8=price,
                quantity_e8=quantity,
                first_trade_id=trade_id,
                fills=fills,
                taker_sold=bool(quantity % 2),
            )
        )
        trade_id += fills
    return trades


@given(runs_of_trades(), st.lists(st.integers(0, 1000)))
def test_candles_equal_a_loop_over_every_trade_however_the_blocks_are_cut(
    trades: list[Trade], cuts: list[int]
) -> None:
    end_ms = trades[-1].event_ms + 16 * MINUTE_MS + LATENESS_MS
    blocks = [*chunked(trades, cuts), heartbeat(trades[-1].agg_id + 1, end_ms)]

    _, closed = folded(blocks)

    for interval in RULES.intervals:
        truth = by_hand(trades, interval)
        ours = {c.open_ms: c for c in newest_revisions(closed).values() if c.interval == interval}
        traded = {ms: c for ms, c in ours.items() if c.status != "quiet"}
        assert {ms: fields_of(c, list(truth[ms])) for ms, c in traded.items()} == truth
        assert list(ours) == list(range(min(ours), max(ours) + 1, interval.ms))


@given(
    runs_of_trades(),
    st.sampled_from([1_000, MINUTE_MS]),
    st.lists(st.tuples(st.integers(0, 59), st.booleans(), st.integers(0, 3_000)), max_size=20),
)
def test_a_loop_over_few_trades_makes_the_pieces_that_columns_make(
    trades: list[Trade], step_ms: int, changes: list[tuple[int, bool, int]]
) -> None:
    block = a_block(trades)
    fills, times = block.fills.copy(), block.event_ms.copy()
    for row, is_void, back_ms in changes:
        fills[row % len(fills)] *= not is_void
        times[row % len(times)] -= back_ms
    block = replace(part_of(block, 0, FEW_ROWS), fills=fills[:FEW_ROWS], event_ms=times[:FEW_ROWS])

    assert pieces_of(block, step_ms=step_ms) == pieces_of_many(block, step_ms=step_ms)


@given(runs_of_trades(), st.lists(st.integers(0, 1000)), st.data())
def test_redelivered_and_overlapping_blocks_change_nothing(
    trades: list[Trade], cuts: list[int], data: st.DataObject
) -> None:
    blocks = chunked(trades, cuts)
    rewind = data.draw(st.integers(0, len(blocks)))
    overlap = data.draw(st.integers(0, len(trades) - 1))
    again = [*blocks, *blocks[rewind:], a_block(trades[overlap:])]

    state, closed = folded(blocks)
    state_again, closed_again = folded(again)

    assert (state, closed) == (state_again, closed_again)


@given(runs_of_trades(), st.lists(st.integers(0, 1000)), st.data())
def test_a_repaired_gap_leaves_the_candles_as_if_it_had_never_been(
    trades: list[Trade], cuts: list[int], data: st.DataObject
) -> None:
    start = data.draw(st.integers(1, len(trades)))
    end = data.draw(st.integers(start, len(trades)))
    middle = chunked(trades[start:end], cuts) if start < end else []
    order = data.draw(st.permutations(middle))
    finish = heartbeat(trades[-1].agg_id + 1, trades[-1].event_ms + 16 * MINUTE_MS + LATENESS_MS)
    head, tail = [a_block(trades[:start])], [a_block(trades[end:])] if end < len(trades) else []
    if not tail:
        order = middle

    _, whole = folded([*head, *middle, *tail, finish])
    _, mended = folded([*head, *tail, *order, finish])

    def known(candles: list[Candle]) -> dict[Any, Candle]:
        return {
            key: replace(c, revision=0, price_variation_e16=None)
            for key, c in newest_revisions(candles).items()
        }

    assert known(mended) == known(whole)


def test_trade_on_the_boundary_opens_the_next_candle() -> None:
    _, closed = folded([a_block(trades_at(START_MS, START_MS + MINUTE_MS))])

    assert [(c.interval, c.open_ms, c.trade_count) for c in closed] == [("1m", START_MS, 1)]


def test_the_candle_in_which_knowledge_begins_says_gapped_and_the_next_complete() -> None:
    times = [START_MS + 10_000, START_MS + MINUTE_MS, START_MS + 2 * MINUTE_MS]

    _, closed = folded([a_block(trades_at(*times))])

    assert [c.status for c in closed] == ["gapped", "complete"]


def test_a_candle_of_which_only_the_trade_that_proves_the_next_is_known_is_not_sent() -> None:
    times = [START_MS - 1, START_MS, START_MS + 2 * MINUTE_MS, START_MS + 15 * MINUTE_MS]

    _, closed = folded([a_block(trades_at(*times))], rules=WITHOUT_PROOF)

    first = [(c.interval, c.open_ms, c.status, c.revision) for c in closed][:4]
    assert first == [
        ("1m", START_MS, "complete", 1),
        ("1m", START_MS + MINUTE_MS, "quiet", 1),
        ("1m", START_MS + 2 * MINUTE_MS, "complete", 1),
        ("1m", START_MS + 3 * MINUTE_MS, "quiet", 1),
    ]
    assert [(c.open_ms, c.status) for c in closed if c.interval == "15m"] == [
        (START_MS, "complete")
    ]


def test_a_first_candle_of_which_more_is_known_is_sent_and_says_gapped() -> None:
    times = [START_MS - 2, START_MS - 1, START_MS]

    _, closed = folded([a_block(trades_at(*times))], rules=WITHOUT_PROOF)

    assert [(c.interval, c.status) for c in closed] == [("1m", "gapped"), ("15m", "gapped")]


def test_a_proof_alone_is_no_open_candle_after_its_end_and_the_minutes_after_it_are_quiet() -> None:
    beats = [heartbeat(2, START_MS + i * MINUTE_MS + LATENESS_MS) for i in (0, 1, 2)]
    state, closed = folded([a_block(trades_at(START_MS - 1)), *beats], rules=WITHOUT_PROOF)

    assert [(c.open_ms, c.status) for c in closed] == [
        (START_MS, "quiet"),
        (START_MS + MINUTE_MS, "quiet"),
    ]
    assert not list(open_candles("BTCUSDT", state))


@given(st.lists(st.integers(0, 4 * MINUTE_MS), min_size=1, max_size=8), st.sets(st.integers(1, 7)))
def test_all_but_the_proof_is_sent_alike_with_and_without_it(
    waits: list[int], cuts: set[int]
) -> None:
    times = [START_MS + sum(waits[:n]) for n in range(len(waits) + 1)]
    trades = trades_at(*times)
    edges = [0, *sorted(cut for cut in cuts if cut < len(trades)), len(trades)]
    blocks = [a_block(trades[a:b]) for a, b in pairwise(edges)]
    blocks.append(heartbeat(len(trades) + 1, times[-1] + 20 * MINUTE_MS))

    state, everything = folded(blocks)
    same, closed = folded(blocks, rules=WITHOUT_PROOF)

    left_out = [c for c in everything if c not in closed]
    assert closed == [c for c in everything if c not in left_out]
    assert same.emitted_until_ms == state.emitted_until_ms
    for candle in left_out:
        known = [t for t in times if candle.open_ms <= t < candle.close_ms]
        assert set(known) == {START_MS}
    first_moments = {
        Interval(c.interval): c for c in everything if c.open_ms <= START_MS < c.close_ms
    }
    assert len(left_out) == sum(
        all(t == START_MS or t >= c.close_ms for t in times) for c in first_moments.values()
    )


def test_the_first_candle_is_complete_when_the_trades_are_known_to_begin_there() -> None:
    block = a_block(trades_at(START_MS + 10_000, START_MS + MINUTE_MS))

    _, closed = folded([block], start_state(block, whole_from_ms=START_MS))

    assert [c.status for c in closed] == ["complete"]


def test_minutes_without_a_trade_say_quiet_and_stay_at_the_last_price() -> None:
    _, closed = folded([a_block(trades_at(START_MS - 1, START_MS, START_MS + 3 * MINUTE_MS))])

    assert [(c.status, c.trade_count, c.close_e8) for c in minutes(closed)[1:]] == [
        ("complete", 1, 101 * 10**8),
        ("quiet", 0, 101 * 10**8),
        ("quiet", 0, 101 * 10**8),
    ]


def test_a_candle_closes_by_the_watermark_only_after_the_allowed_lateness() -> None:
    trade = a_block(trades_at(START_MS))
    early = heartbeat(2, START_MS + MINUTE_MS + LATENESS_MS - 1)
    due = heartbeat(2, START_MS + MINUTE_MS + LATENESS_MS)

    _, before = folded([trade, early])
    _, after = folded([trade, early, due])

    assert (len(before), [c.interval for c in after]) == (0, ["1m"])


def test_a_trade_that_comes_after_its_candle_closed_sends_it_again_with_a_higher_revision() -> None:
    late = a_trade(2, event_ms=START_MS + MINUTE_MS - 1, price_e8=7)

    _, closed = folded(
        [
            a_block(trades_at(START_MS)),
            heartbeat(2, START_MS + MINUTE_MS + LATENESS_MS),
            a_block([late], watermark_ms=START_MS + MINUTE_MS + LATENESS_MS),
        ]
    )

    assert [(c.revision, c.low_e8) for c in closed] == [(1, 100 * 10**8), (2, 7)]


def test_a_trade_in_a_minute_that_was_sent_as_quiet_sends_it_again_with_a_higher_revision() -> None:
    later = a_trade(2, event_ms=START_MS + MINUTE_MS + 5)

    _, closed = folded(
        [
            a_block(trades_at(START_MS)),
            heartbeat(2, START_MS + 2 * MINUTE_MS + LATENESS_MS),
            a_block([later], watermark_ms=START_MS + 2 * MINUTE_MS + LATENESS_MS),
        ]
    )

    second = [c for c in minutes(closed) if c.open_ms == START_MS + MINUTE_MS]
    assert [c.status for c in second] == ["quiet", "complete"]
    assert second[0].revision < second[1].revision


def test_every_candle_that_a_hole_may_touch_says_gapped_until_it_is_repaired() -> None:
    trades = trades_at(START_MS - 1, *(START_MS + i * 40_000 for i in range(8)))
    finish = heartbeat(10, START_MS + 6 * MINUTE_MS)

    state, holed = folded([a_block(trades[:3]), a_block(trades[6:]), finish])
    _, repaired = folded([a_block(trades[3:6])], state)

    assert {c.open_ms: c.status for c in minutes(holed)[1:]} == {
        START_MS: "gapped",
        START_MS + MINUTE_MS: "gapped",
        START_MS + 2 * MINUTE_MS: "gapped",
        START_MS + 3 * MINUTE_MS: "gapped",
        START_MS + 4 * MINUTE_MS: "complete",
    }
    assert {c.status for c in repaired} == {"complete"}
    assert len(minutes(repaired)) == 4


def test_a_void_record_is_no_trade_but_its_id_counts() -> None:
    void = replace(
        a_trade(2, event_ms=START_MS + 5, price_e8=0, quantity_e8=0),
        first_trade_id=-1,
        last_trade_id=-1,
    )
    trades = [a_trade(1), void, a_trade(3, event_ms=START_MS + MINUTE_MS, first_trade_id=2)]

    state, closed = folded([a_block(trades)])

    assert [(c.trade_count, c.low_e8) for c in closed] == [(1, 100 * 10**8)]
    assert state.next_agg_id == 4
    assert not any(gap.first_agg_id < gap.end_agg_id for gap in state.missing)


def test_event_times_that_go_back_over_a_boundary_end_in_their_own_candle() -> None:
    times = [START_MS + MINUTE_MS - 1, START_MS + MINUTE_MS, START_MS + MINUTE_MS - 1]

    _, closed = folded([a_block(trades_at(*times))])

    assert [(c.open_ms, c.revision, c.trade_count) for c in closed] == [
        (START_MS, 1, 1),
        (START_MS, 2, 2),
    ]


def test_the_open_candle_shows_all_trades_so_far() -> None:
    state, _ = folded([a_block(trades_at(START_MS, START_MS + 1, START_MS + 2))])

    assert [
        (c.interval, c.trade_count, c.status, c.revision) for c in open_candles("BTCUSDT", state)
    ] == [
        ("1m", 3, "open", 0),
        ("15m", 3, "open", 0),
    ]


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 30)), min_size=1, max_size=100))
def test_the_state_stays_small_whatever_gaps_come(jumps: list[tuple[int, int]]) -> None:
    blocks, agg_id, event_ms = [], 1, START_MS
    for skipped, count in jumps:
        agg_id += skipped
        event_ms += skipped * 5_000
        blocks.append(
            a_block(trades_at(*(event_ms + i for i in range(count)), first_agg_id=agg_id))
        )
        agg_id += count

    state, _ = folded(blocks)

    assert len(state.missing) <= 40
    assert len(state.earlier) <= 4 * 40
