"""Candles of one second beside the others: exact, switched on and off while a state is held."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from processors.candles.admission import admit
from processors.candles.id_jumps import Kept
from processors.candles.sending import MOST_FLAT_SECONDS
from processors.candles.state import MADE, CandleRules, CandleState
from processors.candles.state_record import CandleRecord, dump_record, load_record
from schemas import codecs
from schemas.market import JITTER_MS, Candle, Trade, TradeBlock
from schemas.timeframe import SECOND_MS, Interval
from tests.support.builders import (
    MINUTE_MS,
    START_MS,
    a_block,
    a_trade,
    newest_revisions,
    trades_at,
)
from tests.support.folding import RULES, by_hand, chunked, folded
from tests.support.reducer import heartbeat

SECONDS = CandleRules(intervals=(Interval.ONE_SECOND, *MADE))
LATENESS_MS = SECONDS.lateness_ms
KAFKA_TAKES = 1_000_000  # bytes of a record, by default


def seconds(candles: Iterable[Candle]) -> list[Candle]:
    return [candle for candle in candles if candle.interval == "1s"]


def known(candles: Iterable[Candle], *, but: str = "") -> dict[Any, Candle]:
    """What a reader holds in the end, whatever was sent before it."""
    newest = newest_revisions(candles)
    return {key: replace(c, revision=0) for key, c in newest.items() if c.interval != but}


def wrong(candles: Sequence[Candle], trades: Sequence[Trade]) -> list[Candle]:
    """Seconds and minutes that say that nothing is missing in them, though it is."""
    found = []
    for interval in (Interval.ONE_SECOND, Interval.ONE_MINUTE):
        truth = by_hand(trades, interval)
        for candle in newest_revisions(candles).values():
            whole = truth.get(candle.open_ms)
            count = whole["trade_count"] if whole else 0
            is_one = candle.interval == interval and candle.status != "gapped"
            if is_one and candle.trade_count != count:
                found.append(candle)
    return found


@st.composite
def markets(draw: st.DrawFn, *, jitter_ms: int = 0, longest_ms: int = 4_000) -> list[Trade]:
    """Trades of some seconds or minutes; times may go back."""
    waits = draw(st.lists(st.integers(0, longest_ms), min_size=1, max_size=40))
    back = st.integers(0, jitter_ms)
    times = [START_MS + 60_000 + ms - draw(back) for ms in accumulate(waits)]
    return trades_at(*times)


def with_a_hole(trades: list[Trade], data: st.DataObject) -> tuple[list[TradeBlock], ...]:
    """The blocks before, inside and behind a hole in the ids, as they come."""
    start = data.draw(st.integers(1, len(trades)))
    end = data.draw(st.integers(start, len(trades)))
    cuts = data.draw(st.lists(st.integers(0, 1000)))
    middle = chunked(trades[start:end], cuts) if start < end else []
    tail = chunked(trades[end:], cuts) if end < len(trades) else []
    repairs = data.draw(st.permutations(middle)) if tail else middle
    return chunked(trades[:start], cuts), list(repairs), tail


def the_end(trades: Sequence[Trade]) -> TradeBlock:
    newest_ms = max(trade.event_ms for trade in trades)
    return heartbeat(trades[-1].agg_id + 1, newest_ms + 5 * SECOND_MS + LATENESS_MS)


@given(markets(), st.lists(st.integers(0, 1000)))
def test_seconds_equal_a_loop_over_every_trade_and_none_is_left_out(
    trades: list[Trade], cuts: list[int]
) -> None:
    _, closed = folded([*chunked(trades, cuts), the_end(trades)], rules=SECONDS)

    truth = by_hand(trades, Interval.ONE_SECOND)
    ours = {c.open_ms: c for c in seconds(newest_revisions(closed).values())}
    traded = {ms: c for ms, c in ours.items() if c.status != "quiet"}
    assert {ms: {n: getattr(c, n) for n in truth[ms]} for ms, c in traded.items()} == truth
    assert list(ours) == list(range(min(ours), max(ours) + 1, SECOND_MS))
    assert [c.status for c in traded.values()] == ["gapped"] + ["complete"] * (len(traded) - 1)


@given(markets(jitter_ms=JITTER_MS, longest_ms=20_000), st.data())
def test_the_other_candles_are_the_same_with_and_without_seconds(
    trades: list[Trade], data: st.DataObject
) -> None:
    head, repairs, tail = with_a_hole(trades, data)
    blocks = [*head, *tail, *repairs, the_end(trades)]

    _, without = folded(blocks)
    state, closed = folded(blocks, rules=SECONDS)

    assert known(closed, but="1s") == known(without)
    assert not wrong(closed, trades)
    assert state.late_trades == 0 or trades[0].event_ms > min(t.event_ms for t in trades)


def test_a_missing_trade_that_is_later_than_the_one_behind_it_spoils_no_minute_in_silence() -> None:
    end_ms = START_MS - START_MS % MINUTE_MS + MINUTE_MS
    times = [end_ms - 30_000] * 6 + [end_ms, end_ms - 1]  # the seventh is missing for minutes
    trades = trades_at(*times, *range(end_ms + 1_000, end_ms + 4 * MINUTE_MS, 1_000))
    before, missing, after = chunked(trades[:6], []), chunked(trades[6:7], []), trades[7:]

    for repairs in ([], missing):
        _, closed = folded([*before, *chunked(after, []), *repairs, the_end(trades)], rules=SECONDS)
        assert not wrong(closed, trades)


@given(markets(jitter_ms=JITTER_MS), st.data())
def test_no_second_that_may_miss_trades_says_that_it_is_whole_before_the_repair(
    trades: list[Trade], data: st.DataObject
) -> None:
    head, repairs, tail = with_a_hole(trades, data)
    came = repairs[: data.draw(st.integers(0, len(repairs)))] if tail else repairs

    _, closed = folded([*head, *tail, *came, the_end(trades)], rules=SECONDS)

    assert not wrong(closed, trades)


@given(markets(longest_ms=3_000), st.data())
def test_a_repaired_gap_leaves_the_seconds_as_if_it_had_never_been(
    trades: list[Trade], data: st.DataObject
) -> None:
    head, repairs, tail = with_a_hole(trades, data)
    finish = the_end(trades)

    _, whole = folded([*chunked(trades, []), finish], rules=SECONDS)
    _, mended = folded([*head, *tail, *repairs, finish], rules=SECONDS)

    def values(candles: list[Candle]) -> dict[Any, Candle]:
        return {k: replace(c, price_variation_e16=None) for k, c in known(candles).items()}

    assert values(mended) == values(whole)


@given(markets(), st.data())
def test_seconds_switched_on_later_begin_with_a_whole_one_and_say_nothing_false(
    trades: list[Trade], data: st.DataObject
) -> None:
    head, repairs, tail = with_a_hole(trades, data)
    blocks = [*head, *tail, *repairs, the_end(trades)]
    at = data.draw(st.integers(1, len(blocks)))

    state, before = folded(blocks[:at])
    known_ms = state.last_ms
    _, after = folded(blocks[at:], state, SECONDS) if blocks[at:] else (state, [])

    assert all(candle.open_ms > known_ms for candle in seconds(after))
    assert not wrong(after, trades)
    assert known(before + after, but="1s") == known(folded(blocks)[1])


@given(markets(longest_ms=1_500), st.data())
def test_a_second_that_is_made_again_after_a_switch_off_is_never_lower_in_revision(
    trades: list[Trade], data: st.DataObject
) -> None:
    blocks = [*chunked(trades, data.draw(st.lists(st.integers(0, 1000)))), the_end(trades)]
    state: CandleState | None = None
    closed: list[Candle] = []
    for block in blocks:
        is_on = data.draw(st.booleans())
        state, sent = folded([block], state, SECONDS if is_on else RULES)
        closed += sent
        held = {*state.current, *(key[0] for key in (*state.earlier, *state.unsent))}
        assert is_on or Interval.ONE_SECOND not in held

    assert not wrong(closed, trades)
    assert known(closed, but="1s") == known(folded(blocks)[1])


def test_the_second_of_the_switch_is_not_sent_and_the_next_is_complete() -> None:
    state, _ = folded([a_block(trades_at(START_MS - 90_000, START_MS + 100))])
    later = trades_at(*(START_MS + ms for ms in (900, 1_100, 2_500, 3_000)), first_agg_id=3)

    _, closed = folded([a_block(later)], state, SECONDS)

    assert [(c.open_ms - START_MS, c.status, c.trade_count) for c in seconds(closed)] == [
        (1_000, "complete", 1),
        (2_000, "complete", 1),
    ]


def test_a_gap_from_before_the_switch_makes_no_candle_of_the_seconds_before_it() -> None:
    trades = trades_at(*(START_MS + n * 400 for n in range(12)))
    state, _ = folded([a_block(trades[:1]), a_block(trades[5:7])])
    state, sent = folded([a_block(trades[7:])], state, SECONDS)
    _, repaired = folded([a_block(trades[1:5])], state, SECONDS)

    told = {c.open_ms for c in seconds(sent)}
    assert min(told) > trades[6].event_ms
    assert {c.open_ms for c in seconds(repaired)} <= told
    assert not wrong([*sent, *repaired], trades)


def test_a_state_of_the_version_before_is_read_and_goes_on() -> None:
    trades = trades_at(START_MS, START_MS + 100, START_MS + 1_100, START_MS + 2_100)
    state, _ = folded([a_block(trades[:2])])
    version, offset, fields, *rest = orjson.loads(dump_record(CandleRecord(7, state)))

    old = load_record(orjson.dumps([version - 1, offset, fields[:-1], *rest]))
    _, closed = folded([a_block(trades[2:])], old.state, SECONDS)

    assert old.state == state
    assert [(c.open_ms, c.status) for c in seconds(closed)] == [(START_MS + 1_000, "complete")]


def test_ids_that_jump_without_a_gap_of_aggregates_make_no_second_complete() -> None:
    times = [START_MS - 5_000, START_MS, START_MS + 400, START_MS + 1_200, START_MS + 2_000]
    trades = trades_at(*times)
    jumped = [replace(t, first_trade_id=t.agg_id + 5, last_trade_id=t.agg_id + 5) for t in trades]

    _, closed = folded([a_block(trades[:3]), a_block(jumped[3:])], rules=SECONDS)

    by_open = {c.open_ms - START_MS: c.status for c in seconds(newest_revisions(closed).values())}
    assert by_open[0] == by_open[1_000] == "gapped"


def test_a_time_that_goes_back_over_a_second_sends_the_one_before_again() -> None:
    times = [START_MS - 5_000, START_MS + 900, START_MS + 1_050, START_MS + 950, START_MS + 2_000]

    _, closed = folded([a_block(trades_at(*times))], rules=SECONDS)

    found = newest_revisions(closed)
    assert found["BTCUSDT", "1s", START_MS].trade_count == 2
    assert found["BTCUSDT", "1s", START_MS].status == "gapped"  # its ids are not in one run
    assert found["BTCUSDT", "1s", START_MS + 1_000].status == "complete"


def test_a_trade_that_is_seconds_late_is_in_its_own_second_also_in_a_quiet_one() -> None:
    times = [-5_000, 0, 5_000, 8_100, 8_200, 3_500, 9_000]

    state, closed = folded(
        [a_block(trades_at(*(START_MS + 60_000 + ms for ms in times)))], rules=SECONDS
    )

    late = newest_revisions(closed)["BTCUSDT", "1s", START_MS + 63_000]
    assert (late.trade_count, late.status, state.late_trades) == (1, "complete", 0)


def test_no_more_than_fifteen_minutes_of_seconds_without_a_trade_are_sent() -> None:
    beats = [heartbeat(3, START_MS + n * MINUTE_MS + LATENESS_MS) for n in range(1, 40)]
    more = a_block(trades_at(START_MS + 3_000_000, START_MS + 3_001_000, first_agg_id=3))

    start = a_block(trades_at(START_MS - 1, START_MS))
    state, quiet = folded([start, *beats], rules=SECONDS)
    _, later = folded([more], state, SECONDS)

    told = [c.open_ms for c in seconds(quiet) if c.status == "quiet"]
    assert told == [START_MS + n * SECOND_MS for n in range(1, MOST_FLAT_SECONDS + 1)]
    assert [(c.open_ms, c.status) for c in seconds(later)] == [(START_MS + 3_000_000, "complete")]


def test_seconds_that_were_sent_as_gapped_are_not_sent_with_every_watermark() -> None:
    gap_ms = START_MS + 60_000
    state, _ = folded([a_block(trades_at(START_MS))], rules=SECONDS)
    state, told = folded([heartbeat(50, gap_ms)], state, SECONDS)
    _, again = folded([heartbeat(50, gap_ms + n * 1_000) for n in range(1, 6)], state, SECONDS)

    assert {c.status for c in told} == {"gapped"}
    assert len(seconds(again)) == 5


def test_a_long_gap_that_is_repaired_in_many_parts_sends_each_second_a_few_times() -> None:
    trades = trades_at(*(START_MS + n * 500 for n in range(4_000)))
    state, _ = folded([a_block(trades[:10]), a_block(trades[-10:])], rules=SECONDS)
    parts = [a_block(trades[n : n + 40]) for n in range(10, 3_990, 40)]

    state, closed = folded(parts, state, SECONDS)

    assert len(seconds(newest_revisions(closed).values())) >= 1_989
    assert len(seconds(closed)) < 2 * 2_000
    assert len(state.earlier) < 40


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 30)), min_size=1, max_size=60))
def test_the_state_stays_small_with_seconds_whatever_gaps_come(
    jumps: list[tuple[int, int]],
) -> None:
    blocks, agg_id, event_ms = [], 1, START_MS
    for skipped, count in jumps:
        agg_id += skipped
        event_ms += skipped * 5_000
        times = (event_ms + i * 400 for i in range(count))
        blocks.append(a_block(trades_at(*times, first_agg_id=agg_id)))
        agg_id += count
        event_ms += count * 400

    state, _ = folded(blocks, rules=SECONDS)

    assert len(state.missing) <= 40
    assert len(state.earlier) <= 6 * 40


def test_a_block_of_a_quiet_pair_makes_a_record_that_kafka_takes() -> None:
    chance = 123_456_789
    trades = [
        a_trade(
            10**9 + n,
            event_ms=START_MS + n * 30_000,
            price_e8=chance * 10**6 + n,
            quantity_e8=chance * 10**4 + n,
        )
        for n in range(1_001)
    ]
    first, long = a_block(trades[:1]), a_block(trades[1:])
    state, _ = folded([first], rules=SECONDS)
    message = codecs.message_of(long)
    kept = Kept(0, 1, long, message.key, message.value, message.headers)

    admitted = admit(CandleRecord(0, state), kept, SECONDS)

    assert admitted.state is not None
    outbox = tuple(raw for _, raw in admitted.closed)
    record = CandleRecord(1, admitted.state, outbox, admitted.doubts)
    assert len(dump_record(record)) < KAFKA_TAKES
    assert len(seconds(codecs.decode(Candle, raw) for raw in outbox)) > 1_000
